/*
 * draw.h - drawing on pictures: rectangles, lines, discs, other pictures and
 * text.  What lies outside a picture is cut off; no coordinate is too wild.
 */
#ifndef FX_DRAW_H
#define FX_DRAW_H

#include "image/image.h"

/* 0xRRGGBB */
typedef uint32_t fx_colour;

/* A rectangle in whole pixels; one without width or height holds nothing. */
typedef struct fx_box
{
	int			x;
	int			y;
	int			width;
	int			height;
} fx_box;

/* ---- shapes (draw.c); numbers that are not finite draw nothing */

extern void fx_fill(fx_image *on, fx_box box, fx_colour colour);

/* The inner border of a box. */
extern void fx_frame(fx_image *on, fx_box box, int thickness, fx_colour colour);

/*
 * Anti-aliased: a pixel's share of the colour falls from 1 to 0 within one
 * pixel around the edge.  Pixel (i, j) has its centre at (i + 0.5, j + 0.5).
 */
extern void fx_line(fx_image *on, double x0, double y0, double x1, double y1, double width, fx_colour colour);
extern void fx_disc(fx_image *on, double x, double y, double radius, fx_colour colour);
extern void fx_ring(fx_image *on, double x, double y, double radius, double width, fx_colour colour);

/* An ellipse with its axes along the picture's, filled. */
extern void fx_ellipse(fx_image *on, double x, double y, double across, double down, fx_colour colour);

/* Puts share/255 of a colour over a pixel; outside nothing happens. */
extern void fx_blend(fx_image *on, int x, int y, fx_colour colour, unsigned share);

/* ---- pictures (place.c) */

/* A part of a picture as a picture: it shares the pixels.  The box is cut to the picture. */
extern fx_image fx_part(const fx_image *of, fx_box box);

/* The largest box of the proportions of width x height, centred in a box. */
extern fx_box fx_fit(fx_box within, int width, int height);

/* Scales a picture into a box of another one; pixels that are left out are averaged, not skipped. */
extern fx_code fx_place(const fx_env *env, fx_image *on, fx_box box, const fx_image *picture, fx_error *err);

/*
 * The part of a photograph that shows a face as tall as share of it, of the
 * proportions of width x height; moved, then shrunk, to lie within the photograph
 * unless beyond is set.
 */
extern fx_box fx_portrait_window(int photo_width, int photo_height, const double face[4], double share,
								 int width, int height, bool beyond);

/* fx_warp_affine() for a large photograph and a small target: it is halved first as often as fits. */
extern fx_code fx_warp_smooth(const fx_env *env, const fx_image *from, const double forward[6], fx_image *to,
							  fx_error *err);

/* ---- text (text.c), in DejaVu Sans by FreeType, both loaded when first needed */

#define FX_TEXT_MOST 400		/* characters of one text that are drawn */
#define FX_TEXT_SMALLEST 6		/* pixels of an em */
#define FX_TEXT_LARGEST 200

typedef enum fx_weight
{
	FX_REGULAR = 0,
	FX_BOLD = 1
} fx_weight;

typedef struct fx_text_style
{
	fx_weight	weight;
	int			size;			/* pixels of an em */
	fx_colour	colour;
} fx_text_style;

typedef enum fx_align_text
{
	FX_LEFT = 0,
	FX_CENTRE,
	FX_RIGHT
} fx_align_text;

/* FX_NO_LIBRARY when FreeType or the font is not there; without it text is neither measured nor drawn. */
extern fx_code fx_text_load(fx_error *err);

/* Pixels that a text takes, at most FX_TEXT_MOST characters of it. */
extern double fx_text_width(fx_text_style style, const char *text);

/*
 * Draws UTF-8 on the baseline y from x on, or ending at x, or around it.  A text that
 * is wider than most is cut and ends with an ellipsis.  What is no character, or none
 * of the font, or would reorder or hide others, is drawn as a box.
 */
extern void fx_text(fx_image *on, double x, int y, double most, fx_align_text align, fx_text_style style,
	const char *text);

#endif							/* FX_DRAW_H */

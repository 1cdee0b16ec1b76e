/*
 * sheet.h - the pages that investigators look at: letter size at 200 pixels an
 * inch, in black on white, with the head, the pictures and what stands under them.
 */
#ifndef FX_SHEET_H
#define FX_SHEET_H

#include "draw/draw.h"
#include "infer/face.h"

#define FX_PAGE_SHORT 1700		/* pixels of 8.5 inches */
#define FX_PAGE_LONG 2200		/* of 11 inches */
#define FX_PAGE_DPI 200
#define FX_SHEET_FIELDS 12		/* fields of a head */

typedef enum fx_sheet_kind
{
	FX_CANDIDATE_SHEET,			/* upright: 4 x 4 places, the first is the probe's */
	FX_COMPARISON_SHEET,		/* across: probe, candidate, difference */
	FX_LINEUP_SHEET,			/* across: 3 x 2 places, numbers and nothing else */
	FX_SHORT_SHEET				/* upright: as a candidate sheet, 3 x 3 larger places */
} fx_sheet_kind;

typedef struct fx_sheet_field
{
	const char *label;
	const char *value;
} fx_sheet_field;

/* What stands above and below the pictures; NULL where there is nothing. */
typedef struct fx_sheet_head
{
	const char *banner;			/* in a bar across the page */
	const char *warning;		/* under it */
	const char *title;
	const char *page;			/* "page 1 of 3" */
	fx_sheet_field field[FX_SHEET_FIELDS];
	int			fields;
	const char *foot[2];
} fx_sheet_head;

/* A place of a sheet. */
typedef struct fx_sheet_cell
{
	const char *title;
	const char *line[2];
	const fx_image *picture;	/* fitted into its place; without one the note stands there */
	const char *note;
	bool		marked;			/* framed in the colour of the banner */
} fx_sheet_cell;

/* How many pictures a sheet has places for. */
extern int	fx_sheet_places(fx_sheet_kind kind);

/* Where the picture of a place stands. */
extern fx_box fx_sheet_place(fx_sheet_kind kind, int place);

/* A white page with its head and foot; FX_NO_LIBRARY without a font. */
extern fx_code fx_sheet_open(const fx_env *env, fx_sheet_kind kind, const fx_sheet_head *head, fx_image *page,
	fx_error *err);

/* Fills one place. */
extern fx_code fx_sheet_put(const fx_env *env, fx_sheet_kind kind, int place, const fx_sheet_cell *cell, fx_image *page,
							fx_error *err);

/* ---- comparison (compare.c) */

/*
 * A photograph with the five landmarks brought to their usual places in a picture of
 * width x height: head and shoulders.  white where the photograph does not reach; has, one byte a
 * pixel, tells where it does.  moved are the landmarks in the picture.
 */
extern fx_code fx_align_large(const fx_env *env, const fx_image *photo, const float landmark[FX_LANDMARKS][2],
							  fx_image *to, uint8_t *has, double moved[FX_LANDMARKS][2], fx_error *err);

/* The levels of the scale of differences, and its colour for one. */
#define FX_DIFFERENCE_MOST 96
extern fx_colour fx_difference_colour(double levels);

/*
 * The difference of two aligned pictures of one size: of brightness (luma), once
 * the second has been given the mean and contrast of the first, within the oval of the
 * face.  Gray outside of it, and where one of them has no pixels.  *mean is the mean difference.
 */
extern void fx_difference(const fx_image *a, const uint8_t *has_a, const fx_image *b, const uint8_t *has_b,
						  fx_image *to, double *mean);

/*
 * Fills the three places of a comparison sheet.  Without landmarks of both the photographs are
 * shown as they are, and what would be the difference says why there is none.
 */
typedef struct fx_comparison_side
{
	fx_sheet_cell cell;			/* its picture is the photograph */
	bool		has_landmarks;
	float		landmark[FX_LANDMARKS][2];	/* in pixels of the photograph */
} fx_comparison_side;

extern fx_code fx_sheet_compare(const fx_env *env, const fx_comparison_side side[2], fx_image *page, fx_error *err);

/* ---- portraits of nobody (portrait.c) */

#define FX_PORTRAIT_WIDTH 480
#define FX_PORTRAIT_HEIGHT 600

/*
 * A schematic head in colours that no person has, labelled SYNTHETIC; person decides on shape and colours, take on what
 * changes between two photographs of one.  *face says where it is.
 */
extern fx_code fx_portrait(const fx_env *env, uint32_t person, uint32_t take, fx_image *image, fx_face *face,
	fx_error *err);

#endif							/* FX_SHEET_H */

/*
 * frame.h - the face in the position in which it is measured; shared by the
 * files of this folder.
 */
#ifndef FX_QUALITY_FRAME_H
#define FX_QUALITY_FRAME_H

#include "quality/quality.h"

/* OFIQ's aligned image is 616 pixels wide; this frame is the same at half the size. */
#define FRAME 308

/* Where it shows eyes and mouth, pixels. */
#define FRAME_EYE_RIGHT 125.25	/* x of the person's right eye */
#define FRAME_EYE_LEFT 181.75
#define FRAME_EYES 135.75		/* y of both */
#define FRAME_MOUTH 200.75		/* y of its corners */

/*
 * From the middle of the eyes to the chin, in distances from there to the
 * mouth.  Five landmarks do not show the chin; this is where a frontal face
 * has it on average.
 */
#define CHIN_BY_MOUTH 1.6

/*
 * Both cheeks at OFIQ's own size: 33 pixels to the outer side of each eye's
 * middle, half-way from eyes to mouth.
 */
#define CHEEK 33
#define CHEEKS_WIDE (397 - 218)
#define CHEEKS_LEFT 218
#define CHEEKS_TOP 337

typedef struct frame
{
	fx_image	image;
	fx_image	cheeks;			/* CHEEKS_WIDE x CHEEK: one zone at each end */
	uint8_t    *luminance;		/* FRAME x FRAME, of linear light, 0..255 */
	uint8_t    *region;			/* FRAME x FRAME: what a pixel shows, bits */
	double		backward[6];	/* from the frame to the photograph */
} frame;

/* No pixel of the face is outside of these. */
#define FRAME_FACE_LEFT 95
#define FRAME_FACE_RIGHT 212
#define FRAME_FACE_TOP 113
#define FRAME_FACE_BOTTOM 237

#define REGION_FACE 1			/* from brow to chin */
#define REGION_BACKGROUND 2		/* neither head nor shoulders */

extern fx_code frame_make(const fx_env *env, const fx_image *photo, const fx_face *face, frame *f, fx_error *err);
/* Of linear light, 0..255, by a table that frame_light() fills. */
extern void frame_light(float table[256]);

static inline uint8_t
frame_luminance(const uint8_t *rgb, const float table[256])
{
	return (uint8_t) (0.2126f * table[rgb[0]] + 0.7152f * table[rgb[1]] + 0.0722f * table[rgb[2]] + 0.5f);
}

/* Whether the photograph has the place (x, y) of the frame. */
static inline bool
frame_has(const frame *f, const fx_image *photo, double x, double y)
{
	double		px = f->backward[0] * x + f->backward[1] * y + f->backward[2];
	double		py = f->backward[3] * x + f->backward[4] * y + f->backward[5];

	return px >= 0 && py >= 0 && px <= photo->width - 1 && py <= photo->height - 1;
}

extern void frame_free(const fx_env *env, frame *f);

/* Luma of Rec. 601, 0..255. */
static inline int
frame_luma(const uint8_t *rgb)
{
	return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
}

static inline void
measured_as(fx_measurement *m, fx_measure measure, double native)
{
	m[measure].known = true;
	m[measure].native = native;
	m[measure].component = fx_component(measure, native);
}

extern void measure_light(const fx_image *photo, const frame *f, fx_measurement *m);
extern fx_code measure_detail(const fx_env *env, const fx_image *photo, const fx_face *face, const frame *f,
							  fx_measurement *m, fx_error *err);
extern void measure_geometry(const fx_image *photo, const fx_face *faces, size_t count, size_t chosen,
							 fx_measurement *m);

#endif							/* FX_QUALITY_FRAME_H */

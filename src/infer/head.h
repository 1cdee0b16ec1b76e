/*
 * head.h - between detect.c and the three heads: what a head is given, and
 * the list of candidates that it fills.
 */
#ifndef FX_HEAD_H
#define FX_HEAD_H

#include "infer/face.h"

/*
 * More boxes than this above the threshold, before overlapping ones are
 * removed, mean that the model or the threshold makes no sense.
 */
#define FX_MAX_CANDIDATES 20000

/* Coordinates are clipped to this distance from the origin, pixels of the input. */
#define FX_FARTHEST 1e6f

typedef struct fx_candidates
{
	const fx_env *env;
	fx_face    *faces;
	size_t		count;
	size_t		capacity;
} fx_candidates;

/* One look at the outputs of a detector that has run on an input of width x height. */
typedef struct fx_head_run
{
	const fx_model *model;
	int			width;
	int			height;
	float		threshold;
} fx_head_run;

/*
 * Adds a face in pixels of the input.  Clips far coordinates; drops a box
 * without area.  FX_RANGE: a number is not finite; FX_LIMIT: FX_MAX_CANDIDATES.
 */
extern fx_code fx_candidates_add(fx_candidates *list, const fx_face *face, fx_error *err);

/*
 * The floats of one output, which must be rows x columns in all, columns last.
 * rows < 0: any number, stored in *found.  FX_MISMATCH otherwise.
 */
extern fx_code fx_head_output(const fx_model *model, int index, int64_t rows, int columns,
							  const float **values, int64_t *found, fx_error *err);

/* A score that is NaN is refused, any other is clipped to 0..1. */
extern fx_code fx_head_score(float raw, float *score, fx_error *err);

extern fx_code fx_head_yunet(const fx_head_run *run, fx_candidates *list, fx_error *err);
extern fx_code fx_head_scrfd(const fx_head_run *run, fx_candidates *list, fx_error *err);
extern fx_code fx_head_ultraface(const fx_head_run *run, fx_candidates *list, fx_error *err);

/* ---- feed.c: the input of a network */

/*
 * Plans the network for an input of width x height pixels (batch 1, three
 * channels) after checking that it has just one such input of floats.
 */
extern fx_code fx_feed_plan(fx_network *network, int width, int height, fx_error *err);

/* The size that the model's file declares; 0 where it leaves it open. */
extern void fx_feed_declared(const fx_network *network, int *width, int *height);

/*
 * Writes the picture to the top left of the planned input, in the network's
 * order, mean and scale; black elsewhere.
 */
extern void fx_feed_pixels(fx_network *network, const fx_image *image, int width, int height);

#endif							/* FX_HEAD_H */

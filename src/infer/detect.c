/*
 * detect.c - faces of a photograph: letterbox, run, head, suppression of overlaps,
 * back to pixels of the photograph.
 */
#include "infer/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Every detector's coarsest stride. */
#define COARSEST 32

/* What the photograph becomes before the detector. */
typedef struct letterbox
{
	int			width;			/* of the input */
	int			height;
	int			shown_width;	/* of the scaled photograph in its top left corner */
	int			shown_height;
	double		scale;			/* photograph -> input */
} letterbox;

static int
scaled(int size, double scale, int most)
{
	double		v = rint(size * scale);

	return v < 1 ? 1 : v > most ? most : (int) v;
}

static int
round_up(int v)
{
	return (v + COARSEST - 1) / COARSEST * COARSEST;
}

/*
 * A fixed input: as large as fits, enlarged or reduced, proportions kept.
 * An open one: the photograph as it is, reduced where it is longer than
 * FX_DYNAMIC_SIDE.
 */
static void
letterbox_of(const fx_network *detector, const fx_image *photo, letterbox *box)
{
	int			declared_width;
	int			declared_height;

	fx_feed_declared(detector, &declared_width, &declared_height);
	box->width = detector->width > 0 ? detector->width : declared_width;
	box->height = detector->height > 0 ? detector->height : declared_height;
	if (box->width > 0 && box->height > 0)
	{
		box->scale = fmin((double) box->height / photo->height, (double) box->width / photo->width);
		box->shown_width = scaled(photo->width, box->scale, box->width);
		box->shown_height = scaled(photo->height, box->scale, box->height);
		return;
	}
	box->scale = fmin(1.0, FX_DYNAMIC_SIDE / fmax(photo->width, photo->height));
	box->shown_width = scaled(photo->width, box->scale, FX_DYNAMIC_SIDE);
	box->shown_height = scaled(photo->height, box->scale, FX_DYNAMIC_SIDE);
	box->width = round_up(box->shown_width);
	box->height = round_up(box->shown_height);
}

static fx_code
feed_photo(const fx_env *env, fx_network *detector, const fx_image *photo, const letterbox *box, fx_error *err)
{
	fx_image	small;
	fx_code		code;

	if (box->shown_width == photo->width && box->shown_height == photo->height)
	{
		fx_feed_pixels(detector, photo, box->width, box->height);
		return FX_OK;
	}
	code = fx_image_create(env, box->shown_width, box->shown_height, &small, err);
	if (code == FX_OK)
		code = fx_resize_bilinear(env, photo, &small, err);
	if (code == FX_OK)
		fx_feed_pixels(detector, &small, box->width, box->height);
	fx_image_free(env, &small);
	return code;
}

/* ---- suppression of overlapping boxes */

typedef struct ranked
{
	float		score;
	uint32_t	index;
} ranked;

/* Best score first; equal scores in the order of the head, so that results never depend on the sort. */
static int
compare_ranked(const void *a, const void *b)
{
	const ranked *p = a;
	const ranked *q = b;

	if (p->score != q->score)
		return p->score > q->score ? -1 : 1;
	return p->index < q->index ? -1 : p->index > q->index;
}

double
fx_face_overlap(const fx_face *a, const fx_face *b)
{
	double		left = fmax(a->x, b->x);
	double		top = fmax(a->y, b->y);
	double		right = fmin((double) a->x + a->width, (double) b->x + b->width);
	double		bottom = fmin((double) a->y + a->height, (double) b->y + b->height);
	double		common;

	if (right <= left || bottom <= top)
		return 0;
	common = (right - left) * (bottom - top);
	return common / ((double) a->width * a->height + (double) b->width * b->height - common);
}

/* Greedy suppression in the order of scores; what is kept is copied to *kept. */
static fx_code
suppress(const fx_candidates *list, float nms, size_t max_faces, fx_face **kept, size_t *count, fx_error *err)
{
	const fx_env *env = list->env;
	size_t		most = list->count < max_faces ? list->count : max_faces;
	ranked	   *order = env->alloc(env->context, list->count * sizeof(ranked));
	fx_code		code = FX_OK;

	*kept = env->alloc(env->context, most * sizeof(fx_face));
	*count = 0;
	if (order == NULL || *kept == NULL)
		code = fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for %zu faces", list->count);
	else
	{
		for (size_t i = 0; i < list->count; i++)
		{
			order[i].score = list->faces[i].score;
			order[i].index = (uint32_t) i;
		}
		qsort(order, list->count, sizeof(ranked), compare_ranked);
		for (size_t i = 0; i < list->count && *count < most && code == FX_OK; i++)
		{
			const fx_face *face = &list->faces[order[i].index];
			size_t		k = 0;

			while (k < *count && fx_face_overlap(&(*kept)[k], face) <= nms)
				k++;
			if (k == *count)
				(*kept)[(*count)++] = *face;
			if (i % 1024 == 0 && env->interrupted(env->context))
				code = fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "detection was interrupted");
		}
	}
	env->release(env->context, order);
	if (code != FX_OK)
	{
		env->release(env->context, *kept);
		*kept = NULL;
		*count = 0;
	}
	return code;
}

/* From pixels of the input to pixels of the photograph. */
static void
unscale(fx_face *face, double scale)
{
	face->x = (float) (face->x / scale);
	face->y = (float) (face->y / scale);
	face->width = (float) (face->width / scale);
	face->height = (float) (face->height / scale);
	if (face->has_landmarks)
		for (int i = 0; i < FX_LANDMARKS; i++)
		{
			face->landmark[i][0] = (float) (face->landmark[i][0] / scale);
			face->landmark[i][1] = (float) (face->landmark[i][1] / scale);
		}
}

static fx_code
run_head(fx_head head, const fx_head_run *run, fx_candidates *list, fx_error *err)
{
	switch (head)
	{
		case FX_HEAD_YUNET:
			return fx_head_yunet(run, list, err);
		case FX_HEAD_SCRFD:
			return fx_head_scrfd(run, list, err);
		case FX_HEAD_ULTRAFACE:
			return fx_head_ultraface(run, list, err);
		case FX_HEAD_NONE:
			break;
	}
	return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "the model is not a face detector");
}

fx_code
fx_detect(const fx_env *env, fx_network *detector, const fx_image *photo,
		  float threshold, float nms, size_t max_faces,
		  fx_face **faces, size_t *count, fx_error *err)
{
	fx_candidates list = {env, NULL, 0, 0};
	fx_head_run run;
	letterbox	box;
	fx_code		code;

	*faces = NULL;
	*count = 0;
	if (detector->head == FX_HEAD_NONE)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "the model is not a face detector");
	if (!(threshold > 0 && threshold < 1) || !(nms >= 0 && nms <= 1))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "thresholds of detection are between 0 and 1");
	if (photo->width <= 0 || photo->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture has no faces");

	letterbox_of(detector, photo, &box);
	if ((code = fx_feed_plan(detector, box.width, box.height, err)) != FX_OK ||
		(code = feed_photo(env, detector, photo, &box, err)) != FX_OK ||
		(code = fx_model_run(detector->model, err)) != FX_OK)
		return code;
	run.model = detector->model;
	run.width = box.width;
	run.height = box.height;
	run.threshold = threshold;
	code = run_head(detector->head, &run, &list, err);
	if (code == FX_OK && list.count > 0 && max_faces > 0)
		code = suppress(&list, nms, max_faces, faces, count, err);
	env->release(env->context, list.faces);
	for (size_t i = 0; i < *count; i++)
		unscale(&(*faces)[i], box.scale);
	return code;
}

size_t
fx_central_face(const fx_face *faces, size_t count, int width, int height)
{
	size_t		best = 0;
	double		least = INFINITY;

	for (size_t i = 0; i < count; i++)
	{
		double		dx = faces[i].x + faces[i].width / 2.0 - width / 2.0;
		double		dy = faces[i].y + faces[i].height / 2.0 - height / 2.0;
		double		distance = dx * dx + dy * dy - 0.25 * faces[i].width * faces[i].height;

		if (distance < least)
		{
			least = distance;
			best = i;
		}
	}
	return best;
}

/*
 * head.c - which head a model has, and what the heads share.
 */
#include "infer/head.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Every output of YuNet is there. */
static bool
is_yunet(const fx_model *model)
{
	static const char *const parts[] = {"cls", "obj", "bbox", "kps"};

	for (int i = 0; i < 4; i++)
		for (int stride = 8; stride <= 32; stride *= 2)
		{
			char		name[16];

			snprintf(name, sizeof(name), "%s_%d", parts[i], stride);
			if (fx_model_output_index(model, name) < 0)
				return false;
		}
	return true;
}

/*
 * Nine outputs of 1, 4 and 10 columns, three of each.  Shapes are known once
 * the model has been planned; until then the number of outputs decides, and the head
 * checks the shapes of every run.
 */
static bool
is_scrfd(const fx_model *model)
{
	static const int columns[] = {1, 4, 2 * FX_LANDMARKS};

	if (fx_model_output_count(model) != 9)
		return false;
	for (int i = 0; i < 9; i++)
	{
		fx_shape	shape = {0, {0}};
		fx_type		type;

		if (fx_model_output(model, i, &shape, &type) == NULL)
			continue;
		if (type != FX_TYPE_FLOAT || shape.rank < 1 || shape.dim[shape.rank - 1] != columns[i / 3])
			return false;
	}
	return true;
}

fx_code
fx_head_recognise(const fx_model *model, fx_head *head, fx_error *err)
{
	*head = FX_HEAD_NONE;
	if (is_yunet(model))
		*head = FX_HEAD_YUNET;
	else if (fx_model_output_index(model, "scores") >= 0 && fx_model_output_index(model, "boxes") >= 0)
		*head = FX_HEAD_ULTRAFACE;
	else if (is_scrfd(model))
		*head = FX_HEAD_SCRFD;
	else
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
					   "the %d outputs of the model are those of no known face detector",
					   fx_model_output_count(model));
	return FX_OK;
}

fx_code
fx_head_output(const fx_model *model, int index, int64_t rows, int columns,
			   const float **values, int64_t *found, fx_error *err)
{
	fx_shape	shape;
	fx_type		type;
	int64_t		total = 1;

	*values = NULL;
	if (index < 0 || index >= fx_model_output_count(model))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the detector lacks an output of its kind");
	*values = fx_model_output(model, index, &shape, &type);
	if (*values == NULL || type != FX_TYPE_FLOAT || shape.rank < 1)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "output \"%s\" is not of floats",
					   fx_model_output_name(model, index));
	for (int i = 0; i < shape.rank - 1; i++)
		if (shape.dim[i] < 0 || __builtin_mul_overflow(total, shape.dim[i], &total))
			total = -1;
	if (total < 0 || shape.dim[shape.rank - 1] != columns || (rows >= 0 && total != rows))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "output \"%s\" has %lld rows of %lld numbers, which do not fit the input",
					   fx_model_output_name(model, index), (long long) total,
					   (long long) shape.dim[shape.rank - 1]);
	if (found != NULL)
		*found = total;
	return FX_OK;
}

fx_code
fx_head_score(float raw, float *score, fx_error *err)
{
	if (isnan(raw))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "the detector gave a score that is not a number");
	*score = raw < 0 ? 0 : raw > 1 ? 1 : raw;
	return FX_OK;
}

static bool
clip(float *v)
{
	if (!isfinite(*v))
		return false;
	*v = *v < -FX_FARTHEST ? -FX_FARTHEST : *v > FX_FARTHEST ? FX_FARTHEST : *v;
	return true;
}

/* Doubles the list. */
static fx_code
grow(fx_candidates *list, fx_error *err)
{
	size_t		capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
	fx_face    *faces = list->env->alloc(list->env->context, capacity * sizeof(fx_face));

	if (faces == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for %zu face candidates", capacity);
	if (list->count > 0)
		memcpy(faces, list->faces, list->count * sizeof(fx_face));
	list->env->release(list->env->context, list->faces);
	list->faces = faces;
	list->capacity = capacity;
	return FX_OK;
}

fx_code
fx_candidates_add(fx_candidates *list, const fx_face *face, fx_error *err)
{
	fx_face		f = *face;
	bool		finite = clip(&f.x) && clip(&f.y) && clip(&f.width) && clip(&f.height);

	if (f.has_landmarks)
		for (int i = 0; i < FX_LANDMARKS; i++)
			finite = finite && clip(&f.landmark[i][0]) && clip(&f.landmark[i][1]);
	if (!finite)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "the detector gave a coordinate that is not finite");
	if (f.width <= 0 || f.height <= 0)
		return FX_OK;
	if (list->count >= FX_MAX_CANDIDATES)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
					   "the detector gave more than %d boxes above the threshold", FX_MAX_CANDIDATES);
	if (list->count == list->capacity)
	{
		fx_code		code = grow(list, err);

		if (code != FX_OK)
			return code;
	}
	list->faces[list->count++] = f;
	return FX_OK;
}

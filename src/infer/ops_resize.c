/*
 * ops_resize.c - Resize and Upsample: nearest and linear, in the plane.
 *
 * Rows and columns are scaled independently: a table per axis says which
 * input positions an output position takes, and how much of the second.
 */
#include <math.h>
#include <string.h>

#include "infer/ops.h"

enum
{
	AT_HALF_PIXEL,
	AT_PYTORCH_HALF_PIXEL,
	AT_ALIGN_CORNERS,
	AT_ASYMMETRIC,
	AT_TF_HALF_PIXEL_NN
};

enum
{
	ROUND_PREFER_FLOOR,
	ROUND_PREFER_CEIL,
	ROUND_FLOOR,
	ROUND_CEIL
};

typedef struct resize_params
{
	bool		linear;
	int			at;
	int			round;
	int			scales;			/* operand; 0: the attribute of Upsample 7 */
	int			sizes;			/* operand; 0: none */
	int			count;			/* of the attribute */
	int			axes_count;		/* -1: sizes and scales are those of all dimensions */
	int64_t		axes[FX_MAX_RANK];
	float		scale[FX_MAX_RANK];
} resize_params;

typedef struct resize_axis
{
	size_t		in;
	size_t		out;
	int		   *low;			/* out entries each */
	int		   *high;
	float	   *part;			/* of high; low has the rest */
} resize_axis;

typedef struct resize_state
{
	resize_axis axis[2];
	size_t		planes;
} resize_state;

static fx_code
check_resize(fx_loader *loader, fx_node *node, fx_error *err)
{
	static const char *const modes[] = {"nearest", "linear", NULL};
	static const char *const transformations[] = {
		"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", NULL
	};
	static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
	static const char *const policies[] = {"stretch", NULL};
	resize_params *params = fx_params(loader, sizeof(resize_params));

	if (params == NULL)
		return loader->code;
	params->linear = fx_attr_choice(loader, "mode", modes, 0) == 1;
	params->axes_count = -1;
	if (node->opset < 11)
	{
		params->at = AT_ASYMMETRIC;
		params->round = ROUND_FLOOR;
		params->scales = 1;
		if (node->inputs != 2)
			return fx_loader_fail(loader, FX_MALFORMED, "lacks its scales");
		return loader->code;
	}
	params->at = fx_attr_choice(loader, "coordinate_transformation_mode", transformations, AT_HALF_PIXEL);
	params->round = fx_attr_choice(loader, "nearest_mode", rounds, ROUND_PREFER_FLOOR);
	fx_attr_ignore(loader, "cubic_coeff_a");	/* of the mode "cubic" only */
	fx_attr_ignore(loader, "extrapolation_value");	/* of "tf_crop_and_resize" only */
	if (fx_attr_int(loader, "exclude_outside", 0) != 0)
		return fx_loader_fail(loader, FX_UNSUPPORTED, "excludes what is outside, which is not built");
	params->scales = 2;
	params->sizes = 3;
	if (node->opset < 18)
		return loader->code;
	if (fx_attr_int(loader, "antialias", 0) != 0)
		return fx_loader_fail(loader, FX_UNSUPPORTED, "has an antialias filter, which is not built");
	fx_attr_choice(loader, "keep_aspect_ratio_policy", policies, 0);
	params->axes_count = fx_attr_ints(loader, "axes", params->axes, FX_MAX_RANK);
	return loader->code;
}

static fx_code
check_upsample(fx_loader *loader, fx_node *node, fx_error *err)
{
	static const char *const modes[] = {"nearest", "linear", NULL};
	resize_params *params = fx_params(loader, sizeof(resize_params));

	if (params == NULL)
		return loader->code;
	if (node->opset >= 10)
		return fx_loader_fail(loader, FX_UNSUPPORTED, "is not a part of opset %d", node->opset);
	params->linear = fx_attr_choice(loader, "mode", modes, 0) == 1;
	params->at = AT_ASYMMETRIC;
	params->round = ROUND_FLOOR;
	params->scales = node->opset >= 9;
	params->axes_count = -1;
	if (node->inputs != 1 + params->scales)
		return fx_loader_fail(loader, FX_MALFORMED, "has the wrong number of operands");
	if (params->scales == 0)
	{
		params->count = fx_attr_floats(loader, "scales", params->scale, FX_MAX_RANK);
		if (params->count < 0)
			return fx_loader_fail(loader, FX_MALFORMED, "lacks its scales");
	}
	return loader->code;
}

/* The dimension that each number of sizes or scales is of. */
static fx_code
place_axes(const fx_node *node, int rank, int count, const char *what, int *axis, fx_error *err)
{
	const resize_params *params = node->params;
	bool		seen[FX_MAX_RANK] = {false};

	if (count != (params->axes_count < 0 ? rank : params->axes_count))
		return fx_node_fail(err, FX_MISMATCH, node, "has %d %s for %d dimensions", count, what,
							params->axes_count < 0 ? rank : params->axes_count);
	for (int i = 0; i < count; i++)
	{
		fx_code		code = fx_axis(node, params->axes_count < 0 ? i : params->axes[i], rank, &axis[i], err);

		if (code != FX_OK)
			return code;
		if (seen[axis[i]])
			return fx_node_fail(err, FX_MALFORMED, node, "lists an axis twice");
		seen[axis[i]] = true;
	}
	return FX_OK;
}

/*
 * Scales and sizes of all dimensions: whichever is given makes the other.
 * extent is the size before it is rounded down.
 */
static fx_code
place_resize(const fx_model *model, const fx_node *node, float *scale, float *extent, fx_shape *shape, fx_error *err)
{
	const resize_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *sizes = params->sizes > 0 ? fx_in(model, node, params->sizes) : NULL;
	int			count = params->count;
	int64_t		wanted[FX_MAX_RANK] = {0};
	float		factor[FX_MAX_RANK] = {0};
	int			axis[FX_MAX_RANK] = {0};
	fx_code		code;

	*shape = in->shape;
	for (int i = 0; i < shape->rank; i++)
	{
		scale[i] = 1;
		extent[i] = (float) shape->dim[i];
	}
	if (sizes != NULL && sizes->count > 0)
	{
		code = fx_known_ints(model, node, params->sizes, wanted, FX_MAX_RANK, &count, err);
		if (code == FX_OK)
			code = place_axes(node, shape->rank, count, "sizes", axis, err);
		for (int i = 0; i < count && code == FX_OK; i++)
		{
			int			d = axis[i];

			shape->dim[d] = wanted[i];
			extent[d] = (float) wanted[i];
			scale[d] = in->shape.dim[d] > 0 ? (float) wanted[i] / (float) in->shape.dim[d] : 1;
		}
		return code;
	}
	memcpy(factor, params->scale, sizeof(params->scale));
	if (params->scales > 0)
	{
		code = fx_known_floats(model, node, params->scales, factor, FX_MAX_RANK, &count, err);
		if (code != FX_OK)
			return code;
	}
	code = place_axes(node, shape->rank, count, "scales", axis, err);
	for (int i = 0; i < count && code == FX_OK; i++)
	{
		int			d = axis[i];

		scale[d] = factor[i];
		extent[d] = (float) in->shape.dim[d] * factor[i];
		if (!(factor[i] > 0) || !(extent[d] < (float) FX_MAX_ELEMENTS))
			return fx_node_fail(err, FX_LIMIT, node, "has the scale %g", (double) factor[i]);
		shape->dim[d] = (int64_t) floorf(extent[d]);
	}
	return code;
}

static fx_code
shape_resize(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	float		scale[FX_MAX_RANK];
	float		extent[FX_MAX_RANK];
	fx_shape	shape;
	fx_code		code = fx_need_type(model, node, 0, FX_TYPE_FLOAT, err);

	if (code == FX_OK)
		code = place_resize(model, node, scale, extent, &shape, err);
	if (code != FX_OK)
		return code;
	if (shape.rank < 1)
		return fx_node_fail(err, FX_MISMATCH, node, "has an input without dimensions");
	for (int i = 0; i < shape.rank; i++)
	{
		if (i < shape.rank - 2 && shape.dim[i] != in->shape.dim[i])
			return fx_node_fail(err, FX_UNSUPPORTED, node, "scales other dimensions than the last two");
		if (shape.dim[i] > 0 && in->shape.dim[i] == 0)
			return fx_node_fail(err, FX_MISMATCH, node, "has an empty input");
	}
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

/* Where output position x lies on the input; the corners are those of the extent, fractional or not. */
static float
source(int at, float x, size_t in, float extent, float scale)
{
	switch (at)
	{
		case AT_ALIGN_CORNERS:
			return extent > 1 ? x * (float) (in - 1) / (extent - 1) : 0;
		case AT_ASYMMETRIC:
			return x / scale;
		case AT_TF_HALF_PIXEL_NN:
			return (x + 0.5f) / scale;
		case AT_PYTORCH_HALF_PIXEL:
			return extent >= 2 ? (x + 0.5f) / scale - 0.5f : 0;
		default:
			return (x + 0.5f) / scale - 0.5f;
	}
}

static float
round_source(int how, float x)
{
	switch (how)
	{
		case ROUND_PREFER_FLOOR:
			return ceilf(x - 0.5f);
		case ROUND_PREFER_CEIL:
			return floorf(x + 0.5f);
		case ROUND_FLOOR:
			return floorf(x);
		default:
			return ceilf(x);
	}
}

static float
clamp(float x, size_t in)
{
	return x >= 0 ? (x <= (float) (in - 1) ? x : (float) (in - 1)) : 0;
}

static fx_code
fill_axis(fx_model *model, const resize_params *params, float scale, float extent, resize_axis *axis, fx_error *err)
{
	axis->low = fx_heap_alloc_array(&model->plan_heap, axis->out, sizeof(int));
	axis->high = fx_heap_alloc_array(&model->plan_heap, axis->out, sizeof(int));
	axis->part = fx_heap_alloc_array(&model->plan_heap, axis->out, sizeof(float));
	if (axis->low == NULL || axis->high == NULL || axis->part == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	for (size_t i = 0; i < axis->out; i++)
	{
		float		x = source(params->at, (float) i, axis->in, extent, scale);

		x = clamp(params->linear ? x : round_source(params->round, x), axis->in);
		axis->low[i] = (int) x;
		axis->high[i] = (size_t) axis->low[i] + 1 < axis->in ? axis->low[i] + 1 : axis->low[i];
		axis->part[i] = x - (float) axis->low[i];
	}
	return FX_OK;
}

static fx_code
prepare_resize(fx_model *model, fx_node *node, fx_error *err)
{
	const resize_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	resize_state *state = fx_heap_alloc_zero(&model->plan_heap, sizeof(resize_state));
	float		scale[FX_MAX_RANK];
	float		extent[FX_MAX_RANK];
	fx_shape	shape;
	fx_code		code;

	node->state = state;
	if (state == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	code = place_resize(model, node, scale, extent, &shape, err);
	if (code != FX_OK || fx_out(model, node, 0)->count == 0)
		return code;
	for (int a = 0; a < 2 && code == FX_OK; a++)
	{
		int			d = shape.rank - 2 + a;

		state->axis[a].in = d >= 0 ? (size_t) in->shape.dim[d] : 1;
		state->axis[a].out = d >= 0 ? (size_t) shape.dim[d] : 1;
		code = fill_axis(model, params, d >= 0 ? scale[d] : 1, d >= 0 ? extent[d] : 1, &state->axis[a], err);
	}
	state->planes = fx_span(&shape, 0, shape.rank > 2 ? shape.rank - 2 : 0);
	return code;
}

static FX_VECTOR_LOOPS void
mix_row(const float *upper, const float *lower, float part, const resize_axis *columns, float *out)
{
	for (size_t i = 0; i < columns->out; i++)
	{
		int			l = columns->low[i];
		int			h = columns->high[i];
		float		p = columns->part[i];
		float		a = upper[l] + (upper[h] - upper[l]) * p;
		float		b = lower[l] + (lower[h] - lower[l]) * p;

		out[i] = a + (b - a) * part;
	}
}

static fx_code
run_resize(fx_model *model, fx_node *node, fx_error *err)
{
	const resize_params *params = node->params;
	const resize_state *state = node->state;
	const resize_axis *rows = &state->axis[0];
	const resize_axis *columns = &state->axis[1];
	const float *x = fx_in(model, node, 0)->data;
	float	   *y = fx_out(model, node, 0)->data;

	for (size_t p = 0; p < state->planes; p++, x += rows->in * columns->in)
	{
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
		for (size_t r = 0; r < rows->out; r++, y += columns->out)
		{
			const float *row = x + (size_t) rows->low[r] * columns->in;

			if (params->linear)
				mix_row(row, x + (size_t) rows->high[r] * columns->in, rows->part[r], columns, y);
			else if (r > 0 && rows->low[r] == rows->low[r - 1])
				memcpy(y, y - columns->out, columns->out * sizeof(float));
			else
				for (size_t c = 0; c < columns->out; c++)
					y[c] = row[columns->low[c]];
		}
	}
	return FX_OK;
}

const fx_operator fx_ops_resize[] = {
	{"Resize", 1, 4, 1, false, check_resize, shape_resize, prepare_resize, NULL, run_resize},
	{"Upsample", 1, 2, 1, false, check_upsample, shape_resize, prepare_resize, NULL, run_resize},
	{0}
};

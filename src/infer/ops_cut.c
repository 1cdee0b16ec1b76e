/*
 * ops_cut.c - operators that take parts of a tensor: Split and Slice.
 */
#include <string.h>

#include "infer/ops.h"

/* ---- Split */

typedef struct split_params
{
	int64_t		axis;
	int			count;			/* -1: equal parts */
	bool		uneven;			/* the last part may be smaller */
	int64_t    *sizes;
} split_params;

/* Sizes are an attribute until opset 12, an operand since; from opset 18 on num_outputs says that there are none. */
static fx_code
check_split(fx_loader *loader, fx_node *node, fx_error *err)
{
	split_params *params = fx_params(loader, sizeof(split_params));

	if (params == NULL)
		return loader->code;
	params->axis = fx_attr_int(loader, "axis", 0);
	params->count = -1;
	if (node->opset >= 18)
	{
		int64_t		parts = fx_attr_int(loader, "num_outputs", 0);

		if ((parts == 0) != (node->inputs == 2))
			return fx_loader_fail(loader, FX_MALFORMED, "has both or neither of sizes and num_outputs");
		if (parts != 0 && parts != node->outputs)
			return fx_loader_fail(loader, FX_MALFORMED, "has %d outputs and the num_outputs %lld", node->outputs,
								  (long long) parts);
		params->uneven = true;
	}
	if (node->opset >= 13)
		return loader->code;
	if (node->inputs != 1)
		return fx_loader_fail(loader, FX_MALFORMED, "has sizes as an operand before opset 13");
	params->sizes = fx_heap_alloc_array(&loader->model->heap, node->outputs, sizeof(int64_t));
	if (params->sizes == NULL)
		return loader->code = fx_heap_fail(&loader->model->heap, loader->err);
	params->count = fx_attr_ints(loader, "split", params->sizes, node->outputs);
	return loader->code;
}

/* Part i where no sizes are given; negative when the parts before took more than there is. */
static int64_t
equal_part(const fx_node *node, int64_t whole, int i)
{
	int64_t		each = (whole + node->outputs - 1) / node->outputs;

	return i < node->outputs - 1 ? each : whole - each * (node->outputs - 1);
}

static fx_code
shape_split(fx_model *model, fx_node *node, fx_error *err)
{
	const split_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *operand = fx_in(model, node, 1);
	const int64_t *sizes = params->count >= 0 ? params->sizes : NULL;
	int			count = params->count;
	fx_shape	shape = in->shape;
	int64_t		rest;
	int			axis;
	fx_code		code = fx_axis(node, params->axis, in->shape.rank, &axis, err);

	if (code != FX_OK)
		return code;
	if (operand != NULL)
	{
		if (operand->type != FX_TYPE_INT64 || !operand->known)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "has sizes that are known only while running");
		sizes = operand->data;
		count = (int) operand->count;
	}
	if (sizes != NULL && count != node->outputs)
		return fx_node_fail(err, FX_MISMATCH, node, "has %d sizes for %d outputs", count, node->outputs);
	rest = in->shape.dim[axis];
	if (sizes == NULL && !params->uneven && rest % node->outputs != 0)
		return fx_node_fail(err, FX_MISMATCH, node, "cannot cut %lld into %d equal parts",
							(long long) rest, node->outputs);
	for (int i = 0; i < node->outputs; i++)
	{
		int64_t		size = sizes != NULL ? sizes[i] : equal_part(node, in->shape.dim[axis], i);

		if (size < 0 || size > rest)
			return fx_node_fail(err, FX_MISMATCH, node, "has sizes that do not add up to its dimension");
		rest -= size;
		shape.dim[axis] = size;
		code = fx_set_output(model, node, i, in->type, &shape, err);
		if (code != FX_OK)
			return code;
		in = fx_in(model, node, 0);
	}
	if (rest != 0)
		return fx_node_fail(err, FX_MISMATCH, node, "has sizes that do not add up to its dimension");
	node->work = in->count;
	return FX_OK;
}

static fx_code
run_split(fx_model *model, fx_node *node, fx_error *err)
{
	const split_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *operand = fx_in(model, node, 1);
	size_t		size = fx_type_size(in->type);
	size_t		outer;
	size_t		row;
	size_t		whole;
	size_t		done = 0;
	int			axis;
	fx_code		code = fx_axis(node, params->axis, in->shape.rank, &axis, err);

	if (code != FX_OK || in->count == 0)
		return code;
	outer = fx_span(&in->shape, 0, axis);
	row = fx_span(&in->shape, axis + 1, in->shape.rank) * size;
	whole = row * (size_t) in->shape.dim[axis];
	for (int i = 0; i < node->outputs; i++)
	{
		fx_value   *out = fx_out(model, node, i);
		int64_t		length = operand != NULL ? ((const int64_t *) operand->data)[i]
			: params->count >= 0 ? params->sizes[i] : equal_part(node, in->shape.dim[axis], i);
		size_t		part = row * (size_t) length;

		for (size_t o = 0; out != NULL && part > 0 && o < outer; o++)
			memcpy((char *) out->data + o * part, (const char *) in->data + o * whole + done, part);
		done += part;
	}
	return FX_OK;
}

/* ---- Slice */

typedef struct slice_params
{
	int			count;			/* -1: operands */
	int			axes_count;		/* -1: the first ones */
	int64_t		starts[FX_MAX_RANK];
	int64_t		ends[FX_MAX_RANK];
	int64_t		axes[FX_MAX_RANK];
	int64_t		steps[FX_MAX_RANK];
} slice_params;

typedef struct slice_state
{
	int64_t		start[FX_MAX_RANK];
	int64_t		step[FX_MAX_RANK];
} slice_state;

/* All numbers are attributes until opset 9, operands since. */
static fx_code
check_slice(fx_loader *loader, fx_node *node, fx_error *err)
{
	slice_params *params = fx_params(loader, sizeof(slice_params));

	if (params == NULL)
		return loader->code;
	params->count = params->axes_count = -1;
	for (int i = 0; i < FX_MAX_RANK; i++)
		params->steps[i] = 1;
	if (node->opset >= 10)
		return node->inputs >= 3 ? FX_OK : fx_loader_fail(loader, FX_MALFORMED, "lacks its starts and ends");
	if (node->inputs != 1)
		return fx_loader_fail(loader, FX_MALFORMED, "has operands that belong to opset 10");
	params->count = fx_attr_ints(loader, "starts", params->starts, FX_MAX_RANK);
	if (params->count < 0 || fx_attr_ints(loader, "ends", params->ends, FX_MAX_RANK) != params->count)
		return fx_loader_fail(loader, FX_MALFORMED, "has starts and ends of different number");
	params->axes_count = fx_attr_ints(loader, "axes", params->axes, FX_MAX_RANK);
	if (params->axes_count >= 0 && params->axes_count != params->count)
		return fx_loader_fail(loader, FX_MALFORMED, "has axes and starts of different number");
	return loader->code;
}

static fx_code
read_slice(const fx_model *model, const fx_node *node, slice_params *params, fx_error *err)
{
	int			count;
	fx_code		code = FX_OK;

	*params = *(const slice_params *) node->params;
	if (params->count >= 0)
		return FX_OK;
	code = fx_known_ints(model, node, 1, params->starts, FX_MAX_RANK, &params->count, err);
	if (code == FX_OK)
		code = fx_known_ints(model, node, 2, params->ends, FX_MAX_RANK, &count, err);
	if (code != FX_OK)
		return code;
	if (count != params->count)
		return fx_node_fail(err, FX_MISMATCH, node, "has starts and ends of different number");
	if (fx_in(model, node, 3) != NULL)
	{
		code = fx_known_ints(model, node, 3, params->axes, FX_MAX_RANK, &params->axes_count, err);
		if (code == FX_OK && params->axes_count != params->count)
			return fx_node_fail(err, FX_MISMATCH, node, "has axes and starts of different number");
	}
	if (code == FX_OK && fx_in(model, node, 4) != NULL)
	{
		code = fx_known_ints(model, node, 4, params->steps, FX_MAX_RANK, &count, err);
		if (code == FX_OK && count != params->count)
			return fx_node_fail(err, FX_MISMATCH, node, "has steps and starts of different number");
	}
	return code;
}

/* Where the slice starts and how far it steps in each dimension, and the shape it leaves. */
static fx_code
place_slice(const fx_model *model, const fx_node *node, slice_state *state, fx_shape *shape, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	slice_params params;
	bool		seen[FX_MAX_RANK] = {false};
	fx_code		code = read_slice(model, node, &params, err);

	if (code != FX_OK)
		return code;
	*shape = in->shape;
	for (int i = 0; i < FX_MAX_RANK; i++)
	{
		state->start[i] = 0;
		state->step[i] = 1;
	}
	for (int i = 0; i < params.count; i++)
	{
		int64_t		start = params.starts[i];
		int64_t		end = params.ends[i];
		int64_t		step = params.steps[i];
		int64_t		size;
		int			axis;

		code = fx_axis(node, params.axes_count >= 0 ? params.axes[i] : i, in->shape.rank, &axis, err);
		if (code != FX_OK)
			return code;
		if (seen[axis] || step == 0)
			return fx_node_fail(err, FX_MALFORMED, node, "has an axis twice or a step of 0");
		seen[axis] = true;
		size = in->shape.dim[axis];
		/* a step beyond the size takes one element, whatever it is exactly */
		if (step > size)
			step = size > 0 ? size : 1;
		if (step < -size)
			step = size > 0 ? -size : -1;
		if (start < 0)
			start = start < -size ? (step > 0 ? 0 : -1) : start + size;
		if (end < 0)
			end = end < -size ? (step > 0 ? 0 : -1) : end + size;
		if (step > 0)
		{
			start = start > size ? size : start;
			end = end > size ? size : end;
			shape->dim[axis] = end > start ? (end - start + step - 1) / step : 0;
		}
		else
		{
			start = start > size - 1 ? size - 1 : start;
			end = end > size - 1 ? size - 1 : end;
			shape->dim[axis] = start > end ? (start - end - step - 1) / -step : 0;
		}
		state->start[axis] = start;
		state->step[axis] = step;
	}
	return FX_OK;
}

static fx_code
shape_slice(fx_model *model, fx_node *node, fx_error *err)
{
	slice_state state;
	fx_shape	shape;
	fx_code		code = place_slice(model, node, &state, &shape, err);

	if (code == FX_OK)
		code = fx_set_output(model, node, 0, fx_in(model, node, 0)->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_slice(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	size_t		size = fx_type_size(in->type);
	slice_state state;
	fx_shape	shape;
	ptrdiff_t	from[FX_MAX_RANK];
	ptrdiff_t	to[FX_MAX_RANK];
	ptrdiff_t	base = 0;
	fx_walk		walk = {0};
	fx_code		code = place_slice(model, node, &state, &shape, err);

	if (code != FX_OK || out->count == 0)
		return code;
	fx_strides(&in->shape, from);
	fx_strides(&out->shape, to);
	for (int i = 0; i < shape.rank; i++)
	{
		base += (ptrdiff_t) state.start[i] * from[i];
		fx_walk_push(&walk, (size_t) shape.dim[i], from[i] * (ptrdiff_t) state.step[i], to[i]);
	}
	fx_walk_copy(&walk, (const char *) in->data + base * (ptrdiff_t) size, out->data, size);
	return FX_OK;
}

const fx_operator fx_ops_cut[] = {
	{"Split", 1, 2, FX_MAX_NODE_VALUES, false, check_split, shape_split, NULL, NULL, run_split},
	{"Slice", 1, 5, 1, false, check_slice, shape_slice, NULL, NULL, run_slice},
	{0}
};

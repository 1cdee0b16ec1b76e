/*
 * ops_move.c - operators that copy elements to other places.
 */
#include <string.h>

#include "infer/ops.h"

/* Row-major strides in elements. */
static void
strides_of(const fx_shape *shape, ptrdiff_t *strides)
{
	ptrdiff_t	stride = 1;

	for (int i = shape->rank - 1; i >= 0; i--)
	{
		strides[i] = stride;
		stride *= (ptrdiff_t) shape->dim[i];
	}
}

/* ---- Transpose */

typedef struct transpose_params
{
	int			count;			/* -1: reversed */
	int64_t		perm[FX_MAX_RANK];
} transpose_params;

static fx_code
check_transpose(fx_loader *loader, fx_node *node, fx_error *err)
{
	transpose_params *params = fx_params(loader, sizeof(transpose_params));
	bool		seen[FX_MAX_RANK] = {false};

	if (params == NULL)
		return loader->code;
	params->count = fx_attr_ints(loader, "perm", params->perm, FX_MAX_RANK);
	for (int i = 0; i < params->count; i++)
	{
		int64_t		from = params->perm[i];

		if (from < 0 || from >= params->count || seen[from])
			return fx_loader_fail(loader, FX_MALFORMED, "has a perm that is no permutation");
		seen[from] = true;
	}
	return loader->code;
}

static int
perm_at(const fx_node *node, int rank, int i)
{
	const transpose_params *params = node->params;

	return params->count < 0 ? rank - 1 - i : (int) params->perm[i];
}

static fx_code
shape_transpose(fx_model *model, fx_node *node, fx_error *err)
{
	const transpose_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape;
	int			last = -1;
	bool		ordered = true;

	shape.rank = in->shape.rank;
	if (params->count >= 0 && params->count != shape.rank)
		return fx_node_fail(err, FX_MISMATCH, node, "permutes %d dimensions of a tensor of %d",
							params->count, shape.rank);
	for (int i = 0; i < shape.rank; i++)
	{
		int			from = perm_at(node, shape.rank, i);

		shape.dim[i] = in->shape.dim[from];
		if (shape.dim[i] == 1)
			continue;
		ordered = ordered && from > last;
		last = from;
	}
	node->alias = ordered;		/* only dimensions of size 1 move */
	node->work = in->count;
	return fx_set_output(model, node, 0, in->type, &shape, err);
}

static fx_code
run_transpose(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	ptrdiff_t	from[FX_MAX_RANK];
	ptrdiff_t	to[FX_MAX_RANK];
	fx_walk		walk = {0};

	strides_of(&in->shape, from);
	strides_of(&out->shape, to);
	for (int i = 0; i < out->shape.rank; i++)
		fx_walk_push(&walk, (size_t) out->shape.dim[i], from[perm_at(node, out->shape.rank, i)], to[i]);
	fx_walk_copy(&walk, in->data, out->data, fx_type_size(in->type));
	return FX_OK;
}

/* ---- Gather */

static fx_code
check_axis_zero(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *axis = fx_params(loader, sizeof(int64_t));

	if (axis != NULL)
		*axis = fx_attr_int(loader, "axis", 0);
	return loader->code;
}

static fx_code
shape_gather(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *index = fx_in(model, node, 1);
	fx_shape	shape = {0};
	int			axis;
	fx_code		code = fx_need_type(model, node, 1, FX_TYPE_INT64, err);

	if (code == FX_OK)
		code = fx_axis(node, *(const int64_t *) node->params, in->shape.rank, &axis, err);
	if (code != FX_OK)
		return code;
	if (in->shape.rank - 1 + index->shape.rank > FX_MAX_RANK)
		return fx_node_fail(err, FX_LIMIT, node, "makes a tensor of more than %d dimensions", FX_MAX_RANK);
	for (int i = 0; i < axis; i++)
		shape.dim[shape.rank++] = in->shape.dim[i];
	for (int i = 0; i < index->shape.rank; i++)
		shape.dim[shape.rank++] = index->shape.dim[i];
	for (int i = axis + 1; i < in->shape.rank; i++)
		shape.dim[shape.rank++] = in->shape.dim[i];
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_gather(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *index = fx_in(model, node, 1);
	char	   *out = fx_out(model, node, 0)->data;
	int			axis;
	size_t		outer;
	size_t		row;
	int64_t		size;
	fx_code		code = fx_axis(node, *(const int64_t *) node->params, in->shape.rank, &axis, err);

	if (code != FX_OK || fx_out(model, node, 0)->count == 0)
		return code;
	outer = fx_span(&in->shape, 0, axis);
	row = fx_span(&in->shape, axis + 1, in->shape.rank) * fx_type_size(in->type);
	size = in->shape.dim[axis];
	for (size_t o = 0; o < outer; o++)
	{
		for (size_t i = 0; i < index->count; i++)
		{
			int64_t		at = ((const int64_t *) index->data)[i];

			if (at < -size || at >= size)
				return fx_node_fail(err, FX_MISMATCH, node, "has the index %lld for a dimension of size %lld",
									(long long) at, (long long) size);
			memcpy(out, (const char *) in->data + (o * size + (at < 0 ? at + size : at)) * row, row);
			out += row;
		}
	}
	return FX_OK;
}

/* ---- Concat, Split */

static fx_code
check_axis_required(fx_loader *loader, fx_node *node, fx_error *err)
{
	if (!fx_attr_present(loader, "axis"))
		return fx_loader_fail(loader, FX_MALFORMED, "lacks its axis");
	return check_axis_zero(loader, node, err);
}

static fx_code
shape_concat(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *first = fx_in(model, node, 0);
	fx_shape	shape;
	int			axis;
	fx_code		code;

	if (first == NULL)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks an operand");
	shape = first->shape;
	code = fx_axis(node, *(const int64_t *) node->params, shape.rank, &axis, err);
	if (code != FX_OK)
		return code;
	shape.dim[axis] = 0;
	for (int i = 0; i < node->inputs; i++)
	{
		const fx_value *in = fx_in(model, node, i);

		code = fx_need_type(model, node, i, first->type, err);
		if (code != FX_OK)
			return code;
		if (in->shape.rank != shape.rank)
			return fx_node_fail(err, FX_MISMATCH, node, "joins tensors of different rank");
		for (int d = 0; d < shape.rank; d++)
			if (d != axis && in->shape.dim[d] != shape.dim[d])
				return fx_node_fail(err, FX_MISMATCH, node, "joins tensors whose shapes do not fit");
		shape.dim[axis] += in->shape.dim[axis];
	}
	code = fx_set_output(model, node, 0, first->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_concat(fx_model *model, fx_node *node, fx_error *err)
{
	fx_value   *out = fx_out(model, node, 0);
	size_t		size = fx_type_size(out->type);
	size_t		whole;
	size_t		outer;
	size_t		done = 0;
	int			axis;
	fx_code		code = fx_axis(node, *(const int64_t *) node->params, out->shape.rank, &axis, err);

	if (code != FX_OK || out->count == 0)
		return code;
	outer = fx_span(&out->shape, 0, axis);
	whole = fx_span(&out->shape, axis, out->shape.rank) * size;
	for (int i = 0; i < node->inputs; i++)
	{
		const fx_value *in = fx_in(model, node, i);
		size_t		part = fx_span(&in->shape, axis, in->shape.rank) * size;

		for (size_t o = 0; o < outer && part > 0; o++)
			memcpy((char *) out->data + o * whole + done, (const char *) in->data + o * part, part);
		done += part;
	}
	return FX_OK;
}

typedef struct split_params
{
	int64_t		axis;
	int			count;			/* -1: equal parts */
	int64_t    *sizes;
} split_params;

/* Sizes are an attribute until opset 12, an operand since. */
static fx_code
check_split(fx_loader *loader, fx_node *node, fx_error *err)
{
	split_params *params = fx_params(loader, sizeof(split_params));

	if (params == NULL)
		return loader->code;
	params->axis = fx_attr_int(loader, "axis", 0);
	params->count = -1;
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
	if (sizes == NULL && rest % node->outputs != 0)
		return fx_node_fail(err, FX_MISMATCH, node, "cannot cut %lld into %d equal parts",
							(long long) rest, node->outputs);
	for (int i = 0; i < node->outputs; i++)
	{
		int64_t		size = sizes != NULL ? sizes[i] : in->shape.dim[axis] / node->outputs;

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
			: params->count >= 0 ? params->sizes[i] : in->shape.dim[axis] / node->outputs;
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
	strides_of(&in->shape, from);
	strides_of(&out->shape, to);
	for (int i = 0; i < shape.rank; i++)
	{
		base += (ptrdiff_t) state.start[i] * from[i];
		fx_walk_push(&walk, (size_t) shape.dim[i], from[i] * (ptrdiff_t) state.step[i], to[i]);
	}
	fx_walk_copy(&walk, (const char *) in->data + base * (ptrdiff_t) size, out->data, size);
	return FX_OK;
}

/* ---- Expand, Tile, Pad */

static fx_code
shape_expand(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	wanted;
	fx_shape	shape;
	fx_code		code = fx_known_ints(model, node, 1, wanted.dim, FX_MAX_RANK, &wanted.rank, err);

	if (code != FX_OK)
		return code;
	if (!fx_broadcast(&in->shape, &wanted, &shape))
		return fx_node_fail(err, FX_MISMATCH, node, "cannot expand its input to that shape");
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_expand(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	fx_walk		walk;

	if (out->count == 0)
		return FX_OK;
	fx_walk_broadcast(&in->shape, &out->shape, &walk);
	fx_walk_copy(&walk, in->data, out->data, fx_type_size(in->type));
	return FX_OK;
}

static fx_code
shape_tile(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	int64_t		repeats[FX_MAX_RANK];
	fx_shape	shape = in->shape;
	int			count;
	fx_code		code = fx_known_ints(model, node, 1, repeats, FX_MAX_RANK, &count, err);

	if (code != FX_OK)
		return code;
	if (count != shape.rank)
		return fx_node_fail(err, FX_MISMATCH, node, "repeats %d dimensions of a tensor of %d", count, shape.rank);
	for (int i = 0; i < count; i++)
	{
		if (repeats[i] < 0 || repeats[i] > FX_MAX_ELEMENTS)
			return fx_node_fail(err, FX_LIMIT, node, "repeats %lld times", (long long) repeats[i]);
		shape.dim[i] *= repeats[i];
	}
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_tile(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	ptrdiff_t	from[FX_MAX_RANK];
	ptrdiff_t	to[FX_MAX_RANK];
	fx_walk		walk = {0};

	if (out->count == 0)
		return FX_OK;
	strides_of(&in->shape, from);
	strides_of(&out->shape, to);
	for (int i = 0; i < in->shape.rank; i++)
	{
		size_t		size = (size_t) in->shape.dim[i];

		fx_walk_push(&walk, (size_t) out->shape.dim[i] / size, 0, to[i] * (ptrdiff_t) size);
		fx_walk_push(&walk, size, from[i], to[i]);
	}
	fx_walk_copy(&walk, in->data, out->data, fx_type_size(in->type));
	return FX_OK;
}

typedef struct pad_params
{
	int			count;			/* -1: an operand */
	int64_t		pads[2 * FX_MAX_RANK];
	float		value;
} pad_params;

/* Everything is an attribute until opset 10, operands since; only constant padding is built. */
static fx_code
check_pad(fx_loader *loader, fx_node *node, fx_error *err)
{
	static const char *const modes[] = {"constant", NULL};
	pad_params *params = fx_params(loader, sizeof(pad_params));

	if (params == NULL)
		return loader->code;
	fx_attr_choice(loader, "mode", modes, 0);
	params->count = -1;
	if (node->opset >= 11)
		return node->inputs >= 2 ? loader->code : fx_loader_fail(loader, FX_MALFORMED, "lacks its pads");
	if (node->inputs != 1)
		return fx_loader_fail(loader, FX_MALFORMED, "has operands that belong to opset 11");
	params->count = fx_attr_ints(loader, "pads", params->pads, 2 * FX_MAX_RANK);
	params->value = fx_attr_float(loader, "value", 0);
	if (params->count < 0)
		fx_loader_fail(loader, FX_MALFORMED, "lacks its pads");
	return loader->code;
}

static fx_code
read_pads(const fx_model *model, const fx_node *node, int64_t *pads, fx_error *err)
{
	const pad_params *params = node->params;
	int			rank = fx_in(model, node, 0)->shape.rank;
	int			count = params->count;

	memcpy(pads, params->pads, sizeof(params->pads));
	if (count < 0)
	{
		fx_code		code = fx_known_ints(model, node, 1, pads, 2 * FX_MAX_RANK, &count, err);

		if (code != FX_OK)
			return code;
	}
	if (count != 2 * rank)
		return fx_node_fail(err, FX_MISMATCH, node, "has %d pads for a tensor of %d dimensions", count, rank);
	for (int i = 0; i < count; i++)
		if (pads[i] < 0 || pads[i] > FX_MAX_ELEMENTS)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "has the pad %lld", (long long) pads[i]);
	return FX_OK;
}

static fx_code
shape_pad(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *value = fx_in(model, node, 2);
	int64_t		pads[2 * FX_MAX_RANK];
	fx_shape	shape = in->shape;
	fx_code		code = fx_need_type(model, node, 0, FX_TYPE_FLOAT, err);

	if (code == FX_OK)
		code = read_pads(model, node, pads, err);
	if (code != FX_OK)
		return code;
	if (value != NULL && (value->count != 1 || value->type != FX_TYPE_FLOAT))
		return fx_node_fail(err, FX_MISMATCH, node, "has a value that is not one float");
	for (int i = 0; i < shape.rank; i++)
		shape.dim[i] += pads[i] + pads[i + shape.rank];
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_pad(fx_model *model, fx_node *node, fx_error *err)
{
	const pad_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *value = fx_in(model, node, 2);
	fx_value   *out = fx_out(model, node, 0);
	float	   *y = out->data;
	float		fill = value != NULL ? *(const float *) value->data : params->value;
	int64_t		pads[2 * FX_MAX_RANK];
	ptrdiff_t	from[FX_MAX_RANK];
	ptrdiff_t	to[FX_MAX_RANK];
	ptrdiff_t	base = 0;
	fx_walk		walk = {0};
	fx_code		code = read_pads(model, node, pads, err);

	if (code != FX_OK)
		return code;
	for (size_t i = 0; i < out->count; i++)
		y[i] = fill;
	if (in->count == 0)
		return FX_OK;
	strides_of(&in->shape, from);
	strides_of(&out->shape, to);
	for (int i = 0; i < in->shape.rank; i++)
	{
		base += (ptrdiff_t) pads[i] * to[i];
		fx_walk_push(&walk, (size_t) in->shape.dim[i], from[i], to[i]);
	}
	fx_walk_copy(&walk, in->data, y + base, sizeof(float));
	return FX_OK;
}

const fx_operator fx_ops_move[] = {
	{"Transpose", 1, 1, 1, false, check_transpose, shape_transpose, NULL, NULL, run_transpose},
	{"Gather", 2, 2, 1, false, check_axis_zero, shape_gather, NULL, NULL, run_gather},
	{"Concat", 1, FX_MAX_NODE_VALUES, 1, false, check_axis_required, shape_concat, NULL, NULL, run_concat},
	{"Split", 1, 2, FX_MAX_NODE_VALUES, false, check_split, shape_split, NULL, NULL, run_split},
	{"Slice", 1, 5, 1, false, check_slice, shape_slice, NULL, NULL, run_slice},
	{"Expand", 2, 2, 1, false, NULL, shape_expand, NULL, NULL, run_expand},
	{"Tile", 2, 2, 1, false, NULL, shape_tile, NULL, NULL, run_tile},
	{"Pad", 1, 3, 1, false, check_pad, shape_pad, NULL, NULL, run_pad},
	{0}
};

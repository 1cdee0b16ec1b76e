/*
 * ops_select.c - element by element, one of several: Where and GatherElements.
 */
#include <string.h>

#include "infer/ops.h"

/* Strides of a tensor that is broadcast to `whole`: 0 repeats. */
static void
broadcast_strides(const fx_shape *part, const fx_shape *whole, ptrdiff_t *strides)
{
	fx_walk		walk;

	fx_walk_broadcast(part, whole, &walk);
	for (int d = 0; d < whole->rank; d++)
		strides[d] = walk.a[d];
}

/* The next position in row-major order, and with it `count` offsets. */
static void
advance(const fx_shape *shape, int64_t *at, ptrdiff_t strides[][FX_MAX_RANK], ptrdiff_t *offsets, int count)
{
	for (int d = shape->rank - 1; d >= 0; d--)
	{
		bool		carry = ++at[d] == shape->dim[d];

		for (int i = 0; i < count; i++)
			offsets[i] += carry ? -strides[i][d] * (ptrdiff_t) (shape->dim[d] - 1) : strides[i][d];
		if (!carry)
			return;
		at[d] = 0;
	}
}

static fx_code
shape_where(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *yes = fx_in(model, node, 1);
	const fx_value *no = fx_in(model, node, 2);
	fx_shape	shape;
	fx_code		code = fx_need_type(model, node, 0, FX_TYPE_INT64, err);

	if (code == FX_OK)
		code = fx_need_type(model, node, 2, yes->type, err);
	if (code != FX_OK)
		return code;
	if (!fx_broadcast(&yes->shape, &no->shape, &shape) ||
		!fx_broadcast(&fx_in(model, node, 0)->shape, &shape, &shape))
		return fx_node_fail(err, FX_MISMATCH, node, "has operands whose shapes do not fit each other");
	code = fx_set_output(model, node, 0, yes->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static fx_code
run_where(fx_model *model, fx_node *node, fx_error *err)
{
	fx_value   *out = fx_out(model, node, 0);
	const int64_t *condition = fx_in(model, node, 0)->data;
	size_t		size = fx_type_size(out->type);
	int64_t		at[FX_MAX_RANK] = {0};
	ptrdiff_t	strides[3][FX_MAX_RANK];
	ptrdiff_t	offsets[3] = {0};

	for (int i = 0; i < 3; i++)
		broadcast_strides(&fx_in(model, node, i)->shape, &out->shape, strides[i]);
	for (size_t i = 0; i < out->count; i++)
	{
		int			chosen = condition[offsets[0]] != 0 ? 1 : 2;

		memcpy((char *) out->data + i * size,
			   (const char *) fx_in(model, node, chosen)->data + offsets[chosen] * (ptrdiff_t) size, size);
		advance(&out->shape, at, strides, offsets, 3);
	}
	return FX_OK;
}

static fx_code
shape_gather_elements(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *index = fx_in(model, node, 1);
	fx_shape	shape = index->shape;
	int			axis;
	fx_code		code = fx_need_type(model, node, 1, FX_TYPE_INT64, err);

	if (code == FX_OK)
		code = fx_axis(node, *(const int64_t *) node->params, in->shape.rank, &axis, err);
	if (code != FX_OK)
		return code;
	if (shape.rank != in->shape.rank)
		return fx_node_fail(err, FX_MISMATCH, node, "has indices of %d dimensions for an input of %d", shape.rank,
							in->shape.rank);
	for (int d = 0; d < shape.rank; d++)
		if (d != axis && shape.dim[d] > in->shape.dim[d])
			return fx_node_fail(err, FX_MISMATCH, node, "has more indices than its input has rows");
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = index->count;
	return code;
}

static fx_code
run_gather_elements(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *index = fx_in(model, node, 1);
	fx_value   *out = fx_out(model, node, 0);
	size_t		size = fx_type_size(in->type);
	int64_t		at[FX_MAX_RANK] = {0};
	ptrdiff_t	strides[1][FX_MAX_RANK];
	ptrdiff_t	offset = 0;
	ptrdiff_t	step;
	int			axis;
	fx_code		code = fx_axis(node, *(const int64_t *) node->params, in->shape.rank, &axis, err);

	if (code != FX_OK)
		return code;
	fx_strides(&in->shape, strides[0]);
	step = strides[0][axis];
	strides[0][axis] = 0;
	for (size_t i = 0; i < out->count; i++)
	{
		int64_t		chosen = ((const int64_t *) index->data)[i];
		int64_t		length = in->shape.dim[axis];

		if (chosen < -length || chosen >= length)
			return fx_node_fail(err, FX_MISMATCH, node, "has the index %lld for a dimension of size %lld",
								(long long) chosen, (long long) length);
		chosen += chosen < 0 ? length : 0;
		memcpy((char *) out->data + i * size,
			   (const char *) in->data + (offset + step * (ptrdiff_t) chosen) * (ptrdiff_t) size, size);
		advance(&out->shape, at, strides, &offset, 1);
	}
	return FX_OK;
}

const fx_operator fx_ops_select[] = {
	{"Where", 3, 3, 1, false, NULL, shape_where, NULL, NULL, run_where},
	{"GatherElements", 2, 2, 1, false, fx_check_axis_zero, shape_gather_elements, NULL, NULL, run_gather_elements},
	{0}
};

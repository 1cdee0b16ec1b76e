/*
 * ops_move.c - operators that copy elements to other places.
 */
#include <string.h>

#include "infer/ops.h"

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

	fx_strides(&in->shape, from);
	fx_strides(&out->shape, to);
	for (int i = 0; i < out->shape.rank; i++)
		fx_walk_push(&walk, (size_t) out->shape.dim[i], from[perm_at(node, out->shape.rank, i)], to[i]);
	fx_walk_copy(&walk, in->data, out->data, fx_type_size(in->type));
	return FX_OK;
}

/* ---- Gather */

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

/* ---- Concat */

static fx_code
check_axis_required(fx_loader *loader, fx_node *node, fx_error *err)
{
	if (!fx_attr_present(loader, "axis"))
		return fx_loader_fail(loader, FX_MALFORMED, "lacks its axis");
	return fx_check_axis_zero(loader, node, err);
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

/* ---- Expand, Tile */

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
	fx_strides(&in->shape, from);
	fx_strides(&out->shape, to);
	for (int i = 0; i < in->shape.rank; i++)
	{
		size_t		size = (size_t) in->shape.dim[i];

		fx_walk_push(&walk, (size_t) out->shape.dim[i] / size, 0, to[i] * (ptrdiff_t) size);
		fx_walk_push(&walk, size, from[i], to[i]);
	}
	fx_walk_copy(&walk, in->data, out->data, fx_type_size(in->type));
	return FX_OK;
}

const fx_operator fx_ops_move[] = {
	{"Transpose", 1, 1, 1, false, check_transpose, shape_transpose, NULL, NULL, run_transpose},
	{"Gather", 2, 2, 1, false, fx_check_axis_zero, shape_gather, NULL, NULL, run_gather},
	{"Concat", 1, FX_MAX_NODE_VALUES, 1, false, check_axis_required, shape_concat, NULL, NULL, run_concat},
	{"Expand", 2, 2, 1, false, NULL, shape_expand, NULL, NULL, run_expand},
	{"Tile", 2, 2, 1, false, NULL, shape_tile, NULL, NULL, run_tile},
	{0}
};

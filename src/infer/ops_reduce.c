/*
 * ops_reduce.c - sums, means and maxima over chosen dimensions.
 */
#include <math.h>
#include <string.h>

#include "infer/ops.h"

typedef struct reduce_params
{
	int			count;			/* -1: no attribute */
	int64_t		axes[FX_MAX_RANK];
	bool		keep;
	bool		none_is_all;	/* an empty list means every dimension */
} reduce_params;

/* axes became an operand with opset 13 for ReduceSum, with opset 18 for the others. */
static fx_code
check_reduce(fx_loader *loader, fx_node *node, fx_error *err)
{
	reduce_params *params = fx_params(loader, sizeof(reduce_params));
	bool		operand = node->opset >= 18 || (node->opset >= 13 && strcmp(node->op->name, "ReduceSum") == 0);

	if (params == NULL)
		return loader->code;
	params->count = -1;
	params->none_is_all = true;
	params->keep = fx_attr_int(loader, "keepdims", 1) != 0;
	if (operand)
		params->none_is_all = fx_attr_int(loader, "noop_with_empty_axes", 0) == 0;
	else if (node->inputs != 1)
		fx_loader_fail(loader, FX_MALFORMED, "has axes as an operand");
	else
		params->count = fx_attr_ints(loader, "axes", params->axes, FX_MAX_RANK);
	return loader->code;
}

static fx_code
read_axes(const fx_model *model, const fx_node *node, bool *reduced, fx_error *err)
{
	reduce_params params = *(const reduce_params *) node->params;
	int			rank = fx_in(model, node, 0)->shape.rank;

	if (fx_in(model, node, 1) != NULL)
	{
		fx_code		code = fx_known_ints(model, node, 1, params.axes, FX_MAX_RANK, &params.count, err);

		if (code != FX_OK)
			return code;
	}
	for (int i = 0; i < FX_MAX_RANK; i++)
		reduced[i] = params.count <= 0 && params.none_is_all;
	for (int i = 0; i < params.count; i++)
	{
		int			axis;
		fx_code		code = fx_axis(node, params.axes[i], rank, &axis, err);

		if (code != FX_OK)
			return code;
		reduced[axis] = true;
	}
	return FX_OK;
}

static fx_code
shape_reduce(fx_model *model, fx_node *node, fx_error *err)
{
	const reduce_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	bool		reduced[FX_MAX_RANK];
	fx_shape	shape = {0};
	fx_code		code = fx_need_type(model, node, 0, FX_TYPE_FLOAT, err);

	if (code == FX_OK)
		code = read_axes(model, node, reduced, err);
	if (code != FX_OK)
		return code;
	for (int i = 0; i < in->shape.rank; i++)
	{
		if (!reduced[i])
			shape.dim[shape.rank++] = in->shape.dim[i];
		else if (params->keep)
			shape.dim[shape.rank++] = 1;
	}
	node->work = in->count;
	return fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
}

typedef enum reduction
{
	BY_SUM,
	BY_SQUARES,
	BY_MAXIMUM
} reduction;

/* sy is 0 when the row falls onto one number, else 1. */
static FX_VECTOR_LOOPS void
max_row(const float *x, float *y, size_t n, ptrdiff_t sy)
{
	for (size_t i = 0; i < n; i++)
		y[(ptrdiff_t) i * sy] = x[i] > y[(ptrdiff_t) i * sy] ? x[i] : y[(ptrdiff_t) i * sy];
}

static FX_VECTOR_LOOPS void
add_row(const float *x, float *y, size_t n, ptrdiff_t sy, bool squares)
{
	if (sy == 0)
	{
		double		sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += squares ? (double) x[i] * x[i] : x[i];
		*y += (float) sum;
	}
	else
		for (size_t i = 0; i < n; i++)
			y[i] += squares ? x[i] * x[i] : x[i];
}

static fx_code
run_reduce(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const reduce_params *params = node->params;
	fx_value   *out = fx_out(model, node, 0);
	const float *x = in->data;
	float	   *y = out->data;
	const char *op = node->op->name;
	reduction	by = strcmp(op, "ReduceSumSquare") == 0 || strcmp(op, "ReduceL2") == 0 ? BY_SQUARES
		: strcmp(op, "ReduceMax") == 0 ? BY_MAXIMUM : BY_SUM;
	bool		reduced[FX_MAX_RANK];
	size_t		at[FX_MAX_WALK] = {0};
	size_t		done = 0;
	ptrdiff_t	to = 0;
	ptrdiff_t	strides[FX_MAX_RANK];
	ptrdiff_t	stride = 1;
	fx_walk		walk = {0};
	int			inner;
	fx_code		code = read_axes(model, node, reduced, err);

	if (code != FX_OK)
		return code;
	if (!params->none_is_all && (fx_in(model, node, 1) == NULL || fx_in(model, node, 1)->count == 0))
	{
		if (in->count > 0)
			memcpy(y, x, in->count * sizeof(float));
		return FX_OK;
	}
	for (size_t i = 0; i < out->count; i++)
		y[i] = by == BY_MAXIMUM ? -INFINITY : 0;
	if (out->count == 0 || in->count == 0)
		return FX_OK;
	for (int i = in->shape.rank - 1; i >= 0; i--)
	{
		strides[i] = reduced[i] ? 0 : stride;
		if (!reduced[i])
			stride *= (ptrdiff_t) in->shape.dim[i];
	}
	for (int i = 0; i < in->shape.rank; i++)
		fx_walk_push(&walk, (size_t) in->shape.dim[i], strides[i],
					 (ptrdiff_t) fx_span(&in->shape, i + 1, in->shape.rank));
	fx_walk_join(&walk);
	inner = walk.rank - 1;
	while (done < in->count)
	{
		if (by == BY_MAXIMUM)
			max_row(x + done, y + to, walk.dim[inner], walk.a[inner]);
		else
			add_row(x + done, y + to, walk.dim[inner], walk.a[inner], by == BY_SQUARES);
		done += walk.dim[inner];
		for (int i = inner - 1; i >= 0; i--)
		{
			to += walk.a[i];
			if (++at[i] < walk.dim[i])
				break;
			to -= walk.a[i] * (ptrdiff_t) walk.dim[i];
			at[i] = 0;
		}
	}
	for (size_t i = 0; i < out->count; i++)
	{
		if (strcmp(op, "ReduceMean") == 0)
			y[i] = y[i] * (float) out->count / (float) in->count;
		else if (strcmp(op, "ReduceL2") == 0)
			y[i] = sqrtf(y[i]);
	}
	return FX_OK;
}

#define REDUCE(name) {name, 1, 2, 1, false, check_reduce, shape_reduce, NULL, NULL, run_reduce}

const fx_operator fx_ops_reduce[] = {
	REDUCE("ReduceMean"), REDUCE("ReduceSum"), REDUCE("ReduceSumSquare"), REDUCE("ReduceL2"),
	REDUCE("ReduceMax"),
	{0}
};

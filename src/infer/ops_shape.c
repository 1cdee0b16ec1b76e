/*
 * ops_shape.c - operators that change a tensor's shape, or read it.
 */
#include <string.h>

#include "infer/ops.h"

typedef struct axes_params
{
	int			count;			/* -1: none given */
	int64_t		axes[FX_MAX_RANK];
} axes_params;

/* ---- the same data under another shape */

static fx_code
set_alias(fx_model *model, fx_node *node, const fx_shape *shape, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	int			declared = in->declared;
	fx_code		code = fx_set_output(model, node, 0, in->type, shape, err);

	node->alias = true;
	fx_out(model, node, 0)->declared = declared;
	return code;
}

static fx_code
shape_identity(fx_model *model, fx_node *node, fx_error *err)
{
	fx_shape	shape = fx_in(model, node, 0)->shape;

	return set_alias(model, node, &shape, err);
}

/* Inference only: nothing is dropped. */
static fx_code
check_dropout(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_attr_ignore(loader, "ratio");
	fx_attr_ignore(loader, "seed");
	if (node->inputs == 3 && node->in[2] >= 0)
		return fx_loader_fail(loader, FX_UNSUPPORTED, "has a training mode");
	node->inputs = 1;			/* the ratio matters in training only */
	return FX_OK;
}

/* The mask says that everything was kept. */
static fx_code
shape_dropout(fx_model *model, fx_node *node, fx_error *err)
{
	fx_shape	shape = fx_in(model, node, 0)->shape;
	fx_code		code = shape_identity(model, node, err);

	if (code != FX_OK || fx_out(model, node, 1) == NULL)
		return code;
	node->alias = false;
	node->in_place = 1;
	node->work = fx_in(model, node, 0)->count;
	code = fx_set_output(model, node, 1, node->opset >= 10 ? FX_TYPE_INT64 : FX_TYPE_FLOAT, &shape, err);
	fx_out(model, node, 1)->declared = node->opset >= 10 ? FX_ELEMENT_BOOL : FX_ELEMENT_FLOAT;
	return code;
}

static fx_code
run_dropout(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	fx_value   *mask = fx_out(model, node, 1);

	if (out->data != in->data && in->count > 0)
		memcpy(out->data, in->data, in->count * fx_type_size(in->type));
	for (size_t i = 0; i < mask->count; i++)
	{
		if (mask->type == FX_TYPE_INT64)
			((int64_t *) mask->data)[i] = 1;
		else
			((float *) mask->data)[i] = 1;
	}
	return FX_OK;
}

static fx_code
check_reshape(fx_loader *loader, fx_node *node, fx_error *err)
{
	bool	   *allow_zero = fx_params(loader, sizeof(bool));

	if (allow_zero != NULL && node->opset >= 14)
		*allow_zero = fx_attr_int(loader, "allowzero", 0) != 0;
	return loader->code;
}

static fx_code
shape_reshape(fx_model *model, fx_node *node, fx_error *err)
{
	bool		allow_zero = *(const bool *) node->params;
	const fx_value *in = fx_in(model, node, 0);
	int64_t		wanted[FX_MAX_RANK];
	fx_shape	shape;
	size_t		product = 1;
	int			free_dim = -1;
	fx_code		code = fx_known_ints(model, node, 1, wanted, FX_MAX_RANK, &shape.rank, err);

	if (code != FX_OK)
		return code;
	for (int i = 0; i < shape.rank; i++)
	{
		int64_t		dim = wanted[i];

		if (dim == 0 && !allow_zero)
		{
			if (i >= in->shape.rank)
				return fx_node_fail(err, FX_MISMATCH, node, "copies a dimension that its input does not have");
			dim = in->shape.dim[i];
		}
		if (dim < -1 || (dim == -1 && free_dim >= 0))
			return fx_node_fail(err, FX_MISMATCH, node, "asks for a shape that has no meaning");
		shape.dim[i] = dim;
		if (dim == -1)
			free_dim = i;
		else if (!fx_mul_size(product, (size_t) dim, &product))
			return fx_node_fail(err, FX_MISMATCH, node, "asks for a shape that is too large");
	}
	if (free_dim >= 0)
	{
		if (product == 0 || in->count % product != 0)
			return fx_node_fail(err, FX_MISMATCH, node, "cannot find its free dimension");
		shape.dim[free_dim] = (int64_t) (in->count / product);
	}
	else if (product != in->count)
		return fx_node_fail(err, FX_MISMATCH, node, "asks for %zu elements and has %zu", product, in->count);
	return set_alias(model, node, &shape, err);
}

static fx_code
check_axis_one(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *axis = fx_params(loader, sizeof(int64_t));

	if (axis != NULL)
		*axis = fx_attr_int(loader, "axis", 1);
	return loader->code;
}

static fx_code
shape_flatten(fx_model *model, fx_node *node, fx_error *err)
{
	int64_t		axis = *(const int64_t *) node->params;
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape;

	if (axis < -(int64_t) in->shape.rank || axis > in->shape.rank)
		return fx_node_fail(err, FX_MISMATCH, node, "has the axis %lld of a tensor of %d dimensions",
							(long long) axis, in->shape.rank);
	if (axis < 0)
		axis += in->shape.rank;
	shape.rank = 2;
	shape.dim[0] = (int64_t) fx_span(&in->shape, 0, (int) axis);
	shape.dim[1] = (int64_t) fx_span(&in->shape, (int) axis, in->shape.rank);
	return set_alias(model, node, &shape, err);
}

/* axes are an attribute until opset 12, an operand since. */
static fx_code
check_axes(fx_loader *loader, fx_node *node, fx_error *err)
{
	axes_params *params = fx_params(loader, sizeof(axes_params));

	if (params == NULL)
		return loader->code;
	params->count = -1;
	if (node->opset < 13)
	{
		if (node->inputs != 1)
			return fx_loader_fail(loader, FX_MALFORMED, "has axes as an operand before opset 13");
		params->count = fx_attr_ints(loader, "axes", params->axes, FX_MAX_RANK);
	}
	return loader->code;
}

static fx_code
read_axes(const fx_model *model, const fx_node *node, int rank, bool *listed, int *count, fx_error *err)
{
	axes_params params = *(const axes_params *) node->params;

	memset(listed, 0, FX_MAX_RANK * sizeof(bool));
	if (fx_in(model, node, 1) != NULL)
	{
		fx_code		code = fx_known_ints(model, node, 1, params.axes, FX_MAX_RANK, &params.count, err);

		if (code != FX_OK)
			return code;
	}
	*count = params.count;
	for (int i = 0; i < params.count; i++)
	{
		int			axis;
		fx_code		code = fx_axis(node, params.axes[i], rank, &axis, err);

		if (code != FX_OK)
			return code;
		if (listed[axis])
			return fx_node_fail(err, FX_MALFORMED, node, "lists an axis twice");
		listed[axis] = true;
	}
	return FX_OK;
}

static fx_code
shape_squeeze(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	bool		listed[FX_MAX_RANK];
	int			count;
	fx_shape	shape = {0};
	fx_code		code = read_axes(model, node, in->shape.rank, listed, &count, err);

	if (code != FX_OK)
		return code;
	for (int i = 0; i < in->shape.rank; i++)
	{
		if (count >= 0 && listed[i] && in->shape.dim[i] != 1)
			return fx_node_fail(err, FX_MISMATCH, node, "squeezes a dimension of size %lld",
								(long long) in->shape.dim[i]);
		if (count >= 0 ? !listed[i] : in->shape.dim[i] != 1)
			shape.dim[shape.rank++] = in->shape.dim[i];
	}
	return set_alias(model, node, &shape, err);
}

static fx_code
shape_unsqueeze(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const axes_params *params = node->params;
	const fx_value *operand = fx_in(model, node, 1);
	int			extra = operand != NULL ? (int) (operand->count > FX_MAX_RANK ? FX_MAX_RANK : operand->count)
		: params->count;
	bool		listed[FX_MAX_RANK];
	int			count;
	int			next = 0;
	fx_shape	shape;
	fx_code		code;

	if (in == NULL || extra < 0)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks its input or its axes");
	shape.rank = in->shape.rank + extra;
	if (shape.rank > FX_MAX_RANK)
		return fx_node_fail(err, FX_LIMIT, node, "makes a tensor of more than %d dimensions", FX_MAX_RANK);
	code = read_axes(model, node, shape.rank, listed, &count, err);
	if (code != FX_OK)
		return code;
	for (int i = 0; i < shape.rank; i++)
		shape.dim[i] = listed[i] ? 1 : in->shape.dim[next++];
	return set_alias(model, node, &shape, err);
}

/* ---- shapes as data */

static fx_code
check_shape(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *ends = fx_params(loader, 2 * sizeof(int64_t));

	if (ends == NULL)
		return loader->code;
	ends[0] = node->opset >= 15 ? fx_attr_int(loader, "start", 0) : 0;
	ends[1] = node->opset >= 15 ? fx_attr_int(loader, "end", FX_MAX_RANK) : FX_MAX_RANK;
	return loader->code;
}

static void
shape_part(const fx_model *model, const fx_node *node, int *from, int *to)
{
	const int64_t *ends = node->params;
	int			rank = fx_in(model, node, 0)->shape.rank;
	int			at[2];

	for (int i = 0; i < 2; i++)
	{
		int64_t		end = ends[i] < 0 ? (ends[i] < -rank ? 0 : ends[i] + rank) : ends[i];

		at[i] = end > rank ? rank : (int) end;
	}
	*from = at[0];
	*to = at[1] > at[0] ? at[1] : at[0];
}

static fx_code
shape_shape(fx_model *model, fx_node *node, fx_error *err)
{
	fx_shape	shape = {1, {0}};
	int			from;
	int			to;

	shape_part(model, node, &from, &to);
	shape.dim[0] = to - from;
	return fx_set_output(model, node, 0, FX_TYPE_INT64, &shape, err);
}

static fx_code
run_shape(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	int64_t    *out = fx_out(model, node, 0)->data;
	int			from;
	int			to;

	shape_part(model, node, &from, &to);
	for (int i = from; i < to; i++)
		out[i - from] = in->shape.dim[i];
	return FX_OK;
}

static fx_code
shape_size(fx_model *model, fx_node *node, fx_error *err)
{
	fx_shape	shape = {0};

	return fx_set_output(model, node, 0, FX_TYPE_INT64, &shape, err);
}

static fx_code
run_size(fx_model *model, fx_node *node, fx_error *err)
{
	*(int64_t *) fx_out(model, node, 0)->data = (int64_t) fx_in(model, node, 0)->count;
	return FX_OK;
}
const fx_operator fx_ops_shape[] = {
	{"Identity", 1, 1, 1, false, NULL, shape_identity, NULL, NULL, NULL},
	{"Dropout", 1, 3, 2, false, check_dropout, shape_dropout, NULL, NULL, run_dropout},
	{"Reshape", 2, 2, 1, false, check_reshape, shape_reshape, NULL, NULL, NULL},
	{"Flatten", 1, 1, 1, false, check_axis_one, shape_flatten, NULL, NULL, NULL},
	{"Squeeze", 1, 2, 1, false, check_axes, shape_squeeze, NULL, NULL, NULL},
	{"Unsqueeze", 1, 2, 1, false, check_axes, shape_unsqueeze, NULL, NULL, NULL},
	{"Shape", 1, 1, 1, true, check_shape, shape_shape, NULL, NULL, run_shape},
	{"Size", 1, 1, 1, true, NULL, shape_size, NULL, NULL, run_size},
	{0}
};

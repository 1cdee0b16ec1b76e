/*
 * ops.c - the table of operators and what their files share.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "infer/ops.h"

static const fx_operator *const families[] = {
	fx_ops_conv, fx_ops_deconv, fx_ops_quantize, fx_ops_unary, fx_ops_binary, fx_ops_shape, fx_ops_constant,
	fx_ops_move, fx_ops_pad, fx_ops_select, fx_ops_cut, fx_ops_pool, fx_ops_norm, fx_ops_matmul, fx_ops_reduce,
	fx_ops_resize
};

const fx_operator *
fx_find_operator(const char *name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const fx_operator *op = families[i]; op->name != NULL; op++)
			if (strcmp(op->name, name) == 0)
				return op;
	return NULL;
}

fx_code
fx_node_fail(fx_error *err, fx_code code, const fx_node *node, const char *format,...)
{
	char		text[160];
	va_list		args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fx_fail(err, code, FX_NO_POSITION, "node %s %s", node->name, text);
}

fx_code
fx_set_output(fx_model *model, fx_node *node, int i, fx_type type, const fx_shape *shape, fx_error *err)
{
	fx_value   *out = fx_out(model, node, i);
	size_t		count = 1;

	if (shape->rank < 0 || shape->rank > FX_MAX_RANK)
		return fx_node_fail(err, FX_LIMIT, node, "makes a tensor of more than %d dimensions", FX_MAX_RANK);
	for (int d = 0; d < shape->rank; d++)
	{
		if (shape->dim[d] < 0)
			return fx_node_fail(err, FX_MISMATCH, node, "makes a tensor with a negative dimension");
		if (shape->dim[d] > FX_MAX_ELEMENTS || !fx_mul_size(count, (size_t) shape->dim[d], &count) ||
			count > FX_MAX_ELEMENTS || count * fx_type_size(type) > model->limits.max_memory)
			return fx_node_fail(err, FX_LIMIT, node, "makes a tensor larger than the memory limit of %zu bytes",
								model->limits.max_memory);
	}
	if (out == NULL)
		return FX_OK;
	out->type = type;
	out->declared = (int) type;
	out->shape = *shape;
	out->count = count;
	return FX_OK;
}

fx_code
fx_same_shape(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape = in->shape;

	node->in_place = 1;
	node->work = in->count;
	return fx_set_output(model, node, 0, in->type, &shape, err);
}

fx_code
fx_need_type(const fx_model *model, const fx_node *node, int i, fx_type type, fx_error *err)
{
	const fx_value *in = fx_in(model, node, i);

	if (in == NULL)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks its operand %d", i);
	if (in->type != type)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has an operand %d of a type that is not built for it", i);
	return FX_OK;
}

fx_code
fx_need_floats(const fx_model *model, const fx_node *node, fx_error *err)
{
	for (int i = 0; i < node->inputs; i++)
	{
		fx_code		code;

		if (node->in[i] >= 0 && (code = fx_need_type(model, node, i, FX_TYPE_FLOAT, err)) != FX_OK)
			return code;
	}
	return FX_OK;
}

static fx_code
known(const fx_model *model, const fx_node *node, int i, fx_type type, int most, int *count, fx_error *err)
{
	const fx_value *in = fx_in(model, node, i);
	fx_code		code = fx_need_type(model, node, i, type, err);

	if (code != FX_OK)
		return code;
	if (!in->known)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has an operand %d that is known only while running", i);
	if (in->shape.rank > 1 || in->count > (size_t) most)
		return fx_node_fail(err, FX_MISMATCH, node, "has an operand %d of a shape that does not fit", i);
	*count = (int) in->count;
	return FX_OK;
}

fx_code
fx_known_ints(const fx_model *model, const fx_node *node, int i, int64_t *numbers, int most, int *count,
			  fx_error *err)
{
	fx_code		code = known(model, node, i, FX_TYPE_INT64, most, count, err);

	if (code == FX_OK && *count > 0)
		memcpy(numbers, fx_in(model, node, i)->data, (size_t) *count * sizeof(int64_t));
	return code;
}

fx_code
fx_known_floats(const fx_model *model, const fx_node *node, int i, float *numbers, int most, int *count,
				fx_error *err)
{
	fx_code		code = known(model, node, i, FX_TYPE_FLOAT, most, count, err);

	if (code == FX_OK && *count > 0)
		memcpy(numbers, fx_in(model, node, i)->data, (size_t) *count * sizeof(float));
	return code;
}

fx_code
fx_axis(const fx_node *node, int64_t axis, int rank, int *out, fx_error *err)
{
	if (axis < -(int64_t) rank || axis >= rank)
		return fx_node_fail(err, FX_MISMATCH, node, "has the axis %lld of a tensor of %d dimensions",
							(long long) axis, rank);
	*out = (int) (axis < 0 ? axis + rank : axis);
	return FX_OK;
}

fx_code
fx_check_axis_zero(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *axis = fx_params(loader, sizeof(int64_t));

	if (axis != NULL)
		*axis = fx_attr_int(loader, "axis", 0);
	return loader->code;
}

bool
fx_broadcast(const fx_shape *a, const fx_shape *b, fx_shape *out)
{
	fx_shape	result;

	result.rank = a->rank > b->rank ? a->rank : b->rank;
	for (int i = 0; i < result.rank; i++)
	{
		int			ia = i - (result.rank - a->rank);
		int			ib = i - (result.rank - b->rank);
		int64_t		da = ia >= 0 ? a->dim[ia] : 1;
		int64_t		db = ib >= 0 ? b->dim[ib] : 1;

		if (da != db && da != 1 && db != 1)
			return false;
		result.dim[i] = da == 1 ? db : da;
	}
	*out = result;
	return true;
}

size_t
fx_span(const fx_shape *shape, int from, int to)
{
	size_t		product = 1;

	for (int i = from; i < to; i++)
		product *= (size_t) shape->dim[i];
	return product;
}

bool
fx_shape_equal(const fx_shape *a, const fx_shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

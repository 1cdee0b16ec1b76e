/*
 * ops_pad.c - Pad: by one number, by the edge, or by reflection.
 */
#include <string.h>

#include "infer/ops.h"

enum
{
	PAD_CONSTANT,
	PAD_REFLECT,
	PAD_EDGE
};

typedef struct pad_params
{
	int			mode;
	int			count;			/* -1: an operand */
	int64_t		pads[2 * FX_MAX_RANK];
	float		value;
} pad_params;

/* Everything is an attribute until opset 10, operands since; the operand axes came with opset 18. */
static fx_code
check_pad(fx_loader *loader, fx_node *node, fx_error *err)
{
	static const char *const modes[] = {"constant", "reflect", "edge", NULL};
	pad_params *params = fx_params(loader, sizeof(pad_params));

	if (params == NULL)
		return loader->code;
	params->mode = fx_attr_choice(loader, "mode", modes, PAD_CONSTANT);
	params->count = -1;
	if (node->inputs > (node->opset >= 18 ? 4 : node->opset >= 11 ? 3 : 1))
		return fx_loader_fail(loader, FX_MALFORMED, "has operands that belong to a later opset");
	if (node->opset >= 11)
		return node->inputs >= 2 ? loader->code : fx_loader_fail(loader, FX_MALFORMED, "lacks its pads");
	params->count = fx_attr_ints(loader, "pads", params->pads, 2 * FX_MAX_RANK);
	params->value = fx_attr_float(loader, "value", 0);
	if (params->count < 0)
		fx_loader_fail(loader, FX_MALFORMED, "lacks its pads");
	return loader->code;
}

/* pads[d] before and pads[rank + d] after dimension d, whichever dimensions the file lists. */
static fx_code
read_pads(const fx_model *model, const fx_node *node, int64_t *pads, fx_error *err)
{
	const pad_params *params = node->params;
	int			rank = fx_in(model, node, 0)->shape.rank;
	int			count = params->count;
	int			listed = rank;
	int64_t		given[2 * FX_MAX_RANK];
	int64_t		axes[FX_MAX_RANK];
	bool		seen[FX_MAX_RANK] = {false};
	bool		by_axis = fx_in(model, node, 3) != NULL;
	fx_code		code = FX_OK;

	memcpy(given, params->pads, sizeof(given));
	if (count < 0)
		code = fx_known_ints(model, node, 1, given, 2 * FX_MAX_RANK, &count, err);
	if (code == FX_OK && by_axis)
		code = fx_known_ints(model, node, 3, axes, FX_MAX_RANK, &listed, err);
	if (code != FX_OK)
		return code;
	if (count != 2 * listed)
		return fx_node_fail(err, FX_MISMATCH, node, "has %d pads for %d dimensions", count, listed);
	memset(pads, 0, 2 * FX_MAX_RANK * sizeof(int64_t));
	for (int i = 0; i < listed; i++)
	{
		int			d;

		code = fx_axis(node, by_axis ? axes[i] : i, rank, &d, err);
		if (code != FX_OK)
			return code;
		if (seen[d])
			return fx_node_fail(err, FX_MALFORMED, node, "lists an axis twice");
		seen[d] = true;
		pads[d] = given[i];
		pads[rank + d] = given[listed + i];
	}
	for (int i = 0; i < 2 * rank; i++)
	{
		int64_t		size = fx_in(model, node, 0)->shape.dim[i % rank];

		if (pads[i] < 0 || pads[i] > FX_MAX_ELEMENTS)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "has the pad %lld", (long long) pads[i]);
		if (pads[i] > 0 && params->mode != PAD_CONSTANT &&
			(size == 0 || (params->mode == PAD_REFLECT && pads[i] >= size)))
			return fx_node_fail(err, FX_MISMATCH, node, "pads a dimension of size %lld by %lld of its own elements",
								(long long) size, (long long) pads[i]);
	}
	return FX_OK;
}

static fx_code
shape_pad(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *value = fx_in(model, node, 2);
	const pad_params *params = node->params;
	int64_t		pads[2 * FX_MAX_RANK];
	fx_shape	shape = in->shape;
	fx_code		code = read_pads(model, node, pads, err);

	if (code != FX_OK)
		return code;
	if (value != NULL && (value->count != 1 || value->type != in->type))
		return fx_node_fail(err, FX_MISMATCH, node, "has a value that is not one number of its input's type");
	/* NaN included; 2^63 is a float */
	if (value == NULL && in->type != FX_TYPE_FLOAT && !(params->value >= -0x1p63f && params->value < 0x1p63f))
		return fx_node_fail(err, FX_MISMATCH, node, "pads integers with %g", (double) params->value);
	for (int i = 0; i < shape.rank; i++)
		shape.dim[i] += pads[i] + pads[i + shape.rank];
	code = fx_set_output(model, node, 0, in->type, &shape, err);
	if (code == FX_OK)
		node->work = fx_out(model, node, 0)->count;
	return code;
}

static void
fill(const pad_params *params, const fx_value *value, fx_value *out)
{
	size_t		size = fx_type_size(out->type);
	int64_t		whole = out->type == FX_TYPE_FLOAT ? 0 : (int64_t) params->value;
	const void *number = value != NULL ? value->data : out->type == FX_TYPE_FLOAT ? (const void *) &params->value
		: (const void *) &whole;

	for (size_t i = 0; i < out->count; i++)
		memcpy((char *) out->data + i * size, number, size);
}

/* Which element of a dimension stands at position `at`, counted from the first one. */
static int64_t
source(int mode, int64_t at, int64_t size)
{
	if (mode == PAD_EDGE)
		return at < 0 ? 0 : at >= size ? size - 1 : at;
	return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
}

/* Every element of the output is one of the input. */
static void
repeat(int mode, const int64_t *pads, const fx_value *in, fx_value *out)
{
	size_t		size = fx_type_size(in->type);
	int			rank = out->shape.rank;
	ptrdiff_t	strides[FX_MAX_RANK];
	int64_t		at[FX_MAX_RANK] = {0};

	fx_strides(&in->shape, strides);
	for (size_t i = 0; i < out->count; i++)
	{
		ptrdiff_t	from = 0;

		for (int d = 0; d < rank; d++)
			from += strides[d] * (ptrdiff_t) source(mode, at[d] - pads[d], in->shape.dim[d]);
		memcpy((char *) out->data + i * size, (const char *) in->data + from * (ptrdiff_t) size, size);
		for (int d = rank - 1; d >= 0 && ++at[d] == out->shape.dim[d]; d--)
			at[d] = 0;
	}
}

static fx_code
run_pad(fx_model *model, fx_node *node, fx_error *err)
{
	const pad_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	fx_value   *out = fx_out(model, node, 0);
	size_t		size = fx_type_size(in->type);
	int64_t		pads[2 * FX_MAX_RANK] = {0};
	ptrdiff_t	from[FX_MAX_RANK];
	ptrdiff_t	to[FX_MAX_RANK];
	ptrdiff_t	base = 0;
	fx_walk		walk = {0};
	fx_code		code = read_pads(model, node, pads, err);

	if (code != FX_OK)
		return code;
	if (params->mode != PAD_CONSTANT)
	{
		repeat(params->mode, pads, in, out);
		return FX_OK;
	}
	fill(params, fx_in(model, node, 2), out);
	if (in->count == 0)
		return FX_OK;
	fx_strides(&in->shape, from);
	fx_strides(&out->shape, to);
	for (int i = 0; i < in->shape.rank; i++)
	{
		base += (ptrdiff_t) pads[i] * to[i];
		fx_walk_push(&walk, (size_t) in->shape.dim[i], from[i], to[i]);
	}
	fx_walk_copy(&walk, in->data, (char *) out->data + base * (ptrdiff_t) size, size);
	return FX_OK;
}

const fx_operator fx_ops_pad[] = {
	{"Pad", 1, 4, 1, false, check_pad, shape_pad, NULL, NULL, run_pad},
	{0}
};

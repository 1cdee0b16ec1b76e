/*
 * ops_unary.c - one number in, one number out: activations and functions.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "infer/ops.h"

typedef struct unary_params
{
	float		alpha;
	float		beta;
} unary_params;

static fx_code
shape_float(fx_model *model, fx_node *node, fx_error *err)
{
	fx_code		code = fx_need_floats(model, node, err);

	return code != FX_OK ? code : fx_same_shape(model, node, err);
}

static fx_code
check_two(fx_loader *loader, const char *first, float a, const char *second, float b)
{
	unary_params *params = fx_params(loader, sizeof(unary_params));

	if (params == NULL)
		return loader->code;
	params->alpha = fx_attr_float(loader, first, a);
	if (second != NULL)
		params->beta = fx_attr_float(loader, second, b);
	return loader->code;
}

static fx_code
check_leaky(fx_loader *loader, fx_node *node, fx_error *err)
{
	return check_two(loader, "alpha", 0.01f, NULL, 0);
}

static fx_code
check_elu(fx_loader *loader, fx_node *node, fx_error *err)
{
	return check_two(loader, "alpha", 1.0f, NULL, 0);
}

static fx_code
check_hard_sigmoid(fx_loader *loader, fx_node *node, fx_error *err)
{
	return check_two(loader, "alpha", 0.2f, "beta", 0.5f);
}

/* min and max are attributes until opset 10, operands since. */
static fx_code
check_clip(fx_loader *loader, fx_node *node, fx_error *err)
{
	if (node->opset >= 11)
		return fx_params(loader, sizeof(unary_params)) == NULL ? loader->code : FX_OK;
	if (node->inputs != 1)
		return fx_loader_fail(loader, FX_MALFORMED, "has bounds as operands before opset 11");
	return check_two(loader, "min", -FLT_MAX, "max", FLT_MAX);
}

bool
fx_leaky_slope(const fx_node *node, float *slope)
{
	if (strcmp(node->op->name, "LeakyRelu") != 0)
		return false;
	*slope = ((const unary_params *) node->params)->alpha;
	return true;
}

static fx_code
clip_bounds(const fx_model *model, const fx_node *node, float *low, float *high, fx_error *err)
{
	const unary_params *params = node->params;

	*low = node->opset >= 11 ? -FLT_MAX : params->alpha;
	*high = node->opset >= 11 ? FLT_MAX : params->beta;
	for (int i = 1; i <= 2; i++)
	{
		const fx_value *bound = fx_in(model, node, i);

		if (bound == NULL)
			continue;
		if (bound->count != 1)
			return fx_node_fail(err, FX_MISMATCH, node, "has a bound that is not one number");
		*(i == 1 ? low : high) = *(const float *) bound->data;
	}
	return FX_OK;
}

bool
fx_clip_bounds(const fx_model *model, const fx_node *node, float *low, float *high)
{
	if (strcmp(node->op->name, "Clip") != 0)
		return false;
	for (int i = 1; i < node->inputs; i++)
		if (node->in[i] >= 0 && !model->values[node->in[i]].known)
			return false;
	return clip_bounds(model, node, low, high, NULL) == FX_OK && *low <= *high;
}

static FX_VECTOR_LOOPS fx_code
run_clip(fx_model *model, fx_node *node, fx_error *err)
{
	const float *x = fx_in(model, node, 0)->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		n = fx_in(model, node, 0)->count;
	float		low;
	float		high;
	fx_code		code = clip_bounds(model, node, &low, &high, err);

	if (code != FX_OK)
		return code;
	for (size_t i = 0; i < n; i++)
	{
		float		v = x[i] < low ? low : x[i];

		y[i] = v > high ? high : v;
	}
	return FX_OK;
}

#define UNARY(name, expression) \
static FX_VECTOR_LOOPS fx_code \
run_##name(fx_model *model, fx_node *node, fx_error *err) \
{ \
	const float *from = fx_in(model, node, 0)->data; \
	float	   *to = fx_out(model, node, 0)->data; \
	size_t		n = fx_in(model, node, 0)->count; \
	const unary_params *p = node->params; \
	(void) p; \
	for (size_t i = 0; i < n; i++) \
	{ \
		float		x = from[i]; \
		to[i] = (expression); \
	} \
	return FX_OK; \
}

UNARY(relu, x < 0 ? 0 : x)
UNARY(leaky, x < 0 ? p->alpha * x : x)
UNARY(elu, x < 0 ? p->alpha * expm1f(x) : x)
UNARY(hard_sigmoid, fmaxf(0, fminf(1, p->alpha * x + p->beta)))
UNARY(hard_swish, x * fmaxf(0, fminf(1, x / 6 + 0.5f)))
UNARY(sigmoid, x >= 0 ? 1 / (1 + expf(-x)) : expf(x) / (1 + expf(x)))
UNARY(tanh, tanhf(x))
UNARY(exp, expf(x))
UNARY(log, logf(x))
UNARY(sqrt, sqrtf(x))
UNARY(reciprocal, 1 / x)
UNARY(neg, -x)
UNARY(abs, fabsf(x))
UNARY(ceil, ceilf(x))
UNARY(floor, floorf(x))
UNARY(softplus, x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x)))

#define PLAIN(name, run) {name, 1, 1, 1, false, NULL, shape_float, NULL, NULL, run}

const fx_operator fx_ops_unary[] = {
	PLAIN("Relu", run_relu),
	{"LeakyRelu", 1, 1, 1, false, check_leaky, shape_float, NULL, NULL, run_leaky},
	{"Elu", 1, 1, 1, false, check_elu, shape_float, NULL, NULL, run_elu},
	{"HardSigmoid", 1, 1, 1, false, check_hard_sigmoid, shape_float, NULL, NULL, run_hard_sigmoid},
	PLAIN("HardSwish", run_hard_swish),
	{"Clip", 1, 3, 1, false, check_clip, shape_float, NULL, NULL, run_clip},
	PLAIN("Sigmoid", run_sigmoid),
	PLAIN("Tanh", run_tanh),
	PLAIN("Softplus", run_softplus),
	PLAIN("Exp", run_exp),
	PLAIN("Log", run_log),
	PLAIN("Sqrt", run_sqrt),
	PLAIN("Reciprocal", run_reciprocal),
	PLAIN("Neg", run_neg),
	PLAIN("Abs", run_abs),
	PLAIN("Ceil", run_ceil),
	PLAIN("Floor", run_floor),
	{0}
};

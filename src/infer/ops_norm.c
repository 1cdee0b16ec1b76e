/*
 * ops_norm.c - normalisation by stored or by measured statistics, and softmax.
 */
#include <math.h>

#include "infer/ops.h"

typedef struct norm_params
{
	float		epsilon;
	int64_t		axis;
	int64_t		p;
} norm_params;

/* ---- BatchNormalization, InstanceNormalization */

static fx_code
check_epsilon(fx_loader *loader, fx_node *node, fx_error *err)
{
	norm_params *params = fx_params(loader, sizeof(norm_params));

	if (params != NULL)
		params->epsilon = fx_attr_float(loader, "epsilon", 1e-5f);
	return loader->code;
}

static fx_code
check_batchnorm(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_attr_ignore(loader, "momentum");
	if (fx_attr_int(loader, "spatial", 1) != 1 || fx_attr_int(loader, "training_mode", 0) != 0)
		return fx_loader_fail(loader, FX_UNSUPPORTED, "normalises in a mode that is not built");
	return check_epsilon(loader, node, err);
}

float
fx_batchnorm_epsilon(const fx_node *node)
{
	return ((const norm_params *) node->params)->epsilon;
}

/* Every operand after the first has one number per channel. */
static fx_code
shape_channels(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *x = fx_in(model, node, 0);
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (x->shape.rank < 2)
		return fx_node_fail(err, FX_MISMATCH, node, "has an input without channels");
	for (int i = 1; i < node->inputs; i++)
		if (fx_in(model, node, i)->shape.rank != 1 || fx_in(model, node, i)->shape.dim[0] != x->shape.dim[1])
			return fx_node_fail(err, FX_MISMATCH, node, "has an operand %d that does not fit %lld channels", i,
								(long long) x->shape.dim[1]);
	return fx_same_shape(model, node, err);
}

static FX_VECTOR_LOOPS void
affine(const float *x, float *y, size_t n, float scale, float shift)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * scale + shift;
}

static fx_code
run_batchnorm(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	const float *gamma = fx_in(model, node, 1)->data;
	const float *beta = fx_in(model, node, 2)->data;
	const float *mean = fx_in(model, node, 3)->data;
	const float *variance = fx_in(model, node, 4)->data;
	float		epsilon = fx_batchnorm_epsilon(node);
	size_t		channels = (size_t) in->shape.dim[1];
	size_t		area = fx_span(&in->shape, 2, in->shape.rank);

	for (size_t done = 0, c = 0; done < in->count; done += area, c = c + 1 == channels ? 0 : c + 1)
	{
		float		scale = gamma[c] / sqrtf(variance[c] + epsilon);

		affine(x + done, y + done, area, scale, beta[c] - mean[c] * scale);
	}
	return FX_OK;
}

static fx_code
run_instancenorm(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	const float *gamma = fx_in(model, node, 1)->data;
	const float *beta = fx_in(model, node, 2)->data;
	float		epsilon = fx_batchnorm_epsilon(node);
	size_t		channels = (size_t) in->shape.dim[1];
	size_t		area = fx_span(&in->shape, 2, in->shape.rank);

	for (size_t done = 0, c = 0; done < in->count; done += area, c = c + 1 == channels ? 0 : c + 1)
	{
		double		sum = 0;
		double		squares = 0;
		double		mean;
		float		scale;

		for (size_t i = 0; i < area; i++)
			sum += x[done + i];
		mean = sum / (double) area;
		for (size_t i = 0; i < area; i++)
			squares += (x[done + i] - mean) * (x[done + i] - mean);
		scale = gamma[c] / sqrtf((float) (squares / (double) area) + epsilon);
		affine(x + done, y + done, area, scale, beta[c] - (float) mean * scale);
	}
	return FX_OK;
}

/* ---- Softmax, LpNormalization: along an axis */

static fx_code
check_softmax(fx_loader *loader, fx_node *node, fx_error *err)
{
	norm_params *params = fx_params(loader, sizeof(norm_params));

	if (params != NULL)
		params->axis = fx_attr_int(loader, "axis", node->opset >= 13 ? -1 : 1);
	return loader->code;
}

static fx_code
check_lp(fx_loader *loader, fx_node *node, fx_error *err)
{
	norm_params *params = fx_params(loader, sizeof(norm_params));

	if (params == NULL)
		return loader->code;
	params->axis = fx_attr_int(loader, "axis", -1);
	params->p = fx_attr_int(loader, "p", 2);
	if (params->p != 1 && params->p != 2)
		fx_loader_fail(loader, FX_UNSUPPORTED, "has a norm that is not built");
	return loader->code;
}

static fx_code
shape_along(fx_model *model, fx_node *node, fx_error *err)
{
	int			axis;
	fx_code		code = fx_need_floats(model, node, err);

	if (code == FX_OK)
		code = fx_axis(node, ((const norm_params *) node->params)->axis, fx_in(model, node, 0)->shape.rank,
					   &axis, err);
	return code == FX_OK ? fx_same_shape(model, node, err) : code;
}

static void
softmax(const float *x, float *y, size_t n, size_t stride)
{
	float		most = x[0];
	double		sum = 0;
	float		inverse;

	for (size_t i = 1; i < n; i++)
		most = x[i * stride] > most ? x[i * stride] : most;
	for (size_t i = 0; i < n; i++)
	{
		float		e = expf(x[i * stride] - most);

		y[i * stride] = e;
		sum += e;
	}
	inverse = (float) (1 / sum);
	for (size_t i = 0; i < n; i++)
		y[i * stride] *= inverse;
}

static void
lp_normalize(const float *x, float *y, size_t n, size_t stride, int64_t p)
{
	double		sum = 0;
	float		inverse;

	for (size_t i = 0; i < n; i++)
		sum += p == 1 ? fabs((double) x[i * stride]) : (double) x[i * stride] * x[i * stride];
	inverse = sum > 0 ? (float) (1 / (p == 1 ? sum : sqrt(sum))) : 0;
	for (size_t i = 0; i < n; i++)
		y[i * stride] = x[i * stride] * inverse;
}

/* Until opset 12 softmax runs over everything from the axis on. */
static fx_code
run_along(fx_model *model, fx_node *node, bool soft, fx_error *err)
{
	const norm_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		outer;
	size_t		n;
	size_t		inner;
	int			axis;
	fx_code		code = fx_axis(node, params->axis, in->shape.rank, &axis, err);

	if (code != FX_OK || in->count == 0)
		return code;
	outer = fx_span(&in->shape, 0, axis);
	inner = soft && node->opset < 13 ? 1 : fx_span(&in->shape, axis + 1, in->shape.rank);
	n = in->count / outer / inner;
	for (size_t o = 0; o < outer; o++)
	{
		if (o % 1024 == 0 && fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
		for (size_t i = 0; i < inner; i++)
		{
			size_t		at = o * n * inner + i;

			if (soft)
				softmax(x + at, y + at, n, inner);
			else
				lp_normalize(x + at, y + at, n, inner, params->p);
		}
	}
	return FX_OK;
}

static fx_code
run_softmax(fx_model *model, fx_node *node, fx_error *err)
{
	return run_along(model, node, true, err);
}

static fx_code
run_lp(fx_model *model, fx_node *node, fx_error *err)
{
	return run_along(model, node, false, err);
}

const fx_operator fx_ops_norm[] = {
	{"BatchNormalization", 5, 5, 1, false, check_batchnorm, shape_channels, NULL, NULL, run_batchnorm},
	{"InstanceNormalization", 3, 3, 1, false, check_epsilon, shape_channels, NULL, NULL, run_instancenorm},
	{"Softmax", 1, 1, 1, false, check_softmax, shape_along, NULL, NULL, run_softmax},
	{"LpNormalization", 1, 1, 1, false, check_lp, shape_along, NULL, NULL, run_lp},
	{0}
};

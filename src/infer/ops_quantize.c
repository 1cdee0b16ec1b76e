/*
 * ops_quantize.c - numbers of 8 bits with a scale and a zero point.
 *
 * They are held as floats, which are exact for them.  A quantised convolution
 * is the convolution of the differences from the zero points, which are whole
 * numbers too: its sums are exact up to 2^24, and beyond within what floats
 * have anywhere.
 */
#include <math.h>
#include <string.h>

#include "infer/conv.h"
#include "infer/ops.h"

/* The ends of the type that a zero point declares (uint8 without one). */
static fx_code
read_range(const fx_model *model, const fx_node *node, int i, float *low, float *high, fx_error *err)
{
	const fx_value *zero = fx_in(model, node, i);

	if (zero == NULL || zero->declared == FX_ELEMENT_UINT8)
	{
		*low = 0;
		*high = 255;
		return FX_OK;
	}
	if (zero->declared != FX_ELEMENT_INT8)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has a zero point that is neither int8 nor uint8");
	*low = -128;
	*high = 127;
	return FX_OK;
}

/* Operands i and i + 1, scale and zero point: one number each, or `channels` (where that is not 0). */
static fx_code
check_scale(const fx_model *model, const fx_node *node, int i, int64_t channels, fx_error *err)
{
	const fx_value *scale = fx_in(model, node, i);
	const fx_value *zero = fx_in(model, node, i + 1);
	fx_code		code = fx_need_type(model, node, i, FX_TYPE_FLOAT, err);

	if (code != FX_OK)
		return code;
	if (scale->count != 1 && (channels == 0 || scale->shape.rank != 1 || scale->shape.dim[0] != channels))
		return fx_node_fail(err, FX_MISMATCH, node, "has a scale (operand %d) that does not fit", i);
	if (zero != NULL && zero->count != 1 && zero->count != scale->count)
		return fx_node_fail(err, FX_MISMATCH, node, "has a zero point (operand %d) that does not fit its scale", i + 1);
	return FX_OK;
}

/* Zero point c of operand i, of whichever type. */
static float
zero_at(const fx_model *model, const fx_node *node, int i, size_t c)
{
	const fx_value *zero = fx_in(model, node, i);

	if (zero == NULL)
		return 0;
	c = zero->count == 1 ? 0 : c;
	return zero->type == FX_TYPE_FLOAT ? ((const float *) zero->data)[c] : (float) ((const int64_t *) zero->data)[c];
}

static float
scale_at(const fx_model *model, const fx_node *node, int i, size_t c)
{
	const fx_value *scale = fx_in(model, node, i);

	return ((const float *) scale->data)[scale->count == 1 ? 0 : c];
}

/* round to nearest even; what is not a number becomes the low end */
static FX_VECTOR_LOOPS void
quantize(const float *x, float *y, size_t n, float factor, float divisor, float zero, float low, float high)
{
	for (size_t i = 0; i < n; i++)
	{
		float		v = rintf(x[i] * factor / divisor) + zero;

		v = v > low ? v : low;
		y[i] = v < high ? v : high;
	}
}

/* ---- QuantizeLinear, DequantizeLinear */

static fx_code
check_axis(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *axis = fx_params(loader, sizeof(int64_t));

	if (axis != NULL)
		*axis = node->opset >= 13 ? fx_attr_int(loader, "axis", 1) : 1;
	return loader->code;
}

/* Numbers of one scale in a row, and how many scales there are. */
static fx_code
place(const fx_model *model, const fx_node *node, size_t *run, size_t *scales, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	int			axis;
	fx_code		code;

	*run = in->count;
	*scales = 1;
	if (fx_in(model, node, 1)->count == 1)
		return check_scale(model, node, 1, 0, err);
	code = fx_axis(node, *(const int64_t *) node->params, in->shape.rank, &axis, err);
	if (code == FX_OK)
		code = check_scale(model, node, 1, in->shape.dim[axis], err);
	if (code != FX_OK)
		return code;
	*run = fx_span(&in->shape, axis + 1, in->shape.rank);
	*scales = (size_t) in->shape.dim[axis];
	return FX_OK;
}

static fx_code
shape_quantize(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape = in->shape;
	size_t		run = 0;
	size_t		scales = 0;
	float		low = 0;
	float		high = 0;
	fx_code		code = fx_need_type(model, node, 0, FX_TYPE_FLOAT, err);

	if (code == FX_OK)
		code = read_range(model, node, 2, &low, &high, err);
	if (code == FX_OK)
		code = place(model, node, &run, &scales, err);
	if (code != FX_OK)
		return code;
	node->in_place = 1;
	node->work = in->count;
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	fx_out(model, node, 0)->declared = low < 0 ? FX_ELEMENT_INT8 : FX_ELEMENT_UINT8;
	return code;
}

static fx_code
run_quantize(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		run = 0;
	size_t		scales = 0;
	float		low = 0;
	float		high = 0;
	fx_code		code = read_range(model, node, 2, &low, &high, err);

	if (code == FX_OK)
		code = place(model, node, &run, &scales, err);
	if (code != FX_OK)
		return code;
	for (size_t done = 0, c = 0; done < in->count; done += run, c = c + 1 == scales ? 0 : c + 1)
		quantize(x + done, y + done, run, 1, scale_at(model, node, 1, c), zero_at(model, node, 2, c), low, high);
	return FX_OK;
}

static fx_code
shape_dequantize(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape = in->shape;
	size_t		run = 0;
	size_t		scales = 0;
	fx_code		code = place(model, node, &run, &scales, err);

	if (code != FX_OK)
		return code;
	if (in->declared != FX_ELEMENT_INT8 && in->declared != FX_ELEMENT_UINT8 && in->type == FX_TYPE_FLOAT &&
		in->producer < 0)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "reads numbers that are not quantised");
	node->in_place = in->type == FX_TYPE_FLOAT;
	node->work = in->count;
	return fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
}

static FX_VECTOR_LOOPS void
scale_floats(const float *x, float *y, size_t n, float zero, float scale)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (x[i] - zero) * scale;
}

static fx_code
run_dequantize(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	float	   *y = fx_out(model, node, 0)->data;
	size_t		run = 0;
	size_t		scales = 0;
	fx_code		code = place(model, node, &run, &scales, err);

	if (code != FX_OK)
		return code;
	for (size_t done = 0, c = 0; done < in->count; done += run, c = c + 1 == scales ? 0 : c + 1)
	{
		float		zero = zero_at(model, node, 2, c);
		float		scale = scale_at(model, node, 1, c);

		if (in->type == FX_TYPE_FLOAT)
			scale_floats((const float *) in->data + done, y + done, run, zero, scale);
		else
			for (size_t i = done; i < done + run; i++)
				y[i] = ((float) ((const int64_t *) in->data)[i] - zero) * scale;
	}
	return FX_OK;
}

/* ---- QLinearConv */

enum							/* operands */
{
	X, X_SCALE, X_ZERO, W, W_SCALE, W_ZERO, Y_SCALE, Y_ZERO, BIAS
};

typedef struct qconv_state
{
	fx_conv    *conv;
	float	   *bias;			/* NULL: none */
	float	   *factor;			/* of each output channel: x_scale * w_scale */
	float		divisor;		/* y_scale */
	float		x_zero;
	float		y_zero;
	float		low;
	float		high;
	size_t		workspace;		/* floats of the convolution; the shifted input follows */
} qconv_state;

static fx_code
shape_qconv(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *w = fx_in(model, node, W);
	const fx_value *bias = fx_in(model, node, BIAS);
	int64_t		channels = w->shape.rank > 0 ? w->shape.dim[0] : 0;
	float		low;
	float		high;
	fx_code		code = check_scale(model, node, X_SCALE, 0, err);

	if (code == FX_OK)
		code = check_scale(model, node, W_SCALE, channels, err);
	if (code == FX_OK)
		code = check_scale(model, node, Y_SCALE, 0, err);
	if (code == FX_OK)
		code = fx_need_type(model, node, X, FX_TYPE_FLOAT, err);
	if (code == FX_OK)
		code = fx_need_type(model, node, W, FX_TYPE_FLOAT, err);
	if (code == FX_OK)
		code = read_range(model, node, Y_ZERO, &low, &high, err);
	if (code != FX_OK)
		return code;
	for (int i = X_SCALE; i < node->inputs; i++)
		if (!fx_in(model, node, i)->known)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "has an operand %d that is known only while running", i);
	if (bias != NULL && bias->type != FX_TYPE_INT64)
		return fx_node_fail(err, FX_MISMATCH, node, "has a bias that is not int32");
	code = fx_conv_shape(model, node, X, W, BIAS, err);
	fx_out(model, node, 0)->declared = low < 0 ? FX_ELEMENT_INT8 : FX_ELEMENT_UINT8;
	return code;
}

/* Weights less their zero points; bias and factors as floats. */
static fx_code
prepare_numbers(fx_model *model, const fx_node *node, qconv_state *state, float **weights, fx_error *err)
{
	const fx_value *w = fx_in(model, node, W);
	const fx_value *bias = fx_in(model, node, BIAS);
	size_t		channels = (size_t) w->shape.dim[0];
	size_t		each = w->count / channels;

	*weights = fx_heap_alloc_array(&model->plan_heap, w->count, sizeof(float));
	state->factor = fx_heap_alloc_array(&model->plan_heap, channels, sizeof(float));
	if (bias != NULL)
		state->bias = fx_heap_alloc_array(&model->plan_heap, channels, sizeof(float));
	if (*weights == NULL || state->factor == NULL || (bias != NULL && state->bias == NULL))
		return fx_heap_fail(&model->plan_heap, err);
	for (size_t c = 0; c < channels; c++)
	{
		scale_floats((const float *) w->data + c * each, *weights + c * each, each,
					 zero_at(model, node, W_ZERO, c), 1);
		state->factor[c] = scale_at(model, node, X_SCALE, 0) * scale_at(model, node, W_SCALE, c);
		if (bias != NULL)
			state->bias[c] = (float) ((const int64_t *) bias->data)[c];
	}
	return FX_OK;
}

static fx_code
prepare_qconv(fx_model *model, fx_node *node, fx_error *err)
{
	qconv_state *state = fx_heap_alloc_zero(&model->plan_heap, sizeof(qconv_state));
	fx_conv_spec spec;
	float	   *weights;
	fx_code		code;

	node->state = state;
	if (state == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	if (fx_out(model, node, 0)->count == 0)
		return FX_OK;
	state->divisor = scale_at(model, node, Y_SCALE, 0);
	state->x_zero = zero_at(model, node, X_ZERO, 0);
	state->y_zero = zero_at(model, node, Y_ZERO, 0);
	code = read_range(model, node, Y_ZERO, &state->low, &state->high, err);
	if (code == FX_OK)
		code = prepare_numbers(model, node, state, &weights, err);
	if (code == FX_OK)
		code = fx_conv_spec_of(model, node, X, W, &spec, err);
	if (code != FX_OK)
		return code;
	code = fx_conv_prepare(&model->plan_heap.env, &spec, weights, state->bias, NULL, &state->conv, err);
	if (code == FX_NO_MEMORY)
		return fx_heap_fail(&model->plan_heap, err);
	if (code != FX_OK)
		return code;
	state->workspace = (fx_conv_workspace(state->conv) + 15) / 16 * 16;
	node->scratch = state->workspace + fx_span(&fx_in(model, node, X)->shape, 1, fx_in(model, node, X)->shape.rank);
	return FX_OK;
}

static void
unprepare_qconv(fx_model *model, fx_node *node)
{
	qconv_state *state = node->state;

	if (state != NULL && state->conv != NULL)
		fx_conv_free(&model->plan_heap.env, state->conv);
}

static fx_code
run_qconv(fx_model *model, fx_node *node, fx_error *err)
{
	const qconv_state *state = node->state;
	const fx_value *in = fx_in(model, node, X);
	const fx_value *out = fx_out(model, node, 0);
	const float *x = in->data;
	float	   *y = out->data;
	float	   *shifted = node->scratch_data + state->workspace;
	size_t		in_step = fx_span(&in->shape, 1, in->shape.rank);
	size_t		plane = fx_span(&out->shape, 2, out->shape.rank);

	if (out->count == 0)
		return FX_OK;
	for (int64_t n = 0; n < out->shape.dim[0]; n++, x += in_step)
	{
		/* the padding is of zero points: after the shift, of zeros */
		scale_floats(x, shifted, in_step, state->x_zero, 1);
		fx_conv_run(state->conv, shifted, NULL, y, node->scratch_data);
		for (int64_t c = 0; c < out->shape.dim[1]; c++, y += plane)
			quantize(y, y, plane, state->factor[c], state->divisor, state->y_zero, state->low, state->high);
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
	}
	return FX_OK;
}

const fx_operator fx_ops_quantize[] = {
	{"QuantizeLinear", 2, 3, 1, false, check_axis, shape_quantize, NULL, NULL, run_quantize},
	{"DequantizeLinear", 2, 3, 1, false, check_axis, shape_dequantize, NULL, NULL, run_dequantize},
	{"QLinearConv", 8, 9, 1, false, fx_conv_attributes, shape_qconv, prepare_qconv, unprepare_qconv, run_qconv},
	{0}
};

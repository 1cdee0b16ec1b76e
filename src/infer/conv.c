/*
 * conv.c - checks of a convolution, the choice of its path, and the run.
 *
 * Paths, in the order in which best_path() tries them:
 *
 *	dot			the kernel covers the whole input: one dot product per channel
 *	plane		depthwise 3x3, stride 1 or 2: four output rows at a time, each input
 *				row loaded once for all of them, edges by masked loads
 *	product		everything else of stride 1 or 2: an own matrix product on the
 *				input itself (1x1) or on a padded copy of it in which the columns
 *				need not be gathered; see conv_product.c
 *	depthwise	other depthwise kernels, plain C
 *	sgemm		other convolutions: columns gathered by tile, cblas_sgemm
 *
 * sgemm and depthwise take any shape; they are the base against which the
 * others are tested and measured (bench/conv.c).  The own product wins over
 * sgemm on the shapes of the face models because few channels leave BLAS
 * little to amortise its packing with, and because bias, addend and activation
 * are applied while a tile is still in registers.
 *
 * plane, dot and product, and the store after the other two, have one body
 * (conv_body.h) for every instruction set: conv_avx512.c, conv_avx2.c,
 * conv_neon.c, conv_scalar.c.  An output is within 2e-6 times the sum of the
 * absolute values of its terms of the exact result (test/unit/conv_test.c);
 * tiers differ from each other by less than twice that, not bit by bit.
 */
#include "infer/conv_kernel.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* The output length of one axis by the ONNX formula; all terms fit in 64 bits. */
static int64_t
axis_length(int in, int before, int after, int kernel, int stride, int dilation)
{
	int64_t		span = (int64_t) in + before + after - ((int64_t) dilation * (kernel - 1) + 1);

	return span < 0 ? 0 : span / stride + 1;
}

static fx_code
check_spec(const fx_conv_spec *s, const float *slope, fx_error *err)
{
	if (s->in_channels <= 0 || s->out_channels <= 0 || s->groups <= 0 ||
		s->in_channels % s->groups != 0 || s->out_channels % s->groups != 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "A convolution of %d to %d channels cannot have %d groups",
					   s->in_channels, s->out_channels, s->groups);
	if (s->kernel_h <= 0 || s->kernel_w <= 0 || s->stride_h <= 0 || s->stride_w <= 0 ||
		s->dilation_h <= 0 || s->dilation_w <= 0 || s->in_h <= 0 || s->in_w <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "A convolution's kernel, stride, dilation and input size must be positive");
	if (s->pad_top < 0 || s->pad_left < 0 || s->pad_bottom < 0 || s->pad_right < 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "A convolution's padding must not be negative");
	if (s->out_h <= 0 || s->out_w <= 0 ||
		s->out_h != axis_length(s->in_h, s->pad_top, s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h) ||
		s->out_w != axis_length(s->in_w, s->pad_left, s->pad_right, s->kernel_w, s->stride_w, s->dilation_w))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "A convolution of a %dx%d input does not have a %dx%d output",
					   s->in_h, s->in_w, s->out_h, s->out_w);
	switch (s->activation)
	{
		case FX_ACT_NONE:
		case FX_ACT_RELU:
			break;
		case FX_ACT_PRELU:
			if (slope == NULL)
				return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "A PRelu has no slopes");
			break;
		case FX_ACT_LEAKY:
			if (isnan(s->low))
				return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "A LeakyRelu's slope is not a number");
			break;
		case FX_ACT_CLIP:
			if (isnan(s->low) || isnan(s->high))
				return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "A Clip's bound is not a number");
			break;
		default:
			return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "There is no activation %d", (int) s->activation);
	}
	return FX_OK;
}

/* Refuses what could overflow an int of BLAS or a size in bytes, in any path. */
static fx_code
check_sizes(fx_conv *conv, fx_error *err)
{
	const fx_conv_spec *s = &conv->spec;
	size_t		depth;
	size_t		bytes;
	size_t		limit = PTRDIFF_MAX / 64;

	if (fx_mul_size(s->kernel_h, s->kernel_w, &depth) &&
		fx_mul_size(depth, conv->group_in, &depth) && depth <= INT_MAX / 64 &&
		fx_mul_size(s->out_h, s->out_w, &conv->positions) && conv->positions <= INT_MAX / 64 &&
		fx_mul_size(s->in_h, s->in_w, &conv->in_plane) && conv->in_plane <= INT_MAX / 64 &&
		fx_mul_size(conv->in_plane, s->in_channels, &bytes) && bytes <= limit &&
		fx_mul_size(conv->positions, s->out_channels, &bytes) && bytes <= limit &&
		fx_mul_size(depth, s->out_channels, &bytes) && bytes <= limit && s->out_channels <= INT_MAX / 64)
	{
		conv->depth = depth;
		return FX_OK;
	}
	return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
				   "A convolution of %d channels of %dx%d by a kernel of %dx%d to %d channels is too large",
				   s->in_channels, s->in_h, s->in_w, s->kernel_h, s->kernel_w, s->out_channels);
}

/* Reduces every activation to a clamp or to a slope per channel; fills in a missing bias. */
static fx_code
prepare_finish(const fx_env *env, fx_conv *conv, const float *bias, const float *slope, fx_error *err)
{
	const fx_conv_spec *s = &conv->spec;
	size_t		channels = s->out_channels;
	bool		leaky = s->activation == FX_ACT_LEAKY;
	size_t		need = (bias == NULL ? channels : 0) + (leaky ? channels : 0);

	conv->low = -INFINITY;
	conv->high = INFINITY;
	if (s->activation == FX_ACT_RELU)
		conv->low = 0.0f;
	else if (s->activation == FX_ACT_CLIP)
	{
		conv->low = s->low;
		conv->high = s->high;
	}
	conv->bias = bias;
	conv->slope = s->activation == FX_ACT_PRELU ? slope : NULL;
	if (need > 0)
	{
		conv->own = env->alloc(env->context, need * sizeof(float));
		if (conv->own == NULL)
			return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "No memory for a convolution");
		conv->memory += need * sizeof(float);
		if (bias == NULL)
		{
			memset(conv->own, 0, channels * sizeof(float));
			conv->bias = conv->own;
		}
		if (leaky)
		{
			float	   *slopes = conv->own + (need - channels);

			for (size_t i = 0; i < channels; i++)
				slopes[i] = s->low;
			conv->slope = slopes;
		}
	}
	return FX_OK;
}

const struct fx_conv_kernels *
fx_conv_kernels_of(fx_tier tier)
{
	if (tier == FX_TIER_AUTO)
	{
		int			best = FX_TIER_AVX512;

		while (fx_conv_kernels_of((fx_tier) best) == NULL)
			best--;				/* ends at FX_TIER_SCALAR */
		return fx_conv_kernels_of((fx_tier) best);
	}
	if (!fx_tier_available(tier))
		return NULL;
	switch (tier)
	{
#ifdef __x86_64__
		case FX_TIER_AVX512:
			return &fx_conv_avx512;
		case FX_TIER_AVX2:
			return &fx_conv_avx2;
#endif
#ifdef __aarch64__
		case FX_TIER_NEON:
			return &fx_conv_neon;
#endif
		case FX_TIER_SCALAR:
			return &fx_conv_scalar;
		default:
			return NULL;
	}
}

static fx_conv_path
best_path(const fx_conv *conv)
{
	if (fx_dot_fits(conv))
		return FX_PATH_DOT;
	if (fx_plane_fits(conv))
		return FX_PATH_PLANE;
	if (fx_product_fits(conv))
		return FX_PATH_PRODUCT;
	return conv->group_in == 1 ? FX_PATH_DEPTHWISE : FX_PATH_SGEMM;
}

/* FX_UNSUPPORTED when a path or tier was asked for that cannot run this. */
static fx_code
prepare_path(const fx_env *env, fx_conv *conv, fx_error *err)
{
	if (conv->kernels != NULL)
		switch (conv->path)
		{
			case FX_PATH_SGEMM:
				return fx_sgemm_prepare(conv, err);
			case FX_PATH_DEPTHWISE:
				return fx_depthwise_prepare(conv, err);
			case FX_PATH_PLANE:
				if (fx_plane_fits(conv))
					return FX_OK;
				break;
			case FX_PATH_DOT:
				if (fx_dot_fits(conv))
					return FX_OK;
				break;
			case FX_PATH_PRODUCT:
				return fx_product_prepare(env, conv, err);
			default:
				break;
		}
	return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "This convolution cannot take path %d", (int) conv->path);
}

fx_code
fx_conv_prepare_as(const fx_env *env, const fx_conv_spec *spec,
				   const float *weights, const float *bias, const float *slope,
				   fx_conv_path path, fx_tier tier, fx_conv **out, fx_error *err)
{
	fx_conv    *conv;
	fx_code		code;

	*out = NULL;
	code = check_spec(spec, slope, err);
	if (code != FX_OK)
		return code;
	conv = env->alloc(env->context, sizeof(fx_conv));
	if (conv == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "No memory for a convolution");
	memset(conv, 0, sizeof(fx_conv));
	conv->spec = *spec;
	conv->memory = sizeof(fx_conv);
	conv->weights = weights;
	conv->group_in = spec->in_channels / spec->groups;
	conv->group_out = spec->out_channels / spec->groups;
	conv->plain = spec->kernel_h == 1 && spec->kernel_w == 1 && spec->stride_h == 1 && spec->stride_w == 1 &&
		spec->pad_top == 0 && spec->pad_left == 0 && spec->pad_bottom == 0 && spec->pad_right == 0;
	code = check_sizes(conv, err);
	if (code == FX_OK)
		code = prepare_finish(env, conv, bias, slope, err);
	if (code == FX_OK)
	{
		conv->kernels = fx_conv_kernels_of(tier);
		conv->path = path == FX_PATH_AUTO ? best_path(conv) : path;
		code = prepare_path(env, conv, err);
	}
	if (code != FX_OK)
	{
		fx_conv_free(env, conv);
		return code;
	}
	*out = conv;
	return FX_OK;
}

fx_code
fx_conv_prepare(const fx_env *env, const fx_conv_spec *spec,
				const float *weights, const float *bias, const float *slope,
				fx_conv **conv, fx_error *err)
{
	return fx_conv_prepare_as(env, spec, weights, bias, slope, FX_PATH_AUTO, FX_TIER_AUTO, conv, err);
}

void
fx_conv_free(const fx_env *env, fx_conv *conv)
{
	if (conv == NULL)
		return;
	env->release(env->context, conv->own);
	env->release(env->context, conv->packed);
	env->release(env->context, conv->offset);
	env->release(env->context, conv);
}

size_t
fx_conv_workspace(const fx_conv *conv)
{
	return conv->workspace;
}

size_t
fx_conv_memory(const fx_conv *conv)
{
	return conv->memory;
}

void
fx_conv_run(const fx_conv *conv, const float *input, const float *addend,
			float *output, float *workspace)
{
	switch (conv->path)
	{
		case FX_PATH_DEPTHWISE:
			fx_depthwise_run(conv, input, addend, output, workspace);
			break;
		case FX_PATH_PLANE:
			fx_plane_run(conv, input, addend, output);
			break;
		case FX_PATH_DOT:
			fx_dot_run(conv, input, addend, output);
			break;
		case FX_PATH_PRODUCT:
			fx_product_run(conv, input, addend, output, workspace);
			break;
		default:
			fx_sgemm_run(conv, input, addend, output, workspace);
			break;
	}
}

/*
 * conv.h - two-dimensional convolution, the work of every face model.
 *
 * A convolution is prepared once per (weights, input shape): the path is
 * chosen (pointwise, depthwise, or general through im2col and GEMM) and the
 * weights are packed for it.  Tensors are float32, NCHW, one image at a time.
 */
#ifndef FX_CONV_H
#define FX_CONV_H

#include "base/base.h"

/* Applied to each output element, after bias and addend. */
typedef enum fx_activation
{
	FX_ACT_NONE = 0,
	FX_ACT_RELU,
	FX_ACT_PRELU,				/* x < 0: slope[channel] * x */
	FX_ACT_LEAKY,				/* x < 0: low * x */
	FX_ACT_CLIP					/* low..high */
} fx_activation;

typedef struct fx_conv_spec
{
	int			in_channels;
	int			out_channels;
	int			groups;
	int			kernel_h;
	int			kernel_w;
	int			stride_h;
	int			stride_w;
	int			dilation_h;
	int			dilation_w;
	int			pad_top;
	int			pad_left;
	int			pad_bottom;
	int			pad_right;
	int			in_h;
	int			in_w;
	int			out_h;			/* by the ONNX formula; the caller computed and checked it */
	int			out_w;
	fx_activation activation;
	float		low;
	float		high;
} fx_conv_spec;

typedef struct fx_conv fx_conv;

/*
 * weights: [out_channels][in_channels/groups][kernel_h][kernel_w]; bias:
 * [out_channels] or NULL; slope: [out_channels] for FX_ACT_PRELU, else NULL.
 * All three must outlive the fx_conv (they may be used in place).
 */
extern fx_code fx_conv_prepare(const fx_env *env, const fx_conv_spec *spec,
							   const float *weights, const float *bias, const float *slope,
							   fx_conv **conv, fx_error *err);
extern void fx_conv_free(const fx_env *env, fx_conv *conv);

/* Floats of scratch memory that one run needs; the same scratch serves all convolutions in turn. */
extern size_t fx_conv_workspace(const fx_conv *conv);

/* Bytes held by the prepared convolution (packed weights and itself). */
extern size_t fx_conv_memory(const fx_conv *conv);

/*
 * output[out_channels][out_h][out_w] = activation(conv(input) + bias + addend);
 * addend has the output's shape or is NULL.  output overlaps neither input nor
 * addend, save that addend may be output itself.
 */
extern void fx_conv_run(const fx_conv *conv, const float *input, const float *addend,
						float *output, float *workspace);

#endif							/* FX_CONV_H */

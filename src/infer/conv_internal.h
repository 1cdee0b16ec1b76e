/*
 * conv_internal.h - what the files of the convolution share; conv.h is the
 * interface.  Tests and benchmarks include this to force a path or a tier.
 */
#ifndef FX_CONV_INTERNAL_H
#define FX_CONV_INTERNAL_H

#include "infer/conv.h"
#include "kernel/kernel.h"

typedef enum fx_conv_path
{
	FX_PATH_AUTO = 0,
	FX_PATH_SGEMM,				/* any: columns gathered by tile (not for 1x1), cblas_sgemm */
	FX_PATH_DEPTHWISE,			/* one input channel per group, any kernel, plain C */
	FX_PATH_PLANE,				/* depthwise 3x3, stride 1 or 2, undilated */
	FX_PATH_DOT,				/* the kernel is as large as the input: one output position */
	FX_PATH_PRODUCT				/* own matrix product, nothing gathered; strides 1 and 2 */
} fx_conv_path;

struct fx_conv_kernels;

/*
 * How FX_PATH_PRODUCT lays out its input: a zero-padded copy of every channel,
 * parted by stride into phases, so that each kernel element reads consecutive
 * floats.  The copy holds what a band of output rows needs, so that it stays in
 * the second-level cache.  All zero for a plain convolution, which needs no copy.
 */
typedef struct fx_conv_layout
{
	size_t		band;			/* output rows computed at a time */
	size_t		rows;			/* of a phase */
	size_t		pitch;			/* floats from one row to the next */
	size_t		phase;			/* floats of a phase */
	size_t		slack;			/* zero floats after the last phase */
	size_t		panel;			/* where in the workspace a tile's columns are copied to */
} fx_conv_layout;

struct fx_conv
{
	fx_conv_spec spec;
	fx_conv_path path;
	const struct fx_conv_kernels *kernels;
	int			group_in;		/* input channels of one group */
	int			group_out;		/* output channels of one group */
	size_t		depth;			/* group_in * kernel_h * kernel_w */
	size_t		positions;		/* out_h * out_w */
	size_t		in_plane;		/* in_h * in_w */
	bool		plain;			/* 1x1, stride 1, no padding: the input is its own column matrix */
	size_t		tile;			/* positions gathered at a time; 0 when plain */
	const float *weights;		/* the caller's */
	const float *bias;			/* [out_channels], the caller's or own zeros */
	const float *slope;			/* [out_channels] below zero, or NULL: clamp to low..high */
	float		low;
	float		high;
	float	   *own;			/* what bias and slope may point into */
	fx_conv_layout layout;
	float	   *packed;			/* FX_PATH_PRODUCT: per group, blocks of output channels as [depth][block] */
	uint32_t   *offset;			/* [depth]: where each kernel element's first column is; [depth] in the panel */
	bool		paneled;
	size_t		workspace;		/* floats */
	size_t		memory;			/* bytes */
};

/* fx_conv_prepare() with a path and a tier; FX_UNSUPPORTED when they do not fit the spec or the CPU. */
extern fx_code fx_conv_prepare_as(const fx_env *env, const fx_conv_spec *spec,
								  const float *weights, const float *bias, const float *slope,
								  fx_conv_path path, fx_tier tier, fx_conv **conv, fx_error *err);

/* conv_general.c */
extern fx_code fx_sgemm_prepare(fx_conv *conv, fx_error *err);
extern void fx_sgemm_run(const fx_conv *conv, const float *input, const float *addend,
						 float *output, float *workspace);

/*
 * Gathers the input of output positions first .. first+count-1 of one group:
 * columns[depth][stride], of which count floats per row are written.
 */
extern void fx_conv_gather(const fx_conv *conv, const float *input, size_t first, size_t count,
						   float *columns, size_t stride);

/* conv_depthwise.c */
extern fx_code fx_depthwise_prepare(fx_conv *conv, fx_error *err);
extern void fx_depthwise_run(const fx_conv *conv, const float *input, const float *addend,
							 float *output, float *workspace);
extern bool fx_plane_fits(const fx_conv *conv);
extern void fx_plane_run(const fx_conv *conv, const float *input, const float *addend, float *output);
extern bool fx_dot_fits(const fx_conv *conv);
extern void fx_dot_run(const fx_conv *conv, const float *input, const float *addend, float *output);

/* conv_product.c */
extern bool fx_product_fits(const fx_conv *conv);
extern fx_code fx_product_prepare(const fx_env *env, fx_conv *conv, fx_error *err);
extern void fx_product_run(const fx_conv *conv, const float *input, const float *addend,
						   float *output, float *workspace);

/*
 * Output columns whose input column (x * stride - pad + offset) lies inside
 * 0 .. size-1: *from .. *to-1, perhaps empty.
 */
static inline void
fx_conv_inside(int64_t offset, int stride, int size, int out, int *from, int *to)
{
	int64_t		first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
	int64_t		past = offset >= size ? 0 : (size - 1 - offset) / stride + 1;

	if (past > out)
		past = out;
	if (first > past)
		first = past;
	*from = (int) first;
	*to = (int) past;
}

#endif							/* FX_CONV_INTERNAL_H */

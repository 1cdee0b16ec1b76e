/*
 * conv_kernel.h - the inner loops of a convolution, one table per instruction
 * set.  conv_body.h is written once; each conv_TIER.c defines its vector
 * operations and includes it.
 */
#ifndef FX_CONV_KERNEL_H
#define FX_CONV_KERNEL_H

#include "infer/conv_internal.h"

/* What happens to a sum before it is stored: clamp, or a slope below zero where slope is set. */
typedef struct fx_conv_store
{
	const float *bias;			/* per output channel */
	const float *slope;			/* per output channel, or NULL */
	float		low;
	float		high;
} fx_conv_store;

/*
 * A product of weights[rows][depth] and a matrix that is never built: its row
 * k is input + offset[k], its columns are positions y * pitch + x.  Columns
 * with x >= width are computed and dropped; the others are stored densely:
 * output[row * plane + y * width + x].
 */
typedef struct fx_conv_product
{
	const float *weights;		/* packed by fx_conv_pack() for the tier */
	size_t		rows;
	size_t		depth;
	const float *input;
	const uint32_t *offset;
	size_t		pitch;
	size_t		width;
	size_t		height;
	size_t		plane;			/* floats from one output channel to the next */
	/* When not NULL, a tile's columns are first copied to panel, [depth][panel_offset[1]]. */
	float	   *panel;
	const uint32_t *panel_offset;
	bool		slack;			/* a vector of floats may be read past the last column of every row */
	fx_conv_store store;
	const float *addend;		/* like output, or NULL */
	float	   *output;
} fx_conv_product;

/* A depthwise 3x3 convolution, stride 1 or 2 in both directions. */
typedef struct fx_conv_plane
{
	const float *weights;		/* [channels][3][3] */
	const float *input;			/* [channels / per_input][in_h][in_w] */
	int			channels;		/* of the output */
	int			per_input;		/* output channels of one input channel */
	int			in_h;
	int			in_w;
	int			out_h;
	int			out_w;
	int			stride;
	int			pad_top;
	int			pad_left;
	fx_conv_store store;
	const float *addend;		/* [channels][out_h][out_w] or NULL */
	float	   *output;
} fx_conv_plane;

struct fx_conv_kernels
{
	const char *name;
	int			rows;			/* output channels of a packed block */
	int			columns;		/* columns of a tile */
	void		(*product) (const fx_conv_product *product);
	void		(*plane) (const fx_conv_plane *plane);
	/* output[m] = sum over k of weights[m][k] * input[k], finished */
	void		(*dot) (const float *weights, size_t rows, size_t depth, const float *input,
						const fx_conv_store *store, const float *addend, float *output);
	/* even[i] = from[2i], odd[i] = from[2i + 1], of count floats in all */
	void		(*split) (const float *from, size_t count, float *even, float *odd);
	/*
	 * output[i] = activation(sum[i] + bias + addend[i]) for count elements of
	 * one output channel; sum or addend may be output; addend may be NULL
	 */
	void		(*finish) (const fx_conv_store *store, size_t channel, const float *sum,
						   const float *addend, float *output, size_t count);
};

/* Rows of the next packed block when `left` rows are left: `rows`, or the largest power of two that fits. */
static inline size_t
fx_conv_block(size_t left, size_t rows)
{
	while (rows > left)
		rows /= 2;
	return rows;
}

/* The store of output channels first.. of a convolution. */
static inline fx_conv_store
fx_conv_store_of(const fx_conv *conv, size_t first)
{
	fx_conv_store store = {
		conv->bias + first, conv->slope != NULL ? conv->slope + first : NULL, conv->low, conv->high
	};

	return store;
}

extern const struct fx_conv_kernels fx_conv_scalar;
#ifdef __aarch64__
extern const struct fx_conv_kernels fx_conv_neon;
#endif
#ifdef __x86_64__
extern const struct fx_conv_kernels fx_conv_avx2;
extern const struct fx_conv_kernels fx_conv_avx512;
#endif

/* The table of a tier; NULL when this build or this CPU has not got it. */
extern const struct fx_conv_kernels *fx_conv_kernels_of(fx_tier tier);

#endif							/* FX_CONV_KERNEL_H */

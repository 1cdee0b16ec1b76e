/*
 * kernel.h - distance kernels over template vectors.
 *
 * One table of functions per instruction set ("tier").  kernel/scalar.c is
 * the truth; every other tier equals it within FX_KERNEL_BOUND at every
 * length and alignment.  A function takes the precision of both operands as
 * table indices, so that no caller repeats itself per precision.
 */
#ifndef FX_KERNEL_H
#define FX_KERNEL_H

#include "base/base.h"

typedef enum fx_precision
{
	FX_FLOAT32 = 0,
	FX_FLOAT16 = 1				/* IEEE 754 binary16, stored as uint16_t */
} fx_precision;

#define FX_PRECISIONS 2

static inline size_t
fx_element_size(fx_precision precision)
{
	return precision == FX_FLOAT16 ? 2 : 4;
}

/* The three sums from which a cosine is made, in one pass. */
typedef struct fx_cosine_sums
{
	float		ab;				/* sum a[i] b[i] */
	float		aa;				/* sum a[i]^2 */
	float		bb;				/* sum b[i]^2 */
} fx_cosine_sums;

typedef float (*fx_pair_kernel) (const void *a, const void *b, size_t n);
typedef void (*fx_cosine_kernel) (const void *a, const void *b, size_t n, fx_cosine_sums *sums);

typedef struct fx_kernels
{
	const char *name;			/* "scalar", "avx2", "avx512", "neon" */
	/* [precision of a][precision of b] */
	fx_pair_kernel inner[FX_PRECISIONS][FX_PRECISIONS];	/* sum a[i] b[i] */
	fx_pair_kernel l2_squared[FX_PRECISIONS][FX_PRECISIONS];	/* sum (a[i]-b[i])^2 */
	fx_cosine_kernel cosine[FX_PRECISIONS][FX_PRECISIONS];
	/* n elements; round to nearest even; overflow gives an infinity, which the caller refuses */
	void		(*to_half) (const float *from, uint16_t *to, size_t n);
	void		(*to_float) (const uint16_t *from, float *to, size_t n);
} fx_kernels;

/* Tiers in rising order; FX_TIER_AUTO takes the best that this CPU has. */
typedef enum fx_tier
{
	FX_TIER_AUTO = 0,
	FX_TIER_SCALAR,
	FX_TIER_NEON,
	FX_TIER_AVX2,
	FX_TIER_AVX512
} fx_tier;

/* True when this build has the tier and this CPU can run it. */
extern bool fx_tier_available(fx_tier tier);

/* The table of a tier; NULL when the tier is not available. */
extern const fx_kernels *fx_kernels_of(fx_tier tier);

/* The table in force: the best one until fx_kernels_force() chose another. */
extern const fx_kernels *fx_kernels_active(void);
extern bool fx_kernels_force(fx_tier tier);

#endif							/* FX_KERNEL_H */

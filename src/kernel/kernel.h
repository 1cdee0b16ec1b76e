/*
 * kernel.h - distance kernels over template vectors.
 *
 * One table of functions per instruction set ("tier").  kernel/scalar.c is
 * the truth; every other tier equals it within FX_KERNEL_BOUND at every
 * length and alignment.  A function takes the precision of both operands as
 * table indices, so that no caller repeats itself per precision.
 *
 * Every function allows any address (no alignment at all) and any n, 0
 * included, and reads no byte outside its operands.
 */
#ifndef FX_KERNEL_H
#define FX_KERNEL_H

#include "base/base.h"

#include <float.h>

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
	/*
	 * n elements, the same bits in every tier (base/half.h); round to nearest even; overflow
	 * gives an infinity, which the caller refuses; from and to do not overlap
	 */
	void		(*to_half) (const float *from, uint16_t *to, size_t n);
	void		(*to_float) (const uint16_t *from, float *to, size_t n);
} fx_kernels;

/*
 * The bound.  For finite operands, and where nothing overflows (below),
 *
 *		|tier - scalar| <= FX_KERNEL_BOUND(n) * sum |terms| + FX_KERNEL_UNDERFLOW(n)
 *
 * where the terms are the exact a[i] b[i], a[i]^2, b[i]^2 or (a[i]-b[i])^2.
 *
 * Derivation, with u = 2^-24, half the distance of neighbouring floats (Higham,
 * Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1 and 4.2).
 * Conversion of a half is exact.  A tier has L = 32 (AVX2, NEON) or 64
 * (AVX-512) lanes.  A lane takes at most ceil(n/L) terms by fused multiply-add,
 * one rounding each; the lanes are added as a tree of log2(L) levels.  A term
 * thus meets at most ceil(n/32) + 6 roundings (n/64 + 6 for L = 64, n/32 + 5
 * for L = 32).  l2_squared rounds the difference first, which squared counts
 * twice: + 2.  The scalar result is rounded once to float: + 1.  Each rounding
 * is a factor 1 + d with |d| <= u, and k of them change a term by at most
 * k u / (1 - k u).  Scalar sums in double: at most n roundings of 2^-53 and, in
 * l2_squared, 3 for the difference and its square.
 *
 * A fused multiply-add whose result is denormal errs by up to 2^-150 however
 * small the term is, as does the final rounding of scalar: at most n + 1 times
 * 2^-150.  Sums and differences of floats do not err there.
 *
 * The default floating-point environment is assumed: round to nearest, no
 * flushing of denormals to zero.
 */
#define FX_KERNEL_ROUNDINGS(n) ((double) (((size_t) (n) + 31) / 32) + 9.0)
#define FX_KERNEL_BOUND(n) \
	(FX_KERNEL_ROUNDINGS(n) * 0x1p-24 / (1.0 - FX_KERNEL_ROUNDINGS(n) * 0x1p-24) + \
	 ((double) (n) + 3.0) * 0x1p-53)
#define FX_KERNEL_UNDERFLOW(n) (((double) (n) + 1.0) * 0x1p-150)

/*
 * Overflow.  When sum |terms| stays below FLT_MAX / 2, and for l2_squared no
 * difference overflows, every tier gives a finite result.  Beyond (elements of about
 * 1e19 / sqrt(n) and larger) the vector tiers may give an infinity, or NaN where an
 * infinity meets one of the other sign; scalar gives an infinity only when the
 * result itself is no float, and never NaN.  A caller therefore tests for
 * isfinite() and repeats a failed pair with the functions below.
 *
 * The wide functions are the scalar sums before they are rounded to float.
 * On finite operands they neither overflow nor underflow, at any length, so
 * a sum of squares is 0 only for a zero vector.  They are slow (one element
 * at a time) and meant for what the float sums cannot express.
 */
typedef struct fx_cosine_wide_sums
{
	double		ab;
	double		aa;
	double		bb;
} fx_cosine_wide_sums;

extern double fx_inner_wide(const void *a, fx_precision precision_a,
							const void *b, fx_precision precision_b, size_t n);
extern double fx_l2_squared_wide(const void *a, fx_precision precision_a,
								 const void *b, fx_precision precision_b, size_t n);
extern void fx_cosine_sums_wide(const void *a, fx_precision precision_a,
								const void *b, fx_precision precision_b, size_t n,
								fx_cosine_wide_sums *sums);

/*
 * True when a cosine may be made of these sums: both squares lie between
 * 2^-100 and FLT_MAX and ab is finite.  Above 2^-100, what underflow can add
 * for n up to 2^20 is at most 2^-30 of sqrt(aa bb).  False for a zero
 * vector, for overflow and for vectors of tiny elements: then
 * fx_cosine_sums_wide() tells which.
 */
static inline bool
fx_cosine_sums_usable(const fx_cosine_sums *sums)
{
	return sums->aa >= 0x1p-100f && sums->aa <= FLT_MAX &&
		sums->bb >= 0x1p-100f && sums->bb <= FLT_MAX &&
		sums->ab >= -FLT_MAX && sums->ab <= FLT_MAX;
}

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

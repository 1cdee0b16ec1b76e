/*
 * tier.h - what the files of one instruction set share with dispatch.c: the
 * tables, and the macro that makes a table from the operations of a file.
 */
#ifndef FX_TIER_H
#define FX_TIER_H

#include "kernel/kernel.h"

extern const fx_kernels fx_kernels_scalar;
#ifdef __x86_64__
extern const fx_kernels fx_kernels_avx2;
extern const fx_kernels fx_kernels_avx512;
#endif
#ifdef __aarch64__
extern const fx_kernels fx_kernels_neon;
#endif

/*
 * FX_KERNEL_TABLE(tier, target) stands at the end of a tier's file, which has
 * defined always-inlined
 *
 *		float inner(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
 *		float l2_squared(... the same ...)
 *		void cosine(... the same ..., fx_cosine_sums *sums)
 *
 * and the functions to_half and to_float of the table.  It gives one function
 * per operation and pair of precisions, the precisions being constants that
 * the compiler folds, and the table fx_kernels_TIER.
 */
#define FX_PAIR_KERNEL(target, operation, x, precision_x, y, precision_y) \
	static target float \
	operation##_##x##_##y(const void *a, const void *b, size_t n) \
	{ \
		return operation((const char *) a, precision_x, (const char *) b, precision_y, n); \
	}

#define FX_COSINE_KERNEL(target, x, precision_x, y, precision_y) \
	static target void \
	cosine_##x##_##y(const void *a, const void *b, size_t n, fx_cosine_sums *sums) \
	{ \
		cosine((const char *) a, precision_x, (const char *) b, precision_y, n, sums); \
	}

#define FX_KERNELS_OF_PRECISIONS(target, x, precision_x, y, precision_y) \
	FX_PAIR_KERNEL(target, inner, x, precision_x, y, precision_y) \
	FX_PAIR_KERNEL(target, l2_squared, x, precision_x, y, precision_y) \
	FX_COSINE_KERNEL(target, x, precision_x, y, precision_y)

#define FX_PRECISION_TABLE(operation) \
	{{operation##_single_single, operation##_single_half}, \
	 {operation##_half_single, operation##_half_half}}

#define FX_KERNEL_TABLE(tier, target) \
	FX_KERNELS_OF_PRECISIONS(target, single, FX_FLOAT32, single, FX_FLOAT32) \
	FX_KERNELS_OF_PRECISIONS(target, single, FX_FLOAT32, half, FX_FLOAT16) \
	FX_KERNELS_OF_PRECISIONS(target, half, FX_FLOAT16, single, FX_FLOAT32) \
	FX_KERNELS_OF_PRECISIONS(target, half, FX_FLOAT16, half, FX_FLOAT16) \
	const fx_kernels fx_kernels_##tier = { \
		#tier, \
		FX_PRECISION_TABLE(inner), \
		FX_PRECISION_TABLE(l2_squared), \
		FX_PRECISION_TABLE(cosine), \
		to_half, \
		to_float \
	};

#endif							/* FX_TIER_H */

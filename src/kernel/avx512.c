/*
 * avx512.c - kernels for x86-64 with AVX-512 F, BW, VL and DQ.
 *
 * Tails are masked loads: lanes that are masked off are not read.
 */
#include "kernel/tier.h"

#ifdef __x86_64__

#include <immintrin.h>

#define FX_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))
#define FX_INLINE static inline __attribute__((always_inline)) FX_TARGET
#define FX_LANES 16

typedef __m512 vector;

FX_INLINE vector
zero(void)
{
	return _mm512_setzero_ps();
}

FX_INLINE vector
add(vector x, vector y)
{
	return _mm512_add_ps(x, y);
}

FX_INLINE vector
subtract(vector x, vector y)
{
	return _mm512_sub_ps(x, y);
}

FX_INLINE vector
fused(vector x, vector y, vector sum)
{
	return _mm512_fmadd_ps(x, y, sum);
}

FX_INLINE float
total(vector x)
{
	__m256		high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
	__m256		eight = _mm256_add_ps(_mm512_castps512_ps256(x), high);
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

FX_INLINE vector
whole(const char *base, size_t i, size_t n, fx_precision precision)
{
	(void) n;
	if (precision == FX_FLOAT16)
		return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (base + 2 * i)));
	return _mm512_loadu_ps(base + 4 * i);
}

/* The lanes of elements i .. i+15 that lie below n. */
FX_INLINE __mmask16
lanes_below(size_t i, size_t n)
{
	size_t		left = i < n ? n - i : 0;

	return (__mmask16) (left >= FX_LANES ? 0xffff : (1u << left) - 1);
}

FX_INLINE vector
part(const char *base, size_t i, size_t n, fx_precision precision)
{
	__mmask16	mask = lanes_below(i, n);

	if (precision == FX_FLOAT16)
		return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, base + 2 * i));
	return _mm512_maskz_loadu_ps(mask, base + 4 * i);
}

#include "kernel/body.h"

static FX_TARGET void
to_half(const float *from, uint16_t *to, size_t n)
{
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i;

	for (i = 0; i < n; i += FX_LANES)
	{
		__mmask16	mask = lanes_below(i, n);
		vector		values = _mm512_maskz_loadu_ps(mask, source + 4 * i);

		_mm256_mask_storeu_epi16(target + 2 * i, mask,
								 _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
	}
}

static FX_TARGET void
to_float(const uint16_t *from, float *to, size_t n)
{
	char	   *target = (char *) to;
	size_t		i;

	for (i = 0; i < n; i += FX_LANES)
		_mm512_mask_storeu_ps(target + 4 * i, lanes_below(i, n),
							  part((const char *) from, i, n, FX_FLOAT16));
}

FX_KERNEL_TABLE(avx512, FX_TARGET)

#endif							/* __x86_64__ */

/*
 * avx2.c - kernels for x86-64 with AVX2, FMA and F16C.
 *
 * Tails are masked loads for float32; AVX2 has none for 16-bit elements, so
 * a tail of halves goes through eight zeroed elements on the stack.
 */
#include "kernel/tier.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <string.h>

#include "base/half.h"

#define FX_TARGET __attribute__((target("avx2,fma,f16c")))
#define FX_INLINE static inline __attribute__((always_inline)) FX_TARGET
#define FX_LANES 8

typedef __m256 vector;

FX_INLINE vector
zero(void)
{
	return _mm256_setzero_ps();
}

FX_INLINE vector
add(vector x, vector y)
{
	return _mm256_add_ps(x, y);
}

FX_INLINE vector
subtract(vector x, vector y)
{
	return _mm256_sub_ps(x, y);
}

FX_INLINE vector
fused(vector x, vector y, vector sum)
{
	return _mm256_fmadd_ps(x, y, sum);
}

FX_INLINE float
total(vector x)
{
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

FX_INLINE vector
whole(const char *base, size_t i, size_t n, fx_precision precision)
{
	(void) n;
	if (precision == FX_FLOAT16)
		return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (base + 2 * i)));
	return _mm256_loadu_ps((const float *) (base + 4 * i));
}

/* left is 1 .. 7 */
static __attribute__((noinline)) FX_TARGET vector
tail_single(const char *from, size_t left)
{
	__m256i		lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256i		mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int) left), lane);

	return _mm256_maskload_ps((const float *) from, mask);
}

static __attribute__((noinline)) FX_TARGET vector
tail_half(const char *from, size_t left)
{
	uint16_t	eight[FX_LANES] = {0};

	memcpy(eight, from, 2 * left);
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) eight));
}

FX_INLINE vector
part(const char *base, size_t i, size_t n, fx_precision precision)
{
	if (i >= n)
		return zero();
	if (n - i >= FX_LANES)
		return whole(base, i, n, precision);
	if (precision == FX_FLOAT16)
		return tail_half(base + 2 * i, n - i);
	return tail_single(base + 4 * i, n - i);
}

#include "kernel/body.h"

static FX_TARGET void
to_half(const float *from, uint16_t *to, size_t n)
{
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i = 0;

	for (; n - i >= FX_LANES; i += FX_LANES)
		_mm_storeu_si128((__m128i *) (target + 2 * i),
						 _mm256_cvtps_ph(whole(source, i, n, FX_FLOAT32), _MM_FROUND_TO_NEAREST_INT));
	for (; i < n; i++)
	{
		float		value;
		uint16_t	half;

		memcpy(&value, source + 4 * i, 4);
		half = fx_half_from_float(value);
		memcpy(target + 2 * i, &half, 2);
	}
}

static FX_TARGET void
to_float(const uint16_t *from, float *to, size_t n)
{
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i = 0;

	for (; n - i >= FX_LANES; i += FX_LANES)
		_mm256_storeu_ps((float *) (target + 4 * i), whole(source, i, n, FX_FLOAT16));
	if (i < n)
	{
		vector		rest = tail_half(source + 2 * i, n - i);

		memcpy(target + 4 * i, &rest, 4 * (n - i));
	}
}

FX_KERNEL_TABLE(avx2, FX_TARGET)

#endif							/* __x86_64__ */

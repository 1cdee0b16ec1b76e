/*
 * conv_avx2.c - the inner loops on AVX2 with FMA: 8 floats, 16 registers.
 */
#ifdef __x86_64__

#include <immintrin.h>

#define FX_TARGET __attribute__((target("avx2,fma")))
#define FX_TIER_TABLE fx_conv_avx2
#define FX_TIER_NAME "avx2"
#define VECTOR 8
#define ROWS 4
#define VECTORS 3
#define MASK_IS_FREE 0

typedef __m256 vec;
typedef __m256i vec_mask;

#define OP static inline __attribute__((always_inline, unused)) FX_TARGET

OP vec v_set(float x) { return _mm256_set1_ps(x); }
OP vec v_load(const float *p) { return _mm256_loadu_ps(p); }
OP void v_store(float *p, vec x) { _mm256_storeu_ps(p, x); }
OP vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
OP vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }

OP float
v_sum(vec x)
{
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* A lane's sign bit is its bit of `bits`. */
OP vec_mask
v_mask(unsigned bits)
{
	return _mm256_sllv_epi32(_mm256_set1_epi32((int) bits), _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
}

OP vec v_load_m(const float *p, vec_mask m) { return _mm256_maskload_ps(p, m); }
OP void v_store_m(float *p, vec_mask m, vec x) { _mm256_maskstore_ps(p, m, x); }
OP vec v_clamp(vec x, vec low, vec high) { return _mm256_min_ps(high, _mm256_max_ps(low, x)); }

OP vec
v_slope(vec x, vec slope)
{
	return _mm256_blendv_ps(x, _mm256_mul_ps(x, slope), _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}

OP void
v_split(vec a, vec b, vec *even, vec *odd)
{
	/* SHUFPS works within halves; the quarters are put in order afterwards */
	*even = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
	*odd = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}

#include "infer/conv_lanes.h"
#include "infer/conv_body.h"

#endif							/* __x86_64__ */

/*
 * conv_avx512.c - the inner loops on AVX-512: 16 floats, 32 registers, masks.
 */
#ifdef __x86_64__

#include <immintrin.h>

#define FX_TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma")))
#define FX_TIER_TABLE fx_conv_avx512
#define FX_TIER_NAME "avx512"
#define VECTOR 16
#define ROWS 8
#define VECTORS 3
#define MASK_IS_FREE 1

typedef __m512 vec;
typedef __mmask16 vec_mask;

#define OP static inline __attribute__((always_inline, unused)) FX_TARGET

OP vec v_set(float x) { return _mm512_set1_ps(x); }
OP vec v_load(const float *p) { return _mm512_loadu_ps(p); }
OP void v_store(float *p, vec x) { _mm512_storeu_ps(p, x); }
OP vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
OP vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
OP float v_sum(vec x) { return _mm512_reduce_add_ps(x); }
OP vec_mask v_mask(unsigned bits) { return (vec_mask) bits; }
OP vec v_load_m(const float *p, vec_mask m) { return _mm512_maskz_loadu_ps(m, p); }
OP void v_store_m(float *p, vec_mask m, vec x) { _mm512_mask_storeu_ps(p, m, x); }
OP vec v_expand(const float *p, unsigned bits) { return _mm512_maskz_expandloadu_ps((vec_mask) bits, p); }
OP void v_compress(float *p, unsigned bits, vec x) { _mm512_mask_compressstoreu_ps(p, (vec_mask) bits, x); }

/* MAXPS and MINPS give their second operand when either is NaN. */
OP vec v_clamp(vec x, vec low, vec high) { return _mm512_min_ps(high, _mm512_max_ps(low, x)); }

OP vec
v_slope(vec x, vec slope)
{
	return _mm512_mask_mul_ps(x, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), x, slope);
}

OP void
v_split(vec a, vec b, vec *even, vec *odd)
{
	const __m512i e = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const __m512i o = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);

	*even = _mm512_permutex2var_ps(a, e, b);
	*odd = _mm512_permutex2var_ps(a, o, b);
}

#include "infer/conv_body.h"

#endif							/* __x86_64__ */

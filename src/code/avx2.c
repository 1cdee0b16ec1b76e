/*
 * avx2.c - code kernels for AVX2.  The sums of avx512.c, 16 codes at a time, with half as many bytes a load.
 */
#include "code/tier.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#include "code/encode_body.h"

/* Table sums of the first `dims` dimensions of 16 codes, side by side. */
static inline TARGET void
add_up(fx_sixteen sixteen, const uint8_t *table, uint32_t dims, const char *ahead, uint32_t *sums)
{
	const __m256i low_half = _mm256_set1_epi8(15);
	__m256i		all = _mm256_setzero_si256();
	__m256i		high = _mm256_setzero_si256();
	__m256i		even;
	__m256i		evens;
	__m256i		odds;

	for (uint32_t i = 0; i < dims / 16; i++)
	{
		/* tables lie in groups of four: byte i * 2 and the next one */
		const uint8_t *tables = table + i / 2 * 128 + i % 2 * 32;
		__m256i		codes = _mm256_loadu_si256((const __m256i *) (sixteen.slice + i / 4 * sixteen.stride +
																	  i % 4 * 32));
		__m256i		low_sum = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *) tables),
												  _mm256_and_si256(codes, low_half));
		__m256i		high_sum = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *) (tables + 64)),
												   _mm256_and_si256(_mm256_srli_epi16(codes, 4), low_half));
		__m256i		sum = _mm256_add_epi8(low_sum, high_sum);

		if (ahead != NULL && i % 4 == 0)
			_mm_prefetch(ahead + i * 16, _MM_HINT_T0);
		all = _mm256_add_epi16(all, sum);
		high = _mm256_add_epi16(high, _mm256_srli_epi16(sum, 8));
	}
	/* a lane's sum stays below 2^16 (256 * 254), two of them do not */
	even = _mm256_sub_epi16(all, _mm256_slli_epi16(high, 8));
	evens = _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(even)),
							 _mm256_cvtepu16_epi32(_mm256_extracti128_si256(even, 1)));
	odds = _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(high)),
							_mm256_cvtepu16_epi32(_mm256_extracti128_si256(high, 1)));
	{
		__m256i		low = _mm256_unpacklo_epi32(evens, odds);	/* codes 0-3, 8-11 */
		__m256i		top = _mm256_unpackhi_epi32(evens, odds);	/* codes 4-7, 12-15 */

		_mm256_storeu_si256((__m256i *) sums, _mm256_permute2x128_si256(low, top, 0x20));
		_mm256_storeu_si256((__m256i *) (sums + 8), _mm256_permute2x128_si256(low, top, 0x31));
	}
}

/* Upper bounds and signed sums of eight codes; returns the mask of those that pass. */
static inline TARGET uint32_t
bound_8(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, const uint32_t *sums, float *uppers,
		float *signed_sums)
{
	__m256		sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *) sums));
	__m256		scale = _mm256_castsi256_ps(_mm256_slli_epi32(
		_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) (run->scale + first_code))), 16));
	__m256		base = _mm256_set1_ps(run->base);
	__m256		upper;

	if (run->add != NULL)
		base = _mm256_add_ps(base, _mm256_loadu_ps(run->add + first_code));
	sum = _mm256_fmadd_ps(sum, _mm256_set1_ps(query->step), _mm256_set1_ps(query->bias));
	_mm256_storeu_ps(signed_sums, sum);
	upper = _mm256_fmadd_ps(_mm256_add_ps(sum, _mm256_set1_ps(run->margin)), scale, base);
	_mm256_storeu_ps(uppers, upper);
	return (uint32_t) _mm256_movemask_ps(_mm256_cmp_ps(upper, _mm256_set1_ps(run->floor), _CMP_GE_OQ));
}

static inline TARGET uint32_t
bound_16(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, uint32_t ncodes, uint32_t wanted,
		 const uint32_t *sums, uint32_t count)
{
	float		uppers[16];
	float		signed_sums[16];
	uint32_t	pass = bound_8(query, run, first_code, sums, uppers, signed_sums);

	if (ncodes > 8)
		pass |= bound_8(query, run, first_code + 8, sums + 8, uppers + 8, signed_sums + 8) << 8;
	for (pass &= wanted; pass != 0; pass &= pass - 1, count++)
	{
		uint32_t	i = (uint32_t) __builtin_ctz(pass);

		fx_note(run, count, first_code + i, uppers[i], signed_sums[i]);
	}
	return count;
}

#include "code/sum_body.h"

static TARGET int64_t
fine(const int8_t *q, const uint8_t *planes, uint32_t padded, int nplanes)
{
	const __m256i ones = _mm256_set1_epi8(1);
	const __m256i wide_ones = _mm256_set1_epi16(1);
	const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
											2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((long long) 0x8040201008040201u);
	int64_t		total = 0;

	for (int p = 0; p < nplanes; p++)
	{
		__m256i		sum = _mm256_setzero_si256();
		__m128i		half;

		for (uint32_t i = 0; i < padded / 32; i++)
		{
			int32_t		bits;
			__m256i		mask;
			__m256i		elements;

			__builtin_memcpy(&bits, planes + i * 4, sizeof(bits));
			mask = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), spread), bit);
			mask = _mm256_cmpeq_epi8(mask, bit);
			elements = _mm256_and_si256(mask, _mm256_loadu_si256((const __m256i *) (q + i * 32)));
			sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, elements), wide_ones));
		}
		half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
		half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
		half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
		total = 2 * total + _mm_cvtsi128_si32(half);
		planes += padded / 8;
	}
	return total;
}

static TARGET void
middle(const int8_t *q, const uint8_t *planes, const uint16_t *slots, uint32_t n, uint32_t padded, int32_t *sums)
{
	for (uint32_t i = 0; i < n; i++)
		sums[i] = (int32_t) fine(q, planes + (size_t) slots[i] * (padded / 8), padded, 1);
}

const fx_code_kernels fx_code_kernels_avx2 = {"avx2", rotate, encode, coarse, prefix, middle, fine};

#endif							/* __x86_64__ */

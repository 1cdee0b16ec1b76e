/*
 * avx512.c - code kernels for AVX-512 (F, BW, VL, DQ).
 *
 * A load of 64 bytes holds four bytes of each of 16 codes.  Two byte shuffles
 * look their halves up in four tables at once; the results of two loads fit a
 * byte together and are widened to 16 bits by keeping sums of all bytes and of
 * the high bytes alone, which are told apart at the end.
 */
#include "code/tier.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))
#include "code/encode_body.h"

/* What four bytes of each of 16 codes select: two tables each, together below 128. */
static inline TARGET __m512i
look_up(const uint8_t *codes, const uint8_t *table)
{
	const __m512i low_half = _mm512_set1_epi8(15);
	__m512i		both = _mm512_loadu_si512(codes);
	__m512i		low = _mm512_and_si512(both, low_half);
	__m512i		high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half);

	return _mm512_add_epi8(_mm512_shuffle_epi8(_mm512_loadu_si512(table), low),
						   _mm512_shuffle_epi8(_mm512_loadu_si512(table + 64), high));
}

/* Table sums of 16 codes: those of all bytes and those of the high ones alone, in four lanes that hold partial sums. */
typedef struct sums_16
{
	__m512i		all;
	__m512i		high;
} sums_16;

/* Adds what dimensions from `from` to `to` say, multiples of 64. */
static inline TARGET void
add_16(sums_16 *sums, const uint8_t *block, const uint8_t *table, uint32_t from, uint32_t to, const char *ahead)
{
	for (uint32_t i = from / 64; i < to / 64; i++)
	{
		const uint8_t *codes = block + i * 128;
		const uint8_t *tables = table + i * 256;
		__m512i		sum = _mm512_add_epi8(look_up(codes, tables), look_up(codes + 64, tables + 128));

		if (ahead != NULL)
		{
			_mm_prefetch(ahead + i * 128, _MM_HINT_T0);
			_mm_prefetch(ahead + i * 128 + 64, _MM_HINT_T0);
		}
		sums->all = _mm512_add_epi16(sums->all, sum);
		sums->high = _mm512_add_epi16(sums->high, _mm512_srli_epi16(sum, 8));
	}
}

/* Side by side, as floats. */
static inline TARGET __m512
fold_16(const sums_16 *sums)
{
	__m512i		even = _mm512_sub_epi16(sums->all, _mm512_slli_epi16(sums->high, 8));
	__m512i		odd = sums->high;
	/* a lane's sum is below 2^14, four of them below 2^16 */
	__m256i		even_2 = _mm256_add_epi16(_mm512_castsi512_si256(even), _mm512_extracti64x4_epi64(even, 1));
	__m256i		odd_2 = _mm256_add_epi16(_mm512_castsi512_si256(odd), _mm512_extracti64x4_epi64(odd, 1));
	__m256i		even_low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(even_2));
	__m256i		even_high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(even_2, 1));
	__m256i		odd_low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(odd_2));
	__m256i		odd_high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(odd_2, 1));
	__m256i		evens = _mm256_add_epi32(even_low, even_high);	/* codes 0 2 4 .. 14 */
	__m256i		odds = _mm256_add_epi32(odd_low, odd_high); /* codes 1 3 5 .. 15 */
	const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);

	return _mm512_cvtepi32_ps(_mm512_permutex2var_epi32(_mm512_castsi256_si512(evens), order,
														_mm512_castsi256_si512(odds)));
}

static TARGET uint32_t
coarse(const fx_query *query, const fx_coarse_run *run)
{
	uint32_t	padded = query->padded;
	uint32_t	blocks = 16 / run->width;
	uint32_t	count = 0;
	const __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const char *ahead = run->ahead;
	uint32_t	first = run->prefix > 0 ? run->prefix : padded;
	/* padded / prefix * (step * (table sum) + bias) + margin */
	float		ratio = (float) padded / (float) first;
	const __m512 prefix_step = _mm512_set1_ps(ratio * query->step);
	const __m512 prefix_bias = _mm512_set1_ps(ratio * query->biases[first / 64 - 1] + run->prefix_margin);
	uint8_t		joined[FX_CODE_MAX_DIM * 2];

	for (uint32_t block = 0; block < run->nblocks; block += blocks)
	{
		uint32_t	first_code = block * run->width;
		uint32_t	ncodes = fx_ncodes(run, block);
		__mmask16	present = (__mmask16) ((1u << ncodes) - 1);
		uint32_t	wanted = fx_wanted(run, block);
		const uint8_t *codes;
		sums_16		sums;
		__m512		sum;
		__m512		upper;
		__m512		scale;
		__m512		base = _mm512_set1_ps(run->base);
		__m512i		slots = _mm512_add_epi32(_mm512_set1_epi32((int) first_code), numbers);
		__mmask16	pass;

		if (wanted == 0)
		{
			ahead = fx_fetch_ahead(run, ahead, padded);
			continue;
		}
		codes = run->blocks + block * fx_block_size(padded, run->width);
		if (run->width != 16)
		{
			fx_join_blocks(run, padded, block, joined);
			codes = joined;
		}
		scale = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(present,
																									 run->scale +
																									 first_code)),
													  16));
		if (run->add != NULL)
			base = _mm512_add_ps(base, _mm512_maskz_loadu_ps(present, run->add + first_code));
		sums.all = sums.high = _mm512_setzero_si512();
		add_16(&sums, codes, query->table, 0, first, ahead);
		if (ahead != NULL)
			ahead += fx_block_size(padded, 16);
		if (run->prefix > 0)
		{
			sum = _mm512_fmadd_ps(fold_16(&sums), prefix_step, prefix_bias);
			present &= _mm512_cmp_ps_mask(_mm512_fmadd_ps(sum, scale, base), _mm512_set1_ps(run->prefix_floor),
										  _CMP_GE_OQ) & (__mmask16) wanted;
			if (present == 0)
				continue;
			add_16(&sums, codes, query->table, first, padded, NULL);
		}
		sum = _mm512_fmadd_ps(fold_16(&sums), _mm512_set1_ps(query->step), _mm512_set1_ps(query->bias));
		upper = _mm512_fmadd_ps(_mm512_add_ps(sum, _mm512_set1_ps(run->margin)), scale, base);
		pass = _mm512_mask_cmp_ps_mask(present & (__mmask16) wanted, upper, _mm512_set1_ps(run->floor), _CMP_GE_OQ);
		if (pass == 0)
			continue;
		/* whole vectors: their ends are overwritten by the next ones */
		_mm256_storeu_si256((__m256i *) (run->slots + count),
							_mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(pass, slots)));
		_mm512_storeu_ps(run->upper + count, _mm512_maskz_compress_ps(pass, upper));
		_mm512_storeu_ps(run->scales + count, _mm512_maskz_compress_ps(pass, scale));
		_mm512_storeu_ps(run->bases + count, _mm512_maskz_compress_ps(pass, base));
		_mm512_storeu_ps(run->sums + count, _mm512_maskz_compress_ps(pass, sum));
		count += (uint32_t) __builtin_popcount(pass);
	}
	return count;
}

/*
 * Those of 64 elements whose bits are set, added up in pairs.  A pair is 254 at
 * most, so 16 bits hold the sums of 64 times 64 elements, the greatest dimension.
 */
static inline TARGET __m512i
add_selected(__m512i sum, __m512i elements, const uint8_t *from)
{
	uint64_t	bits;

	__builtin_memcpy(&bits, from, sizeof(bits));
	return _mm512_add_epi16(sum, _mm512_maddubs_epi16(_mm512_set1_epi8(1),
													  _mm512_maskz_mov_epi8((__mmask64) bits, elements)));
}

static TARGET int64_t
fine(const int8_t *q, const uint8_t *planes, uint32_t padded, int nplanes)
{
	__m512i		total = _mm512_setzero_si512();

	/* six planes of 4,096 elements sum up to less than 2^26 */
	for (int p = 0; p < nplanes; p++)
	{
		__m512i		sum = _mm512_setzero_si512();

		for (uint32_t i = 0; i < padded / 64; i++)
			sum = add_selected(sum, _mm512_loadu_si512(q + i * 64), planes + i * 8);
		total = _mm512_add_epi32(_mm512_add_epi32(total, total), _mm512_madd_epi16(sum, _mm512_set1_epi16(1)));
		planes += padded / 8;
	}
	return _mm512_reduce_add_epi32(total);
}

/* Sums of pairs as sums of eight. */
static inline TARGET __m256i
fold(__m512i sum)
{
	sum = _mm512_madd_epi16(sum, _mm512_set1_epi16(1));
	return _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
}

/* Four codes at a time, so that their sums are added up together. */
static TARGET void
middle(const int8_t *q, const uint8_t *planes, const uint16_t *slots, uint32_t n, uint32_t padded, int32_t *sums)
{
	size_t		size = padded / 8;

	for (uint32_t i = 0; i < n; i += 4)
	{
		uint32_t	m = n - i < 4 ? n - i : 4;
		const uint8_t *a = planes + slots[i] * size;
		const uint8_t *b = planes + slots[i + (m > 1 ? 1 : 0)] * size;
		const uint8_t *c = planes + slots[i + (m > 2 ? 2 : 0)] * size;
		const uint8_t *d = planes + slots[i + (m > 3 ? 3 : 0)] * size;
		__m512i		sum_a = _mm512_setzero_si512();
		__m512i		sum_b = _mm512_setzero_si512();
		__m512i		sum_c = _mm512_setzero_si512();
		__m512i		sum_d = _mm512_setzero_si512();
		__m256i		pairs;
		__m128i		total;

		for (uint32_t at = 0; at < size; at += 8)
		{
			__m512i		elements = _mm512_loadu_si512(q + at * 8);

			sum_a = add_selected(sum_a, elements, a + at);
			sum_b = add_selected(sum_b, elements, b + at);
			sum_c = add_selected(sum_c, elements, c + at);
			sum_d = add_selected(sum_d, elements, d + at);
		}
		pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(fold(sum_a), fold(sum_b)),
								  _mm256_hadd_epi32(fold(sum_c), fold(sum_d)));
		total = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
		_mm_mask_storeu_epi32(sums + i, (__mmask8) ((1u << m) - 1), total);
	}
}

const fx_code_kernels fx_code_kernels_avx512 = {"avx512", rotate, encode, coarse, middle, fine};

#endif							/* __x86_64__ */

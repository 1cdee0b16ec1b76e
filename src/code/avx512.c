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

/* What four bytes of each of 16 codes select in two tables each, together below 128. */
static inline TARGET __m512i
look_up(const uint8_t *codes, __m512i low_tables, __m512i high_tables)
{
	const __m512i low_half = _mm512_set1_epi8(15);
	__m512i		both = _mm512_loadu_si512(codes);

	return _mm512_add_epi8(_mm512_shuffle_epi8(low_tables, _mm512_and_si512(both, low_half)),
						   _mm512_shuffle_epi8(high_tables,
											   _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half)));
}

/* Table sums of 16 codes: those of all bytes and those of the high ones alone, in four lanes that hold partial sums. */
typedef struct sums_16
{
	__m512i		all;
	__m512i		high;
} sums_16;

/* So many times 16 codes have their sums in registers at once, so that a page is read as it lies. */
#define GROUP 8

/* What the first `dims` dimensions of n times 16 codes say, n being a constant. */
static inline TARGET __attribute__((always_inline)) void
add_up_n(int n, fx_sixteen first, const uint8_t *table, uint32_t dims, const char *ahead, sums_16 *result)
{
	sums_16		sums[GROUP];

#pragma GCC unroll 8
	for (int g = 0; g < n; g++)
		sums[g].all = sums[g].high = _mm512_setzero_si512();
	for (uint32_t i = 0; i < dims / FX_SLICE_DIMS; i++)
	{
		const uint8_t *codes = first.slice + i * first.stride;
		__m512i		a = _mm512_loadu_si512(table + i * 256);
		__m512i		b = _mm512_loadu_si512(table + i * 256 + 64);
		__m512i		c = _mm512_loadu_si512(table + i * 256 + 128);
		__m512i		d = _mm512_loadu_si512(table + i * 256 + 192);

#pragma GCC unroll 8
		for (int g = 0; g < n; g++)
		{
			__m512i		sum = _mm512_add_epi8(look_up(codes + g * 128, a, b), look_up(codes + g * 128 + 64, c, d));

			if (ahead != NULL)
				_mm_prefetch(ahead + (i * n + g) * 64, _MM_HINT_T0);
			sums[g].all = _mm512_add_epi16(sums[g].all, sum);
			sums[g].high = _mm512_add_epi16(sums[g].high, _mm512_srli_epi16(sum, 8));
		}
	}
#pragma GCC unroll 8
	for (int g = 0; g < n; g++)
		result[g] = sums[g];
}

static TARGET void
add_up(uint32_t n, fx_sixteen first, const uint8_t *table, uint32_t dims, const char *ahead, sums_16 *sums)
{
	switch (n)
	{
		case 1:
			add_up_n(1, first, table, dims, ahead, sums);
			break;
		case 2:
			add_up_n(2, first, table, dims, ahead, sums);
			break;
		case 3:
			add_up_n(3, first, table, dims, ahead, sums);
			break;
		case 4:
			add_up_n(4, first, table, dims, ahead, sums);
			break;
		case 5:
			add_up_n(5, first, table, dims, ahead, sums);
			break;
		case 6:
			add_up_n(6, first, table, dims, ahead, sums);
			break;
		case 7:
			add_up_n(7, first, table, dims, ahead, sums);
			break;
		default:
			add_up_n(GROUP, first, table, dims, ahead, sums);
	}
}

/*
 * Sums of the first `dims` dimensions of as many times 16 codes, from block `block` on, as can be added up together;
 * returns how many times, or 0: those 16 are not wanted, and the run is not read as a whole.  What is to be fetched
 * along is, and *ahead goes on behind it.
 */
static inline TARGET uint32_t
sum_group(const fx_query *query, const fx_coarse_run *run, bool whole, uint32_t block, uint32_t dims,
		  const char **ahead, sums_16 *sums)
{
	uint32_t	n = 1;
	uint8_t		joined[FX_CODE_MAX_DIM * 2];

	if (!whole && fx_wanted(run, block) == 0)
	{
		*ahead = fx_fetch_ahead(*ahead, dims);
		return 0;
	}
	if (run->width == 16)
		while (n < GROUP && block + n < run->nblocks && (whole || fx_wanted(run, block + n) != 0))
			n++;
	add_up(n, fx_codes_16(run, block, dims, joined), query->table, dims, *ahead, sums);
	if (*ahead != NULL)
		*ahead += n * dims;
	return n;
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

/* Scales of those of 16 codes that there are. */
static inline TARGET __m512
load_scales(const uint16_t *scales, __mmask16 present)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(present, scales)), 16));
}

/* What the estimates of 16 codes begin with. */
static inline TARGET __m512
load_bases(const fx_coarse_run *run, uint32_t first_code, __mmask16 present)
{
	__m512		base = _mm512_set1_ps(run->base);

	if (run->add != NULL)
		base = _mm512_add_ps(base, _mm512_maskz_loadu_ps(present, run->add + first_code));
	return base;
}

/*
 * Notes those of n times 16 codes that reach the floor behind the count that do; returns how many do then.  Where any
 * does, whether some 16 of them have one is not to be foreseen, and no branch is cheaper than one that is.
 */
static inline TARGET uint32_t
note_bounds(const fx_query *query, const fx_coarse_run *run, uint32_t block, uint32_t n, const sums_16 *sums,
			uint32_t count)
{
	const __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m512		signed_sums[GROUP];
	__m512		uppers[GROUP];
	__mmask16	pass[GROUP];
	uint32_t	any = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	first_code = (block + i) * run->width;
		__mmask16	present = (__mmask16) ((1u << fx_ncodes(run, block + i)) - 1);
		__mmask16	wanted = present & (__mmask16) fx_wanted(run, block + i);

		signed_sums[i] = _mm512_fmadd_ps(fold_16(&sums[i]), _mm512_set1_ps(query->step), _mm512_set1_ps(query->bias));
		uppers[i] = _mm512_fmadd_ps(_mm512_add_ps(signed_sums[i], _mm512_set1_ps(run->margin)),
									load_scales(run->scale + first_code, present),
									load_bases(run, first_code, present));
		pass[i] = _mm512_mask_cmp_ps_mask(wanted, uppers[i], _mm512_set1_ps(run->floor), _CMP_GE_OQ);
		any |= pass[i];
	}
	if (any == 0)
		return count;
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	first_code = (block + i) * run->width;
		__m512i		slots = _mm512_add_epi32(_mm512_set1_epi32((int) first_code), numbers);
		__m512		scales = load_scales(run->scale + first_code, pass[i]);
		__m512		bases = load_bases(run, first_code, pass[i]);

		/* whole vectors: their ends are overwritten by the next ones */
		_mm256_storeu_si256((__m256i *) (run->slots + count),
							_mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(pass[i], slots)));
		_mm512_storeu_ps(run->upper + count, _mm512_maskz_compress_ps(pass[i], uppers[i]));
		_mm512_storeu_ps(run->scales + count, _mm512_maskz_compress_ps(pass[i], scales));
		_mm512_storeu_ps(run->bases + count, _mm512_maskz_compress_ps(pass[i], bases));
		_mm512_storeu_ps(run->sums + count, _mm512_maskz_compress_ps(pass[i], signed_sums[i]));
		count += (uint32_t) __builtin_popcount(pass[i]);
	}
	return count;
}

static TARGET uint32_t
coarse(const fx_query *query, const fx_coarse_run *run)
{
	uint32_t	blocks = 16 / run->width;
	uint32_t	count = 0;
	uint32_t	n;
	const char *ahead = run->ahead;
	bool		whole = fx_mostly_wanted(run);
	sums_16		sums[GROUP];

	for (uint32_t block = 0; block < run->nblocks; block += (n > 0 ? n : 1) * blocks)
	{
		n = sum_group(query, run, whole, block, query->padded, &ahead, sums);
		count = note_bounds(query, run, block, n, sums, count);
	}
	fx_fetch_rest(run, ahead, query->padded);
	return count;
}

static TARGET uint32_t
prefix(const fx_query *query, const fx_coarse_run *run, uint16_t *reach)
{
	uint32_t	dims = run->prefix;
	uint32_t	blocks = 16 / run->width;
	uint32_t	count = 0;
	uint32_t	n;
	const char *ahead = run->ahead;
	bool		whole = fx_mostly_wanted(run);
	/* padded / prefix * (step * (table sum) + bias) + margin */
	float		ratio = (float) query->padded / (float) dims;
	const __m512 step = _mm512_set1_ps(ratio * query->step);
	const __m512 bias = _mm512_set1_ps(ratio * query->biases[dims / FX_SLICE_DIMS - 1] + run->prefix_margin);
	sums_16		sums[GROUP];

	for (uint32_t block = 0; block < run->nblocks; block += (n > 0 ? n : 1) * blocks)
	{
		n = sum_group(query, run, whole, block, dims, &ahead, sums);
		if (n == 0)
			reach[block * run->width / 16] = 0;
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	first_code = (block + i) * run->width;
			__mmask16	present = (__mmask16) ((1u << fx_ncodes(run, block + i)) - 1);
			__m512		upper = _mm512_fmadd_ps(_mm512_fmadd_ps(fold_16(&sums[i]), step, bias),
												load_scales(run->scale + first_code, present),
												load_bases(run, first_code, present));
			__mmask16	pass = _mm512_mask_cmp_ps_mask(present & (__mmask16) fx_wanted(run, block + i), upper,
													   _mm512_set1_ps(run->prefix_floor), _CMP_GE_OQ);

			reach[first_code / 16] = pass;
			count += pass != 0;
		}
	}
	fx_fetch_rest(run, ahead, dims);
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

const fx_code_kernels fx_code_kernels_avx512 = {"avx512", rotate, encode, coarse, prefix, middle, fine};

#endif							/* __x86_64__ */

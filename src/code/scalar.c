/*
 * scalar.c - the truth of the code kernels, and the choice of a tier.
 */
#include "code/tier.h"

#define TARGET
#include "code/encode_body.h"

fx_sixteen
fx_join_blocks(const fx_coarse_run *run, uint32_t first, uint32_t dims, uint8_t *to)
{
	size_t		size = fx_slice_size(8);

	for (uint32_t slice = 0; slice < dims / FX_SLICE_DIMS; slice++)
	{
		const uint8_t *low = run->codes + slice * fx_slice_size(run->ncodes) + first * size;
		uint8_t    *joined = to + slice * 2 * size;

		for (uint32_t i = 0; i < 8; i++)
		{
			memcpy(joined + i * 16, low + i * 8, 8);
			if (first + 1 < run->nblocks)
				memcpy(joined + i * 16 + 8, low + size + i * 8, 8);
			else
				memset(joined + i * 16 + 8, 0, 8);
		}
	}
	return (fx_sixteen) {to, 2 * size};
}

uint32_t
fx_reach_16(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, uint32_t ncodes, uint32_t wanted,
			const uint32_t *sums)
{
	float		ratio = (float) query->padded / (float) run->prefix;
	uint32_t	reach = 0;

	for (uint32_t i = 0; i < ncodes; i++)
	{
		float		signed_sum = query->step * (float) sums[i] + query->biases[run->prefix / FX_SLICE_DIMS - 1];
		float		upper = run->base + (run->add ? run->add[first_code + i] : 0) +
			fx_bfloat16(run->scale[first_code + i]) * (ratio * signed_sum + run->prefix_margin);

		reach |= (uint32_t) (upper >= run->prefix_floor) << i;
	}
	return reach & wanted;
}

uint32_t
fx_bound_16(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, uint32_t ncodes,
			uint32_t wanted, const uint32_t *sums, uint32_t count)
{
	for (uint32_t i = 0; i < ncodes; i++)
	{
		float		signed_sum = query->step * (float) sums[i] + query->bias;
		float		upper = run->base + (run->add ? run->add[first_code + i] : 0) +
			fx_bfloat16(run->scale[first_code + i]) * (signed_sum + run->margin);

		if (upper >= run->floor && (wanted >> i & 1))
			fx_note(run, count++, first_code + i, upper, signed_sum);
	}
	return count;
}

/* Table sums of the first `dims` dimensions of 16 codes. */
static void
add_up(fx_sixteen sixteen, const uint8_t *table, uint32_t dims, const char *ahead, uint32_t *sums)
{
	(void) fx_fetch_ahead(ahead, dims);
	memset(sums, 0, 16 * sizeof(uint32_t));
	for (uint32_t byte = 0; byte < dims / 8; byte++)
	{
		const uint8_t *codes = sixteen.slice + byte / 8 * sixteen.stride + byte % 8 * 16;
		const uint8_t *tables = table + (byte / 4 * 8 + byte % 4) * 16;

		for (uint32_t code = 0; code < 16; code++)
			sums[code] += (uint32_t) tables[codes[code] & 15] + tables[64 + (codes[code] >> 4)];
	}
}

#define bound_16 fx_bound_16
#include "code/sum_body.h"

static void
middle(const int8_t *q, const uint8_t *planes, const uint16_t *slots, uint32_t n, uint32_t padded, int32_t *sums)
{
	for (uint32_t i = 0; i < n; i++)
	{
		const uint8_t *plane = planes + (size_t) slots[i] * (padded / 8);

		sums[i] = 0;
		for (uint32_t j = 0; j < padded; j++)
			if (plane[j / 8] >> j % 8 & 1)
				sums[i] += q[j];
	}
}

static int64_t
fine(const int8_t *q, const uint8_t *planes, uint32_t padded, int nplanes)
{
	int64_t		total = 0;

	for (int p = 0; p < nplanes; p++)
	{
		int64_t		sum = 0;

		for (uint32_t i = 0; i < padded; i++)
			if (planes[i / 8] >> i % 8 & 1)
				sum += q[i];
		total = 2 * total + sum;
		planes += padded / 8;
	}
	return total;
}

const fx_code_kernels fx_code_kernels_scalar = {"scalar", rotate, encode, coarse, prefix, middle, fine};

const fx_code_kernels *
fx_code_kernels_of(fx_tier tier)
{
	if (tier == FX_TIER_AUTO)
	{
		int			best = FX_TIER_AVX512;

		while (fx_code_kernels_of((fx_tier) best) == NULL)
			best--;
		return fx_code_kernels_of((fx_tier) best);
	}
	if (!fx_tier_available(tier))
		return NULL;
	switch (tier)
	{
#ifdef __x86_64__
		case FX_TIER_AVX2:
			return &fx_code_kernels_avx2;
		case FX_TIER_AVX512:
			return &fx_code_kernels_avx512;
#endif
#ifdef __aarch64__
		case FX_TIER_NEON:
			return &fx_code_kernels_neon;
#endif
		default:
			return tier == FX_TIER_SCALAR ? &fx_code_kernels_scalar : NULL;
	}
}

const fx_code_kernels *
fx_code_kernels_active(void)
{
	static const fx_kernels *chosen_for = NULL;
	static const fx_code_kernels *chosen;

	if (chosen_for != fx_kernels_active())
	{
		chosen_for = fx_kernels_active();
		chosen = &fx_code_kernels_scalar;
		for (int tier = FX_TIER_SCALAR; tier <= FX_TIER_AVX512; tier++)
			if (fx_kernels_of((fx_tier) tier) == chosen_for)
				chosen = fx_code_kernels_of((fx_tier) tier);
	}
	return chosen;
}

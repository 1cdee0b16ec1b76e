/*
 * tier.h - the tables of kernels, one per instruction set, and what they share.
 */
#ifndef FX_CODE_TIER_H
#define FX_CODE_TIER_H

#include "base/prefetch.h"
#include "code/code.h"

extern const fx_code_kernels fx_code_kernels_scalar;
#ifdef __x86_64__
extern const fx_code_kernels fx_code_kernels_avx2;
extern const fx_code_kernels fx_code_kernels_avx512;
#endif
#ifdef __aarch64__
extern const fx_code_kernels fx_code_kernels_neon;
#endif

/* Which of the 16 codes that begin with block `first` are wanted. */
static inline uint32_t
fx_wanted(const fx_coarse_run *run, uint32_t first)
{
	return run->wanted == NULL ? 0xFFFF : run->wanted[first * run->width / 16];
}

/* How many codes there are of the 16 that begin with block `first`: 8 where an odd number of blocks ends. */
static inline uint32_t
fx_ncodes(const fx_coarse_run *run, uint32_t first)
{
	uint32_t	blocks = 16 / run->width;

	return (run->nblocks - first < blocks ? run->nblocks - first : blocks) * run->width;
}

/*
 * Fetches what is to be fetched along with the first `dims` dimensions of 16 codes, half as many bytes; returns where
 * that goes on.
 */
static inline const char *
fx_fetch_ahead(const char *ahead, uint32_t dims)
{
	if (ahead == NULL)
		return NULL;
	for (uint32_t at = 0; at < dims; at += 64)
		fx_prefetch(ahead + at);
	return ahead + dims;
}

/* Fetches what has not been fetched along with the codes that were scored. */
static inline void
fx_fetch_rest(const fx_coarse_run *run, const char *ahead, uint32_t dims)
{
	if (ahead == NULL)
		return;
	for (const char *end = run->ahead + fx_ahead_size(run->ncodes, dims); ahead < end; ahead += 64)
		fx_prefetch(ahead);
}

/* Where 16 codes lie: their first slice, and how far it is to the next. */
typedef struct fx_sixteen
{
	const uint8_t *slice;
	size_t		stride;
} fx_sixteen;

/*
 * Two blocks of 8 as one of 16, `dims` dimensions of them, dims * 2 bytes at `to`; of an odd number of blocks the last
 * stands alone.
 */
extern fx_sixteen fx_join_blocks(const fx_coarse_run *run, uint32_t first, uint32_t dims, uint8_t *to);

/* The 16 codes that begin with block `first`; joined has space for what has to be put together. */
static inline fx_sixteen
fx_codes_16(const fx_coarse_run *run, uint32_t first, uint32_t dims, uint8_t *joined)
{
	if (run->width != 16)
		return fx_join_blocks(run, first, dims, joined);
	return (fx_sixteen) {run->codes + first * fx_slice_size(16), fx_slice_size(run->ncodes)};
}

/* Notes a code as the one that passes behind the count that do. */
static inline void
fx_note(const fx_coarse_run *run, uint32_t count, uint32_t code, float upper, float signed_sum)
{
	run->slots[count] = (uint16_t) code;
	run->upper[count] = upper;
	run->scales[count] = fx_bfloat16(run->scale[code]);
	run->bases[count] = run->base + (run->add ? run->add[code] : 0);
	run->sums[count] = signed_sum;
}

/* Those of the wanted ones among 16 codes that reach the floor of the prefix, from table sums of its dimensions. */
extern uint32_t fx_reach_16(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, uint32_t ncodes,
							uint32_t wanted, const uint32_t *sums);

/*
 * From table sums of 16 codes to upper bounds; notes those that pass behind the count that have, and returns how many
 * there are then.
 */
extern uint32_t fx_bound_16(const fx_query *query, const fx_coarse_run *run, uint32_t first_code, uint32_t ncodes,
							uint32_t wanted, const uint32_t *sums, uint32_t count);

#endif							/* FX_CODE_TIER_H */

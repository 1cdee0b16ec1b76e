/*
 * sum_body.h - coarse codes and prefixes, 16 at a time, for the tiers that keep table sums in memory.
 *
 * A tier's file includes this after it has defined TARGET, add_up(), which
 * gives the sums of the first dimensions, and bound_16(), which is as fx_bound_16().
 */

/*
 * Sums of the first `dims` dimensions of the 16 codes that begin with block `block`, and which of them are wanted: if
 * none is, sums have no meaning.  What is to be fetched along is, and *ahead goes on behind it.
 */
static inline TARGET uint32_t
sum_16(const fx_query *query, const fx_coarse_run *run, uint32_t block, uint32_t dims, const char **ahead,
	   uint32_t *sums)
{
	uint32_t	wanted = fx_wanted(run, block);
	uint8_t		joined[FX_CODE_MAX_DIM * 2];

	if (wanted == 0)
	{
		*ahead = fx_fetch_ahead(*ahead, dims);
		return 0;
	}
	add_up(fx_codes_16(run, block, dims, joined), query->table, dims, *ahead, sums);
	if (*ahead != NULL)
		*ahead += dims;
	return wanted;
}

static TARGET uint32_t
coarse(const fx_query *query, const fx_coarse_run *run)
{
	uint32_t	blocks = 16 / run->width;
	uint32_t	count = 0;
	const char *ahead = run->ahead;

	for (uint32_t block = 0; block < run->nblocks; block += blocks)
	{
		uint32_t	sums[16];
		uint32_t	wanted = sum_16(query, run, block, query->padded, &ahead, sums);

		if (wanted != 0)
			count = bound_16(query, run, block * run->width, fx_ncodes(run, block), wanted, sums, count);
	}
	fx_fetch_rest(run, ahead, query->padded);
	return count;
}

static TARGET uint32_t
prefix(const fx_query *query, const fx_coarse_run *run, uint16_t *reach)
{
	uint32_t	blocks = 16 / run->width;
	uint32_t	count = 0;
	const char *ahead = run->ahead;

	for (uint32_t block = 0; block < run->nblocks; block += blocks)
	{
		uint32_t	first_code = block * run->width;
		uint32_t	sums[16];
		uint32_t	wanted = sum_16(query, run, block, run->prefix, &ahead, sums);

		if (wanted != 0)
			wanted = fx_reach_16(query, run, first_code, fx_ncodes(run, block), wanted, sums);
		reach[first_code / 16] = (uint16_t) wanted;
		count += wanted != 0;
	}
	fx_fetch_rest(run, ahead, run->prefix);
	return count;
}

/*
 * sum_body.h - table sums of 16 codes, for the tiers that keep them in memory.
 *
 * A tier's file includes this after it has defined TARGET and add_16(), which
 * adds to the sums what some dimensions say.
 */

/*
 * Sums of the 16 codes that begin with block `block`, and which of them are wanted and not ruled out by their prefix:
 * if none is, sums have no meaning.  What is to be fetched along is, and *ahead goes on behind it.
 */
static inline TARGET uint32_t
sum_16(const fx_query *query, const fx_coarse_run *run, uint32_t block, const char **ahead, uint32_t *sums)
{
	uint32_t	padded = query->padded;
	uint32_t	first = run->prefix > 0 ? run->prefix : padded;
	uint32_t	wanted = fx_wanted(run, block);
	const uint8_t *codes = run->blocks + block * fx_block_size(padded, run->width);
	uint8_t		joined[FX_CODE_MAX_DIM * 2];

	if (wanted == 0)
	{
		*ahead = fx_fetch_ahead(run, *ahead, padded);
		return 0;
	}
	if (run->width != 16)
	{
		fx_join_blocks(run, padded, block, joined);
		codes = joined;
	}
	memset(sums, 0, 16 * sizeof(uint32_t));
	add_16(codes, query->table, 0, first, *ahead, sums);
	if (*ahead != NULL)
		*ahead += fx_block_size(padded, 16);
	if (run->prefix > 0)
	{
		wanted = fx_reach_16(query, run, block * run->width, fx_ncodes(run, block), wanted, sums);
		if (wanted != 0)
			add_16(codes, query->table, first, padded, NULL, sums);
	}
	return wanted;
}

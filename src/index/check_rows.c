/*
 * check_rows.c - the entries of an index against the rows of its table.
 */
#include "index/check.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

/* Rows in lists, whose nearest list is found for all of them at once. */
typedef struct fs_list_batch
{
	const fx_clusters *clusters;
	uint32		count;
	fs_entry_place places[FX_POINTS_AT_ONCE];
	uint32		lists[FX_POINTS_AT_ONCE];
	float	   *rows;			/* of so many: template minus centre */
	float	   *points;			/* their places on the axes */
	float	   *scratch;		/* of fx_nearest_lists() */
} fs_list_batch;

static BlockNumber
block_of(const fs_check *state, const fs_entry_place *at)
{
	return state->extents[at->extent].start + at->page;
}

static bool
is_damaged(const fs_check *state, BlockNumber block)
{
	return block >= state->blocks || (state->damaged[block / 8] >> block % 8 & 1);
}

/* The entry at this place differs from what its row gives. */
static void
differs(fs_check *state, BlockNumber block, const fs_entry_place *at, const char *what)
{
	fs_check_report(state, block, "%s of row (%u,%u) is not that of its template", what,
					ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
}

/* ---- codes */

static uint32
differing_bits(const uint8 *a, const uint8 *b, Size n)
{
	uint32		count = 0;

	for (Size i = 0; i < n; i++)
		count += __builtin_popcount(a[i] ^ b[i]);
	return count;
}

/* Whether two numbers are the same but for such a part of them; NaN is like nothing. */
static bool
alike(double a, double b, double part)
{
	return fabs(a - b) <= part * Max(fabs(a), fabs(b));
}

static void
check_coarse(fs_check *state, const fs_layout *layout, Page page, const fs_entry_place *at, const fs_entry *expected,
			 uint32 tolerance)
{
	uint32		bytes = layout->padded / 8;
	uint8	   *signs = palloc0(bytes + 1);

	if (bytes > 0)
		fx_code_get(FS_CODES(page), layout->entries, layout->padded, layout->width, at->slot, signs);
	if (differing_bits(signs, expected->signs, bytes) > tolerance)
		differs(state, block_of(state, at), at, "coarse code");
	if (!alike(fx_bfloat16(FS_SCALES(page, layout)[at->slot]), fx_bfloat16(expected->coarse.scale), 0.01))
		differs(state, block_of(state, at), at, "scale of the coarse code");
	if (layout->adds != 0 && !alike(FS_ADDS(page, layout)[at->slot], expected->coarse.add, 1e-5))
		differs(state, block_of(state, at), at, "squared length");
}

static void
check_middle(fs_check *state, const fs_layout *layout, BlockNumber block, const fs_entry_place *at,
			 const fs_entry *expected, uint32 tolerance)
{
	Buffer		buffer = fs_read(state->index, block, BUFFER_LOCK_SHARE, FS_PAGE_MIDDLE, NULL);
	const char *page = BufferGetPage(buffer);
	uint16		factors = ((const uint16 *) (page + layout->middle_factors))[at->slot];
	uint16		own = fx_middle_pack(&expected->coarse, &expected->middle);

	if (differing_bits((const uint8 *) page + layout->middle_codes + layout->middle_bytes * at->slot,
					   expected->planes, layout->middle_bytes) > tolerance)
		differs(state, block, at, "middle code");
	/* two bytes, in steps of 1 / 128 */
	if (abs((factors & 0xFF) - (own & 0xFF)) > 2 || abs((factors >> 8) - (own >> 8)) > 2)
		differs(state, block, at, "scale of the middle code");
	UnlockReleaseBuffer(buffer);
}

static void
check_fine(fs_check *state, const fs_layout *layout, BlockNumber first, const fs_entry_place *at,
		   const fs_entry *expected, uint32 tolerance)
{
	uint32		slot;
	BlockNumber block = fs_fine_block(layout, first, at->slot, &slot);
	Buffer		buffer;
	const char *page;

	if (is_damaged(state, block))
		return;
	buffer = fs_read(state->index, block, BUFFER_LOCK_SHARE, FS_PAGE_FINE, NULL);
	page = BufferGetPage(buffer);
	if (differing_bits((const uint8 *) page + FS_CODES_OFFSET + layout->fine_bytes * slot,
					   expected->planes + layout->middle_bytes, layout->fine_bytes) > tolerance)
		differs(state, block, at, "fine code");
	if (!alike(((const float *) (page + layout->fine_scales))[slot], expected->fine.scale, 0.01) ||
		!alike(fx_bfloat16(((const uint16 *) (page + layout->fine_spreads))[slot]), expected->fine.spread, 0.1))
		differs(state, block, at, "scale of the fine code");
	UnlockReleaseBuffer(buffer);
}

static void
check_words(fs_check *state, const fs_layout *layout, Page page, const fs_entry_place *at, const fs_entry *expected)
{
	for (int i = 0; i < state->fs->meta.nfilters; i++)
	{
		uint64		word;
		bool		valid = fs_filter_get(layout, &state->fs->meta, page, at->slot, i, &word);

		if (valid == expected->isnull[i] || (valid && word != expected->words[i]))
			fs_check_report(state, block_of(state, at), "filter column %d of row (%u,%u) differs", i + 2,
							ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
	}
}

/* Compares what the index has at this place with what the row gives; true if it is in a list of its kind. */
static bool
check_entry(fs_check *state, const fs_entry_place *at, const fs_entry *expected)
{
	const fs_extent *extent = &state->extents[at->extent];
	const fs_layout *layout = fs_layout_of(state->fs, extent->list);
	fs_place	place = fs_extent_place(layout, extent, at->page);
	/* arithmetic differs in the last place between machines, so an element near zero may change its sign */
	uint32		tolerance = layout->padded / 64;
	Buffer		buffer = fs_read(state->index, place.code, BUFFER_LOCK_SHARE, FS_PAGE_CODE, NULL);
	bool		coded = extent->list < FS_LIST_ODD;
	/* codes are the same in all lists that have codes */
	bool		same = coded == (expected->list < FS_LIST_ODD) && (coded || extent->list == expected->list);

	if (same)
		check_coarse(state, layout, BufferGetPage(buffer), at, expected, tolerance);
	else
		fs_check_report(state, place.code, "row (%u,%u) is in list %u instead of %u",
						ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid), extent->list,
						expected->list);
	check_words(state, layout, BufferGetPage(buffer), at, expected);
	UnlockReleaseBuffer(buffer);
	/* what is not of its kind has been told already */
	if (same && layout->middle_pages > 0 && !is_damaged(state, place.middle))
		check_middle(state, layout, place.middle, at, expected, tolerance);
	if (same && layout->fine_pages > 0)
		/* a magnitude at the edge of two levels turns several bits */
		check_fine(state, layout, place.fine, at, expected, tolerance * 8);
	return same;
}

/* ---- lists */

static fs_list_batch *
begin_lists(fs_check *state)
{
	const fs_meta *meta = &state->fs->meta;
	fs_list_batch *batch;

	if (meta->lists <= 1)
		return NULL;
	fs_load_blas();
	batch = palloc0(sizeof(fs_list_batch));
	batch->clusters = fs_clusters(state->index, state->fs);
	batch->rows = palloc_extended(sizeof(float) * FX_POINTS_AT_ONCE * state->fs->layout.padded, MCXT_ALLOC_HUGE);
	batch->points = palloc(sizeof(float) * FX_POINTS_AT_ONCE * meta->axes);
	batch->scratch = palloc(sizeof(float) * fx_nearest_scratch(FX_POINTS_AT_ONCE, meta->lists));
	return batch;
}

/* How near one list is to a point. */
static float
nearness_of(const fx_clusters *clusters, uint32 list, const float *point)
{
	fx_clusters one = *clusters;
	float		nearness;

	one.lists = 1;
	one.centres += (Size) list * clusters->axes;
	fx_nearness(&one, point, 1, &nearness);
	return nearness;
}

/* Whoever is not in the nearest list is as near to its own, but for rounding. */
static void
finish_lists(fs_check *state)
{
	fs_list_batch *batch = state->batch;
	uint32		axes;

	if (batch == NULL || batch->count == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	axes = batch->clusters->axes;
	fx_project(batch->clusters, batch->rows, batch->count, batch->points);
	fx_nearest_lists(batch->clusters, batch->points, batch->count, batch->lists, batch->scratch);
	for (uint32 i = 0; i < batch->count; i++)
	{
		const fs_entry_place *at = &batch->places[i];
		const float *point = batch->points + (Size) i * axes;
		uint32		own = state->extents[at->extent].list;
		double		square = 0;

		if (own == batch->lists[i])
			continue;
		for (uint32 k = 0; k < axes; k++)
			square += (double) point[k] * point[k];
		if (!(nearness_of(batch->clusters, batch->lists[i], point) - nearness_of(batch->clusters, own, point) <=
			  1e-4 * sqrt(square)))
			fs_check_report(state, block_of(state, at), "row (%u,%u) is in list %u, but list %u is nearer",
							ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid), own,
							batch->lists[i]);
	}
	batch->count = 0;
}

/* Notes a row in a list; those in the tail may be anyone. */
static void
check_list(fs_check *state, const fs_entry_place *at)
{
	fs_list_batch *batch = state->batch;
	const fs_index *fs = state->fs;

	if (batch == NULL || state->extents[at->extent].list >= fs->meta.lists)
		return;
	for (uint32 i = 0; i < fs->layout.padded; i++)
		batch->rows[(Size) batch->count * fs->layout.padded + i] = state->encoder->rotated[i] - fs->centre[i];
	batch->places[batch->count] = *at;
	if (++batch->count == FX_POINTS_AT_ONCE)
		finish_lists(state);
}

/* ---- from rows to entries */

static void
check_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *argument)
{
	fs_check   *state = argument;
	MemoryContext old = MemoryContextSwitchTo(state->row);
	fs_entry_place key = {.tid = *tid};
	fs_entry_place *found = NULL;

	if (state->nentries > 0)
		found = bsearch(&key, state->entries, state->nentries, sizeof(fs_entry_place), fs_by_tid);
	if (found == NULL)
		fs_check_report(state, InvalidBlockNumber, "row (%u,%u) has no entry", ItemPointerGetBlockNumber(tid),
						ItemPointerGetOffsetNumber(tid));
	else
	{
		uint64		number = found - state->entries;

		if (state->visited != NULL)
			state->visited[number / 8] |= 1 << number % 8;
		fs_encode(index, state->encoder, values, isnull, tid, true);
		if (check_entry(state, found, &state->encoder->entry))
			check_list(state, found);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row);
}

/* Of a partial index: whoever is seen, but was not met among the rows that it is for. */
static void
check_strangers(fs_check *state, Relation heap, Snapshot snapshot)
{
	IndexFetchTableData *fetch = table_index_fetch_begin(heap);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	BlockNumber blocks = RelationGetNumberOfBlocks(heap);

	for (uint64 i = 0; i < state->nentries; i++)
	{
		ItemPointerData tid = state->entries[i].tid;
		bool		again = false;

		CHECK_FOR_INTERRUPTS();
		/* a pointer beyond the table has been told already */
		if ((state->visited[i / 8] >> i % 8 & 1) || ItemPointerGetBlockNumber(&tid) >= blocks)
			continue;
		if (table_index_fetch_tuple(fetch, &tid, snapshot, slot, &again, NULL))
			fs_check_report(state, block_of(state, &state->entries[i]), "row (%u,%u) is not for this index",
							ItemPointerGetBlockNumber(&state->entries[i].tid),
							ItemPointerGetOffsetNumber(&state->entries[i].tid));
		ExecClearTuple(slot);
	}
	table_index_fetch_end(fetch);
	ExecDropSingleTupleTableSlot(slot);
}

void
fs_check_rows(fs_check *state, Relation heap, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(state->index);
	TableScanDesc scan = table_beginscan_strat(heap, snapshot, 0, NULL, true, true);

	info->ii_Concurrent = true;
	state->encoder = fs_encoder_create(state->fs);
	state->batch = begin_lists(state);
	if (info->ii_Predicate != NIL)
		state->visited = palloc_extended(state->nentries / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	(void) table_index_build_scan(heap, state->index, info, true, false, check_row, state, scan);
	finish_lists(state);
	if (state->visited != NULL)
		check_strangers(state, heap, snapshot);
}

/* ---- from entries to rows */

/* What is wrong with an entry's pointer into this page; NULL: nothing. */
static const char *
problem_of(Page page, OffsetNumber offset)
{
	ItemId		item;

	if (offset > PageGetMaxOffsetNumber(page))
		return "has no row";
	item = PageGetItemId(page, offset);
	/* VACUUM removes entries before it lets go of what they point to */
	if (!ItemIdIsUsed(item))
		return "has no row";
	if (ItemIdIsNormal(item) && HeapTupleHeaderIsHeapOnly((HeapTupleHeader) PageGetItem(page, item)))
		return "leads into the middle of a chain of versions";
	return NULL;
}

void
fs_check_owners(fs_check *state, Relation heap)
{
	/* entries of rows that came meanwhile are not among those that were found */
	BlockNumber blocks = RelationGetNumberOfBlocks(heap);
	Buffer		buffer = InvalidBuffer;

	/* only of its own pages does the server tell what lies in them */
	if (heap->rd_rel->relam != HEAP_TABLE_AM_OID)
		return;
	for (uint64 i = 0; i < state->nentries; i++)
	{
		const fs_entry_place *at = &state->entries[i];
		BlockNumber block = ItemPointerGetBlockNumber(&at->tid);
		const char *problem = "has no row";

		if (block < blocks)
		{
			if (!BufferIsValid(buffer) || BufferGetBlockNumber(buffer) != block)
			{
				CHECK_FOR_INTERRUPTS();
				buffer = ReleaseAndReadBuffer(buffer, heap, block);
			}
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			problem = problem_of(BufferGetPage(buffer), ItemPointerGetOffsetNumber(&at->tid));
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		if (problem != NULL)
			fs_check_report(state, block_of(state, at), "entry of row (%u,%u) %s", block,
							ItemPointerGetOffsetNumber(&at->tid), problem);
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
}

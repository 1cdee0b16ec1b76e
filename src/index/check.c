/*
 * check.c - an index against its own rules and against its table.
 *
 * What must hold, at any moment and after any crash:
 *
 *		every extent lies within the file, and no two share a block
 *		every page is of the kind that its place says, and its counts agree with its slots
 *		no row has two entries
 *		every row that a snapshot sees has an entry, with the codes of its template and
 *		the words of its filter columns
 */
#include "index/index.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* More are counted, but not told one by one. */
#define MAX_PROBLEMS	100

/* An entry, found in the index. */
typedef struct entry_place
{
	ItemPointerData tid;
	uint16		slot;
	uint32		extent;
	uint32		page;
} entry_place;

typedef struct check_state
{
	Relation	index;
	fs_index   *fs;
	fs_encoder *encoder;
	ReturnSetInfo *result;
	MemoryContext row;
	fs_extent  *extents;
	uint32		nextents;
	uint8	   *owned;			/* blocks that belong to something, a bitmap */
	BlockNumber blocks;
	entry_place *entries;
	uint64		nentries;
	uint64		capacity;
	uint64		problems;
} check_state;

static void report(check_state *state, BlockNumber block, const char *format,...)
			__attribute__((format(printf, 3, 4)));

static void
report(check_state *state, BlockNumber block, const char *format,...)
{
	Datum		values[2];
	bool		nulls[2] = {block == InvalidBlockNumber, false};
	char		text[256];
	va_list		args;

	if (++state->problems > MAX_PROBLEMS)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	values[0] = Int64GetDatum((int64) block);
	values[1] = CStringGetTextDatum(text);
	tuplestore_putvalues(state->result->setResult, state->result->setDesc, values, nulls);
}

/* ---- structure */

static void
own(check_state *state, BlockNumber block)
{
	if (block >= state->blocks)
		report(state, block, "block lies behind the end of the file");
	else if (state->owned[block / 8] >> block % 8 & 1)
		report(state, block, "block belongs to two extents");
	else
		state->owned[block / 8] |= 1 << block % 8;
}

static void
note_extent(const fs_extent *extent, uint32 number, void *argument)
{
	check_state *state = argument;

	state->extents[state->nextents++] = *extent;
}

static void
note_entry(check_state *state, ItemPointer tid, uint32 extent, uint32 page, uint32 slot)
{
	entry_place *place;

	if (state->nentries == state->capacity)
	{
		state->capacity = Max(state->capacity * 2, 1024);
		if (state->entries == NULL)
			state->entries = palloc_extended(sizeof(entry_place) * state->capacity, MCXT_ALLOC_HUGE);
		else
			state->entries = repalloc_huge(state->entries, sizeof(entry_place) * state->capacity);
	}
	place = &state->entries[state->nentries++];
	place->tid = *tid;
	place->extent = extent;
	place->page = page;
	place->slot = slot;
}

static bool
check_kind(check_state *state, BlockNumber block, fs_page_kind kind)
{
	Buffer		buffer;
	Page		page;
	bool		good;

	if (block >= state->blocks)
		return false;
	buffer = ReadBuffer(state->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	good = !PageIsNew(page) && ((PageHeader) page)->pd_special == FS_PAGE_BYTES &&
		FS_OPAQUE(page)->page_id == FS_PAGE_ID && FS_OPAQUE(page)->kind == kind &&
		(kind < FS_PAGE_CODE || (FS_CODE_HEAD(page)->page_id == FS_PAGE_ID && FS_CODE_HEAD(page)->kind == kind));
	UnlockReleaseBuffer(buffer);
	if (!good)
		report(state, block, "page is not of kind %d", kind);
	return good;
}

static void
check_code_page(check_state *state, uint32 extent, uint32 number)
{
	const fs_layout *layout = fs_layout_of(state->fs, state->extents[extent].list);
	fs_place	place = fs_extent_place(layout, &state->extents[extent], number);
	Buffer		buffer;
	Page		page;
	fs_code_head *head;
	uint32		free = 0;

	own(state, place.code);
	if (BlockNumberIsValid(place.middle))
	{
		own(state, place.middle);
		(void) check_kind(state, place.middle, FS_PAGE_MIDDLE);
	}
	for (uint32 i = 0; i < layout->fine_pages; i++)
	{
		own(state, place.fine + i);
		(void) check_kind(state, place.fine + i, FS_PAGE_FINE);
	}
	if (!check_kind(state, place.code, FS_PAGE_CODE))
		return;

	buffer = fs_read(state->index, place.code, BUFFER_LOCK_SHARE, FS_PAGE_CODE, NULL);
	page = BufferGetPage(buffer);
	head = FS_CODE_HEAD(page);
	if (state->extents[extent].list >= state->fs->meta.lists && state->extents[extent].list < FS_LIST_TAIL)
		report(state, place.code, "list %u of %u", state->extents[extent].list, state->fs->meta.lists);
	if (head->list != state->extents[extent].list)
		report(state, place.code, "page of list %u in an extent of list %u", head->list, state->extents[extent].list);
	if (head->used > layout->entries)
		report(state, place.code, "%u slots are in use of %u", head->used, layout->entries);
	for (uint32 i = 0; i < layout->entries; i++)
	{
		ItemPointer tid = &FS_TIDS(page, layout)[i];

		if (ItemPointerIsValid(tid))
		{
			if (i >= head->used)
				report(state, place.code, "slot %u is taken, but only %u are in use", i, head->used);
			note_entry(state, tid, extent, number, i);
		}
		else
		{
			free += i < head->used;
			if (FS_SCALES(page, layout)[i] != FX_CODE_DEAD)
				report(state, place.code, "free slot %u has a code that would be scored", i);
		}
	}
	if (free != head->free)
		report(state, place.code, "%u slots are free, but the page counts %u", free, head->free);
	UnlockReleaseBuffer(buffer);
}

static int
by_tid(const void *a, const void *b)
{
	return ItemPointerCompare(&((entry_place *) a)->tid, &((entry_place *) b)->tid);
}

static void
check_structure(check_state *state)
{
	state->extents = palloc_extended(sizeof(fs_extent) * Max(state->fs->meta.extents, 1), MCXT_ALLOC_HUGE);
	fs_extents_visit(state->index, &state->fs->meta, note_extent, state);
	state->blocks = RelationGetNumberOfBlocks(state->index);
	state->owned = palloc0(state->blocks / 8 + 1);
	for (uint32 e = 0; e < state->nextents; e++)
		for (uint32 p = 0; p < state->extents[e].pages; p++)
		{
			CHECK_FOR_INTERRUPTS();
			check_code_page(state, e, p);
		}
	if (state->nentries > 0)
		qsort(state->entries, state->nentries, sizeof(entry_place), by_tid);
	for (uint64 i = 1; i < state->nentries; i++)
		if (by_tid(&state->entries[i - 1], &state->entries[i]) == 0)
			report(state, state->extents[state->entries[i].extent].start + state->entries[i].page,
				   "row (%u,%u) has two entries", ItemPointerGetBlockNumber(&state->entries[i].tid),
				   ItemPointerGetOffsetNumber(&state->entries[i].tid));
}

/* ---- rows */

static uint32
differing_bits(const uint8 *a, const uint8 *b, Size n)
{
	uint32		count = 0;

	for (Size i = 0; i < n; i++)
		count += __builtin_popcount(a[i] ^ b[i]);
	return count;
}

/* Compares what the index has at this place with what the row gives. */
static void
check_codes(check_state *state, const entry_place *at, const fs_entry *expected)
{
	const fs_extent *extent = &state->extents[at->extent];
	const fs_layout *layout = fs_layout_of(state->fs, extent->list);
	fs_place	place = fs_extent_place(layout, extent, at->page);
	uint32		bytes = layout->padded / 8;
	/* arithmetic differs in the last place between machines, so an element near zero may change its sign */
	uint32		tolerance = layout->padded / 64;
	uint8	   *signs = palloc0(bytes + 1);
	Buffer		buffer = fs_read(state->index, place.code, BUFFER_LOCK_SHARE, FS_PAGE_CODE, NULL);
	Page		page = BufferGetPage(buffer);
	bool		coded = extent->list < FS_LIST_ODD;
	/* which of two lists that are equally near is a matter of rounding, and of room; codes are the same in all */
	bool		same = coded == (expected->list < FS_LIST_ODD) && (coded || extent->list == expected->list);

	if (!same)
		report(state, place.code, "row (%u,%u) is in list %u instead of %u",
			   ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid), extent->list,
			   expected->list);
	else
	{
		if (bytes > 0)
			fx_code_get(FS_CODES(page), layout->entries, layout->padded, layout->width, at->slot, signs);
		if (differing_bits(signs, expected->signs, bytes) > tolerance)
			report(state, place.code, "coarse code of row (%u,%u) is not that of its template",
				   ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
	}
	for (int i = 0; i < state->fs->meta.nfilters; i++)
	{
		uint64		word;
		bool		valid = fs_filter_get(layout, &state->fs->meta, page, at->slot, i, &word);

		if (valid == expected->isnull[i] || (valid && word != expected->words[i]))
			report(state, place.code, "filter column %d of row (%u,%u) differs", i + 2,
				   ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
	}
	UnlockReleaseBuffer(buffer);
	if (!same || layout->middle_pages == 0)
		return;

	buffer = fs_read(state->index, place.middle, BUFFER_LOCK_SHARE, FS_PAGE_MIDDLE, NULL);
	if (differing_bits((uint8 *) BufferGetPage(buffer) + layout->middle_codes + layout->middle_bytes * at->slot,
					   expected->planes, layout->middle_bytes) > tolerance)
		report(state, place.middle, "middle code of row (%u,%u) is not that of its template",
			   ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
	UnlockReleaseBuffer(buffer);
	if (layout->fine_pages > 0)
	{
		uint32		slot;
		BlockNumber block = fs_fine_block(layout, place.fine, at->slot, &slot);

		buffer = fs_read(state->index, block, BUFFER_LOCK_SHARE, FS_PAGE_FINE, NULL);
		/* a magnitude at the edge of two levels turns several bits */
		if (differing_bits((uint8 *) BufferGetPage(buffer) + FS_CODES_OFFSET + layout->fine_bytes * slot,
						   expected->planes + layout->middle_bytes, layout->fine_bytes) > tolerance * 8)
			report(state, block, "fine code of row (%u,%u) is not that of its template",
				   ItemPointerGetBlockNumber(&at->tid), ItemPointerGetOffsetNumber(&at->tid));
		UnlockReleaseBuffer(buffer);
	}
}

static void
check_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *argument)
{
	check_state *state = argument;
	MemoryContext old = MemoryContextSwitchTo(state->row);
	entry_place key = {.tid = *tid};
	entry_place *found = NULL;

	if (state->nentries > 0)
		found = bsearch(&key, state->entries, state->nentries, sizeof(entry_place), by_tid);
	if (found == NULL)
		report(state, InvalidBlockNumber, "row (%u,%u) has no entry", ItemPointerGetBlockNumber(tid),
			   ItemPointerGetOffsetNumber(tid));
	else
	{
		fs_encode(index, state->encoder, values, isnull, tid, true);
		check_codes(state, found, &state->encoder->entry);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row);
}

static void
check_rows(check_state *state, Relation heap, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(state->index);
	TableScanDesc scan = table_beginscan_strat(heap, snapshot, 0, NULL, true, true);

	info->ii_Concurrent = true;
	state->encoder = fs_encoder_create(state->fs);
	(void) table_index_build_scan(heap, state->index, info, true, false, check_row, state, scan);
}

/*
 * facesnxt.index_check(index regclass) RETURNS TABLE (block bigint, problem text): no row, no problem.
 * Changes of the table wait as little as for a VACUUM.
 */
PG_FUNCTION_INFO_V1(facesnxt_index_check);
Datum
facesnxt_index_check(PG_FUNCTION_ARGS)
{
	check_state state = {0};
	/* a standby takes no stronger lock; VACUUM's doings may look like problems there while they are replayed */
	LOCKMODE	mode = RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock;
	Relation	heap;
	Snapshot	snapshot;

	InitMaterializedSRF(fcinfo, 0);
	state.result = (ReturnSetInfo *) fcinfo->resultinfo;
	state.index = fs_open_index(PG_GETARG_OID(0), mode, &heap);
	state.row = AllocSetContextCreate(CurrentMemoryContext, "facescan check", ALLOCSET_DEFAULT_SIZES);
	/* the snapshot first: what it sees was in the index before it was taken */
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	state.fs = fs_index_open(state.index, CurrentMemoryContext);
	check_structure(&state);
	check_rows(&state, heap, snapshot);
	UnregisterSnapshot(snapshot);
	if (state.problems > MAX_PROBLEMS)
	{
		uint64		more = state.problems - MAX_PROBLEMS;

		state.problems = 0;
		report(&state, InvalidBlockNumber, UINT64_FORMAT " more problems", more);
	}
	index_close(state.index, mode);
	table_close(heap, mode);
	PG_RETURN_NULL();
}

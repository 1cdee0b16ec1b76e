/*
 * check.c - an index against its own rules and against its table.
 *
 * What must hold, at any moment and after any crash:
 *
 *		every extent lies within the file, and no two share a block
 *		every page is of the kind that its place says, and its counts agree with its slots
 *		no row has two entries
 *		no entry belongs to a row that is not there any more
 *		every row that a snapshot sees has an entry, with the codes of its template and
 *		the words of its filter columns, in the list nearest to it or in none
 *
 * Here is the structure; check_rows.c compares it with the table.
 */
#include "index/check.h"

#include "access/table.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* More are counted, but not told one by one. */
#define MAX_PROBLEMS	100

void
fs_check_report(fs_check *state, BlockNumber block, const char *format,...)
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
own(fs_check *state, BlockNumber block)
{
	if (block >= state->blocks)
		fs_check_report(state, block, "block lies behind the end of the file");
	else if (state->owned[block / 8] >> block % 8 & 1)
		fs_check_report(state, block, "block belongs to two extents");
	else
		state->owned[block / 8] |= 1 << block % 8;
}

static void
note_extent(const fs_extent *extent, uint32 number, void *argument)
{
	fs_check *state = argument;

	state->extents[state->nextents++] = *extent;
}

static void
note_entry(fs_check *state, ItemPointer tid, uint32 extent, uint32 page, uint32 slot)
{
	fs_entry_place *place;

	if (state->nentries == state->capacity)
	{
		state->capacity = Max(state->capacity * 2, 1024);
		if (state->entries == NULL)
			state->entries = palloc_extended(sizeof(fs_entry_place) * state->capacity, MCXT_ALLOC_HUGE);
		else
			state->entries = repalloc_huge(state->entries, sizeof(fs_entry_place) * state->capacity);
	}
	place = &state->entries[state->nentries++];
	place->tid = *tid;
	place->extent = extent;
	place->page = page;
	place->slot = slot;
}

static bool
check_kind(fs_check *state, BlockNumber block, fs_page_kind kind)
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
	{
		fs_check_report(state, block, "page is not of kind %d", kind);
		state->damaged[block / 8] |= 1 << block % 8;
	}
	return good;
}

static void
check_code_page(fs_check *state, uint32 extent, uint32 number)
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
		fs_check_report(state, place.code, "list %u of %u", state->extents[extent].list, state->fs->meta.lists);
	if (head->list != state->extents[extent].list)
		fs_check_report(state, place.code, "page of list %u in an extent of list %u", head->list,
						state->extents[extent].list);
	if (head->used > layout->entries)
		fs_check_report(state, place.code, "%u slots are in use of %u", head->used, layout->entries);
	for (uint32 i = 0; i < layout->entries; i++)
	{
		ItemPointer tid = &FS_TIDS(page, layout)[i];

		if (ItemPointerIsValid(tid))
		{
			if (i >= head->used)
				fs_check_report(state, place.code, "slot %u is taken, but only %u are in use", i, head->used);
			note_entry(state, tid, extent, number, i);
		}
		else
		{
			free += i < head->used;
			if (FS_SCALES(page, layout)[i] != FX_CODE_DEAD)
				fs_check_report(state, place.code, "free slot %u has a code that would be scored", i);
		}
	}
	if (free != head->free)
		fs_check_report(state, place.code, "%u slots are free, but the page counts %u", free, head->free);
	UnlockReleaseBuffer(buffer);
}

int
fs_by_tid(const void *a, const void *b)
{
	return ItemPointerCompare(&((fs_entry_place *) a)->tid, &((fs_entry_place *) b)->tid);
}

static void
check_structure(fs_check *state)
{
	state->extents = palloc_extended(sizeof(fs_extent) * Max(state->fs->meta.extents, 1), MCXT_ALLOC_HUGE);
	fs_extents_visit(state->index, &state->fs->meta, note_extent, state);
	state->blocks = RelationGetNumberOfBlocks(state->index);
	state->owned = palloc0(state->blocks / 8 + 1);
	state->damaged = palloc0(state->blocks / 8 + 1);
	for (uint32 e = 0; e < state->nextents; e++)
		for (uint32 p = 0; p < state->extents[e].pages; p++)
		{
			CHECK_FOR_INTERRUPTS();
			check_code_page(state, e, p);
		}
	if (state->nentries > 0)
		qsort(state->entries, state->nentries, sizeof(fs_entry_place), fs_by_tid);
	for (uint64 i = 1; i < state->nentries; i++)
		if (fs_by_tid(&state->entries[i - 1], &state->entries[i]) == 0)
			fs_check_report(state, state->extents[state->entries[i].extent].start + state->entries[i].page,
							"row (%u,%u) has two entries", ItemPointerGetBlockNumber(&state->entries[i].tid),
							ItemPointerGetOffsetNumber(&state->entries[i].tid));
}

/*
 * facesnxt.index_check(index regclass) RETURNS TABLE (block bigint, problem text): no row, no problem.
 * Changes of the table wait as little as for a VACUUM.
 */
PG_FUNCTION_INFO_V1(facesnxt_index_check);
Datum
facesnxt_index_check(PG_FUNCTION_ARGS)
{
	fs_check	state = {0};
	/* a standby takes no stronger lock; VACUUM's doings may look like problems there while they are replayed */
	LOCKMODE	mode = RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock;
	Relation	heap;
	Snapshot	snapshot;
	fs_caller	caller;

	InitMaterializedSRF(fcinfo, 0);
	state.result = (ReturnSetInfo *) fcinfo->resultinfo;
	state.index = fs_open_index(PG_GETARG_OID(0), mode, &heap);
	fs_check_usable(state.index);
	caller = fs_become_owner(heap);
	state.row = AllocSetContextCreate(CurrentMemoryContext, "facescan check", ALLOCSET_DEFAULT_SIZES);
	/* the snapshot first: what it sees was in the index before it was taken */
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	state.fs = fs_index_open(state.index, CurrentMemoryContext);
	check_structure(&state);
	fs_check_owners(&state, heap);
	fs_check_rows(&state, heap, snapshot);
	UnregisterSnapshot(snapshot);
	if (state.problems > MAX_PROBLEMS)
	{
		uint64		more = state.problems - MAX_PROBLEMS;

		state.problems = 0;
		fs_check_report(&state, InvalidBlockNumber, UINT64_FORMAT " more problems", more);
	}
	fs_become_caller(&caller);
	index_close(state.index, mode);
	table_close(heap, mode);
	PG_RETURN_NULL();
}

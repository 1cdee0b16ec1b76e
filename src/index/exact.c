/*
 * exact.c - the end of the cascade: rows are fetched from the heap under the
 * scan's own snapshot and their distance is computed, so that the order
 * returned is exact.
 */
#include "index/scan.h"

#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* So many heap pages are on their way at a time. */
#define FETCH_BATCH		16

void
fs_exact_begin(IndexScanDesc desc, fs_scan *scan)
{
	MemoryContext old;

	if (scan->fetch != NULL)
		return;
	old = MemoryContextSwitchTo(scan->context);
	scan->fetch = table_index_fetch_begin(desc->heapRelation);
	scan->slot = table_slot_create(desc->heapRelation, NULL);
	scan->info = BuildIndexInfo(scan->index);
	scan->row = AllocSetContextCreate(scan->context, "facescan row", ALLOCSET_DEFAULT_SIZES);
	if (scan->info->ii_Expressions != NIL)
	{
		scan->estate = CreateExecutorState();
		scan->expressions = ExecPrepareExprList(scan->info->ii_Expressions, scan->estate);
		GetPerTupleExprContext(scan->estate)->ecxt_scantuple = scan->slot;
	}
	MemoryContextSwitchTo(old);
}

void
fs_exact_end(fs_scan *scan)
{
	if (scan->fetch == NULL)
		return;
	table_index_fetch_end(scan->fetch);
	ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->estate != NULL)
		FreeExecutorState(scan->estate);
	scan->fetch = NULL;
}

Datum
fs_value_of_row(fs_scan *scan, int column, bool *isnull)
{
	AttrNumber	attribute = scan->info->ii_IndexAttrNumbers[column];
	int			number = 0;

	if (attribute != 0)
		return slot_getattr(scan->slot, attribute, isnull);
	/* this one alone, which the query names as well: the others may be anybody's */
	for (int i = 0; i < column; i++)
		number += scan->info->ii_IndexAttrNumbers[i] == 0;
	ResetPerTupleExprContext(scan->estate);
	return ExecEvalExprSwitchContext(list_nth(scan->expressions, number), GetPerTupleExprContext(scan->estate), isnull);
}

double
fs_distance(const fs_scan *scan, const Embedding *embedding, const Embedding *probe)
{
	switch ((fx_metric) scan->fs->meta.metric)
	{
		case FX_COSINE:
			return embedding_cosine_distance(embedding, probe);
		case FX_INNER:
			return -embedding_inner_product(embedding, probe);
		case FX_L2:
			return embedding_l2_distance(embedding, probe);
	}
	return 0;
}

double
fs_score(const fs_scan *scan, double distance)
{
	switch ((fx_metric) scan->fs->meta.metric)
	{
		case FX_COSINE:
			return 1 - distance;
		case FX_INNER:
			return -distance;
		case FX_L2:
			return (scan->probe_square - distance * distance) / 2;
	}
	return 0;
}

/* Nearer first; of equally near ones the first in the table. */
static bool
precedes(const fs_exact *a, const fs_exact *b)
{
	if (a->distance != b->distance)
		return a->distance < b->distance;
	return ItemPointerCompare((ItemPointer) &a->tid, (ItemPointer) &b->tid) < 0;
}

static void
push(fs_scan *scan, const fs_exact *exact)
{
	uint32		at = scan->nheap;

	if (scan->nheap == scan->heap_capacity)
	{
		uint32		capacity = Max(scan->heap_capacity * 2, 256);

		if (scan->heap == NULL)
			scan->heap = MemoryContextAllocHuge(scan->context, sizeof(fs_exact) * capacity);
		else
			scan->heap = repalloc_huge(scan->heap, sizeof(fs_exact) * (Size) capacity);
		scan->heap_capacity = capacity;
	}
	scan->nheap++;
	while (at > 0 && precedes(exact, &scan->heap[(at - 1) / 2]))
	{
		scan->heap[at] = scan->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	scan->heap[at] = *exact;
}

/*
 * Takes the nearest row, if nothing that is still only bounded can come before
 * it: frontier is the greatest score that those can have.
 */
bool
fs_exact_pop(fs_scan *scan, double frontier, fs_exact *exact)
{
	const fs_exact *last;
	uint32		at = 0;

	if (scan->nheap == 0 || scan->heap[0].score <= frontier)
		return false;
	*exact = scan->heap[0];
	last = &scan->heap[--scan->nheap];
	for (;;)
	{
		uint32		child = 2 * at + 1;

		if (child >= scan->nheap)
			break;
		if (child + 1 < scan->nheap && precedes(&scan->heap[child + 1], &scan->heap[child]))
			child++;
		if (!precedes(&scan->heap[child], last))
			break;
		scan->heap[at] = scan->heap[child];
		at = child;
	}
	if (scan->nheap > 0)
		scan->heap[at] = *last;
	return true;
}

/* Fetches one row; scores it if the scan's snapshot sees it. */
static void
fetch(IndexScanDesc desc, fs_scan *scan, ItemPointer tid)
{
	fs_exact	exact;
	ItemPointerData at = *tid;
	bool		again = false;
	bool		isnull = true;
	Datum		datum = 0;
	MemoryContext old;

	scan->counters.fetched++;
	if (!table_index_fetch_tuple(scan->fetch, &at, desc->xs_snapshot, scan->slot, &again, NULL))
		return;
	old = MemoryContextSwitchTo(scan->row);
	if (fs_conditions_hold(scan))
		datum = fs_value_of_row(scan, 0, &isnull);
	if (!isnull)
	{
		Embedding  *embedding = embedding_of_datum(datum);

		exact.distance = fs_distance(scan, embedding, scan->probe);
		exact.score = fs_score(scan, exact.distance);
		exact.tid = *tid;
		if (scan->within_probe == NULL ||
			fs_distance(scan, embedding, scan->within_probe) <= scan->within_distance)
			push(scan, &exact);
	}
	ExecClearTuple(scan->slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->row);
}

bool
fs_row_agrees(IndexScanDesc desc, fs_scan *scan, BlockNumber page, ItemPointer tid)
{
	ItemPointerData at = *tid;
	bool		again = false;
	bool		agrees;
	MemoryContext old;

	fs_check_pointer(desc, scan, page, tid);
	if (scan->nconditions == 0)
		return true;
	agrees = table_index_fetch_tuple(scan->fetch, &at, desc->xs_snapshot, scan->slot, &again, NULL);
	old = MemoryContextSwitchTo(scan->row);
	agrees = agrees && fs_conditions_hold(scan);
	ExecClearTuple(scan->slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->row);
	table_index_fetch_reset(scan->fetch);
	return agrees;
}

/* Sends for the page of a row; if it is in memory, for the lines of it that tell where the row is.  Returns it then. */
static Page
send_for_page(Relation heap, ItemPointer tid)
{
	PrefetchBufferResult seen = PrefetchBuffer(heap, MAIN_FORKNUM, ItemPointerGetBlockNumber(tid));
	Page		page;

	if (!BufferIsValid(seen.recent_buffer))
		return NULL;
	page = BufferGetPage(seen.recent_buffer);
	fx_prefetch(page);
	fx_prefetch(PageGetItemId(page, ItemPointerGetOffsetNumber(tid)));
	return page;
}

/* Sends for a row where its page seems to say that it lies; without a pin: it may have left, so any answer will do. */
static void
send_for_row(Page page, ItemPointer tid)
{
	const ItemIdData *at;
	ItemIdData	line;

	if (page == NULL)
		return;
	at = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));
	if ((const char *) (at + 1) > (const char *) page + BLCKSZ)
		return;
	line = *at;
	if (line.lp_off + line.lp_len <= BLCKSZ)
		fs_send_for((const char *) page + line.lp_off, line.lp_len);
}

static void
fetch_batch(IndexScanDesc desc, fs_scan *scan, ItemPointer tids, int n)
{
	Page		pages[FETCH_BATCH];

	Assert(n <= FETCH_BATCH);
	if (desc->heapRelation->rd_rel->relam == HEAP_TABLE_AM_OID)
	{
		for (int i = 0; i < n; i++)
			pages[i] = send_for_page(desc->heapRelation, &tids[i]);
		for (int i = 0; i < n; i++)
			send_for_row(pages[i], &tids[i]);
	}
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		fetch(desc, scan, &tids[i]);
	}
	/* no page of the table stays pinned between rows: vacuum would wait for an open cursor */
	table_index_fetch_reset(scan->fetch);
}

void
fs_check_pointer(IndexScanDesc desc, fs_scan *scan, BlockNumber page, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);

	if (block < scan->heap_blocks)
		return;
	/* it may have grown since it was last asked */
	scan->heap_blocks = RelationGetNumberOfBlocks(desc->heapRelation);
	if (block >= scan->heap_blocks)
		fs_complain_damaged(scan->index, page);
}

/* Fetches the rows of some survivors. */
static void
fetch_survivors(IndexScanDesc desc, fs_scan *scan, const int32 *numbers, int n)
{
	const fs_layout *layout = &scan->fs->layout;
	ItemPointerData tids[FETCH_BATCH];
	int			ntids = 0;

	for (int i = 0; i < n; i++)
	{
		const fs_survivor *survivor = &scan->survivors[numbers[i]];
		Buffer		buffer = fs_scan_read(scan, &scan->pages[survivor->page]);

		tids[ntids] = FS_TIDS(BufferGetPage(buffer), layout)[survivor->slot];
		UnlockReleaseBuffer(buffer);
		/* vacuumed since: a dead row */
		if (!ItemPointerIsValid(&tids[ntids]))
			continue;
		fs_check_pointer(desc, scan, scan->pages[survivor->page].place.code, &tids[ntids]);
		ntids++;
	}
	fetch_batch(desc, scan, tids, ntids);
}

/* Sends for the heap pointer of a survivor. */
static void
send_for_tid(const fs_scan *scan, int32 number)
{
	const fs_survivor *survivor = &scan->survivors[number];
	BlockNumber block = scan->pages[survivor->page].place.code;
	const char *page = fs_memory_place(scan->memory, scan->index, block);

	if (page == NULL)
		return;
	fs_memory_prefetch(scan->memory, block);
	fx_prefetch(page);
	fx_prefetch(page + scan->fs->layout.tids + sizeof(ItemPointerData) * survivor->slot);
}

void
fs_open_buckets(IndexScanDesc desc, fs_scan *scan)
{
	int32		numbers[FETCH_BATCH];
	int			n = 0;
	bool		full = false;

	while (scan->bucket < FS_BUCKETS && !full)
	{
		int			bucket = scan->bucket++;

		CHECK_FOR_INTERRUPTS();
		fs_refine_bucket(scan, bucket);
		for (int32 i = scan->ready[bucket]; i != FS_NOBODY; i = scan->survivors[i].next)
		{
			send_for_tid(scan, i);
			numbers[n++] = i;
			if (n == FETCH_BATCH)
			{
				fetch_survivors(desc, scan, numbers, n);
				n = 0;
				full = true;
			}
		}
		scan->ready[bucket] = FS_NOBODY;
	}
	fetch_survivors(desc, scan, numbers, n);
}

void
fs_exact_pages(IndexScanDesc desc, fs_scan *scan, const fs_scan_page *pages, uint32 npages)
{
	ItemPointerData *tids = palloc(sizeof(ItemPointerData) * FS_MAX_ENTRIES);
	uint16		wanted[FS_MAX_ENTRIES / 16];

	for (uint32 p = 0; p < npages; p++)
	{
		const fs_layout *layout = fs_layout_of(scan->fs, pages[p].list);
		Buffer		buffer = fs_scan_read(scan, &pages[p]);
		Page		page = BufferGetPage(buffer);
		uint32		used = FS_CODE_HEAD(page)->used;
		uint32		n = 0;

		CHECK_FOR_INTERRUPTS();
		(void) fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, used, wanted);
		for (uint32 i = 0; i < used; i++)
			if ((wanted[i / 16] >> i % 16 & 1) && ItemPointerIsValid(&FS_TIDS(page, layout)[i]))
				tids[n++] = FS_TIDS(page, layout)[i];
		UnlockReleaseBuffer(buffer);
		for (uint32 i = 0; i < n; i++)
			fs_check_pointer(desc, scan, pages[p].place.code, &tids[i]);
		for (uint32 i = 0; i < n; i += FETCH_BATCH)
			fetch_batch(desc, scan, tids + i, Min(n - i, FETCH_BATCH));
	}
	pfree(tids);
}

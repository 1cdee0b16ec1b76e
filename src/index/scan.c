/*
 * scan.c - begin, rescan, the next row, end.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/float.h"
#include "utils/memutils.h"

fs_counters fs_last_scan;

IndexScanDesc
fs_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc desc = RelationGetIndexScan(index, nkeys, norderbys);
	fs_scan    *scan;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "facescan scan", ALLOCSET_DEFAULT_SIZES);

	scan = MemoryContextAllocZero(context, sizeof(fs_scan));
	scan->index = index;
	scan->greatest = get_float8_infinity();
	scan->context = context;
	scan->run = AllocSetContextCreate(context, "facescan run", ALLOCSET_DEFAULT_SIZES);
	desc->opaque = scan;
	return desc;
}

static void
end_run(fs_scan *scan)
{
	if (scan->started && scan->ordered)
		fs_memory_note_demand(scan->memory, scan->counters.returned);
}

void
fs_rescan(IndexScanDesc desc, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	fs_scan    *scan = desc->opaque;

	if (keys != NULL && nkeys > 0)
		memmove(desc->keyData, keys, sizeof(ScanKeyData) * nkeys);
	if (orderbys != NULL && norderbys > 0)
		memmove(desc->orderByData, orderbys, sizeof(ScanKeyData) * norderbys);

	end_run(scan);
	/* survivors and the heap of exact distances keep their memory for the next probe */
	MemoryContextReset(scan->run);
	memset(&scan->counters, 0, sizeof(scan->counters));
	scan->started = false;
	scan->nheap = 0;
	scan->nsurvivors = 0;
	scan->best = NULL;
	scan->plain_page = 0;
	scan->nbatch = scan->batch_at = 0;
}

void
fs_end_scan(IndexScanDesc desc)
{
	fs_scan    *scan = desc->opaque;

	end_run(scan);
	fs_exact_end(scan);
	MemoryContextDelete(scan->context);
}

/* ---- the beginning of a run */

/* Makes the probe ready: its rotation, the tables of the coarse stage, what the centre says, its lists. */
static void
prepare_probe(fs_scan *scan)
{
	fs_index   *fs = scan->fs;
	uint32		padded = fs->layout.padded;
	float	   *floats = palloc(sizeof(float) * padded);
	float	   *rotated = palloc(sizeof(float) * padded);
	const fx_kernels *kernels = fx_kernels_active();
	fx_error	err;

	scan->probe_square = embedding_inner_product(scan->probe, scan->probe);
	scan->plain_probe = fs->meta.dim == 0 || !fs_template_floats(fs, scan->probe, floats, &scan->probe_square);
	if (scan->plain_probe)
		return;
	fx_rotate(&fs->rotation, floats, rotated);
	memset(&scan->query, 0, sizeof(scan->query));
	fs_check_code(fx_query_prepare(&scan->query, (fx_metric) fs->meta.metric, padded, fs->meta.bits, rotated,
								   &fs->env, &err), &err);
	scan->base = kernels->inner[FX_FLOAT32][FX_FLOAT32] (rotated, fs->centre, padded);
	scan->longest = fs->meta.metric != FX_COSINE ? get_float4_infinity() :
		1 + sqrtf(kernels->inner[FX_FLOAT32][FX_FLOAT32] (fs->centre, fs->centre, padded));
	fs_choose_lists(scan, rotated);
}

/* The rank that sets the floor where so many rows are wanted: scores of fine codes are off by a few places. */
static uint32
rank_for(double rows)
{
	return (uint32) Min(rows * 4 / 3 + 8, FS_GREATEST_RANK);
}

/* What the first round of a phase begins with. */
static void
begin_rounds(fs_scan *scan)
{
	double		demand = fs_memory_demand(scan->memory);

	scan->rank = demand == 0 ? FS_FIRST_RANK : rank_for(demand);
	/* in the second phase: whoever was returned is scored again, and is among the best */
	scan->rank += scan->ntaken;
	scan->target = FS_FIRST_SURVIVORS;
	scan->floor = scan->ceiling = FLT_MAX;
	scan->bucket = FS_BUCKETS;
	scan->round = 0;
}

static void
start(IndexScanDesc desc, fs_scan *scan)
{
	ScanKey		orderby = desc->numberOfOrderBys > 0 ? &desc->orderByData[0] : NULL;

	/* priced out, but a planner that is forbidden everything else may still come here */
	if (desc->numberOfOrderBys > 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a facescan index orders by one distance"),
				 errhint("Allow the planner to sort (enable_sort, enable_seqscan), or order by one distance.")));
	scan->fs = fs_index_open(scan->index, scan->run);
	scan->snapshot = desc->xs_snapshot;
	scan->memory = fs_memory_open(scan->index, scan->fs->meta.seed);
	scan->blocks = RelationGetNumberOfBlocks(scan->index);
	fs_memory_cover(scan->memory, scan->blocks);
	scan->nearness = NULL;
	scan->phase = scan->round = 0;
	scan->nagain = scan->prefix = 0;
	scan->taken = NULL;
	scan->ntaken = 0;
	fs_filter_init(&scan->filter, scan->index, &scan->fs->meta, desc->keyData, desc->numberOfKeys);
	fs_take_keys(scan, desc->keyData, desc->numberOfKeys);

	scan->probe = NULL;
	if (orderby != NULL && (orderby->sk_flags & SK_ISNULL) == 0)
		scan->probe = embedding_of_datum(orderby->sk_argument);
	else if (scan->within_probe != NULL)
		/* a greatest distance alone is found in the order of that distance */
		scan->probe = scan->within_probe;
	if (scan->greatest < get_float8_infinity())
	{
		scan->within_probe = scan->probe;
		scan->within_distance = scan->greatest;
	}
	scan->skip_nulls |= scan->within_probe != NULL;

	scan->ordered = scan->probe != NULL && !scan->only_nulls;
	if (scan->ordered)
	{
		/* an index that has seen no template may still hold rows that only an old snapshot sees */
		if (scan->fs->meta.dim != 0 && scan->within_probe != NULL)
			fs_check_probe(scan->index, scan->fs, scan->within_probe);
		if (scan->fs->meta.dim != 0)
			fs_check_probe(scan->index, scan->fs, scan->probe);
		fs_exact_begin(desc, scan);
		prepare_probe(scan);
		begin_rounds(scan);
		scan->kernels = fx_code_kernels_active();
		scan->least = -FLT_MAX;
		/* nothing that scores less than the farthest asked for; the margin is for rounding */
		if (scan->within_probe != NULL && embedding_compare(scan->probe, scan->within_probe) == 0)
		{
			bool		inner = scan->fs->meta.metric == FX_INNER;
			double		score = fs_score(scan, inner ? scan->within_distance : Max(scan->within_distance, 0));

			scan->least = (float) Max(score - 1e-5 * (1 + fabs(score)), -FLT_MAX);
		}
		scan->last_distance = -DBL_MAX;
	}
	else if (scan->nconditions > 0)
		fs_exact_begin(desc, scan);
	fs_find_pages(scan);
	scan->counters.index = RelationGetRelid(scan->index);
	pgstat_count_index_scan(scan->index);
	facesnxt_count_search(desc);
	scan->started = true;
}

/* ---- rows without order: all entries of the pages, one page at a time */

/* The next page: in a scan by distance those of rows without a template, else all. */
static const fs_scan_page *
next_plain_page(fs_scan *scan)
{
	uint32		number;

	if (!scan->ordered && !scan->only_nulls && fs_next_page(scan, &number))
		return &scan->pages[number];
	number = scan->plain_page++;
	if (!scan->ordered && !scan->only_nulls)
	{
		if (number < scan->nodd_pages)
			return &scan->odd_pages[number];
		number -= scan->nodd_pages;
	}
	return number < scan->nnull_pages && !scan->skip_nulls ? &scan->null_pages[number] : NULL;
}

static bool
next_plain(IndexScanDesc desc, fs_scan *scan, ItemPointer tid)
{
	for (;;)
	{
		const fs_scan_page *where;
		const fs_layout *layout;
		Buffer		buffer;
		Page		page;
		uint32		used;
		uint16		wanted[FS_MAX_ENTRIES / 16];

		while (scan->batch_at < scan->nbatch)
		{
			*tid = scan->batch[scan->batch_at++];
			if (fs_row_agrees(desc, scan, scan->batch_page, tid))
				return true;
		}
		CHECK_FOR_INTERRUPTS();
		where = next_plain_page(scan);
		if (where == NULL)
			return false;
		scan->batch_page = where->place.code;
		if (scan->batch == NULL)
			scan->batch = MemoryContextAlloc(scan->context, sizeof(ItemPointerData) * FS_MAX_ENTRIES);
		layout = fs_layout_of(scan->fs, where->list);
		buffer = fs_scan_read(scan, where);
		page = BufferGetPage(buffer);
		used = FS_CODE_HEAD(page)->used;
		scan->nbatch = scan->batch_at = 0;
		(void) fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, used, wanted);
		for (uint32 i = 0; i < used; i++)
			if ((wanted[i / 16] >> i % 16 & 1) && ItemPointerIsValid(&FS_TIDS(page, layout)[i]))
				scan->batch[scan->nbatch++] = FS_TIDS(page, layout)[i];
		UnlockReleaseBuffer(buffer);
	}
}

/* ---- rows by distance */

/* Rows whose codes say nothing. */
static void
score_odd(IndexScanDesc desc, fs_scan *scan)
{
	if (scan->phase == 0)
		fs_exact_pages(desc, scan, scan->odd_pages, scan->nodd_pages);
}

/* Opens the next buckets, or begins the next round; false when everything has been opened. */
static bool
advance(IndexScanDesc desc, fs_scan *scan)
{
	if (scan->bucket < FS_BUCKETS)
	{
		fs_open_buckets(desc, scan);
		return true;
	}
	if (scan->round == 0)
	{
		uint32		number;

		score_odd(desc, scan);
		if (scan->plain_probe)
		{
			while (fs_next_page(scan, &number))
				fs_exact_pages(desc, scan, &scan->pages[number], 1);
			scan->counters.rounds++;
			scan->round++;
			scan->floor = -FLT_MAX;
			return true;
		}
	}
	else if (scan->floor <= scan->least)
	{
		/* below a greatest distance, what the chosen lists hold is what was asked for; else so many rows were */
		if (scan->within_probe != NULL || scan->nheap > 0 || !fs_begin_rest(scan))
			return false;
		begin_rounds(scan);
	}
	fs_coarse_round(&scan, 1);
	return true;
}

/* The greatest score that a row can have which has not been fetched. */
static double
frontier(const fs_scan *scan)
{
	double		below;

	if (scan->round == 0)
		return DBL_MAX;
	/* what has not survived, and what a later phase reads, which may be nearer but comes later */
	below = scan->floor <= scan->least ? -DBL_MAX : scan->floor;
	return scan->bucket < FS_BUCKETS ? Max(fs_bucket_edge(scan, scan->bucket), below) : below;
}

static bool
next_ordered(IndexScanDesc desc, fs_scan *scan, ItemPointer tid)
{
	fs_exact	exact;

	while (!fs_exact_pop(scan, frontier(scan), &exact))
		if (!advance(desc, scan) && scan->nheap == 0)
			return false;
	if (exact.distance < scan->last_distance)
		scan->counters.late++;
	else
		scan->last_distance = exact.distance;
	scan->distance = exact.distance;
	*tid = exact.tid;
	return true;
}

bool
fs_get_tuple(IndexScanDesc desc, ScanDirection direction)
{
	fs_scan    *scan = desc->opaque;
	MemoryContext old;
	bool		found = false;

	Assert(ScanDirectionIsForward(direction));
	old = MemoryContextSwitchTo(scan->run);
	if (!scan->started)
		start(desc, scan);
	scan->distance = get_float8_nan();
	if (!scan->filter.never)
	{
		if (scan->ordered)
			found = next_ordered(desc, scan, &desc->xs_heaptid);
		/* rows without a template come last: their distance is NULL */
		if (!found)
			found = next_plain(desc, scan, &desc->xs_heaptid);
	}
	MemoryContextSwitchTo(old);
	/* nor is a condition left to the executor: condition.c */
	desc->xs_recheck = desc->xs_recheckorderby = false;
	if (found)
		scan->counters.returned++;
	fs_last_scan = scan->counters;
	return found;
}

void
fs_share_first_round(IndexScanDesc *descs, int n, uint64 rows, double greatest)
{
	fs_scan   **scans = palloc(sizeof(fs_scan *) * Max(n, 1));
	int			together = 0;

	for (int i = 0; i < n; i++)
	{
		fs_scan    *scan = descs[i]->opaque;
		MemoryContext old = MemoryContextSwitchTo(scan->run);

		scan->every_list = true;
		scan->greatest = greatest;
		start(descs[i], scan);
		scan->rank = rank_for((double) rows);
		/* pages that were added meanwhile, or a probe without direction: that one goes alone */
		if (scan->ordered && !scan->plain_probe && !scan->filter.never &&
			(together == 0 || scan->npages == scans[0]->npages))
		{
			score_odd(descs[i], scan);
			scans[together++] = scan;
		}
		MemoryContextSwitchTo(old);
	}
	if (together > 0)
		fs_coarse_round(scans, together);
	pfree(scans);
}

bool
fs_last_distance(IndexScanDesc desc, double *distance)
{
	*distance = ((fs_scan *) desc->opaque)->distance;
	return !isnan(*distance);
}

/*
 * coarse.c - the pass over every code, the buckets, and the fine codes.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

/* Pages that are scored first to learn where the floor should be. */
#define SAMPLE_PAGES		48
#define SAMPLE_SHARE		64
#define MAX_SAMPLE_PAGES	512

/* The outcome of scoring one page. */
typedef struct page_scores
{
	uint32		used;
	uint32		groups;			/* words of pass */
	float		upper[FS_MAX_ENTRIES];
	uint16		pass[FS_MAX_ENTRIES / 16];
} page_scores;

/* Scores a page that is pinned and locked; false when nothing of it can pass. */
static bool
score_page(fs_scan *scan, const fs_scan_page *where, Page page, const char *ahead, float floor, page_scores *scores)
{
	const fs_layout *layout = &scan->fs->layout;
	fx_coarse_run run;
	uint16		wanted[FS_MAX_ENTRIES / 16];

	scores->used = FS_CODE_HEAD(page)->used;
	scores->groups = (scores->used + 15) / 16;
	if (scores->used == 0 || scores->used > layout->entries)
		return false;
	if (scan->filter.ntests > 0 &&
		fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, scores->used, wanted) == 0)
		return false;
	run.blocks = FS_CODES(page);
	run.scale = FS_SCALES(page, layout);
	run.add = FS_ADDS(page, layout);
	run.wanted = scan->filter.ntests > 0 ? wanted : NULL;
	run.ahead = ahead;
	run.nblocks = (scores->used + layout->width - 1) / layout->width;
	run.width = layout->width;
	run.base = scan->bases[where->list];
	run.margin = scan->margin;
	run.floor = floor;
	run.upper = scores->upper;
	run.pass = scores->pass;
	if (fx_code_kernels_active()->coarse(&scan->query, &run) == 0)
		return false;
	if (run.wanted != NULL)
		for (uint32 g = 0; g < scores->groups; g++)
			scores->pass[g] &= wanted[g];
	return true;
}

static int
descending(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return x > y ? -1 : x < y;
}

/*
 * Sets the floor so that about `target` codes pass, by a sample of pages.  A
 * wrong guess costs time, not rows: too many are cut, too few bring another
 * round.
 */
static void
choose_floor(fs_scan *scan)
{
	uint64		total = (uint64) scan->npages * scan->fs->layout.entries;
	uint32		npages = Min(Max(scan->npages / SAMPLE_SHARE, SAMPLE_PAGES), MAX_SAMPLE_PAGES);
	float	   *sample;
	uint32		nsample = 0;
	uint64		seen = 0;
	double		below;
	page_scores scores;

	scan->floor = -FLT_MAX;
	if (total <= scan->target || npages > scan->npages)
		return;
	sample = palloc(sizeof(float) * npages * scan->fs->layout.entries);
	for (uint32 i = 0; i < npages; i++)
	{
		const fs_scan_page *where = &scan->pages[(uint64) i * scan->npages / npages];
		Buffer		buffer = fs_read(scan->index, where->place.code, BUFFER_LOCK_SHARE, FS_PAGE_CODE, scan->strategy);

		seen += scan->fs->layout.entries;
		if (score_page(scan, where, BufferGetPage(buffer), NULL, -FLT_MAX, &scores))
			for (uint32 g = 0; g < scores.groups; g++)
				for (uint32 bits = scores.pass[g]; bits != 0; bits &= bits - 1)
				{
					float		upper = scores.upper[g * 16 + __builtin_ctz(bits)];

					if (upper < scan->ceiling)
						sample[nsample++] = upper;
				}
		UnlockReleaseBuffer(buffer);
	}
	below = (double) scan->target / total * seen;
	if (below < nsample)
	{
		qsort(sample, nsample, sizeof(float), descending);
		scan->floor = sample[(uint32) below];
	}
	pfree(sample);
}

/* Moves the survivors with the greatest bounds to the front; returns the k-th greatest bound. */
static float
select_greatest(fs_survivor *survivors, uint32 n, uint32 k)
{
	int64		low = 0;
	int64		high = (int64) n - 1;

	while (low < high)
	{
		float		pivot = survivors[low + (high - low) / 2].upper;
		int64		i = low;
		int64		j = high;

		while (i <= j)
		{
			while (survivors[i].upper > pivot)
				i++;
			while (survivors[j].upper < pivot)
				j--;
			if (i <= j)
			{
				fs_survivor swap = survivors[i];

				survivors[i++] = survivors[j];
				survivors[j--] = swap;
			}
		}
		if ((int64) k <= j)
			high = j;
		else if ((int64) k >= i)
			low = i;
		else
			break;
	}
	return survivors[k].upper;
}

/* Raises the floor so that about the target remains; entries with equal bounds stay together. */
static void
cut(fs_scan *scan, uint32 first)
{
	fs_survivor *survivors = scan->survivors + first;
	uint32		n = scan->nsurvivors - first;
	float		floor = select_greatest(survivors, n, Min(scan->target, n - 1));
	uint32		kept = 0;

	for (uint32 i = 0; i < n; i++)
		if (survivors[i].upper >= floor)
			survivors[kept++] = survivors[i];
	scan->floor = floor;
	scan->nsurvivors = first + kept;
	/* equal ones alone fill it: then there is no end to it but memory */
	if (kept > scan->target + scan->target / 2)
		scan->target = kept;
}

static void
make_space(fs_scan *scan, uint32 first)
{
	if (scan->nsurvivors - first >= 2 * scan->target)
		cut(scan, first);
	if (scan->nsurvivors + FS_MAX_ENTRIES > scan->capacity)
	{
		Size		capacity = (Size) scan->capacity * 2 + FS_MAX_ENTRIES;

		if (capacity > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many templates are equally far from the probe")));
		if (scan->survivors == NULL)
			scan->survivors = MemoryContextAllocHuge(scan->context, capacity * sizeof(fs_survivor));
		else
			scan->survivors = repalloc_huge(scan->survivors, capacity * sizeof(fs_survivor));
		scan->capacity = capacity;
	}
}

static void
gather(fs_scan *scan, uint32 number, Page page, const page_scores *scores)
{
	const fs_layout *layout = &scan->fs->layout;
	float		base = scan->bases[scan->pages[number].list];
	const float *adds = FS_ADDS(page, layout);

	for (uint32 g = 0; g < scores->groups; g++)
		for (uint32 bits = scores->pass[g]; bits != 0; bits &= bits - 1)
		{
			uint32		slot = g * 16 + __builtin_ctz(bits);
			float		upper = scores->upper[slot];
			fs_survivor *survivor;

			if (upper >= scan->ceiling || slot >= scores->used)
				continue;
			survivor = &scan->survivors[scan->nsurvivors++];
			survivor->upper = upper;
			survivor->sum = fx_signed_sum(upper, base, adds ? adds[slot] : 0,
										  fx_bfloat16(FS_SCALES(page, layout)[slot]), scan->margin);
			survivor->page = number;
			survivor->slot = slot;
			survivor->is_fine = false;
		}
}

static int
bucket_of(const fs_scan *scan, float upper)
{
	float		bucket = (scan->top - upper) / scan->bucket_width;

	/* a damaged factor may give NaN: that is scored at once */
	return !(bucket > 0) ? 0 : bucket >= FS_BUCKETS ? FS_BUCKETS - 1 : (int) bucket;
}

float
fs_bucket_edge(const fs_scan *scan, int bucket)
{
	/* rounding must not leave a bound above its bucket's edge */
	return scan->top - scan->bucket_width * bucket + scan->bucket_width * 1e-3f;
}

static void
put_into_bucket(fs_scan *scan, int32 number, int least)
{
	fs_survivor *survivor = &scan->survivors[number];
	int32	   *head;

	if (survivor->is_fine && survivor->upper < scan->floor)
		head = &scan->leftover;
	else
		head = (survivor->is_fine ? scan->fine_heads : scan->coarse_heads) +
			Max(bucket_of(scan, survivor->upper), least);
	survivor->next = *head;
	*head = number;
}

static void
fill_buckets(fs_scan *scan)
{
	float		top = -FLT_MAX;
	float		bottom = FLT_MAX;

	for (uint32 i = 0; i < scan->nsurvivors; i++)
	{
		top = Max(top, scan->survivors[i].upper);
		bottom = Min(bottom, scan->survivors[i].upper);
	}
	bottom = Max(bottom, scan->floor);
	scan->top = top;
	scan->bucket_width = Max((top - bottom) / (FS_BUCKETS - 1), FLT_MIN);
	for (int i = 0; i < FS_BUCKETS; i++)
		scan->coarse_heads[i] = scan->fine_heads[i] = FS_NOBODY;
	scan->leftover = FS_NOBODY;
	scan->bucket = 0;
	/* backwards, so that each bucket lists its entries in the order of pages */
	for (int64 i = (int64) scan->nsurvivors - 1; i >= 0; i--)
		put_into_bucket(scan, (int32) i, 0);
}

/* What an earlier round refined and did not need comes first. */
static uint32
keep_leftovers(fs_scan *scan)
{
	uint32		kept = 0;
	uint32		n = 0;
	fs_survivor *leftovers;

	if (scan->counters.rounds == 0)
		return 0;
	for (int32 i = scan->leftover; i != FS_NOBODY; i = scan->survivors[i].next)
		n++;
	leftovers = palloc_extended(sizeof(fs_survivor) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int32 i = scan->leftover; i != FS_NOBODY; i = scan->survivors[i].next)
		leftovers[kept++] = scan->survivors[i];
	memcpy(scan->survivors, leftovers, sizeof(fs_survivor) * kept);
	pfree(leftovers);
	return kept;
}

void
fs_coarse_round(fs_scan *scan)
{
	uint32		first = keep_leftovers(scan);
	Buffer		next = InvalidBuffer;
	page_scores scores;

	scan->nsurvivors = first;
	if (scan->counters.rounds > 0)
	{
		scan->ceiling = scan->floor;
		scan->target = Min((uint64) scan->target * 8, PG_INT32_MAX / 4);
	}
	choose_floor(scan);

	for (uint32 i = 0; i < scan->npages; i++)
	{
		Buffer		buffer = next;
		const char *ahead = NULL;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		make_space(scan, first);
		if (i == 0)
			buffer = ReadBufferExtended(scan->index, MAIN_FORKNUM, scan->pages[0].place.code, RBM_NORMAL,
										scan->strategy);
		next = InvalidBuffer;
		if (i + 1 < scan->npages)
		{
			/* the next page is on its way to the cache while this one is scored */
			next = ReadBufferExtended(scan->index, MAIN_FORKNUM, scan->pages[i + 1].place.code, RBM_NORMAL,
									  scan->strategy);
			ahead = (const char *) FS_CODES(BufferGetPage(next));
		}
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		fs_check_page(scan->index, buffer, FS_PAGE_CODE);
		page = BufferGetPage(buffer);
		if (scan->counters.rounds == 0)
			scan->counters.codes += FS_CODE_HEAD(page)->used;
		if (score_page(scan, &scan->pages[i], page, ahead, scan->floor, &scores))
			gather(scan, i, page, &scores);
		UnlockReleaseBuffer(buffer);
	}
	scan->counters.pages += scan->npages;
	scan->counters.survivors += scan->nsurvivors - first;
	scan->counters.rounds++;
	fill_buckets(scan);
}

/* ---- fine codes */

/* So many entries have their fine codes on the way at a time. */
#define REFINE_BATCH	16

static void
refine(fs_scan *scan, const int32 *numbers, int n, int bucket)
{
	const fs_layout *layout = &scan->fs->layout;
	Buffer		buffers[REFINE_BATCH];
	uint32		fine_slots[REFINE_BATCH];

	for (int i = 0; i < n; i++)
	{
		const fs_survivor *survivor = &scan->survivors[numbers[i]];
		BlockNumber block = fs_fine_block(layout, scan->pages[survivor->page].place.fine, survivor->slot,
										  &fine_slots[i]);
		const char *page;

		buffers[i] = ReadBufferExtended(scan->index, MAIN_FORKNUM, block, RBM_NORMAL, scan->strategy);
		page = BufferGetPage(buffers[i]);
		for (uint32 at = 0; at < layout->plane_bytes; at += 64)
			__builtin_prefetch(page + FS_CODES_OFFSET + layout->plane_bytes * fine_slots[i] + at);
		__builtin_prefetch(page + layout->fine_scales + sizeof(float) * fine_slots[i]);
		__builtin_prefetch(page + layout->fine_spreads + sizeof(uint16) * fine_slots[i]);
	}
	for (int i = 0; i < n; i++)
	{
		fs_survivor *survivor = &scan->survivors[numbers[i]];
		const char *page;
		fx_fine_factors factors;
		int64		sum;
		float		score;
		float		spread;

		LockBuffer(buffers[i], BUFFER_LOCK_SHARE);
		fs_check_page(scan->index, buffers[i], FS_PAGE_FINE);
		page = BufferGetPage(buffers[i]);
		sum = fx_code_kernels_active()->fine(scan->query.fine,
											 (const uint8 *) page + FS_CODES_OFFSET +
											 layout->plane_bytes * fine_slots[i],
											 layout->padded, scan->fs->meta.bits - 1);
		factors.scale = ((const float *) (page + layout->fine_scales))[fine_slots[i]];
		factors.add = layout->fine_adds == 0 ? 0 : ((const float *) (page + layout->fine_adds))[fine_slots[i]];
		factors.spread = fx_bfloat16(((const uint16 *) (page + layout->fine_spreads))[fine_slots[i]]);
		UnlockReleaseBuffer(buffers[i]);
		score = fx_fine_score(&scan->query, scan->bases[scan->pages[survivor->page].list], &factors, survivor->sum,
							  sum, &spread);
		survivor->is_fine = true;
		survivor->upper = score + FS_SIGMAS * spread + 1e-5f * fabsf(score);
		put_into_bucket(scan, numbers[i], bucket);
	}
	scan->counters.refined += n;
}

void
fs_refine_bucket(fs_scan *scan, int bucket)
{
	int32		numbers[REFINE_BATCH];
	int			n = 0;
	int32		next;

	for (int32 i = scan->coarse_heads[bucket]; i != FS_NOBODY; i = next)
	{
		next = scan->survivors[i].next;
		if (scan->fs->layout.fine_pages == 0)
		{
			/* no fine codes: on to the heap */
			scan->survivors[i].is_fine = true;
			put_into_bucket(scan, i, bucket);
			continue;
		}
		numbers[n++] = i;
		if (n == REFINE_BATCH)
		{
			refine(scan, numbers, n, bucket);
			n = 0;
		}
	}
	if (n > 0)
		refine(scan, numbers, n, bucket);
	scan->coarse_heads[bucket] = FS_NOBODY;
}

/*
 * coarse.c - the pass over every code, and the second bits of those that it
 * does not rule out.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

/* Pages that are sampled to guess the floor: one in so many, but so few and so many. */
#define SAMPLE_SHARE		128
#define MIN_SAMPLE_PAGES	32
#define MAX_SAMPLE_PAGES	256

/* How many pages ahead the server's notes of where they lie are fetched into the cache. */
#define PIN_AHEAD			4

/* The floor is guessed where so many times the rank should pass: too low costs time, too high another round. */
#define GUESS_RANK			2.5

/* Those of one page that the coarse stage does not rule out. */
typedef struct page_survivors
{
	uint32		page;			/* number in fs_scan.pages */
	Buffer		middle;			/* pinned, its lines on their way to the cache; Invalid: none */
	uint32		count;
	uint16		slots[FS_MAX_CODES];
	float		uppers[FS_MAX_CODES];
	float		scales[FS_MAX_CODES];
	float		bases[FS_MAX_CODES];
	float		sums[FS_MAX_CODES];
} page_survivors;

/* ---- the coarse stage of one page */

/*
 * Scores a page and notes who may reach the floor.  A pin is enough, here and for the codes of the later stages:
 * what a row's entry says does not change, and the entry does not move, as long as a snapshot may see the row, and
 * whoever changes a page leaves the bytes of other entries as they are (a copy of the page over itself at most).
 * An entry that is being written or wiped may get any score, and then its row is one that the snapshot does not see.
 */
static void
score_page(fs_scan *scan, uint32 number, Page page, const char *ahead, page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	uint32		used = FS_CODE_HEAD(page)->used;
	bool		filtered = scan->filter.ntests > 0;
	const float *adds = FS_ADDS(page, layout);
	fx_coarse_run run;
	float		upper[FS_MAX_CODES];
	float		sums[FS_MAX_CODES];
	uint16		pass[FS_MAX_CODES / 16];
	uint16		wanted[FS_MAX_CODES / 16];

	found->page = number;
	found->count = 0;
	found->middle = InvalidBuffer;
	if (used > layout->entries)
		fs_complain_damaged(scan->index, scan->pages[number].place.code);
	if (used == 0)
		return;
	if (filtered && fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, used, wanted) == 0)
		return;
	run.blocks = FS_CODES(page);
	run.scale = FS_SCALES(page, layout);
	run.add = adds;
	run.wanted = filtered ? wanted : NULL;
	run.ahead = ahead;
	run.nblocks = (used + layout->width - 1) / layout->width;
	run.width = layout->width;
	run.base = scan->base;
	run.margin = scan->margin;
	run.floor = scan->floor;
	run.upper = upper;
	run.sums = sums;
	run.pass = pass;
	if (scan->kernels->coarse(&scan->query, &run) == 0)
		return;
	for (uint32 g = 0; g < (used + 15) / 16; g++)
		for (uint32 bits = pass[g]; bits != 0; bits &= bits - 1)
		{
			uint32		slot = g * 16 + __builtin_ctz(bits);
			float		base = run.base + (adds ? adds[slot] : 0);
			uint32		at = found->count++;

			found->slots[at] = slot;
			found->uppers[at] = upper[slot];
			found->scales[at] = fx_bfloat16(run.scale[slot]);
			found->bases[at] = base;
			found->sums[at] = sums[slot];
		}
}

/* ---- survivors */

static int32
add_survivor(fs_scan *scan, const page_survivors *found, uint32 i, float upper, int32 middle_sum, bool is_fine)
{
	fs_survivor *survivor = &scan->survivors[scan->nsurvivors++];

	survivor->key = upper;
	survivor->upper = upper;
	survivor->base = found->bases[i];
	survivor->sum = found->sums[i];
	survivor->middle_sum = middle_sum;
	survivor->page = found->page;
	survivor->slot = found->slots[i];
	survivor->is_fine = is_fine;
	return (int32) scan->nsurvivors - 1;
}

/* Moves the survivors with the greatest bounds to the front; returns the k-th greatest bound, from 0. */
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

/* Drops those that the floor has risen above. */
static void
drop_below_floor(fs_scan *scan, uint32 first)
{
	uint32		kept = first;

	for (uint32 i = first; i < scan->nsurvivors; i++)
		if (scan->survivors[i].key >= scan->floor)
			scan->survivors[kept++] = scan->survivors[i];
	scan->nsurvivors = kept;
}

/* Makes space for the survivors of one more page. */
static void
make_space(fs_scan *scan, uint32 first)
{
	Size		capacity;

	if (scan->nsurvivors + FS_MAX_CODES <= scan->capacity)
		return;
	if (scan->fs->layout.middle_pages == 0 && scan->nsurvivors - first > scan->target)
		scan->floor = Max(scan->floor,
						  select_greatest(scan->survivors + first, scan->nsurvivors - first, scan->target));
	drop_below_floor(scan, first);
	if (scan->nsurvivors + FS_MAX_CODES <= scan->capacity / 2)
		return;
	capacity = Max((Size) scan->capacity * 2, 4 * FS_MAX_CODES);
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

/* ---- the middle stage */

/* A score enters the best ones; once they are as many as the rank, the least of them is the floor. */
static void
note_score(fs_scan *scan, float score)
{
	float	   *best = scan->best;
	uint32		at;

	if (scan->nbest < scan->rank)
	{
		at = scan->nbest++;
		while (at > 0 && best[(at - 1) / 2] > score)
		{
			best[at] = best[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		best[at] = score;
	}
	else if (score > best[0])
	{
		at = 0;
		for (;;)
		{
			uint32		child = 2 * at + 1;

			if (child >= scan->nbest)
				break;
			if (child + 1 < scan->nbest && best[child + 1] < best[child])
				child++;
			if (best[child] >= score)
				break;
			best[at] = best[child];
			at = child;
		}
		best[at] = score;
	}
	/* estimates of those that were in an earlier round may lie above their bounds of then */
	if (scan->nbest == scan->rank)
		scan->floor = Max(scan->floor, Min(best[0], scan->ceiling));
}

static void
fetch_middle(fs_scan *scan, page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	const char *page;

	if (found->count == 0 || layout->middle_pages == 0)
		return;
	found->middle = fs_memory_pin(scan->memory, scan->index, scan->pages[found->page].place.middle);
	page = BufferGetPage(found->middle);
	__builtin_prefetch(page);
	for (uint32 i = 0; i < found->count; i++)
	{
		for (uint32 at = 0; at < layout->middle_bytes; at += FS_CACHE_LINE)
			__builtin_prefetch(page + layout->middle_codes + layout->middle_bytes * found->slots[i] + at);
		__builtin_prefetch(page + layout->middle_factors + sizeof(uint16) * found->slots[i]);
	}
}

/*
 * Those whose estimate is among the best so far: their fine codes, which they
 * will need anyway, make the floor that they set a good one.
 */
static void
note_best(fs_scan *scan, const int32 *numbers, int n)
{
	float		scores[FS_REFINE_BATCH];

	fs_refine(scan, numbers, n, scores);
	for (int i = 0; i < n; i++)
		note_score(scan, scores[i]);
}

/* The survivors of a page whose middle codes are on their way. */
static void
finish_page(fs_scan *scan, page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	bool		is_fine = layout->fine_pages == 0;
	const char *page;
	int32		sums[FS_MAX_CODES];
	float		scores[FS_MAX_CODES];
	float		uppers[FS_MAX_CODES];
	int32		best[FS_REFINE_BATCH];
	int			nbest = 0;
	uint32		n = 0;

	if (found->count == 0)
		return;
	if (!BufferIsValid(found->middle))
	{
		for (uint32 i = 0; i < found->count; i++)
			if (found->uppers[i] < scan->ceiling)
				add_survivor(scan, found, i, found->uppers[i], 0, is_fine);
		return;
	}
	/* the floor may have risen since they were found */
	for (uint32 i = 0; i < found->count; i++)
	{
		found->slots[n] = found->slots[i];
		found->uppers[n] = found->uppers[i];
		found->scales[n] = found->scales[i];
		found->bases[n] = found->bases[i];
		found->sums[n] = found->sums[i];
		n += found->uppers[i] >= scan->floor;
	}
	found->count = n;
	fs_check_page(scan->index, found->middle, FS_PAGE_MIDDLE);
	page = BufferGetPage(found->middle);
	scan->kernels->middle(scan->query.fine, (const uint8 *) page + layout->middle_codes, found->slots, n,
						  layout->padded, sums);
	fx_middle_bounds(&scan->query, scan->sigmas.middle, (const uint16 *) (page + layout->middle_factors),
					 found->slots, n, found->scales, found->bases, found->sums, sums, scores, uppers);
	ReleaseBuffer(found->middle);
	found->middle = InvalidBuffer;
	scan->counters.middle += n;
	for (uint32 i = 0; i < n; i++)
	{
		float		upper = Min(found->uppers[i], uppers[i]);
		int32		number;

		if (!(upper >= scan->floor))
			continue;
		/* the middle stage's bound decides in which round an entry is, so that it is in just one */
		if (upper >= scan->ceiling)
		{
			note_score(scan, scores[i]);
			continue;
		}
		number = add_survivor(scan, found, i, upper, sums[i], is_fine);
		if (scan->nbest < scan->rank || scores[i] > scan->best[0])
		{
			if (is_fine)
				note_score(scan, scores[i]);
			else
				best[nbest++] = number;
			if (nbest == FS_REFINE_BATCH)
			{
				note_best(scan, best, nbest);
				nbest = 0;
			}
		}
	}
	if (nbest > 0)
		note_best(scan, best, nbest);
}

/* ---- passes */

/*
 * Every page, through both stages.  While one page is scored the next one's
 * codes are fetched into the cache, and so are the middle codes of the page
 * before.
 */
static void
pass(fs_scan *scan, uint32 first)
{
	page_survivors *found = palloc(sizeof(page_survivors) * 2);
	page_survivors *current = &found[0];
	page_survivors *before = &found[1];
	Buffer		next = InvalidBuffer;
	uint32		number;
	uint32		next_number;
	bool		more;

	before->count = 0;
	fs_first_page(scan);
	more = fs_next_page(scan, &next_number);
	if (more)
		next = fs_memory_pin(scan->memory, scan->index, scan->pages[next_number].place.code);
	while (more)
	{
		Buffer		buffer = next;
		const char *ahead = NULL;
		page_survivors *swap;

		CHECK_FOR_INTERRUPTS();
		number = next_number;
		more = fs_next_page(scan, &next_number);
		if (more)
		{
			if (next_number + PIN_AHEAD < scan->npages)
			{
				fs_memory_prefetch(scan->memory, scan->pages[next_number + PIN_AHEAD].place.code);
				fs_memory_prefetch(scan->memory, scan->pages[next_number + PIN_AHEAD].place.middle);
			}
			next = fs_memory_pin(scan->memory, scan->index, scan->pages[next_number].place.code);
			__builtin_prefetch(BufferGetPage(next));
			ahead = (const char *) FS_CODES(BufferGetPage(next));
		}
		fs_check_page(scan->index, buffer, FS_PAGE_CODE);
		facesnxt_test_old_snapshot(scan->snapshot, scan->index, BufferGetPage(buffer));
		score_page(scan, number, BufferGetPage(buffer), ahead, current);
		if (scan->round == 0)
			scan->counters.codes += FS_CODE_HEAD(BufferGetPage(buffer))->used;
		ReleaseBuffer(buffer);
		scan->counters.pages++;
		fetch_middle(scan, current);

		make_space(scan, first);
		finish_page(scan, before);
		swap = before;
		before = current;
		current = swap;
	}
	make_space(scan, first);
	finish_page(scan, before);
	pfree(found);
}

/* ---- a guess of the floor */

/* The deviation that a standard normal variable exceeds with probability p < 0.5 (Abramowitz & Stegun 26.2.23). */
static double
normal_quantile(double p)
{
	double		t = sqrt(-2 * log(p));

	return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/*
 * From the estimates of a sample of pages.  With middle codes: the score that
 * GUESS_RANK times the rank should exceed, were scores normal.  Without: the
 * bound that `target` should exceed.  A tail shorter than the normal one makes
 * no guess.
 */
static float
guess_floor(fs_scan *scan)
{
	uint32		npages = Min(Max(scan->npages / SAMPLE_SHARE, MIN_SAMPLE_PAGES), MAX_SAMPLE_PAGES);
	page_survivors *found = palloc(sizeof(page_survivors));
	float	   *estimates;
	double		n = 0;
	double		sum = 0;
	double		square = 0;
	double		scales = 0;
	double		mean;
	double		variance;
	double		error;
	double		expected;
	double		share;
	uint32		beyond = 0;

	if (npages * 2 > scan->npages)
		return -FLT_MAX;
	estimates = palloc(sizeof(float) * npages * scan->fs->layout.entries);
	scan->floor = -FLT_MAX;
	for (uint32 p = 0; p < npages; p++)
	{
		uint32		number = (uint64) p * scan->npages / npages;
		Buffer		buffer = fs_scan_read(scan, &scan->pages[number]);

		CHECK_FOR_INTERRUPTS();
		score_page(scan, number, BufferGetPage(buffer), NULL, found);
		UnlockReleaseBuffer(buffer);
		for (uint32 i = 0; i < found->count; i++)
		{
			double		scale = found->scales[i];
			double		estimate = found->bases[i] + scale * found->sums[i];

			estimates[(uint32) n] = estimate;
			n++;
			sum += estimate;
			square += estimate * estimate;
			scales += scale;
		}
	}
	pfree(found);
	if (n < 1000)
		return -FLT_MAX;
	mean = sum / n;
	variance = square / n - mean * mean;
	error = scales / n * scan->margin / scan->sigmas.coarse;
	for (uint32 i = 0; i < (uint32) n; i++)
		beyond += estimates[i] > mean + 2 * sqrt(variance);
	expected = 0.02275 * n;
	pfree(estimates);
	if (!(beyond > 0.85 * expected))
		return -FLT_MAX;
	/* of all entries, in as many pages */
	share = (scan->fs->layout.middle_pages > 0 ? GUESS_RANK * scan->rank : scan->target) /
		(n / npages * scan->npages);
	if (share > 0.2)
		return -FLT_MAX;
	if (scan->fs->layout.middle_pages > 0)
		return (float) (mean + normal_quantile(share) * sqrt(Max(variance - error * error, 0)));
	return (float) (mean + normal_quantile(share) * sqrt(variance) + scales / n * scan->margin);
}

void
fs_coarse_round(fs_scan *scan)
{
	uint32		first = fs_keep_leftovers(scan);
	Size		entries = (Size) scan->npages * scan->fs->layout.entries;

	scan->nsurvivors = first;
	if (scan->round > 0)
	{
		scan->ceiling = scan->floor;
		scan->target = Min((uint64) scan->target * FS_RANK_GROWTH, PG_INT32_MAX / 4);
		scan->rank = Min((uint64) scan->rank * FS_RANK_GROWTH, PG_INT32_MAX / 4);
	}
	scan->nbest = 0;
	if (scan->best != NULL)
		pfree(scan->best);
	scan->best = palloc_extended(sizeof(float) * Min((Size) scan->rank, entries + 1), MCXT_ALLOC_HUGE);
	make_space(scan, first);
	scan->floor = Max(Min(guess_floor(scan), scan->ceiling), scan->least);
	pass(scan, first);
	drop_below_floor(scan, first);
	scan->counters.survivors += scan->nsurvivors - first;
	scan->counters.rounds++;
	scan->round++;
}

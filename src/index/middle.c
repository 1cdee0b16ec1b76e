/*
 * middle.c - the survivors of a pass, and the second bits that rule most of
 * them out.
 */
#include "index/scan.h"

#include "utils/memutils.h"

/* ---- survivors */

static int32
add_survivor(fs_scan *scan, const fs_page_survivors *found, uint32 i, float upper, int32 middle_sum, bool is_fine)
{
	fs_survivor *survivor = &scan->survivors[scan->nsurvivors++];

	survivor->upper = upper;
	survivor->base = found->bases[i];
	survivor->sum = found->sums[i];
	survivor->middle_sum = middle_sum;
	survivor->page = found->page;
	survivor->slot = found->slots[i];
	survivor->is_fine = is_fine;
	return (int32) scan->nsurvivors - 1;
}

/* ---- rounds: an entry survives one of them at most */

static Size
entry_number(const fs_scan *scan, uint32 page, uint32 slot)
{
	return (Size) page * scan->fs->layout.entries + slot;
}

static bool
is_taken(const fs_scan *scan, uint32 page, uint32 slot)
{
	Size		number = entry_number(scan, page, slot);

	return scan->taken != NULL && (scan->taken[number / 8] >> number % 8 & 1) != 0;
}

void
fs_take_survivors(fs_scan *scan, uint32 npages)
{
	Size		size = entry_number(scan, npages, 0) / 8 + 1;

	if (scan->taken == NULL || size > scan->taken_size)
	{
		uint8	   *taken = palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (scan->taken != NULL)
			memcpy(taken, scan->taken, scan->taken_size);
		scan->taken = taken;
		scan->taken_size = size;
	}
	for (uint32 i = 0; i < scan->nsurvivors; i++)
	{
		Size		number;

		if (fs_below_floor(scan, &scan->survivors[i]))
			continue;
		number = entry_number(scan, scan->survivors[i].page, scan->survivors[i].slot);

		scan->taken[number / 8] |= 1 << number % 8;
		scan->ntaken++;
	}
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
void
fs_drop_below_floor(fs_scan *scan)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < scan->nsurvivors; i++)
		if (scan->survivors[i].upper >= scan->floor)
			scan->survivors[kept++] = scan->survivors[i];
	scan->nsurvivors = kept;
}

static void
grow(fs_scan *scan, Size capacity)
{
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

/* Makes space for the survivors of one more page. */
void
fs_make_space(fs_scan *scan)
{
	if (scan->nsurvivors + FS_MAX_CODES <= scan->capacity)
		return;
	if (scan->fs->layout.middle_pages == 0 && scan->nsurvivors > scan->target)
		scan->floor = Max(scan->floor, select_greatest(scan->survivors, scan->nsurvivors, scan->target));
	fs_drop_below_floor(scan);
	if (scan->nsurvivors + FS_MAX_CODES <= scan->capacity / 2)
		return;
	if (scan->lent)
		/* its worker took no more pages than there was space for */
		elog(ERROR, "a pass has more survivors than its worker has space for");
	grow(scan, Max((Size) scan->capacity * 2, 4 * FS_MAX_CODES));
}

void
fs_add_survivors(fs_scan *scan, const fs_survivor *survivors, uint32 n)
{
	if (scan->nsurvivors + (Size) n > scan->capacity)
		grow(scan, scan->nsurvivors + (Size) n);
	memcpy(scan->survivors + scan->nsurvivors, survivors, sizeof(fs_survivor) * n);
	scan->nsurvivors += n;
}

/* ---- the middle stage */

void
fs_push_score(float *best, uint32 *nbest, uint32 rank, float score)
{
	uint32		at;

	if (*nbest < rank)
	{
		at = (*nbest)++;
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

			if (child >= *nbest)
				break;
			if (child + 1 < *nbest && best[child + 1] < best[child])
				child++;
			if (best[child] >= score)
				break;
			best[at] = best[child];
			at = child;
		}
		best[at] = score;
	}
}

/* A score enters the best ones; once they are as many as the rank, the least of them is the floor. */
static void
note_score(fs_scan *scan, float score)
{
	if (scan->task != NULL)
		fs_share_score(scan, score);
	else
	{
		fs_push_score(scan->best, &scan->nbest, scan->rank, score);
		if (scan->nbest == scan->rank)
			scan->least_best = scan->best[0];
	}
	fs_raise_floor(scan);
}

void
fs_send_for_middle(const fs_scan *scan, const fs_page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	const char *page;

	if (found->count == 0 || layout->middle_pages == 0)
		return;
	page = fs_memory_place(scan->memory, scan->index, scan->pages[found->page].place.middle);
	if (page == NULL)
		return;
	fx_prefetch(page);
	for (uint32 i = 0; i < found->count; i++)
	{
		fs_send_for(page + layout->middle_codes + layout->middle_bytes * found->slots[i], layout->middle_bytes);
		fx_prefetch(page + layout->middle_factors + sizeof(uint16) * found->slots[i]);
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

/* The floor has risen since they were found. */
static void
drop_risen_above(fs_page_survivors *found, float floor)
{
	uint32		n = 0;

	for (uint32 i = 0; i < found->count; i++)
	{
		found->slots[n] = found->slots[i];
		found->uppers[n] = found->uppers[i];
		found->scales[n] = found->scales[i];
		found->bases[n] = found->bases[i];
		found->sums[n] = found->sums[i];
		n += found->uppers[i] >= floor;
	}
	found->count = n;
}

/* The survivors of a page whose middle codes are on their way. */
void
fs_finish_page(fs_scan *scan, fs_page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	bool		is_fine = layout->fine_pages == 0;
	Buffer		buffer;
	const char *page;
	int32		sums[FS_MAX_CODES];
	float		scores[FS_MAX_CODES];
	float		uppers[FS_MAX_CODES];
	int32		best[FS_REFINE_BATCH];
	int			nbest = 0;
	uint32		n;

	if (found->count == 0)
		return;
	if (layout->middle_pages == 0)
	{
		for (uint32 i = 0; i < found->count; i++)
			if (!is_taken(scan, found->page, found->slots[i]))
				add_survivor(scan, found, i, found->uppers[i], 0, is_fine);
		return;
	}
	if (found->floor < scan->floor)
		drop_risen_above(found, scan->floor);
	n = found->count;
	if (n == 0)
		return;
	buffer = fs_memory_pin(scan->memory, scan->index, scan->pages[found->page].place.middle);
	fs_check_page(scan->index, buffer, FS_PAGE_MIDDLE);
	page = BufferGetPage(buffer);
	scan->kernels->middle(scan->query.fine, (const uint8 *) page + layout->middle_codes, found->slots, n,
						  layout->padded, sums);
	fx_middle_bounds(&scan->query, scan->sigmas.middle, (const uint16 *) (page + layout->middle_factors),
					 found->slots, n, found->scales, found->bases, found->sums, sums, scores, uppers);
	ReleaseBuffer(buffer);
	scan->counters.middle += n;
	for (uint32 i = 0; i < n; i++)
	{
		int32		number;

		if (!(uppers[i] >= scan->floor))
			continue;
		if (is_taken(scan, found->page, found->slots[i]))
		{
			note_score(scan, scores[i]);
			continue;
		}
		number = add_survivor(scan, found, i, uppers[i], sums[i], is_fine);
		/* one below the floor cannot raise it */
		if (scores[i] > Max(scan->least_best, scan->floor))
		{
			if (is_fine)
				note_score(scan, scores[i]);
			else
			{
				fs_send_for_fine(scan, number);
				best[nbest++] = number;
			}
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

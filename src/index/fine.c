/*
 * fine.c - the buckets of survivors, and the fine codes.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

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

	if (fs_below_floor(scan, survivor))
		return;
	head = (survivor->is_fine ? scan->ready : scan->waiting) + Max(bucket_of(scan, survivor->upper), least);
	survivor->next = *head;
	*head = number;
}

void
fs_fill_buckets(fs_scan *scan)
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
		scan->waiting[i] = scan->ready[i] = FS_NOBODY;
	scan->bucket = 0;
	/* backwards, so that each bucket lists its entries in the order of pages */
	for (int64 i = (int64) scan->nsurvivors - 1; i >= 0; i--)
		put_into_bucket(scan, (int32) i, 0);
}

/* ---- fine codes */

/* The page of a survivor's fine code. */
static BlockNumber
fine_block(const fs_scan *scan, const fs_survivor *survivor, uint32 *fine_slot)
{
	return fs_fine_block(&scan->fs->layout, scan->pages[survivor->page].place.fine, survivor->slot, fine_slot);
}

void
fs_send_for_fine(const fs_scan *scan, int32 number)
{
	const fs_layout *layout = &scan->fs->layout;
	uint32		slot;
	BlockNumber block = fine_block(scan, &scan->survivors[number], &slot);
	const char *page = fs_memory_place(scan->memory, scan->index, block);

	if (page == NULL)
		return;
	fs_memory_prefetch(scan->memory, block);
	fx_prefetch(page);
	fs_send_for(page + FS_CODES_OFFSET + layout->fine_bytes * slot, layout->fine_bytes);
	fx_prefetch(page + layout->fine_scales + sizeof(float) * slot);
	fx_prefetch(page + layout->fine_spreads + sizeof(uint16) * slot);
}

void
fs_refine(fs_scan *scan, const int32 *numbers, int n, float *scores)
{
	const fs_layout *layout = &scan->fs->layout;
	int			bits = scan->fs->meta.bits;

	for (int i = 0; i < n; i++)
	{
		fs_survivor *survivor = &scan->survivors[numbers[i]];
		uint32		slot;
		Buffer		buffer = fs_memory_pin(scan->memory, scan->index, fine_block(scan, survivor, &slot));
		const char *page = BufferGetPage(buffer);
		fx_level_factors factors;
		int64		sum;
		float		score;
		float		spread;

		fs_check_page(scan->index, buffer, FS_PAGE_FINE);
		sum = scan->kernels->fine(scan->query.fine,
								  (const uint8 *) page + FS_CODES_OFFSET + layout->fine_bytes * slot,
								  layout->padded, bits - 2);
		factors.scale = ((const float *) (page + layout->fine_scales))[slot];
		factors.spread = fx_bfloat16(((const uint16 *) (page + layout->fine_spreads))[slot]);
		ReleaseBuffer(buffer);
		sum += (int64) survivor->middle_sum << (bits - 2);
		score = fx_level_score(&scan->query, bits, survivor->base, &factors, survivor->sum, sum, &spread);
		survivor->is_fine = true;
		survivor->upper = score + scan->sigmas.fine * spread + 1e-5f * fabsf(score);
		if (scores != NULL)
			scores[i] = score;
	}
	scan->counters.refined += n;
}

/* Takes up to FS_REFINE_BATCH survivors off a list and sends for their fine codes. */
static int
take_batch(const fs_scan *scan, int32 *next, int32 *numbers)
{
	int			n = 0;

	for (; *next != FS_NOBODY && n < FS_REFINE_BATCH; *next = scan->survivors[*next].next)
	{
		fs_send_for_fine(scan, *next);
		numbers[n++] = *next;
	}
	return n;
}

/* Bounds those of a list, and puts them where they belong then, from this bucket on; FS_NOBODY: they stay. */
static void
refine_list(fs_scan *scan, int32 next, int bucket)
{
	int32		batches[2][FS_REFINE_BATCH];
	int			current = 0;
	int			n = take_batch(scan, &next, batches[0]);

	/* while one batch is bounded the codes of the next one are on their way */
	while (n > 0 && !fs_given_up(scan))
	{
		int			following = take_batch(scan, &next, batches[1 - current]);

		CHECK_FOR_INTERRUPTS();
		fs_refine(scan, batches[current], n, NULL);
		for (int i = 0; i < n && bucket != FS_NOBODY; i++)
			put_into_bucket(scan, batches[current][i], bucket);
		current = 1 - current;
		n = following;
	}
}

void
fs_refine_bucket(fs_scan *scan, int bucket)
{
	int32		first = scan->waiting[bucket];

	scan->waiting[bucket] = FS_NOBODY;
	refine_list(scan, first, bucket);
}

void
fs_refine_all(fs_scan *scan)
{
	int32		first = FS_NOBODY;

	/* backwards, so that they are listed in the order of pages */
	for (int64 i = (int64) scan->nsurvivors - 1; i >= 0; i--)
		if (!scan->survivors[i].is_fine)
		{
			scan->survivors[i].next = first;
			first = (int32) i;
		}
	refine_list(scan, first, FS_NOBODY);
}

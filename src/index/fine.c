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

void
fs_refine(fs_scan *scan, const int32 *numbers, int n, float *scores)
{
	const fs_layout *layout = &scan->fs->layout;
	int			bits = scan->fs->meta.bits;
	Buffer		buffers[FS_REFINE_BATCH];
	uint32		fine_slots[FS_REFINE_BATCH];

	for (int i = 0; i < n; i++)
	{
		const fs_survivor *survivor = &scan->survivors[numbers[i]];
		BlockNumber block = fs_fine_block(layout, scan->pages[survivor->page].place.fine, survivor->slot,
										  &fine_slots[i]);
		const char *page;

		buffers[i] = fs_memory_pin(scan->memory, scan->index, block);
		page = BufferGetPage(buffers[i]);
		__builtin_prefetch(page);
		for (uint32 at = 0; at < layout->fine_bytes; at += FS_CACHE_LINE)
			__builtin_prefetch(page + FS_CODES_OFFSET + layout->fine_bytes * fine_slots[i] + at);
		__builtin_prefetch(page + layout->fine_scales + sizeof(float) * fine_slots[i]);
		__builtin_prefetch(page + layout->fine_spreads + sizeof(uint16) * fine_slots[i]);
	}
	for (int i = 0; i < n; i++)
	{
		fs_survivor *survivor = &scan->survivors[numbers[i]];
		const char *page;
		fx_level_factors factors;
		int64		sum;
		float		score;
		float		spread;

		fs_check_page(scan->index, buffers[i], FS_PAGE_FINE);
		page = BufferGetPage(buffers[i]);
		sum = scan->kernels->fine(scan->query.fine,
								  (const uint8 *) page + FS_CODES_OFFSET + layout->fine_bytes * fine_slots[i],
								  layout->padded, bits - 2);
		factors.scale = ((const float *) (page + layout->fine_scales))[fine_slots[i]];
		factors.spread = fx_bfloat16(((const uint16 *) (page + layout->fine_spreads))[fine_slots[i]]);
		ReleaseBuffer(buffers[i]);
		sum += (int64) survivor->middle_sum << (bits - 2);
		score = fx_level_score(&scan->query, bits, survivor->base, &factors, survivor->sum, sum, &spread);
		survivor->is_fine = true;
		survivor->upper = score + scan->sigmas.fine * spread + 1e-5f * fabsf(score);
		if (scores != NULL)
			scores[i] = score;
	}
	scan->counters.refined += n;
}

void
fs_refine_bucket(fs_scan *scan, int bucket)
{
	int32		numbers[FS_REFINE_BATCH];
	int32		next = scan->waiting[bucket];

	scan->waiting[bucket] = FS_NOBODY;
	while (next != FS_NOBODY)
	{
		int			n = 0;

		for (; next != FS_NOBODY && n < FS_REFINE_BATCH; next = scan->survivors[next].next)
			numbers[n++] = next;
		CHECK_FOR_INTERRUPTS();
		fs_refine(scan, numbers, n, NULL);
		for (int i = 0; i < n; i++)
			put_into_bucket(scan, numbers[i], bucket);
	}
}

/*
 * parallel.c - which pages a process of a scan reads, and what a parallel scan
 * shares.
 */
#include "index/scan.h"

#include "utils/memutils.h"

#if PG_VERSION_NUM >= 170000
Size
fs_parallel_size(Relation index, int nkeys, int norderbys)
#else
Size
fs_parallel_size(void)
#endif
{
	return sizeof(fs_shared);
}

void
fs_parallel_init(void *target)
{
	fs_shared  *shared = target;

	pg_atomic_init_u32(&shared->extents, 0);
	pg_atomic_init_u32(&shared->next_chunk[0], 0);
	pg_atomic_init_u32(&shared->next_chunk[1], 0);
	pg_atomic_init_u32(&shared->plain_taken, 0);
}

void
fs_parallel_rescan(IndexScanDesc desc)
{
	fs_parallel_init(facesnxt_parallel_state(desc));
}

void
fs_join(IndexScanDesc desc, fs_scan *scan)
{
	fs_meta    *meta = &scan->fs->meta;
	uint32		extents = 0;

	scan->shared = desc->parallel_scan ? facesnxt_parallel_state(desc) : NULL;
	scan->has_plain = true;
	if (scan->shared != NULL)
	{
		/*
		 * All agree on the extents that the first one saw: what is added later belongs to rows that the snapshot
		 * does not see.  The directory only grows, so whoever saw fewer looks again.
		 */
		if (!pg_atomic_compare_exchange_u32(&scan->shared->extents, &extents, meta->extents + 1))
		{
			if (meta->extents < extents - 1)
				fs_meta_read(scan->index, meta);
			meta->extents = extents - 1;
		}
		extents = 0;
		scan->has_plain = pg_atomic_compare_exchange_u32(&scan->shared->plain_taken, &extents, 1);
	}
}

void
fs_first_chunk(fs_scan *scan)
{
	scan->nchunks = 0;
	scan->chunks = scan->shared == NULL ? NULL : palloc(sizeof(uint32) * (scan->npages / FS_CHUNK_PAGES + 1));
	fs_first_page(scan);
}

void
fs_first_page(fs_scan *scan)
{
	scan->page = 0;
	scan->chunk = 0;
}

bool
fs_next_page(fs_scan *scan, uint32 *number)
{
	if (scan->shared != NULL && scan->page % FS_CHUNK_PAGES == 0)
	{
		if (scan->chunk == scan->nchunks)
		{
			uint32		chunk;

			/* later rounds have no more than the first */
			if (scan->round > 0)
				return false;
			chunk = pg_atomic_fetch_add_u32(&scan->shared->next_chunk[scan->phase], 1);
			if (chunk > scan->npages / FS_CHUNK_PAGES)
				return false;
			scan->chunks[scan->nchunks++] = chunk;
		}
		scan->page = scan->chunks[scan->chunk++] * FS_CHUNK_PAGES;
	}
	if (scan->page >= scan->npages)
		return false;
	*number = scan->page++;
	return true;
}

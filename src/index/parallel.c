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

	pg_atomic_init_u32(&shared->npages, 0);
	pg_atomic_init_u32(&shared->next_chunk, 0);
	pg_atomic_init_u32(&shared->plain_taken, 0);
}

void
fs_parallel_rescan(IndexScanDesc desc)
{
	fs_shared  *shared = facesnxt_parallel_state(desc);

	pg_atomic_write_u32(&shared->npages, 0);
	pg_atomic_write_u32(&shared->next_chunk, 0);
	pg_atomic_write_u32(&shared->plain_taken, 0);
}

void
fs_join(IndexScanDesc desc, fs_scan *scan)
{
	uint32		npages = 0;

	scan->shared = desc->parallel_scan ? facesnxt_parallel_state(desc) : NULL;
	scan->chunks = NULL;
	scan->nchunks = 0;
	scan->has_plain = true;
	if (scan->shared != NULL)
	{
		/*
		 * All agree on the pages that the first one saw: what is added later belongs to rows that
		 * the snapshot does not see.  The directory only grows, so whoever sees fewer is told.
		 */
		if (!pg_atomic_compare_exchange_u32(&scan->shared->npages, &npages, scan->npages + 1) &&
			scan->npages > npages - 1)
			scan->npages = npages - 1;
		npages = 0;
		scan->has_plain = pg_atomic_compare_exchange_u32(&scan->shared->plain_taken, &npages, 1);
		scan->chunks = palloc(sizeof(uint32) * (scan->npages / FS_CHUNK_PAGES + 1));
	}
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
			if (scan->counters.rounds > 0)
				return false;
			chunk = pg_atomic_fetch_add_u32(&scan->shared->next_chunk, 1);
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

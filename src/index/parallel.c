/*
 * parallel.c - which pages a process of a scan reads, and what a parallel scan
 * shares.
 */
#include "index/scan.h"

#include "access/parallel.h"
#include "utils/memutils.h"

/* Buffers for which the last parallel scan was given space. */
static uint32 space_asked;

#if PG_VERSION_NUM >= 180000
Size
fs_parallel_size(Relation index, int nkeys, int norderbys)
#elif PG_VERSION_NUM >= 170000
Size
fs_parallel_size(int nkeys, int norderbys)
#else
Size
fs_parallel_size(void)
#endif
{
	space_asked = fs_memory_blocks();
	return offsetof(fs_shared, buffers) + sizeof(Buffer) * (Size) space_asked;
}

/* All is to be said and taken anew. */
static void
begin(fs_shared *shared, uint32 space)
{
	pg_atomic_init_u32(&shared->extents, 0);
	pg_atomic_init_u32(&shared->next_chunk[0], 0);
	pg_atomic_init_u32(&shared->next_chunk[1], 0);
	pg_atomic_init_u32(&shared->plain_taken, 0);
	pg_atomic_init_u32(&shared->rank, 0);
	pg_atomic_init_u64(&shared->floor, 0);
	pg_atomic_init_u32(&shared->known, 0);
	shared->space = space;
}

void
fs_parallel_init(void *target)
{
	/* nothing has been read since the size was asked for; more than that is not there */
	begin(target, Min(fs_memory_blocks(), space_asked));
}

void
fs_parallel_rescan(IndexScanDesc desc)
{
	fs_shared  *shared = facesnxt_parallel_state(desc);

	begin(shared, shared->space);
}

/* A worker begins with no idea of where pages are; finding them costs it as much as scoring their codes. */
static void
share_buffers(fs_scan *scan)
{
	fs_shared  *shared = scan->shared;
	uint32		known;

	if (IsParallelWorker())
	{
		known = pg_atomic_read_u32(&shared->known);
		pg_read_barrier();
		fs_memory_learn(scan->memory, shared->buffers, known);
	}
	else
	{
		known = fs_memory_tell(scan->memory, shared->buffers, shared->space);
		pg_write_barrier();
		pg_atomic_write_u32(&shared->known, known);
	}
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
		share_buffers(scan);
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

double
fs_pages_here(const fs_scan *scan)
{
	if (scan->shared == NULL)
		return scan->npages;
	return scan->round == 0 ? (double) scan->npages / FS_PROCESSES : (double) scan->nchunks * FS_CHUNK_PAGES;
}

uint32
fs_agree_on_rank(fs_scan *scan, uint32 rank)
{
	if (scan->shared == NULL)
		return rank;
	if (IsParallelWorker())
	{
		uint32		agreed = pg_atomic_read_u32(&scan->shared->rank);

		return agreed != 0 ? agreed : rank;
	}
	pg_atomic_write_u32(&scan->shared->rank, rank);
	return rank;
}

bool
fs_known_floor(const fs_scan *scan, float *floor)
{
	uint64		known;
	uint32		bits;

	if (scan->shared == NULL || scan->phase > 0 || scan->round > 0)
		return false;
	known = pg_atomic_read_u64(&scan->shared->floor);
	bits = (uint32) known;
	memcpy(floor, &bits, sizeof(bits));
	return known >> 32 != 0;
}

void
fs_tell_floor(fs_scan *scan, float floor)
{
	uint32		bits;

	if (scan->shared == NULL || scan->phase > 0 || scan->round > 0)
		return;
	memcpy(&bits, &floor, sizeof(bits));
	pg_atomic_write_u64(&scan->shared->floor, UINT64CONST(1) << 32 | bits);
}

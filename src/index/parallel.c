/*
 * parallel.c - which pages a process of a scan reads, and what a parallel scan
 * shares.
 */
#include "index/scan.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "utils/memutils.h"

/* Buffers for which the last parallel scan was given space. */
static uint32 space_asked;

Size
fs_parallel_size(FACESNXT_PARALLEL_SIZE_ARGS)
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
	pg_atomic_init_u32(&shared->processes, 0);
	pg_atomic_init_u32(&shared->plain_taken, 0);
	pg_atomic_init_u32(&shared->rank, 0);
	pg_atomic_init_u64(&shared->floor, 0);
	SpinLockInit(&shared->lock);
	shared->nbest = shared->best_rank = 0;
	pg_atomic_init_u64(&shared->least_best, 0);
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
		fs_memory_borrow(scan->memory, shared->buffers, known);
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

/* The most processes that a scan reckons with: those that the settings allow, and one that comes late. */
static uint32
most_processes(void)
{
	int			workers = Min(max_parallel_workers_per_gather, max_parallel_workers);

	return (uint32) Min(Max(workers, 1) + 2, FS_MOST_PROCESSES);
}

/*
 * A process is asked for as many rows as all together, and finds fewer of them in fewer pages: with very few it would
 * go over them again and again, and the others wait for it.  The first one takes part in any case.
 */
bool
fs_takes_part(fs_scan *scan)
{
	fs_shared  *shared = scan->shared;
	uint32		all = scan->npages / FS_CHUNK_PAGES + 1;
	uint32		taken;
	uint32		others = 0;

	if (shared == NULL || scan->phase > 0)
		return true;
	if (pg_atomic_compare_exchange_u32(&shared->processes, &others, 1))
		return true;
	taken = Min(pg_atomic_read_u32(&shared->next_chunk[0]), all);
	if ((double) (all - taken) / (others + 1) < (double) all / most_processes())
		return false;
	pg_atomic_fetch_add_u32(&shared->processes, 1);
	return true;
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

bool
fs_shares_floor(const fs_scan *scan)
{
	return scan->shared != NULL && scan->phase == 0 && scan->round == 0;
}

uint32
fs_rank(const fs_scan *scan)
{
	return fs_shares_floor(scan) ? Min(scan->rank * most_processes(), FS_SHARED_BEST) : scan->rank;
}

double
fs_pages_ranked(const fs_scan *scan)
{
	if (scan->shared == NULL || fs_shares_floor(scan))
		return scan->npages;
	/* before it has taken any, a low guess */
	return scan->round == 0 ? (double) scan->npages / most_processes() : (double) scan->nchunks * FS_CHUNK_PAGES;
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

/* ---- scores that all processes know */

/* A score that has been told differs from none at all. */
static void
write_score(pg_atomic_uint64 *to, float score)
{
	uint32		bits;

	memcpy(&bits, &score, sizeof(bits));
	pg_atomic_write_u64(to, UINT64CONST(1) << 32 | bits);
}

static bool
read_score(pg_atomic_uint64 *from, float *score)
{
	uint64		told = pg_atomic_read_u64(from);
	uint32		bits = (uint32) told;

	if (told >> 32 == 0)
		return false;
	memcpy(score, &bits, sizeof(bits));
	return true;
}

bool
fs_known_floor(const fs_scan *scan, float *floor)
{
	return fs_shares_floor(scan) && read_score(&scan->shared->floor, floor);
}

void
fs_tell_floor(fs_scan *scan, float floor)
{
	if (fs_shares_floor(scan))
		write_score(&scan->shared->floor, floor);
}

void
fs_share_score(fs_scan *scan, float score)
{
	fs_shared  *shared = scan->shared;

	SpinLockAcquire(&shared->lock);
	/* a worker that was faster than the one who knows the demand may have another */
	shared->best_rank = Max(shared->best_rank, fs_rank(scan));
	fs_push_score(shared->best, &shared->nbest, shared->best_rank, score);
	if (shared->nbest == shared->best_rank)
	{
		scan->least_best = shared->best[0];
		write_score(&shared->least_best, scan->least_best);
	}
	SpinLockRelease(&shared->lock);
}

void
fs_take_shared_floor(fs_scan *scan)
{
	if (fs_shares_floor(scan) && read_score(&scan->shared->least_best, &scan->least_best))
		scan->floor = Max(scan->floor, Min(scan->least_best, scan->ceiling));
}

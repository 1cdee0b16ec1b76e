/*
 * share.c - a pass that several processes share: what each is told, which
 * pages it reads, the floor that is of all, and what becomes of what they
 * find.
 */
#include "index/workers.h"

#include <float.h>

#include "access/xlogutils.h"
#include "guc.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "storage/smgr.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

/*
 * A worker is called for so many times min_parallel_index_scan_size, 1,024 pages by default.  In the 80 us until it
 * reads them a session by itself reads a quarter.
 */
#define SIZES_OF_A_WORKER	16

/* ---- pages */

/* So many pages, one behind the other in the file. */
typedef struct page_run
{
	fs_scan_page first;
	uint32		pages;
} page_run;

static bool
follows(BlockNumber block, BlockNumber before, uint32 distance)
{
	return before == InvalidBlockNumber ? block == before : block == before + distance;
}

/* Writes the pages of a scan as runs; returns how many those are, which are all written only where there is space. */
static uint32
save_pages(const fs_scan *scan, page_run *runs, uint32 space)
{
	uint32		fine_pages = scan->fs->layout.fine_pages;
	uint32		nruns = 0;

	for (uint32 i = 0; i < scan->npages; i++)
	{
		const fs_scan_page *page = &scan->pages[i];
		const fs_scan_page *before = page - 1;

		if (i > 0 && page->list == before->list && follows(page->place.code, before->place.code, 1) &&
			follows(page->place.middle, before->place.middle, 1) &&
			follows(page->place.fine, before->place.fine, fine_pages))
		{
			if (nruns <= space)
				runs[nruns - 1].pages++;
		}
		else if (nruns++ < space)
			runs[nruns - 1] = (page_run) {*page, 1};
	}
	return nruns;
}

static BlockNumber
block_of_run(BlockNumber first, uint32 i, uint32 distance)
{
	return first == InvalidBlockNumber ? first : first + i * distance;
}

static fs_scan_page *
load_pages(const fs_scan *scan, const page_run *runs, uint32 nruns)
{
	fs_scan_page *pages = palloc_extended(sizeof(fs_scan_page) * Max(scan->npages, 1), MCXT_ALLOC_HUGE);
	fs_scan_page *page = pages;

	for (uint32 r = 0; r < nruns; r++)
		for (uint32 i = 0; i < runs[r].pages; i++, page++)
		{
			const fs_place *first = &runs[r].first.place;

			page->list = runs[r].first.list;
			page->place.code = block_of_run(first->code, i, 1);
			page->place.middle = block_of_run(first->middle, i, 1);
			page->place.fine = block_of_run(first->fine, i, scan->fs->layout.fine_pages);
		}
	return pages;
}

/* A worker has space for what another chunk may leave, beside that of pages still in its hands. */
static bool
has_space(fs_scan *scan)
{
	uint32		needed = (FS_CHUNK_PAGES + 8) * scan->fs->layout.entries + FS_MAX_CODES;

	if (!scan->lent || scan->nsurvivors + needed <= scan->capacity)
		return true;
	fs_drop_below_floor(scan);
	return scan->nsurvivors + needed <= scan->capacity;
}

bool
fs_given_up(const fs_scan *scan)
{
	return scan->task != NULL && pg_atomic_read_u32(&scan->task->stop) != 0;
}

static bool
next_chunk(fs_scan *scan)
{
	fs_task    *task = scan->task;
	uint32		chunk;

	if (fs_given_up(scan) || !has_space(scan))
		return false;
	chunk = pg_atomic_fetch_add_u32(&task->next_chunk, 1);
	if (chunk > scan->npages / FS_CHUNK_PAGES)
		return false;
	scan->page = chunk * FS_CHUNK_PAGES;
	return true;
}

void
fs_first_page(fs_scan *scan)
{
	scan->page = 0;
}

bool
fs_next_page(fs_scan *scan, uint32 *number)
{
	if (scan->task != NULL && scan->page % FS_CHUNK_PAGES == 0 && !next_chunk(scan))
		return false;
	if (scan->page >= scan->npages)
		return false;
	*number = scan->page++;
	return true;
}

/* ---- the floor */

static void
write_score(pg_atomic_uint32 *to, float score)
{
	uint32		bits;

	memcpy(&bits, &score, sizeof(bits));
	pg_atomic_write_u32(to, bits);
}

static float
read_score(pg_atomic_uint32 *from)
{
	uint32		bits = pg_atomic_read_u32(from);
	float		score;

	memcpy(&score, &bits, sizeof(score));
	return score;
}

void
fs_share_score(fs_scan *scan, float score)
{
	fs_task    *task = scan->task;

	SpinLockAcquire(&task->lock);
	fs_push_score(task->best, &task->nbest, scan->rank, score);
	if (task->nbest == scan->rank)
	{
		scan->least_best = task->best[0];
		write_score(&task->least_best, scan->least_best);
	}
	SpinLockRelease(&task->lock);
}

void
fs_take_shared_floor(fs_scan *scan)
{
	if (scan->task == NULL)
		return;
	scan->least_best = read_score(&scan->task->least_best);
	fs_raise_floor(scan);
}

/* ---- what each process does */

/* Its part of the pages; and the fine stage, nearly all of which the session would have before it alone. */
static void
go_over(fs_scan *scan)
{
	fs_pass(&scan, 1);
	fs_take_shared_floor(scan);
	fs_drop_below_floor(scan);
	if (scan->fs->layout.fine_pages > 0)
		fs_refine_all(scan);
}

/* ---- a worker's part */

void
fs_work(fs_worker *worker)
{
	fs_task    *task = worker->task;
	const char *space = (const char *) task->space;
	Relation	index = CreateFakeRelcacheEntry(task->file);
	fs_index	fs = task->fs;
	fs_scan    *scan = palloc(sizeof(fs_scan));

	InstrStartParallelQuery();
	index->rd_rel->relpersistence = task->persistence;
	*scan = task->scan;
	scan->index = index;
	scan->context = scan->run = CurrentMemoryContext;
	scan->fs = &fs;
	/* the session does not share a pass where snapshots may grow too old */
	scan->snapshot = NULL;
	scan->best = NULL;
	scan->task = task;
	scan->kernels = fx_code_kernels_of((fx_tier) task->tier);
	fx_query_lies_in(&scan->query, task->space);
	fs_filter_load(&scan->filter, space + task->tests);
	scan->pages = load_pages(scan, (const page_run *) (space + task->runs), task->nruns);
	scan->memory = fs_memory_open(index, fs.meta.seed);
	fs_memory_cover(scan->memory, scan->blocks);
	scan->survivors = worker->survivors;
	scan->capacity = FS_WORKER_SURVIVORS;
	scan->lent = true;
	memset(&scan->counters, 0, sizeof(scan->counters));

	go_over(scan);
	worker->floor = scan->floor;
	worker->counters = scan->counters;
	worker->nsurvivors = scan->nsurvivors;
	FreeFakeRelcacheEntry(index);
	/* nobody tells a worker that a file is gone, the index's or another one that it had to write a page of */
	facesnxt_close_files();
	InstrEndParallelQuery(&worker->buffers, &worker->wal);
}

/* ---- the session's part */

/* Those that are called for the pass at hand. */
static struct
{
	fs_task    *task;
	int			n;
	fs_worker  *workers[FS_MOST_WORKERS];
} team;

/* Writes what a pass is; false where there is not the space for it. */
static bool
fill_task(fs_task *task, const fs_scan *scan)
{
	char	   *space = (char *) task->space;
	Size		size = MAXALIGN(fx_query_size(scan->query.padded));

	memcpy(space, scan->query.memory, fx_query_size(scan->query.padded));
	task->tests = size;
	size += fs_filter_save(&scan->filter, space + size, FS_TASK_SPACE - size);
	if (size > FS_TASK_SPACE)
		return false;
	task->runs = size;
	size = (FS_TASK_SPACE - size) / sizeof(page_run);
	task->nruns = save_pages(scan, (page_run *) (space + task->runs), size);
	if (task->nruns > size)
		return false;

	task->scan = *scan;
	task->fs = *scan->fs;
	task->file = facesnxt_file_of(scan->index);
	task->persistence = scan->index->rd_rel->relpersistence;
	task->tier = facesnxt_kernel_tier;
	pg_atomic_init_u32(&task->next_chunk, 0);
	pg_atomic_init_u32(&task->stop, 0);
	pg_atomic_init_u32(&task->least_best, 0);
	write_score(&task->least_best, -FLT_MAX);
	SpinLockInit(&task->lock);
	task->nbest = 0;
	return true;
}

/* So many workers are worth calling. */
static int
workers_wanted(const fs_scan *scan)
{
	uint64		pages = SIZES_OF_A_WORKER * (uint64) Max(min_parallel_index_scan_size, 1);

	if (facesnxt_scan_workers == 0 || scan->phase > 0 || scan->round > 0 || scan->rank > FS_GREATEST_RANK ||
		RelationUsesLocalBuffers(scan->index) || facesnxt_snapshots_age())
		return 0;
	return (int) Min(scan->npages / pages, (uint64) facesnxt_scan_workers_per_search);
}

static void
release_team(void)
{
	for (int i = 0; i < team.n; i++)
		fs_worker_release(team.workers[i]);
	team.n = 0;
}

/*
 * The session has been interrupted: waits for those that read what its locks protect.  By the time of this callback a
 * read of its own that failed has ended: another session's worker may wait for it, and that session for its worker.
 */
static void
dismiss_team(ResourceReleasePhase phase, bool commit, bool top, void *argument)
{
	if (team.n == 0 || phase != RESOURCE_RELEASE_BEFORE_LOCKS)
		return;
	pg_atomic_write_u32(&team.task->stop, 1);
	for (int i = 0; i < team.n; i++)
		(void) fs_worker_wait(team.workers[i], false);
	release_team();
}

static void
take_results(fs_scan *scan, const fs_worker *worker)
{
	fs_add_survivors(scan, worker->survivors, worker->nsurvivors);
	scan->floor = Max(scan->floor, worker->floor);
	scan->counters.pages += worker->counters.pages;
	scan->counters.codes += worker->counters.codes;
	scan->counters.middle += worker->counters.middle;
	scan->counters.refined += worker->counters.refined;
	scan->counters.workers += worker->counters.pages > 0;
	InstrAccumParallelQuery(unconstify(BufferUsage *, &worker->buffers), unconstify(WalUsage *, &worker->wal));
}

/* Takes workers and gives them the pass; false where there is none, or no space for what they are to know. */
static bool
call_team(fs_scan *scan, int wanted)
{
	static bool registered = false;

	if (!registered)
		RegisterResourceReleaseCallback(dismiss_team, NULL);
	registered = true;
	team.task = NULL;
	team.n = fs_workers_take(team.workers, wanted);
	if (team.n == 0)
		return false;
	team.task = &team.workers[0]->own_task;
	if (!fill_task(team.task, scan))
	{
		release_team();
		return false;
	}
	for (int i = 0; i < team.n; i++)
		fs_worker_call(team.workers[i], team.task);
	return true;
}

bool
fs_pass_with_workers(fs_scan *scan)
{
	fs_counters before = scan->counters;
	float		floor = scan->floor;
	int			wanted = workers_wanted(scan);
	bool		whole = true;

	if (wanted == 0 || !call_team(scan, wanted))
		return false;
	scan->task = team.task;
	go_over(scan);
	for (int i = 0; i < team.n; i++)
	{
		fs_worker_state state = fs_worker_wait(team.workers[i], true);

		if (state == FS_WORKER_DONE)
			take_results(scan, team.workers[i]);
		else if (state == FS_WORKER_LOST)
			whole = false;
	}
	fs_take_shared_floor(scan);
	scan->task = NULL;
	release_team();
	if (whole)
		return true;
	/* nobody knows which pages it had */
	elog(DEBUG1, "a scan worker was lost; the session goes over all pages");
	scan->counters = before;
	scan->floor = floor;
	return false;
}

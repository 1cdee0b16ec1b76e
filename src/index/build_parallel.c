/*
 * build_parallel.c - several processes read shares of the table.
 *
 * Flat, each writes sheets of its own, and only the next free page is shared,
 * under a lock.  With lists, each sorts its entries by list, and the leader
 * merges and writes them.
 */
#include "index/build.h"

#include "access/parallel.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#define KEY_BUILD		UINT64CONST(0xFA5C000000000001)
#define KEY_QUERY		UINT64CONST(0xFA5C000000000002)
#define KEY_SIZES		UINT64CONST(0xFA5C000000000003)
#define KEY_SORT		UINT64CONST(0xFA5C000000000004)

typedef struct parallel_build
{
	Oid			heap;
	Oid			index;
	bool		concurrent;
	int			memory;			/* of each process, kB */
	fs_build_shared shared;
	/* what the workers report */
	slock_t		mutex;
	ConditionVariable finished;
	int			nfinished;
	double		heap_tuples;
	double		index_tuples;
	bool		broken_hot_chain;
} parallel_build;

/* The parallel scan of the table lies behind the state. */
static ParallelTableScanDesc
table_scan_of(parallel_build *build)
{
	return (ParallelTableScanDesc) ((char *) build + BUFFERALIGN(sizeof(parallel_build)));
}

static void
shared_init(fs_build_shared *shared)
{
	memset(shared, 0, sizeof(*shared));
	/* tranche ids are few and never given back; this one is for locks of parallel work */
	LWLockInitialize(&shared->lock, LWTRANCHE_PARALLEL_APPEND);
}

/* With lists: one process's share is sorted, for the leader to merge. */
static void
scan_and_sort(fs_builder *builder, TableScanDesc scan, bool progress, const parallel_build *build, Sharedsort *sort)
{
	SortCoordinateData coordinate = {.isWorker = true, .nParticipants = -1, .sharedsort = sort};

	if (sort != NULL)
		builder->sorter = fs_sorter_begin(builder, build->memory, &coordinate);
	fs_build_scan(builder, scan, progress);
	if (sort != NULL)
	{
		fs_sorter_finish(builder);
		fs_sorter_end(builder);
	}
}

PGDLLEXPORT void facesnxt_build_worker(dsm_segment *seg, shm_toc *toc);

/* A worker: opens what the leader opened, does its share, reports. */
void
facesnxt_build_worker(dsm_segment *seg, shm_toc *toc)
{
	parallel_build *build = shm_toc_lookup(toc, KEY_BUILD, false);
	LOCKMODE	heap_lock = build->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = build->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Sharedsort *sort = shm_toc_lookup(toc, KEY_SORT, true);
	fs_builder	builder = {0};

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	builder.heap = table_open(build->heap, heap_lock);
	builder.index = index_open(build->index, index_lock);
	builder.info = BuildIndexInfo(builder.index);
	builder.info->ii_Concurrent = build->concurrent;
	builder.shared = &build->shared;
	builder.fs = fs_index_open(builder.index, CurrentMemoryContext);
	builder.sizes = shm_toc_lookup(toc, KEY_SIZES, true);
	if (sort != NULL)
		tuplesort_attach_shared(sort, seg);

	scan_and_sort(&builder, table_beginscan_parallel(builder.heap, table_scan_of(build)), false, build, sort);

	SpinLockAcquire(&build->mutex);
	build->nfinished++;
	build->heap_tuples += builder.heap_tuples;
	build->index_tuples += builder.index_tuples;
	build->broken_hot_chain |= builder.info->ii_BrokenHotChain;
	SpinLockRelease(&build->mutex);
	ConditionVariableSignal(&build->finished);

	index_close(builder.index, index_lock);
	table_close(builder.heap, heap_lock);
}

static void
clear_sizes(fs_builder *builder)
{
	for (uint32 i = 0; i < builder->fs->meta.lists; i++)
		pg_atomic_init_u32(&builder->sizes[i], 0);
}

/* Launches up to `request` workers; NULL when not even one came. */
static ParallelContext *
launch(fs_builder *builder, int request, Snapshot snapshot, parallel_build **result, Sharedsort **sort)
{
	uint32		lists = builder->fs->meta.lists;
	Size		size = BUFFERALIGN(sizeof(parallel_build)) + table_parallelscan_estimate(builder->heap, snapshot);
	Size		query_size = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	ParallelContext *context = CreateParallelContext("$libdir/facesnxt", "facesnxt_build_worker", request);
	parallel_build *build;

	shm_toc_estimate_chunk(&context->estimator, size);
	shm_toc_estimate_keys(&context->estimator, 1);
	if (query_size > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, query_size);
		shm_toc_estimate_keys(&context->estimator, 1);
	}
	if (lists > 1)
	{
		shm_toc_estimate_chunk(&context->estimator, sizeof(pg_atomic_uint32) * lists);
		shm_toc_estimate_chunk(&context->estimator, tuplesort_estimate_shared(request + 1));
		shm_toc_estimate_keys(&context->estimator, 2);
	}
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		DestroyParallelContext(context);
		return NULL;
	}

	build = shm_toc_allocate(context->toc, size);
	memset(build, 0, sizeof(*build));
	build->heap = RelationGetRelid(builder->heap);
	build->index = RelationGetRelid(builder->index);
	build->concurrent = builder->info->ii_Concurrent;
	build->memory = maintenance_work_mem / (request + 1);
	shared_init(&build->shared);
	SpinLockInit(&build->mutex);
	ConditionVariableInit(&build->finished);
	table_parallelscan_initialize(builder->heap, table_scan_of(build), snapshot);
	shm_toc_insert(context->toc, KEY_BUILD, build);
	if (query_size > 0)
	{
		char	   *query = shm_toc_allocate(context->toc, query_size);

		memcpy(query, debug_query_string, query_size);
		shm_toc_insert(context->toc, KEY_QUERY, query);
	}

	*sort = NULL;
	if (lists > 1)
	{
		builder->sizes = shm_toc_allocate(context->toc, sizeof(pg_atomic_uint32) * lists);
		clear_sizes(builder);
		shm_toc_insert(context->toc, KEY_SIZES, builder->sizes);
		*sort = shm_toc_allocate(context->toc, tuplesort_estimate_shared(request + 1));
		tuplesort_initialize_shared(*sort, request + 1, context->seg);
		shm_toc_insert(context->toc, KEY_SORT, *sort);
	}

	LaunchParallelWorkers(context);
	if (context->nworkers_launched == 0)
	{
		WaitForParallelWorkersToFinish(context);
		DestroyParallelContext(context);
		return NULL;
	}
	WaitForParallelWorkersToAttach(context);
	*result = build;
	return context;
}

static void
wait_for_workers(parallel_build *build, int nworkers)
{
	for (;;)
	{
		bool		finished;

		SpinLockAcquire(&build->mutex);
		finished = build->nfinished == nworkers;
		SpinLockRelease(&build->mutex);
		if (finished)
			break;
		ConditionVariableSleep(&build->finished, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	ConditionVariableCancelSleep();
}

/* Merges what all processes have sorted, and keeps the sizes of lists beyond the shared memory's life. */
static void
merge(fs_builder *builder, Sharedsort *sort, int participants)
{
	SortCoordinateData coordinate = {.isWorker = false, .nParticipants = participants, .sharedsort = sort};
	Size		size = sizeof(pg_atomic_uint32) * builder->fs->meta.lists;
	pg_atomic_uint32 *sizes = palloc(size);

	fs_progress_begin(FS_PHASE_SORT, (int64) builder->index_tuples, 0);
	memcpy(sizes, builder->sizes, size);
	builder->sizes = sizes;
	builder->sorter = fs_sorter_begin(builder, maintenance_work_mem, &coordinate);
	fs_sorter_finish(builder);
	fs_sorter_write(builder);
	fs_sorter_end(builder);
}

static void
run_parallel(fs_builder *builder, int request)
{
	bool		concurrent = builder->info->ii_Concurrent;
	Snapshot	snapshot;
	ParallelContext *context;
	parallel_build *build = NULL;
	Sharedsort *sort;

	EnterParallelMode();
	snapshot = concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	context = launch(builder, request, snapshot, &build, &sort);
	if (context != NULL)
	{
		fs_build_shared *shared = palloc(sizeof(fs_build_shared));

		builder->shared = &build->shared;
		scan_and_sort(builder, table_beginscan_parallel(builder->heap, table_scan_of(build)), true, build, sort);
		wait_for_workers(build, context->nworkers_launched);
		builder->heap_tuples += build->heap_tuples;
		builder->index_tuples += build->index_tuples;
		if (sort != NULL)
			merge(builder, sort, context->nworkers_launched + 1);
		builder->info->ii_BrokenHotChain |= build->broken_hot_chain;
		*shared = build->shared;
		builder->shared = shared;
		WaitForParallelWorkersToFinish(context);
	}
	if (IsMVCCSnapshot(snapshot))
		UnregisterSnapshot(snapshot);
	if (context != NULL)
		DestroyParallelContext(context);
	ExitParallelMode();
}

void
fs_build_run(fs_builder *builder)
{
	int			workers = 0;

	/* a table in whose sample there is no template is read by one process, which learns the dimension */
	if (builder->fs->meta.dim != 0)
		workers = plan_create_index_workers(RelationGetRelid(builder->heap), RelationGetRelid(builder->index));
	if (workers > 0)
		run_parallel(builder, workers);
	if (builder->shared == NULL)
	{
		builder->shared = palloc(sizeof(fs_build_shared));
		shared_init(builder->shared);
		if (builder->fs->meta.lists > 1)
		{
			builder->sizes = palloc(sizeof(pg_atomic_uint32) * builder->fs->meta.lists);
			clear_sizes(builder);
			builder->sorter = fs_sorter_begin(builder, maintenance_work_mem, NULL);
		}
		fs_build_scan(builder, NULL, true);
		if (builder->sorter != NULL)
		{
			fs_progress_begin(FS_PHASE_SORT, (int64) builder->index_tuples, 0);
			fs_sorter_finish(builder);
			fs_sorter_write(builder);
			fs_sorter_end(builder);
		}
	}
}

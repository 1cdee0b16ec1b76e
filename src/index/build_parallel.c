/*
 * build_parallel.c - several processes read shares of the table and write
 * sheets of their own.  Only the next free page is shared, under a lock.
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

#define KEY_BUILD		UINT64CONST(0xFA5C000000000001)
#define KEY_QUERY		UINT64CONST(0xFA5C000000000002)

typedef struct parallel_build
{
	Oid			heap;
	Oid			index;
	bool		concurrent;
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

PGDLLEXPORT void facesnxt_build_worker(dsm_segment *seg, shm_toc *toc);

/* A worker: opens what the leader opened, does its share, reports. */
void
facesnxt_build_worker(dsm_segment *seg, shm_toc *toc)
{
	parallel_build *build = shm_toc_lookup(toc, KEY_BUILD, false);
	LOCKMODE	heap_lock = build->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = build->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	fs_builder	builder = {0};

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	builder.heap = table_open(build->heap, heap_lock);
	builder.index = index_open(build->index, index_lock);
	builder.info = BuildIndexInfo(builder.index);
	builder.info->ii_Concurrent = build->concurrent;
	builder.shared = &build->shared;
	builder.fs = fs_index_open(builder.index, CurrentMemoryContext);

	fs_build_scan(&builder, table_beginscan_parallel(builder.heap, table_scan_of(build)), false);

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

/* Launches up to `request` workers; NULL when not even one came. */
static ParallelContext *
launch(fs_builder *builder, int request, Snapshot snapshot, parallel_build **result)
{
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

static void
run_parallel(fs_builder *builder, int request)
{
	bool		concurrent = builder->info->ii_Concurrent;
	Snapshot	snapshot;
	ParallelContext *context;
	parallel_build *build = NULL;

	EnterParallelMode();
	snapshot = concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	context = launch(builder, request, snapshot, &build);
	if (context != NULL)
	{
		fs_build_shared *shared = palloc(sizeof(fs_build_shared));

		builder->shared = &build->shared;
		fs_build_scan(builder, table_beginscan_parallel(builder->heap, table_scan_of(build)), true);
		wait_for_workers(build, context->nworkers_launched);
		builder->heap_tuples += build->heap_tuples;
		builder->index_tuples += build->index_tuples;
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
		fs_build_scan(builder, NULL, true);
	}
}

/*
 * workers.c - the processes that stand by, and how a session gets hold of
 * them.
 *
 * They are started with the server, so that a search does not wait for a new
 * process, which takes as long as a pass over a million codes, and so that
 * they know where pages are from one search to the next.
 */
#include "index/workers.h"

#include "guc.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/catcache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PGDLLEXPORT void facesnxt_scan_worker(Datum main_arg);

/* How long a session looks for the end of a worker's pass before it sleeps: about a chunk of pages. */
#define SPINS			2000
/* A wake-up that got lost costs so much. */
#define WAIT_MS			20
/* A new worker looks so often whether the session that its forerunner worked for has noticed. */
#define COME_MS			50
#define RESTART_S		1

static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;

static int	nworkers = 0;
static fs_worker *workers;		/* in shared memory */

/* ---- start */

static void
request_memory(void)
{
	if (next_request != NULL)
		next_request();
	RequestAddinShmemSpace(mul_size(sizeof(fs_worker), nworkers));
}

static void
attach_memory(void)
{
	bool		found;

	if (next_startup != NULL)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	workers = ShmemInitStruct("facesnxt scan workers", mul_size(sizeof(fs_worker), nworkers), &found);
	for (int i = 0; i < nworkers && !found; i++)
	{
		pg_atomic_init_u32(&workers[i].state, FS_WORKER_GONE);
		workers[i].session = NULL;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
fs_workers_init(void)
{
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress || facesnxt_scan_workers == 0)
		return;
	nworkers = Min(facesnxt_scan_workers, max_worker_processes / 2);
	if (nworkers < facesnxt_scan_workers)
		ereport(WARNING,
				(errmsg("\"facesnxt.scan_workers\" is %d, but only %d scan workers are started", facesnxt_scan_workers,
						nworkers),
				 errdetail("They take half of \"max_worker_processes\", at most: without one for the writer of audit "
						   "records no search is permitted."),
				 errhint("Raise \"max_worker_processes\".")));
	next_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_type, "facesnxt scan worker", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "$libdir/facesnxt", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "facesnxt_scan_worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_S;
	for (int i = 0; i < nworkers; i++)
	{
		snprintf(worker.bgw_name, BGW_MAXLEN, "facesnxt scan worker %d", i + 1);
		worker.bgw_main_arg = Int32GetDatum(i);
		RegisterBackgroundWorker(&worker);
	}
}

/* ---- of a session */

static bool
change(fs_worker *worker, fs_worker_state from, fs_worker_state to)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&worker->state, &expected, to);
}

static fs_worker_state
state_of(fs_worker *worker)
{
	return (fs_worker_state) pg_atomic_read_u32(&worker->state);
}

int
fs_workers_take(fs_worker **taken, int most)
{
	int			n = 0;

	for (int i = 0; i < nworkers && n < most; i++)
		if (change(&workers[i], FS_WORKER_IDLE, FS_WORKER_TAKEN))
		{
			workers[i].session = MyProc;
			taken[n++] = &workers[i];
		}
	return n;
}

void
fs_worker_call(fs_worker *worker, fs_task *task)
{
	worker->task = task;
	/* or it has ended meanwhile */
	if (change(worker, FS_WORKER_TAKEN, FS_WORKER_CALLED))
		SetLatch(&worker->process->procLatch);
}

fs_worker_state
fs_worker_wait(fs_worker *worker, bool interruptible)
{
	if (change(worker, FS_WORKER_CALLED, FS_WORKER_TAKEN) || state_of(worker) == FS_WORKER_TAKEN)
		return FS_WORKER_IDLE;
	for (int i = 0; i < SPINS && state_of(worker) == FS_WORKER_WORKING; i++)
		pg_spin_delay();
	while (state_of(worker) == FS_WORKER_WORKING)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (interruptible)
			CHECK_FOR_INTERRUPTS();
	}
	pg_memory_barrier();
	/* whatever else the latch was set for */
	SetLatch(MyLatch);
	return state_of(worker);
}

void
fs_worker_release(fs_worker *worker)
{
	if (!change(worker, FS_WORKER_TAKEN, FS_WORKER_IDLE) && !change(worker, FS_WORKER_DONE, FS_WORKER_IDLE))
		(void) change(worker, FS_WORKER_LOST, FS_WORKER_GONE);
}

/* ---- of a worker */

static void
leave(int code, Datum argument)
{
	fs_worker  *worker = (fs_worker *) DatumGetPointer(argument);

	/* no page is held any more when a session may let go of its locks */
	LWLockReleaseAll();
	facesnxt_abort_reads();
	ReleaseAuxProcessResources(false);
	/* no session has it, or the one that has it must know */
	while (!change(worker, FS_WORKER_IDLE, FS_WORKER_GONE))
	{
		fs_worker_state state = state_of(worker);

		/* it has not come yet */
		if (state == FS_WORKER_GONE)
			return;
		if (state != FS_WORKER_IDLE && change(worker, state, FS_WORKER_LOST))
		{
			/* that of an earlier session, if this one has only just taken it; it looks by itself then */
			if (worker->session != NULL)
				SetLatch(&worker->session->procLatch);
			return;
		}
	}
}

/* Sleeps until it is called, or for so long; an order to end is heard here. */
static void
sleep_for(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | (ms < 0 ? 0 : WL_TIMEOUT) | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
facesnxt_scan_worker(Datum main_arg)
{
	fs_worker  *worker = &workers[DatumGetInt32(main_arg)];
	MemoryContext context;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	while (state_of(worker) != FS_WORKER_GONE)
		sleep_for(COME_MS);
	CreateAuxProcessResourceOwner();
	before_shmem_exit(leave, PointerGetDatum(worker));
	CreateCacheMemoryContext();
	context = AllocSetContextCreate(TopMemoryContext, "facescan worker", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	worker->process = MyProc;
	(void) change(worker, FS_WORKER_GONE, FS_WORKER_IDLE);
	for (;;)
		if (change(worker, FS_WORKER_CALLED, FS_WORKER_WORKING))
		{
			fs_work(worker);
			MemoryContextReset(context);
			if (change(worker, FS_WORKER_WORKING, FS_WORKER_DONE))
				SetLatch(&worker->session->procLatch);
		}
		else
			sleep_for(-1);
}

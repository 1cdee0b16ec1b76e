/*
 * workers.h - processes that stand by to share the pass of a scan.
 *
 * A worker belongs to no database and no session.  It knows pages by the file they are in, codes by their bytes, and
 * no row: what may be seen, and what is returned, is the session's to find out.
 */
#ifndef FACESNXT_INDEX_WORKERS_H
#define FACESNXT_INDEX_WORKERS_H

#include "index/scan.h"

#include "executor/instrument.h"
#include "port/atomics.h"
#include "storage/proc.h"
#include "storage/spin.h"

#define FS_MOST_WORKERS			16

/* What a worker finds in a pass; with no space for another chunk of pages it takes none, and others do. */
#define FS_WORKER_SURVIVORS		65536
/* Bytes of a task beside its fixed part; a pass that takes more is not shared. */
#define FS_TASK_SPACE			(2 * 1024 * 1024)

/* Pages of a pass are handed out in chunks. */
#define FS_CHUNK_PAGES			64

/*
 * A pass that is shared.  It lies in the shared memory of one of the workers that were called; pointers in `scan`
 * and `fs` are the session's, and each worker makes its own.
 */
typedef struct fs_task
{
	fs_scan		scan;
	fs_index	fs;
	facesnxt_file file;
	char		persistence;
	int			tier;			/* of the kernels */
	/* in `space` lie the tables of the probe, and behind them, where this says: tests of the filter, runs of pages */
	Size		tests;
	Size		runs;
	uint32		nruns;
	/* of all processes */
	pg_atomic_uint32 next_chunk;
	pg_atomic_uint32 stop;		/* the session has given up: what is found is of no use */
	pg_atomic_uint32 least_best;	/* the bits of that score, once the best are as many as the rank */
	slock_t		lock;			/* of the best scores */
	uint32		nbest;
	float		best[FS_GREATEST_RANK]; /* a heap, as that of fs_scan */
	uint64		space[FS_TASK_SPACE / sizeof(uint64)];
} fs_task;

/*
 * Whose a worker is.  A session takes one that is idle and calls it; it works, unless the session was done before it
 * began, and is idle again when the session has had what it found.  Whoever finds its worker gone says so.
 */
typedef enum fs_worker_state
{
	FS_WORKER_GONE = 0,			/* there is no such process */
	FS_WORKER_IDLE,
	FS_WORKER_TAKEN,			/* a session prepares a task */
	FS_WORKER_CALLED,
	FS_WORKER_WORKING,
	FS_WORKER_DONE,
	FS_WORKER_LOST				/* it ended while it was a session's */
} fs_worker_state;

typedef struct fs_worker
{
	pg_atomic_uint32 state;
	PGPROC	   *process;
	PGPROC	   *session;
	fs_task    *task;
	/* what it has found */
	float		floor;
	fs_counters counters;
	BufferUsage buffers;
	WalUsage	wal;
	uint32		nsurvivors;
	fs_survivor survivors[FS_WORKER_SURVIVORS];
	fs_task		own_task;		/* for whoever calls it and others */
} fs_worker;

/* ---- workers.c */

/* Where the library is preloaded, has the server start them. */
extern void fs_workers_init(void);
/* Takes idle ones, at most so many; returns how many. */
extern int	fs_workers_take(fs_worker **workers, int most);
extern void fs_worker_call(fs_worker *worker, fs_task *task);
/* Waits until it has nothing to do with the task: DONE, LOST, or IDLE if it had not begun.  May be interrupted. */
extern fs_worker_state fs_worker_wait(fs_worker *worker, bool interruptible);
/* Lets go of one that was taken. */
extern void fs_worker_release(fs_worker *worker);

/* ---- share.c */

/* What a worker does when it is called. */
extern void fs_work(fs_worker *worker);

#endif							/* FACESNXT_INDEX_WORKERS_H */

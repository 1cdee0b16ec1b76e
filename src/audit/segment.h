/*
 * segment.h - the shared memory through which sessions hand records to the
 * writer and learn what became of them.  Only writer.c, box.c, worker.c
 * and change.c see it.
 */
#ifndef FACESNXT_AUDIT_SEGMENT_H
#define FACESNXT_AUDIT_SEGMENT_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/spin.h"

#define FX_AUDIT_MAGIC			0x46584158	/* "FXAX" */
#define FX_AUDIT_RESULT_SIZE	8192

/*
 * A record is PENDING until the writer takes it or its session withdraws it,
 * whichever comes first; from TAKEN only the writer moves it on.  COMMITTED is
 * set after the commit record is flushed (and confirmed by the synchronous
 * standbys where there are any), never before.  LOST says that a writer left
 * without having looked at it: the session asks another one.
 */
typedef enum fx_audit_state
{
	FX_AUDIT_PENDING = 0,
	FX_AUDIT_TAKEN,
	FX_AUDIT_COMMITTED,
	FX_AUDIT_FAILED,
	FX_AUDIT_LOST,
	FX_AUDIT_WITHDRAWN
} fx_audit_state;

/* Why the worker failed: its own error, cut to fit. */
typedef struct fx_audit_failure
{
	char		sqlstate[6];
	char		message[512];
	char		detail[512];
	char		hint[256];
} fx_audit_failure;

/*
 * One record, in a segment of its session.  The head is followed by three
 * strings without gaps: kind, which ends with a zero byte that its size
 * includes, request (a jsonb as it is in memory, which is the same in all
 * processes of a server) and attachment (raw bytes).
 */
typedef struct fx_audit_segment
{
	uint32		magic;
	pg_atomic_uint32 state;		/* fx_audit_state */
	Oid			database;
	Oid			user;			/* audit_apply() runs as this role */
	char		acting[NAMEDATALEN];	/* in whose name events are chained */
	char		login[NAMEDATALEN];
	pid_t		session;		/* whom to wake */
	TimestampTz deadline;
	Size		kind_size;
	Size		request_size;
	Size		attachment_size;
	bool		has_attachment;
	fx_audit_failure failure;	/* valid in FAILED */
	char		result[FX_AUDIT_RESULT_SIZE];	/* valid in COMMITTED: text of a jsonb, or "" for NULL */
	char		payload[FLEXIBLE_ARRAY_MEMBER];
} fx_audit_segment;

/* Moves a state on; false when it was no longer what it was taken for. */
static inline bool
fx_audit_move(fx_audit_segment *record, fx_audit_state from, fx_audit_state to)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&record->state, &expected, to);
}

/*
 * The writer's letter box, in a segment of its own: handles of records, in the
 * order in which they came.  It has a place for every session.  Once closed it
 * stays closed.
 */
typedef struct fx_audit_box
{
	uint32		magic;
	slock_t		mutex;			/* guards what follows */
	bool		closed;
	bool		changes;		/* a session has committed changes to chain */
	pid_t		writer;
	Latch	   *latch;			/* in the server's main shared memory */
	int			places;
	int			first;
	int			count;
	dsm_handle	handles[FLEXIBLE_ARRAY_MEMBER];
} fx_audit_box;

/* The writer's side. */
extern fx_audit_box *fx_box_create(void);
extern bool fx_box_pop(fx_audit_box *box, dsm_handle *handle);
extern bool fx_box_close(fx_audit_box *box, bool only_if_empty);
extern bool fx_box_changes(fx_audit_box *box);

/* The session's side. */
extern fx_audit_box *fx_box_find(void);
extern bool fx_box_push(fx_audit_box *box, dsm_handle handle);
extern void fx_box_wake(fx_audit_box *box);

#endif							/* FACESNXT_AUDIT_SEGMENT_H */

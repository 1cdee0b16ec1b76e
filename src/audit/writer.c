/*
 * writer.c - the session's side of the audit writer.
 *
 * A record is committed by another process, in a transaction that is not the
 * session's.  The session fills a segment of shared memory, hands it to the
 * database's writer, which it starts where there is none, and waits until the
 * record is committed.  Whatever becomes of the session's own transaction
 * afterwards, the record stays.  README.md describes the protocol and what
 * each failure leads to.
 */
#include "compat.h"

#include <signal.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "guc.h"
#include "segment.h"
#include "writer.h"

/* How long to wait before asking again for a writer. */
#define SLOT_RETRY_MS		10
/* How long after the deadline a writer may take to say how it ended. */
#define TERMINATE_GRACE_MS	2000

PG_FUNCTION_INFO_V1(facesnxt_audit_write);

/*
 * Sleeps until the latch is set or until_time, at most, and serves
 * interrupts.  A cancel or a termination leaves from here by ereport.
 */
static void
wait_until(TimestampTz until_time)
{
	long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until_time);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max(ms, 1), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static fx_audit_state
state_of(fx_audit_segment *record)
{
	fx_audit_state state = (fx_audit_state) pg_atomic_read_u32(&record->state);

	/* what the worker wrote before the state is read after it */
	pg_read_barrier();
	return state;
}

/* A record on its way, and to whom. */
typedef struct handover
{
	dsm_segment *seg;			/* the record */
	fx_audit_box *box;			/* of the writer that has it, */
	BackgroundWorkerHandle *worker; /* or the writer that was started with it */
} handover;

/* Creates the segment and copies the record into it. */
static dsm_segment *
fill_segment(const char *kind, const Jsonb *request, const char *attachment, Size attachment_size,
			 TimestampTz deadline)
{
	dsm_segment *seg;
	fx_audit_segment *record;
	Size		kind_size = strlen(kind) + 1;
	Size		request_size = VARSIZE(request);
	char	   *to;

	/* each part is a varlena's worth at most, so three of them and the head cannot overflow */
	seg = dsm_create(offsetof(fx_audit_segment, payload) + kind_size + request_size + attachment_size,
					 DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (seg == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NX_AUDIT_NO_WORKER),
				 errmsg("audit record could not be handed to a writer"),
				 errdetail("The server has no free segment of dynamic shared memory."),
				 errhint("Nothing was returned. Search again when fewer sessions are busy, "
						 "or raise \"max_connections\", which sets the number of segments.")));

	record = dsm_segment_address(seg);
	memset(record, 0, offsetof(fx_audit_segment, payload));
	pg_atomic_init_u32(&record->state, FX_AUDIT_PENDING);
	record->database = MyDatabaseId;
	record->user = GetUserId();
	strlcpy(record->acting, GetUserNameFromId(GetOuterUserId(), false), NAMEDATALEN);
	strlcpy(record->login, GetUserNameFromId(GetSessionUserId(), false), NAMEDATALEN);
	record->session = MyProcPid;
	record->deadline = deadline;
	record->kind_size = kind_size;
	record->request_size = request_size;
	record->attachment_size = attachment_size;
	record->has_attachment = attachment != NULL;
	to = record->payload;
	memcpy(to, kind, kind_size);
	memcpy(to + kind_size, request, request_size);
	if (attachment_size > 0)
		memcpy(to + kind_size + request_size, attachment, attachment_size);
	record->magic = FX_AUDIT_MAGIC;
	return seg;
}

/* Starts a writer with this record as its first; NULL while there is no free slot. */
static BackgroundWorkerHandle *
start_writer(dsm_segment *seg)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "facesnxt audit writer", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "facesnxt audit writer", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "$libdir/facesnxt", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "facesnxt_audit_worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(seg));
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/*
 * Hands the record to the database's writer, or to a new one where there is
 * none.  Worker slots are shared with parallel queries and other extensions,
 * so a full table is normal for a moment, as is a writer that is just leaving.
 */
static void
submit(handover *over)
{
	fx_audit_segment *record = dsm_segment_address(over->seg);

	over->worker = NULL;
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();

		over->box = fx_box_find();
		if (over->box != NULL && fx_box_push(over->box, dsm_segment_handle(over->seg)))
			return;
		if (over->box == NULL && (over->worker = start_writer(over->seg)) != NULL)
			return;
		if (now >= record->deadline)
			ereport(ERROR,
					(errcode(ERRCODE_NX_AUDIT_NO_WORKER),
					 errmsg("audit record could not be handed to a writer"),
					 errdetail("No background worker slot became free within %d ms.",
							   facesnxt_audit_timeout),
					 errhint("Nothing was returned. Search again later, or have \"max_worker_processes\" raised.")));
		wait_until(Min(record->deadline, TimestampTzPlusMilliseconds(now, SLOT_RETRY_MS)));
	}
}

/*
 * Waits until the writer has said what became of the record, or is gone, or
 * until_time has come.  Returns false in the last case only.
 */
static bool
wait_for_writer(handover *over, TimestampTz until_time)
{
	fx_audit_segment *record = dsm_segment_address(over->seg);

	for (;;)
	{
		pid_t		pid;

		switch (state_of(record))
		{
			case FX_AUDIT_COMMITTED:
			case FX_AUDIT_FAILED:
				return true;
			case FX_AUDIT_LOST:
				pg_atomic_write_u32(&record->state, FX_AUDIT_PENDING);
				/* the one that we started met another one, which has a box soon */
				wait_until(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SLOT_RETRY_MS));
				submit(over);
				break;
			default:
				break;
		}

		/*
		 * The postmaster sets our latch when a worker that we started starts
		 * and when it ends.  One that ended may have set the state before, so
		 * the caller reads it after this.
		 */
		if (over->worker != NULL && GetBackgroundWorkerPid(over->worker, &pid) == BGWH_STOPPED
			&& state_of(record) != FX_AUDIT_LOST)
			return true;
		if (GetCurrentTimestamp() >= until_time)
			return false;
		wait_until(until_time);
	}
}

/*
 * The deadline has come.  A record that no writer has taken is withdrawn.
 * What was taken must end: the writer has timers for that, and is told to go
 * when it does not heed them.  True when it came to an end after all.
 */
static bool
give_up(handover *over)
{
	fx_audit_segment *record = dsm_segment_address(over->seg);
	TimestampTz grace = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TERMINATE_GRACE_MS);

	if (fx_audit_move(record, FX_AUDIT_PENDING, FX_AUDIT_WITHDRAWN))
	{
		if (over->worker != NULL)
			TerminateBackgroundWorker(over->worker);
		return false;
	}
	if (wait_for_writer(over, grace))
		return true;
	if (over->worker != NULL)
		TerminateBackgroundWorker(over->worker);
	else if (fx_box_find() == over->box)
		kill(over->box->writer, SIGTERM);
	return false;
}

/* Raises what the worker reported, or that it reported nothing. */
static void
report_failure(fx_audit_segment *record)
{
	fx_audit_failure *failure = &record->failure;

	if (state_of(record) != FX_AUDIT_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_NX_AUDIT_FAILED),
				 errmsg("audit record could not be written"),
				 errdetail("The writer ended before its commit without saying why."),
				 errhint("Nothing was returned. The server's log names the reason.")));
	ereport(ERROR,
			(errcode(ERRCODE_NX_AUDIT_FAILED),
			 errmsg("audit record could not be written"),
			 errdetail("%s: %s%s%s", failure->sqlstate, failure->message,
					   failure->detail[0] ? " " : "", failure->detail),
			 errhint("Nothing was returned.%s%s", failure->hint[0] ? " " : "", failure->hint)));
}

char *
fx_audit_write(const char *kind, const Jsonb *request, const char *attachment, Size attachment_size)
{
	TimestampTz deadline;
	handover	over = {0};
	fx_audit_segment *record;
	char	   *result = NULL;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_NX_AUDIT_READ_ONLY),
				 errmsg("audit record cannot be written on a standby"),
				 errdetail("The server is in recovery and takes no writes."),
				 errhint("Nothing was returned. Search on the primary.")));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("audit record cannot be written during a parallel operation"),
				 errhint("Mark the functions that call a search PARALLEL UNSAFE.")));

	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), facesnxt_audit_timeout);

	/*
	 * The segment belongs to the current resource owner: an error on the way
	 * detaches it.  A writer that has attached by then keeps its own mapping.
	 */
	over.seg = fill_segment(kind, request, attachment, attachment_size, deadline);
	record = dsm_segment_address(over.seg);
	submit(&over);

	if (!wait_for_writer(&over, deadline) && !give_up(&over))
		ereport(ERROR,
				(errcode(ERRCODE_NX_AUDIT_TIMEOUT),
				 errmsg("audit record was not committed in time"),
				 errdetail("The writer did not finish within %d ms (\"facesnxt.audit_timeout\").",
						   facesnxt_audit_timeout),
				 errhint("Nothing was returned. Look for locks on the audit tables, a slow disk "
						 "or a synchronous standby that does not answer.")));
	if (state_of(record) != FX_AUDIT_COMMITTED)
		report_failure(record);

	if (record->result[0] != '\0')
		result = pstrdup(record->result);
	dsm_detach(over.seg);
	return result;
}

/*
 * facesnxt.audit_write(kind text, request jsonb, attachment bytea) RETURNS jsonb
 *
 * kind and request must not be NULL; attachment may be.
 */
Datum
facesnxt_audit_write(PG_FUNCTION_ARGS)
{
	char	   *kind;
	Jsonb	   *request;
	char	   *result;
	char	   *attachment = NULL;
	Size		attachment_size = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("kind and request of an audit record must not be null")));
	kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request = PG_GETARG_JSONB_P(1);
	if (!PG_ARGISNULL(2))
	{
		bytea	   *bytes = PG_GETARG_BYTEA_PP(2);

		attachment = VARDATA_ANY(bytes);
		attachment_size = VARSIZE_ANY_EXHDR(bytes);
	}

	result = fx_audit_write(kind, request, attachment, attachment_size);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(result)));
}

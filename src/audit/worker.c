/*
 * worker.c - the writer's side: a background worker that commits one record.
 *
 * It connects to the session's database as the bootstrap superuser, so that
 * connection limits, NOLOGIN and the like cannot stop a record, and then runs
 * facesnxt.audit_apply() as the role that asked, which is the owner of the
 * function that called audit_write().
 */
#include "compat.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "replication/walsender.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "segment.h"
#include "writer.h"

/* What the segment says, checked and copied out of shared memory. */
typedef struct request_parts
{
	char	   *kind;
	char	   *request;
	bytea	   *attachment;		/* NULL for none */
} request_parts;

/* Copies a message of any length into a field, cut between characters. */
static void
copy_message(char *to, Size size, const char *from)
{
	int			length;

	if (from == NULL)
	{
		to[0] = '\0';
		return;
	}
	length = pg_mbcliplen(from, strlen(from), size - 1);
	memcpy(to, from, length);
	to[length] = '\0';
}

/* Says how it ended and wakes the session, if it is still there. */
static void
finish(fx_audit_segment *record, fx_audit_state state)
{
	PGPROC	   *requester;

	/* everything else in the segment is visible before the state is */
	pg_write_barrier();
	pg_atomic_write_u32(&record->state, state);
	requester = BackendPidGetProc(MyBgworkerEntry->bgw_notify_pid);
	if (requester != NULL)
		SetLatch(&requester->procLatch);
}

static void
take_request(fx_audit_segment *record, request_parts *parts)
{
	const char *from = record->payload;

	parts->kind = pstrdup(from);
	parts->request = MemoryContextStrdup(CurrentMemoryContext, from + record->kind_size);
	parts->attachment = NULL;
	if (record->has_attachment)
	{
		parts->attachment = palloc(VARHDRSZ + record->attachment_size);
		SET_VARSIZE(parts->attachment, VARHDRSZ + record->attachment_size);
		memcpy(VARDATA(parts->attachment), from + record->kind_size + record->request_size,
			   record->attachment_size);
	}
}

/*
 * Settings that decide whether a commit can be relied on do not come from the
 * database's or the server's defaults here.
 */
static void
pin_settings(long remaining_ms)
{
	char		lock_timeout[32];

	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_deferrable", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("session_replication_role", "origin", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("row_security", "on", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", "facesnxt audit writer", PGC_USERSET, PGC_S_OVERRIDE);
	if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
		SetConfigOption("synchronous_commit", "on", PGC_USERSET, PGC_S_OVERRIDE);

	/* a lock that does not come is named in the error; so wait a little less than the session does */
	snprintf(lock_timeout, sizeof(lock_timeout), "%ld", Max(remaining_ms * 9 / 10, 1));
	SetConfigOption("lock_timeout", lock_timeout, PGC_USERSET, PGC_S_OVERRIDE);
}

/*
 * True when the last commit has reached the synchronous standbys as far as
 * synchronous_commit asks, or when there are none.  The wait for them can be
 * cut short by a termination or an operator's cancel, and the server only
 * warns then.
 */
static bool
commit_confirmed(void)
{
	int			mode;
	bool		confirmed;

	if (!SyncRepRequested() || SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0')
		return true;
	mode = synchronous_commit == SYNCHRONOUS_COMMIT_REMOTE_APPLY ? SYNC_REP_WAIT_APPLY : SYNC_REP_WAIT_FLUSH;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	confirmed = WalSndCtl->lsn[mode] >= XactLastCommitEnd;
	LWLockRelease(SyncRepLock);
	return confirmed;
}

/* Runs audit_apply() and copies what it returns into the segment. */
static void
apply(fx_audit_segment *record)
{
	Oid			types[3] = {TEXTOID, JSONBOID, BYTEAOID};
	Datum		values[3];
	char		nulls[3] = {' ', ' ', ' '};
	request_parts parts;
	char	   *text;

	take_request(record, &parts);
	values[0] = CStringGetTextDatum(parts.kind);
	values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(parts.request));
	values[2] = PointerGetDatum(parts.attachment);
	if (parts.attachment == NULL)
		nulls[2] = 'n';

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT facesnxt.audit_apply($1, $2, $3)", 3, types, values, nulls, false, 1)
		!= SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "audit_apply returned no row");
	text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (text != NULL)
	{
		if (strlen(text) >= sizeof(record->result))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("result of audit_apply is longer than %d bytes", FX_AUDIT_RESULT_SIZE - 1)));
		strcpy(record->result, text);
	}
	SPI_finish();
}

/* One transaction: apply, commit, flush. */
static void
write_record(fx_audit_segment *record)
{
	long		remaining_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), record->deadline);
	Oid			user;
	int			context;

	if (remaining_ms <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("audit writer started after the deadline of its record")));

	pin_settings(remaining_ms);
	pgstat_report_activity(STATE_RUNNING, "facesnxt.audit_apply");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());

	/*
	 * The session waits until the deadline and then sends a termination; this
	 * timer ends the work a little earlier, with an error that says so.
	 */
	enable_timeout_after(STATEMENT_TIMEOUT, Max(remaining_ms * 19 / 20, 1));

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(record->user,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	apply(record);
	SetUserIdAndSecContext(user, context);

	disable_timeout(STATEMENT_TIMEOUT, false);
	CHECK_FOR_INTERRUPTS();
	PopActiveSnapshot();
	CommitTransactionCommand();

	/* From here on the record exists on this server's disk. */
	if (!commit_confirmed())
		ereport(ERROR,
				(errcode(ERRCODE_NX_AUDIT_FAILED),
				 errmsg("audit record was committed here but not confirmed by the synchronous standby")));
}

void
facesnxt_audit_worker(Datum main_arg)
{
	dsm_segment *seg;
	fx_audit_segment *record;
	MemoryContext context;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	/* The session may have left while this process started: then no row has left either. */
	seg = dsm_attach(DatumGetUInt32(main_arg));
	if (seg == NULL)
		proc_exit(0);
	record = dsm_segment_address(seg);
	if (dsm_segment_map_length(seg) < sizeof(fx_audit_segment) || record->magic != FX_AUDIT_MAGIC)
		elog(ERROR, "segment handed to the audit writer is not one of its own");

	context = AllocSetContextCreate(TopMemoryContext, "facesnxt audit writer", ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		BackgroundWorkerInitializeConnectionByOid(record->database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
		MemoryContextSwitchTo(context);
		write_record(record);
		finish(record, FX_AUDIT_COMMITTED);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		disable_all_timeouts(false);
		error = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		strlcpy(record->failure.sqlstate, unpack_sql_state(error->sqlerrcode), sizeof(record->failure.sqlstate));
		copy_message(record->failure.message, sizeof(record->failure.message), error->message);
		copy_message(record->failure.detail, sizeof(record->failure.detail), error->detail);
		copy_message(record->failure.hint, sizeof(record->failure.hint), error->hint);

		/* its locks are gone before the session hears of it */
		AbortOutOfAnyTransaction();
		finish(record, FX_AUDIT_FAILED);
		proc_exit(1);
	}
	PG_END_TRY();
	proc_exit(0);
}

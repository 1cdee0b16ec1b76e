/*
 * worker.c - the writer: a background worker that commits records.
 *
 * It connects to the session's database as the bootstrap superuser, so that
 * connection limits, NOLOGIN and the like cannot stop a record, and runs
 * facesnxt.audit_apply() for each as the role that asked, which is the owner
 * of the function that called audit_write().  It takes all records that wait
 * into one transaction; if that fails, each gets one of its own.  It stays for
 * facesnxt.writer_idle, because its caches are half of what a record costs.
 */
#include "compat.h"

#include <limits.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/walsender.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "chain.h"
#include "errors.h"
#include "guc.h"
#include "segment.h"
#include "since.h"
#include "sql.h"
#include "writer.h"

#define MAX_BATCH	32

/* How many of the sessions' changes are chained along with records, when nothing else is to do, and when asked to. */
#define CHAIN_ALONG	256
#define CHAIN_IDLE	1024
#define CHAIN_ASKED	20000

/* Records that were taken: those from first to taken wait for their answer, those to end are in this transaction. */
typedef struct fx_audit_batch
{
	int			first;
	int			end;
	int			taken;
	bool		committed;		/* all of them, */
	bool		confirmed;		/* on the synchronous standbys too */
	dsm_segment *segs[MAX_BATCH];
} fx_audit_batch;

static fx_audit_batch current;

/* What the segment says, checked and copied out of shared memory. */
typedef struct request_parts
{
	char	   *kind;
	Jsonb	   *request;
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

/* Says what became of a record and wakes its session, if it is still there. */
static void
finish(fx_audit_segment *record, fx_audit_state state)
{
	PGPROC	   *session;

	/* everything else in the segment is visible before the state is */
	pg_write_barrier();
	pg_atomic_write_u32(&record->state, state);
	session = BackendPidGetProc(record->session);
	if (session != NULL)
		SetLatch(&session->procLatch);
}

static void
fail(fx_audit_segment *record, const char *sqlstate, const char *message, const char *detail, const char *hint)
{
	strlcpy(record->failure.sqlstate, sqlstate, sizeof(record->failure.sqlstate));
	copy_message(record->failure.message, sizeof(record->failure.message), message);
	copy_message(record->failure.detail, sizeof(record->failure.detail), detail);
	copy_message(record->failure.hint, sizeof(record->failure.hint), hint);
	finish(record, FX_AUDIT_FAILED);
}

static void
take_request(fx_audit_segment *record, request_parts *parts)
{
	const char *from = record->payload;

	parts->kind = pstrdup(from);
	parts->request = palloc(record->request_size);
	memcpy(parts->request, from + record->kind_size, record->request_size);
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
	if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
		SetConfigOption("synchronous_commit", "on", PGC_USERSET, PGC_S_OVERRIDE);

	/* a lock that does not come is named in the error; so wait less than the timer of the whole does */
	snprintf(lock_timeout, sizeof(lock_timeout), "%ld", Max(remaining_ms * 3 / 4, 1));
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
	values[1] = JsonbPGetDatum(parts.request);
	values[2] = PointerGetDatum(parts.attachment);
	if (parts.attachment == NULL)
		nulls[2] = 'n';

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_plan(fx_plan("SELECT facesnxt.audit_apply($1, $2, $3)", 3, types), values, nulls, false, 1)
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

/* Says of every record of the batch how it ended, and lets go of it. */
static void
settle(fx_audit_batch *batch)
{
	for (int i = batch->first; i < batch->end; i++)
	{
		fx_audit_segment *record = dsm_segment_address(batch->segs[i]);

		if (batch->confirmed)
			finish(record, FX_AUDIT_COMMITTED);
		else
			fail(record, unpack_sql_state(ERRCODE_NX_AUDIT_FAILED),
				 "audit record was committed here but not confirmed by the synchronous standby", NULL, NULL);
		dsm_detach(batch->segs[i]);
	}
	batch->first = batch->end;
	batch->committed = false;
}

/* One transaction: apply each, commit, flush.  A batch gets half of the time, so that each alone has the rest. */
static void
write_records(fx_audit_batch *batch)
{
	long		remaining_ms = LONG_MAX;
	Oid			user;
	int			context;
	int			limit = CHAIN_ALONG;

	for (int i = batch->first; i < batch->end; i++)
	{
		fx_audit_segment *record = dsm_segment_address(batch->segs[i]);

		if (strncmp(record->payload, "chain", 6) == 0)
			limit = CHAIN_ASKED;
		remaining_ms = Min(remaining_ms, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), record->deadline));
	}
	if (remaining_ms <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("audit writer came to its record after the deadline")));
	if (batch->end - batch->first > 1)
		remaining_ms = Max(remaining_ms / 2, 1);

	pin_settings(remaining_ms);
	pgstat_report_activity(STATE_RUNNING, "facesnxt.audit_apply");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	/*
	 * The sessions wait until the deadline; this timer ends the work a little
	 * earlier, the wait for a synchronous standby included.
	 */
	enable_timeout_after(STATEMENT_TIMEOUT, Max(remaining_ms * 19 / 20, 1));

	fx_changes_clear();
	fx_since_begin();
	for (int i = batch->first; i < batch->end; i++)
	{
		fx_audit_segment *record = dsm_segment_address(batch->segs[i]);

		PushActiveSnapshot(GetTransactionSnapshot());
		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(record->user,
							   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
		fx_changes_on_behalf(record->acting, record->login);
		if (strcmp(record->payload, "search") != 0 && strcmp(record->payload, "chain") != 0)
			fx_since_unknown();
		apply(record);
		SetUserIdAndSecContext(user, context);
		PopActiveSnapshot();
	}

	PushActiveSnapshot(GetTransactionSnapshot());
	(void) fx_chain(limit, false);
	PopActiveSnapshot();

	CHECK_FOR_INTERRUPTS();
	fx_since_before_commit();
	CommitTransactionCommand();
	fx_since_committed();

	/* From here on the records exist on this server's disk, and no interrupt is served until the sessions know. */
	batch->committed = true;
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	batch->confirmed = commit_confirmed();
	settle(batch);
}

/* As write_records(), but an error becomes that of the one record, or returns false for a batch. */
static bool
try_records(fx_audit_batch *batch, MemoryContext context)
{
	volatile bool done = true;

	PG_TRY();
	{
		write_records(batch);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		disable_all_timeouts(false);
		QueryCancelPending = false;
		done = batch->committed || batch->end - batch->first == 1;
		if (done)
			EmitErrorReport();
		error = CopyErrorData();
		FlushErrorState();

		/* its locks are gone before the session hears of it */
		AbortOutOfAnyTransaction();
		if (!batch->committed)
			fx_chain_forget();
		if (batch->committed)
			settle(batch);
		else if (done)
		{
			fail(dsm_segment_address(batch->segs[batch->first]), unpack_sql_state(error->sqlerrcode),
				 error->message, error->detail, error->hint);
			dsm_detach(batch->segs[batch->first++]);
		}
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return done;
}

/* Chains what sessions have committed, in a transaction of its own.  True when there may be more. */
static bool
chain_changes(MemoryContext context)
{
	volatile uint64 chained = 0;

	PG_TRY();
	{
		pin_settings(facesnxt_audit_timeout);
		pgstat_report_activity(STATE_RUNNING, "facesnxt: chaining changes");
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		fx_changes_clear();
		fx_since_begin();
		chained = fx_chain(CHAIN_IDLE, true);
		PopActiveSnapshot();
		fx_since_before_commit();
		CommitTransactionCommand();
		fx_since_committed();
	}
	PG_CATCH();
	{
		/* they wait where they are, for the next one */
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		fx_chain_forget();
		chained = 0;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return chained > 0;
}

/* Each record in a transaction of its own, where all in one did not work. */
static void
write_one_by_one(fx_audit_batch *batch, MemoryContext context)
{
	while (batch->first < batch->taken)
	{
		batch->end = batch->first + 1;
		(void) try_records(batch, context);
	}
}

/* The next record in the box, or NULL; a session that has left takes its segment along: then no row has left either. */
static dsm_segment *
next_record(fx_audit_box *box)
{
	dsm_handle	handle;
	dsm_segment *seg = NULL;

	while (seg == NULL && fx_box_pop(box, &handle))
		if (dsm_find_mapping(handle) == NULL)
			seg = dsm_attach(handle);
	return seg;
}

/* Takes a record that still waits into the batch. */
static void
take(fx_audit_batch *batch, dsm_segment *seg)
{
	fx_audit_segment *record = dsm_segment_address(seg);

	if (dsm_segment_map_length(seg) < sizeof(fx_audit_segment) || record->magic != FX_AUDIT_MAGIC
		|| record->database != MyDatabaseId || !fx_audit_move(record, FX_AUDIT_PENDING, FX_AUDIT_TAKEN))
	{
		dsm_detach(seg);
		return;
	}
	batch->segs[batch->taken++] = seg;
	batch->end = batch->taken;
}

/* Tells a session whose record nobody has looked at to ask another writer. */
static void
turn_away(dsm_segment *seg)
{
	fx_audit_segment *record = dsm_segment_address(seg);

	if (fx_audit_move(record, FX_AUDIT_PENDING, FX_AUDIT_LOST))
		finish(record, FX_AUDIT_LOST);
}

/* However the writer ends, nobody waits for it in vain. */
static void
leave(int code, Datum argument)
{
	fx_audit_box *box = (fx_audit_box *) DatumGetPointer(argument);
	dsm_segment *seg;

	(void) fx_box_close(box, false);
	if (current.committed)
		settle(&current);
	while (current.first < current.taken)
		fail(dsm_segment_address(current.segs[current.first++]), unpack_sql_state(ERRCODE_ADMIN_SHUTDOWN),
			 "audit writer was told to end", NULL, NULL);
	while ((seg = next_record(box)) != NULL)
		turn_away(seg);
}

/*
 * True when this is the only writer of its database from now on.  No role can
 * take a lock of this kind by SQL, and unlike others it outlives an aborted
 * transaction.
 */
static bool
is_the_only_one(void)
{
	LOCKTAG		tag;

	tag.locktag_field1 = MyDatabaseId;
	tag.locktag_field2 = FX_AUDIT_MAGIC;
	tag.locktag_field3 = 0;
	tag.locktag_field4 = 0;
	tag.locktag_type = LOCKTAG_USERLOCK;
	tag.locktag_lockmethodid = USER_LOCKMETHOD;
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Sleeps until something is to be done; false when nothing came for so long that the writer ends. */
static bool
wait_for_records(fx_audit_box *box)
{
	int			events;

	pgstat_report_activity(STATE_IDLE, NULL);
	(void) pgstat_report_stat(true);
	events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					   facesnxt_writer_idle, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	return (events & WL_TIMEOUT) == 0 || !fx_box_close(box, true);
}

void
facesnxt_audit_worker(Datum main_arg)
{
	dsm_segment *first;
	fx_audit_segment *record;
	fx_audit_box *box;
	MemoryContext context;
	bool		changes = true;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	/* The session may have left while this process started. */
	first = dsm_attach(DatumGetUInt32(main_arg));
	if (first == NULL)
		proc_exit(0);
	record = dsm_segment_address(first);
	if (dsm_segment_map_length(first) < sizeof(fx_audit_segment) || record->magic != FX_AUDIT_MAGIC)
		elog(ERROR, "segment handed to the audit writer is not one of its own");

	BackgroundWorkerInitializeConnectionByOid(record->database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
	if (!is_the_only_one())
	{
		turn_away(first);
		proc_exit(0);
	}
	box = fx_box_create();
	before_shmem_exit(leave, PointerGetDatum(box));
	take(&current, first);

	context = AllocSetContextCreate(TopMemoryContext, "facesnxt audit writer", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	fx_changes_collect(context);
	for (;;)
	{
		dsm_segment *seg;

		while (current.taken < MAX_BATCH && (seg = next_record(box)) != NULL)
			take(&current, seg);
		if (current.taken > 0)
		{
			if (!try_records(&current, context))
				write_one_by_one(&current, context);
			current.first = current.end = current.taken = 0;
			fx_changes_clear();
			MemoryContextReset(context);
			CHECK_FOR_INTERRUPTS();
		}
		else if (changes || fx_box_changes(box))
		{
			changes = chain_changes(context);
			MemoryContextReset(context);
			CHECK_FOR_INTERRUPTS();
		}
		else if (!wait_for_records(box))
			break;
	}
	proc_exit(0);
}

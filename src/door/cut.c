/*
 * cut.c - a role that was cut off: how its sessions learn of it, and the
 * process that ends them.
 *
 * cut_off() changes the role's row in pg_authid, which sends every session an
 * invalidation when it is committed, not before.  Here that counts changes;
 * whoever hands out rows asks whether there were any since it last asked, and
 * only then looks at the account.  Sessions that logged on as the role are
 * ended by a background worker that starts with the commit.
 */
#include "door/door.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "errors.h"

/* Fields of the advisory lock by which a running search shows; SQL cannot take one of this kind. */
#define RUNNING_CLASS	0x46584e58	/* "FXNX" */
#define RUNNING_KIND	0x4658

#define SLOT_RETRY_MS	10
#define SLOT_WAIT_MS	10000

static uint64 changes = 1;
static bool sweep_wanted = false;
static bool xact_callback = false;

PGDLLEXPORT void facesnxt_sweeper(Datum main_arg);

static void
role_changed(Datum argument, int cache, uint32 hash)
{
	changes++;
}

uint64
fx_role_changes(void)
{
	AcceptInvalidationMessages();
	return changes;
}

void
fx_stop_if_cut_off(Oid role, uint64 *seen)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(role)};
	uint64		now;

	/* cheap when nobody sent anything */
	AcceptInvalidationMessages();
	now = changes;
	if (*seen == now)
		return;
	(void) fx_as_owner("SELECT facesnxt.stop_if_cut_off($1)", 1, types, values, " ");
	*seen = now;
}

void
fx_note_running(Oid role, bool is_running)
{
	LOCKTAG		tag;

	if (IsInParallelMode())
		return;					/* the leader says it */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RUNNING_CLASS, role, RUNNING_KIND);
	if (is_running)
		(void) LockAcquire(&tag, ShareLock, false, true);
	else
		(void) LockRelease(&tag, ShareLock, false);
}

/*
 * Starts the worker before the commit, so that it needs no time after it; it
 * waits for the end of the transaction.  A revocation that nobody would carry
 * out is refused.
 */
static void
start_sweeper(void)
{
	BackgroundWorker worker;
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SLOT_WAIT_MS);

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "facesnxt sweeper", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "facesnxt sweeper", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "$libdir/facesnxt", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "facesnxt_sweeper", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = UInt32GetDatum(GetTopTransactionId());
	memcpy(worker.bgw_extra, &MyDatabaseId, sizeof(Oid));
	while (!RegisterDynamicBackgroundWorker(&worker, NULL))
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_NX_NO_SWEEPER),
					 errmsg("nobody can be cut off now"),
					 errdetail("No background worker slot became free within %d ms to end the sessions.", SLOT_WAIT_MS),
					 errhint("Try again, or have \"max_worker_processes\" raised.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, SLOT_RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
at_transaction_end(XactEvent event, void *argument)
{
	if (!sweep_wanted)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			start_sweeper();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction that cuts off a role"),
					 errhint("COMMIT it.")));
			break;
		default:
			sweep_wanted = false;
			break;
	}
}

/* facesnxt.sweep_after_commit(): what this transaction cuts off is carried out when it commits. */
PG_FUNCTION_INFO_V1(facesnxt_sweep_after_commit);
Datum
facesnxt_sweep_after_commit(PG_FUNCTION_ARGS)
{
	if (!xact_callback)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		xact_callback = true;
	}
	sweep_wanted = true;
	PG_RETURN_VOID();
}

/* The worker: waits for the revocation's transaction, then facesnxt.sweep(). */
void
facesnxt_sweeper(Datum main_arg)
{
	TransactionId revocation = DatumGetUInt32(main_arg);
	Oid			database;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(Oid));
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", "facesnxt sweeper", PGC_USERSET, PGC_S_OVERRIDE);

	StartTransactionCommand();
	XactLockTableWait(revocation, NULL, NULL, XLTW_None);
	CommitTransactionCommand();
	if (!TransactionIdDidCommit(revocation))
		proc_exit(0);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "facesnxt.sweep");
	/* the extension may have been dropped meanwhile */
	if (OidIsValid(fx_reference()))
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		if (SPI_execute("SELECT facesnxt.sweep()", false, 1) != SPI_OK_SELECT)
			elog(ERROR, "sweep failed");
		SPI_finish();
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	proc_exit(0);
}

void
fx_cut_init(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
}

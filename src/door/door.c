/*
 * door.c - the hooks: a raw statement on the references is admitted before it
 * starts, and its rows are recorded before they leave.
 *
 * Two things call on this file.  The policy of the table calls raw_door() for
 * every row, and the planner its support function for every plan, so a server
 * that has not loaded the library does so and is refused.  Once it is loaded,
 * the executor's hooks see every statement.
 */
#include "door/door.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/supportnodes.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"

static ExecutorStart_hook_type next_start;
static ExecutorRun_hook_type next_run;
static ExecutorFinish_hook_type next_finish;
static ExecutorCheckPerms_hook_type next_check_perms;

/* ---- hooks */

static void
door_start(QueryDesc *query, int eflags)
{
	uint64		changes = 0;
	char	   *statement = NULL;
	bool		raw = fx_begin_raw(query, &changes, &statement);
	fx_calls	calls = {CurrentMemoryContext, NIL};
	fx_calls   *former = fx_collect_calls(&calls);

	PG_TRY();
	{
		if (next_start != NULL)
			next_start(query, eflags);
		else
			standard_ExecutorStart(query, eflags);
	}
	PG_FINALLY();
	{
		(void) fx_collect_calls(former);
	}
	PG_END_TRY();
	fx_admit(query, raw, changes, statement);
	fx_begin_read(query, eflags, &calls);
}

void
fx_run_next(QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	if (next_run != NULL)
		next_run(query, direction, count FACESNXT_RUN_ONCE_PASS);
	else
		standard_ExecutorRun(query, direction, count FACESNXT_RUN_ONCE_PASS);
}

static void
door_run(QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	fx_admission *entry = fx_admission_of(query);
	fx_admission *former = fx_running;
	fx_read    *read = fx_read_of(query);
	fx_read    *former_read;

	if (entry == NULL && former == NULL && read == NULL)
	{
		fx_run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
		return;
	}
	fx_running = entry != NULL && entry->raw ? entry : NULL;
	former_read = fx_swap_reading(NULL);
	(void) fx_swap_reading(read != NULL ? read : former_read);
	PG_TRY();
	{
		if (entry != NULL)
		{
			fx_note_running(entry->acting, true);
			/* for a cursor that goes on */
			fx_stop_if_cut_off(entry->acting, &entry->changes);
		}
		if (fx_running != NULL)
			fx_run_raw(entry, query, direction, count FACESNXT_RUN_ONCE_PASS);
		else
			fx_run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
		if (entry != NULL)
			fx_note_running(entry->acting, false);
		if (read != NULL)
			fx_count_read(read);
	}
	PG_FINALLY();
	{
		fx_running = former;
		(void) fx_swap_reading(former_read);
	}
	PG_END_TRY();
}

static void
door_finish(QueryDesc *query)
{
	if (next_finish != NULL)
		next_finish(query);
	else
		standard_ExecutorFinish(query);
	fx_end_read(query);
}

/*
 * A role that row-level security does not bind gets nothing from the table by
 * privileges alone, by COPY either.
 */
static bool
door_check_perms(FACESNXT_CHECK_PERMS_ARGS)
{
	Oid			reference = fx_reference();
	ListCell   *cell;

	foreach(cell, rangeTable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (OidIsValid(reference) && entry->rtekind == RTE_RELATION && entry->relid == reference)
		{
			Oid			user = facesnxt_checked_as_list(entry);

			if (!OidIsValid(user))
				user = GetUserId();
			if (!fx_is_owner(user) && has_bypassrls_privilege(user))
				ereport(ERROR,
						(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						 errmsg("permission denied for the references"),
						 errdetail("Role \"%s\" bypasses row-level security, which guards them.",
								   GetUserNameFromId(user, false)),
						 errhint("Integrators must not have BYPASSRLS.")));
		}
		else if (entry->rtekind == RTE_RELATION)
			fx_read_whole_table(entry->relid, facesnxt_required_as_list(entry));
	}
	return next_check_perms == NULL || next_check_perms(FACESNXT_CHECK_PERMS_PASS);
}

/* ---- what the policy calls */

/*
 * facesnxt.raw_door(repository) RETURNS boolean, once for each row that a raw
 * statement looks at: true when the open search covers its repository, an
 * error when there is none, or none any more.
 */
PG_FUNCTION_INFO_V1(facesnxt_raw_door);
Datum
facesnxt_raw_door(PG_FUNCTION_ARGS)
{
	Oid			repository = PG_GETARG_OID(0);
	fx_admission *entry = fx_running;
	const char *fault;

	CHECK_FOR_INTERRUPTS();
	if (entry == NULL)
	{
		fault = fx_ticket_fault();
		fx_refuse_statement(debug_query_string, fault ? fault : "The statement began before there was an open search.");
	}
	fault = fx_ticket_fault();
	if (fault == NULL && memcmp(&fx_ticket_held.id, &entry->ticket, sizeof(pg_uuid_t)) != 0)
		fault = "The open search that the statement began in is closed.";
	if (fault != NULL)
		fx_refuse_statement(debug_query_string, fault);
	fx_stop_if_cut_off(entry->acting, &entry->changes);
	for (int i = 0; i < fx_ticket_held.nrepositories; i++)
		if (fx_ticket_held.repositories[i] == repository)
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}

/*
 * Support function of raw_door(): the planner calls it for every plan that the
 * policy is part of, so a plan is refused too (EXPLAIN), even in a session that
 * has not loaded the library.
 */
PG_FUNCTION_INFO_V1(facesnxt_raw_door_support);
Datum
facesnxt_raw_door_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
	{
		const char *fault = fx_ticket_fault();

		if (fault != NULL)
			fx_refuse_statement(debug_query_string, fault);
	}
	PG_RETURN_POINTER(NULL);
}

/* facesnxt.still_in() RETURNS boolean: true, or NX302 when the acting role was cut off; for each row that leaves. */
PG_FUNCTION_INFO_V1(facesnxt_still_in);
Datum
facesnxt_still_in(PG_FUNCTION_ARGS)
{
	static Oid	last_role = InvalidOid;
	static uint64 last_changes = 0;
	Oid			role = GetOuterUserId();

	CHECK_FOR_INTERRUPTS();
	if (role != last_role)
	{
		last_role = role;
		last_changes = PG_UINT64_MAX;
	}
	fx_stop_if_cut_off(role, &last_changes);
	PG_RETURN_BOOL(true);
}

void
fx_door_init(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = door_start;
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = door_run;
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = door_finish;
	next_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = door_check_perms;
}

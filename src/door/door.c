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

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/portalcmds.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "parser/parse_relation.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "errors.h"

/* A statement that was let through, for as long as it runs. */
typedef struct admission
{
	struct admission *next;
	QueryDesc  *query;
	bool		raw;			/* on the references; else a search() or a look at records, which is only watched */
	Oid			acting;
	uint64		changes;		/* of roles, as far as it was judged */
	pg_uuid_t	ticket;			/* of a raw one, and what follows */
	char	   *statement;		/* its record */
	int64		rows;			/* recorded so far */
} admission;

/* Keeps rows until they are recorded. */
typedef struct keeper
{
	DestReceiver pub;
	Tuplestorestate *store;
	int64		rows;
} keeper;

static admission *admissions;
static admission *running;		/* the raw statement whose rows are being made */
static ExecutorStart_hook_type next_start;
static ExecutorRun_hook_type next_run;
static ExecutorCheckPerms_hook_type next_check_perms;

/* ---- records */

/*
 * Writes the record of a raw statement and returns its id, or raises why it
 * is refused.  fault: what this side found, NULL for nothing.
 */
static char *
record_statement(const char *text, const char *probe, const char *fault)
{
	Oid			types[4] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[4];
	char		nulls[4] = {' ', ' ', ' ', ' '};

	values[0] = UUIDPGetDatum(&fx_ticket_held.id);
	if (!fx_ticket_held.open)
		nulls[0] = 'n';
	values[1] = CStringGetTextDatum(text ? text : "");
	values[2] = probe ? CStringGetTextDatum(probe) : (Datum) 0;
	nulls[2] = probe ? ' ' : 'n';
	values[3] = fault ? CStringGetTextDatum(fault) : (Datum) 0;
	nulls[3] = fault ? ' ' : 'n';
	return fx_as_owner("SELECT facesnxt.raw_begin($1, $2, $3, $4)", 4, types, values, nulls);
}

static void
refuse(const char *text, const char *fault)
{
	(void) record_statement(text, NULL, fault);
	/* not reached: raw_begin() raises whenever it is told of a fault */
	ereport(ERROR, (errcode(ERRCODE_NX_NO_OPEN_SEARCH), errmsg("raw statement refused")));
}

static char *
probe_text(QueryDesc *query, Node *probe)
{
	Oid			output;
	bool		varlena;
	Datum		value;

	if (probe == NULL)
		return NULL;
	if (IsA(probe, Const))
		value = ((Const *) probe)->constvalue;
	else
	{
		ParamListInfo params = query->params;
		int			id = ((Param *) probe)->paramid;
		ParamExternData *param;
		ParamExternData space;

		if (params == NULL || id < 1 || id > params->numParams)
			return NULL;
		param = params->paramFetch ? params->paramFetch(params, id, false, &space) : &params->params[id - 1];
		if (param->isnull)
			return NULL;
		value = param->value;
	}
	getTypeOutputInfo(exprType(probe), &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* ---- which statements */

static bool
reads_references(PlannedStmt *statement, Oid reference)
{
	ListCell   *cell;

	if (!OidIsValid(reference))
		return false;
	foreach(cell, statement->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION && entry->relid == reference)
		{
			Oid			user = facesnxt_checked_as(statement, entry);

			if (!OidIsValid(user))
				user = GetUserId();
			/* an attempt without the privilege is one, too, and is recorded before the server refuses it */
			if (!fx_is_owner(user))
				return true;
		}
	}
	return false;
}

static bool
is_search(Node *node, void *schema)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcretset &&
		get_func_namespace(((FuncExpr *) node)->funcid) == *(Oid *) schema)
		return true;
	return expression_tree_walker(node, is_search, schema);
}

/* A search by a function of the extension, whose rows may leave one by one. */
static bool
calls_search(PlanState *state, void *schema)
{
	if (state == NULL)
		return false;
	if (IsA(state->plan, FunctionScan))
	{
		ListCell   *cell;

		foreach(cell, ((FunctionScan *) state->plan)->functions)
			if (is_search(lfirst_node(RangeTblFunction, cell)->funcexpr, schema))
				return true;
	}
	else if (IsA(state->plan, ProjectSet) && is_search((Node *) state->plan->targetlist, schema))
		return true;
	return planstate_tree_walker(state, calls_search, schema);
}

/* What somebody reads of the records, by a view or not; functions of the extension read as its owner. */
static bool
reads_records(PlannedStmt *statement, Oid schema)
{
	ListCell   *cell;

	if (!OidIsValid(schema) || fx_is_owner(GetUserId()))
		return false;
	foreach(cell, statement->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION && get_rel_namespace(entry->relid) == schema)
			return true;
	}
	return false;
}

/* What is wrong with how a statement is run, whatever it looks like. */
static const char *
way_fault(QueryDesc *query)
{
	if (query->dest != NULL && (query->dest->mydest == DestIntoRel || query->dest->mydest == DestTransientRel))
		return "It makes a table of what it finds.";
	if (query->dest != NULL && query->dest->mydest == DestNone && query->instrument_options != 0)
		return "EXPLAIN ANALYZE tells of rows that are not returned.";
	if (ActivePortal != NULL && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		return "A cursor WITH HOLD would outlive the open search.";
	return NULL;
}

/* ---- admission */

static void
forget(void *argument)
{
	for (admission **at = &admissions; *at != NULL; at = &(*at)->next)
		if (*at == argument)
		{
			*at = (*at)->next;
			break;
		}
	if (running == argument)
		running = NULL;
}

static void
door_start(QueryDesc *query, int eflags)
{
	Oid			reference = fx_reference();
	bool		raw = reads_references(query->plannedstmt, reference);
	Oid			schema = fx_schema();
	uint64		changes = 0;
	char	   *statement = NULL;

	if (raw)
	{
		fx_shape	shape;
		const char *fault;

		changes = fx_role_changes();
		fx_shape_of(query->plannedstmt, reference, &shape);
		fault = way_fault(query);
		statement = record_statement(query->sourceText, probe_text(query, shape.probe), fault ? fault : shape.fault);
	}
	if (next_start != NULL)
		next_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (raw || (!IsParallelWorker() &&
				(reads_records(query->plannedstmt, schema) || calls_search(query->planstate, &schema))))
	{
		MemoryContext context = query->estate->es_query_cxt;
		admission  *entry = MemoryContextAllocZero(context, sizeof(admission));
		MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));

		entry->query = query;
		entry->raw = raw;
		entry->acting = GetOuterUserId();
		/* a search judges for itself after this, and records what it finds */
		entry->changes = raw ? changes : fx_role_changes();
		if (raw)
		{
			entry->ticket = fx_ticket_held.id;
			entry->statement = MemoryContextStrdup(context, statement);
		}
		callback->func = forget;
		callback->arg = entry;
		MemoryContextRegisterResetCallback(context, callback);
		entry->next = admissions;
		admissions = entry;
	}
}

/* ---- rows */

static bool
keep_row(TupleTableSlot *slot, DestReceiver *self)
{
	keeper	   *kept = (keeper *) self;

	if (++kept->rows > fx_ticket_held.max_rows)
		ereport(ERROR,
				(errcode(ERRCODE_NX_RAW_BOUND),
				 errmsg("raw statement refused: more rows than the open search allows"),
				 errdetail("A statement of this open search returns %d rows at most.", fx_ticket_held.max_rows),
				 errhint("Ask for fewer by LIMIT.")));
	tuplestore_puttupleslot(kept->store, slot);
	return true;
}

static void
keep_startup(DestReceiver *self, int operation, TupleDesc type)
{
}

static void
keep_end(DestReceiver *self)
{
}

/* A row as {"rank": n, "reference_id": .., "distance": .., "columns": [[name, value], ..]}. */
static void
append_row(StringInfo json, QueryDesc *query, TupleTableSlot *slot, int64 rank)
{
	List	   *targets = query->plannedstmt->planTree->targetlist;
	TupleDesc	type = slot->tts_tupleDescriptor;
	AttrNumber	id = get_attnum(fx_reference(), "reference_id");
	char	   *reference = NULL;
	char	   *distance = NULL;
	ListCell   *cell;
	int			at = 0;

	slot_getallattrs(slot);
	appendStringInfo(json, "{\"rank\": " INT64_FORMAT ", \"columns\": [", rank);
	foreach(cell, targets)
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);
		Form_pg_attribute attribute;
		char	   *value = NULL;

		if (target->resjunk || at >= type->natts)
			continue;
		attribute = TupleDescAttr(type, at);
		if (!slot->tts_isnull[at])
		{
			Oid			output;
			bool		varlena;

			getTypeOutputInfo(attribute->atttypid, &output, &varlena);
			value = OidOutputFunctionCall(output, slot->tts_values[at]);
			if (target->resorigtbl == fx_reference() && target->resorigcol == id)
				reference = value;
			else if (distance == NULL && attribute->atttypid == FLOAT8OID && target->resorigtbl == InvalidOid)
				distance = value;
		}
		appendStringInfoString(json, at > 0 ? ", [" : "[");
		escape_json(json, NameStr(attribute->attname));
		appendStringInfoString(json, ", ");
		if (value != NULL)
			escape_json(json, value);
		else
			appendStringInfoString(json, "null");
		appendStringInfoChar(json, ']');
		at++;
	}
	appendStringInfoChar(json, ']');
	if (reference != NULL)
	{
		appendStringInfoString(json, ", \"reference_id\": ");
		escape_json(json, reference);
	}
	if (distance != NULL)
	{
		appendStringInfoString(json, ", \"distance\": ");
		escape_json(json, distance);
	}
	appendStringInfoChar(json, '}');
}

/* Commits what is about to leave; raises when the open search lets it through no more. */
static void
record_rows(admission *entry, QueryDesc *query, keeper *kept)
{
	StringInfoData json;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(query->tupDesc, &TTSOpsMinimalTuple);
	Oid			types[3] = {UUIDOID, UUIDOID, TEXTOID};
	Datum		values[3];
	int			settings = NewGUCNestLevel();

	/* all digits of a distance, whatever the session set */
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	tuplestore_rescan(kept->store);
	while (tuplestore_gettupleslot(kept->store, true, false, slot))
	{
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		append_row(&json, query, slot, ++entry->rows);
	}
	appendStringInfoChar(&json, ']');
	ExecDropSingleTupleTableSlot(slot);
	AtEOXact_GUC(true, settings);
	values[0] = UUIDPGetDatum(&entry->ticket);
	values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(entry->statement));
	values[2] = CStringGetTextDatum(json.data);
	(void) fx_as_owner("SELECT facesnxt.raw_rows($1, $2, $3)", 3, types, values, "   ");
	pfree(json.data);
}

static void
run_next(QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	if (next_run != NULL)
		next_run(query, direction, count FACESNXT_RUN_ONCE_PASS);
	else
		standard_ExecutorRun(query, direction, count FACESNXT_RUN_ONCE_PASS);
}

static void
run_raw(admission *entry, QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	DestReceiver *to = query->dest;
	const char *fault = fx_ticket_fault();
	keeper		kept = {{keep_row, keep_startup, keep_end, keep_end, DestNone}, NULL, 0};
	TupleTableSlot *slot;

	if (fault == NULL && memcmp(&fx_ticket_held.id, &entry->ticket, sizeof(pg_uuid_t)) != 0)
		fault = "The open search that the statement began in is closed.";
	if (fault == NULL && ActivePortal != NULL && ActivePortal->queryDesc == query && ActivePortal->holdStore != NULL)
		fault = "A cursor that is held over a commit would outlive the open search.";
	if (fault != NULL)
		refuse(query->sourceText, fault);

	kept.store = tuplestore_begin_heap(false, false, work_mem);
	query->dest = &kept.pub;
	PG_TRY();
	{
		run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
	}
	PG_FINALLY();
	{
		query->dest = to;
	}
	PG_END_TRY();
	running = NULL;
	fx_stop_if_cut_off(entry->acting, &entry->changes);
	record_rows(entry, query, &kept);

	/* and now they leave */
	to->rStartup(to, CMD_SELECT, query->tupDesc);
	slot = MakeSingleTupleTableSlot(query->tupDesc, &TTSOpsMinimalTuple);
	tuplestore_rescan(kept.store);
	while (tuplestore_gettupleslot(kept.store, true, false, slot))
		if (!to->receiveSlot(slot, to))
			break;
	ExecDropSingleTupleTableSlot(slot);
	to->rShutdown(to);
	tuplestore_end(kept.store);
}

static void
door_run(QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	admission  *entry = admissions;
	admission  *former = running;

	while (entry != NULL && entry->query != query)
		entry = entry->next;
	if (entry == NULL && former == NULL)
	{
		run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
		return;
	}
	running = entry != NULL && entry->raw ? entry : NULL;
	PG_TRY();
	{
		if (entry != NULL)
		{
			fx_note_running(entry->acting, true);
			/* for a cursor that goes on */
			fx_stop_if_cut_off(entry->acting, &entry->changes);
		}
		if (running != NULL)
			run_raw(entry, query, direction, count FACESNXT_RUN_ONCE_PASS);
		else
			run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
		if (entry != NULL)
			fx_note_running(entry->acting, false);
	}
	PG_FINALLY();
	{
		running = former;
	}
	PG_END_TRY();
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
	admission  *entry = running;
	const char *fault;

	CHECK_FOR_INTERRUPTS();
	if (entry == NULL)
	{
		fault = fx_ticket_fault();
		refuse(debug_query_string, fault ? fault : "The statement began before there was an open search.");
	}
	fault = fx_ticket_fault();
	if (fault == NULL && memcmp(&fx_ticket_held.id, &entry->ticket, sizeof(pg_uuid_t)) != 0)
		fault = "The open search that the statement began in is closed.";
	if (fault != NULL)
		refuse(debug_query_string, fault);
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
			refuse(debug_query_string, fault);
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
	next_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = door_check_perms;
}

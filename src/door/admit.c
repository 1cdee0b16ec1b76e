/*
 * admit.c - which statements are the door's affair, and their admission: a raw
 * statement on the references is judged and recorded before it starts.
 */
#include "door/door.h"

#include "access/parallel.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "errors.h"

fx_admission *fx_running;
static fx_admission *admissions;

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

void
fx_refuse_statement(const char *text, const char *fault)
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
	if (query->dest != NULL && facesnxt_is_nowhere(query->dest) && query->instrument_options != 0)
		return "EXPLAIN ANALYZE tells of rows that are not returned.";
	if (ActivePortal != NULL && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		return "A cursor WITH HOLD would outlive the open search.";
	return NULL;
}

/* ---- admission */

static void
forget(void *argument)
{
	for (fx_admission **at = &admissions; *at != NULL; at = &(*at)->next)
		if (*at == argument)
		{
			*at = (*at)->next;
			break;
		}
	if (fx_running == argument)
		fx_running = NULL;
}

bool
fx_begin_raw(QueryDesc *query, uint64 *changes, char **statement)
{
	Oid			reference = fx_reference();
	fx_shape	shape;
	const char *fault;

	if (!reads_references(query->plannedstmt, reference))
		return false;
	*changes = fx_role_changes();
	fx_shape_of(query->plannedstmt, reference, &shape);
	fault = way_fault(query);
	*statement = record_statement(query->sourceText, probe_text(query, shape.probe), fault ? fault : shape.fault);
	return true;
}

void
fx_admit(QueryDesc *query, bool raw, uint64 changes, const char *statement)
{
	Oid			schema = fx_schema();
	MemoryContext context = query->estate->es_query_cxt;
	fx_admission *entry;
	MemoryContextCallback *callback;

	if (!raw && (IsParallelWorker()
				 || (!reads_records(query->plannedstmt, schema) && !calls_search(query->planstate, &schema))))
		return;
	entry = MemoryContextAllocZero(context, sizeof(fx_admission));
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
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

fx_admission *
fx_admission_of(QueryDesc *query)
{
	fx_admission *entry = admissions;

	while (entry != NULL && entry->query != query)
		entry = entry->next;
	return entry;
}

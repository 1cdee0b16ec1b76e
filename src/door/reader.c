/*
 * reader.c - who reads the records is on record: before the first row leaves,
 * and with the number of rows when the statement ends.
 *
 * A read is a statement that looks at a record (a table that keep_record()
 * made one) by somebody's own right, or by the extension's views while an
 * auditor or administrator acts; and a call of a function of auditors, from
 * whatever expression.  What the extension's own functions read in their
 * owner's name is none.  README.md says why nothing passes by.
 */
#include "door/door.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* A statement on record as a read, for as long as it runs. */
struct fx_read
{
	fx_read    *next;
	QueryDesc  *query;
	char	   *id;				/* of its record */
	Oid			right_of;
	List	   *relations;		/* with those that functions read within it */
	List	   *functions;
	int64		rows;
	bool		ended;
};

static fx_read *reads;
/* The one whose rows are being made, or NULL. */
static fx_read *reading;
/* Where the functions of auditors go that the statement calls which is starting; NULL: none is. */
static fx_calls *starting;
static object_access_hook_type next_object_access;

/* ---- what is a read */

static bool
is_reader(Oid user)
{
	Oid			auditor = get_role_oid("facesnxt_auditor", true);
	Oid			administrator = get_role_oid("facesnxt_admin", true);

	return (OidIsValid(auditor) && has_privs_of_role(user, auditor)) ||
		(OidIsValid(administrator) && has_privs_of_role(user, administrator));
}

/* Whether nothing is read here in anybody's name: for a leader that is on record, or by the owner, by our functions. */
static bool
is_silent(void)
{
	return IsParallelWorker() || !IsTransactionState() || fx_is_owner(GetUserId());
}

static bool
is_record(Oid relid)
{
	List	   *name = list_make2(makeString("facesnxt"), makeString("refuse_change"));
	Oid			refuses = LookupFuncName(name, 0, NULL, true);
	Relation	relation = OidIsValid(refuses) ? RelationIdGetRelation(relid) : NULL;
	bool		found = false;

	if (relation == NULL)
		return false;
	for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
		found |= relation->trigdesc->triggers[i].tgfoid == refuses;
	RelationClose(relation);
	return found;
}

/* A function of auditors' that tells more than an id or a truth value; *theirs: members have no right to it. */
static bool
is_auditors(Oid function, bool *theirs)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	Datum		granted;
	bool		none;
	bool		found = false;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	*theirs = true;
	if (proc->pronamespace == fx_schema() && proc->provolatile != PROVOLATILE_IMMUTABLE &&
		proc->prorettype != UUIDOID && proc->prorettype != BOOLOID && proc->prorettype != VOIDOID)
	{
		granted = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proacl, &none);
		if (!none)
		{
			Acl		   *acl = DatumGetAclP(granted);
			Oid			auditor = get_role_oid("facesnxt_auditor", true);
			Oid			administrator = get_role_oid("facesnxt_admin", true);

			for (int i = 0; i < ACL_NUM(acl); i++)
			{
				Oid			grantee = ACL_DAT(acl)[i].ai_grantee;
				char	   *name = OidIsValid(grantee) ? GetUserNameFromId(grantee, true) : NULL;

				if (grantee == auditor && OidIsValid(auditor))
					found = true;
				else if (grantee != administrator && (name == NULL || strncmp(name, "facesnxt_", 9) == 0))
					*theirs = false;
			}
		}
	}
	ReleaseSysCache(tuple);
	return found;
}

/* ---- records */

static Datum
oids(List *list)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(list), 1));

	for (int i = 0; i < list_length(list); i++)
		values[i] = ObjectIdGetDatum(list_nth_oid(list, i));
	return PointerGetDatum(construct_array(values, list_length(list), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

/* Has the writer commit that these are read; its record. */
static char *
record_read(List *relations, List *functions, Oid right_of, const char *wording)
{
	Oid			types[5] = {OIDARRAYOID, OIDARRAYOID, OIDOID, TEXTOID, TEXTOID};
	Datum		values[5];

	values[0] = oids(relations);
	values[1] = oids(functions);
	values[2] = ObjectIdGetDatum(right_of);
	values[3] = CStringGetTextDatum(wording);
	values[4] = reading ? CStringGetTextDatum(reading->id) : (Datum) 0;
	return fx_as_owner("SELECT facesnxt.record_read($1, $2, $3, $4, $5::uuid)", 5, types, values,
					   reading ? "     " : "    n");
}

/* A statement within one that is on record with the same things is not once more on it. */
static bool
is_known(List *relations, List *functions, Oid right_of)
{
	return reading != NULL && reading->right_of == right_of &&
		list_difference_oid(relations, reading->relations) == NIL &&
		list_difference_oid(functions, reading->functions) == NIL;
}

/* ---- statements */

fx_calls *
fx_collect_calls(fx_calls *calls)
{
	fx_calls   *former = starting;

	starting = calls;
	return former;
}

static void
forget(void *argument)
{
	for (fx_read **at = &reads; *at != NULL; at = &(*at)->next)
		if (*at == argument)
		{
			*at = (*at)->next;
			break;
		}
	if (reading == argument)
		reading = NULL;
}

void
fx_begin_read(QueryDesc *query, int eflags, fx_calls *calls)
{
	PlannedStmt *statement = query->plannedstmt;
	Oid			schema;
	Oid			right_of = InvalidOid;
	List	   *relations = NIL;
	bool		records = false;
	MemoryContext context = query->estate->es_query_cxt;
	MemoryContext former;
	MemoryContextCallback *callback;
	fx_read    *entry;
	char	   *id;
	ListCell   *cell;

	/* EXPLAIN alone reads nothing */
	if ((statement->rtable == NIL && calls->functions == NIL) || (eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || is_silent())
		return;
	schema = fx_schema();
	foreach(cell, statement->rtable)
	{
		RangeTblEntry *table = lfirst_node(RangeTblEntry, cell);
		Oid			user;

		if (!OidIsValid(table->relid) || !OidIsValid(schema) || get_rel_namespace(table->relid) != schema)
			continue;
		user = facesnxt_checked_as(statement, table);
		if (get_rel_relkind(table->relid) == RELKIND_VIEW)
			;					/* named beside its tables */
		else if (!is_record(table->relid))
			continue;
		else
		{
			records = true;
			if (!OidIsValid(user))
				user = GetUserId();
			if (!fx_is_owner(user))
				right_of = user;
		}
		relations = list_append_unique_oid(relations, table->relid);
	}
	/* a member reads by a view for members: that is no reading of the log */
	if (calls->functions == NIL && (!records || (!OidIsValid(right_of) && !is_reader(GetUserId()))))
		return;
	if (!OidIsValid(right_of))
		right_of = GetUserId();
	if (is_known(relations, calls->functions, right_of))
		return;
	id = record_read(relations, calls->functions, right_of,
					 fx_wording(query->sourceText, statement->stmt_location, statement->stmt_len));

	if (reading != NULL && reading->right_of == right_of)
	{
		/* a function that is called for each row is on record once */
		former = MemoryContextSwitchTo(GetMemoryChunkContext(reading));
		reading->relations = list_union_oid(reading->relations, relations);
		reading->functions = list_union_oid(reading->functions, calls->functions);
		MemoryContextSwitchTo(former);
	}
	former = MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(fx_read));
	callback = palloc0(sizeof(MemoryContextCallback));
	entry->query = query;
	entry->id = pstrdup(id);
	entry->right_of = right_of;
	entry->relations = list_copy(relations);
	entry->functions = list_copy(calls->functions);
	MemoryContextSwitchTo(former);
	callback->func = forget;
	callback->arg = entry;
	MemoryContextRegisterResetCallback(context, callback);
	entry->next = reads;
	reads = entry;
}

fx_read *
fx_read_of(QueryDesc *query)
{
	fx_read    *entry = reads;

	while (entry != NULL && entry->query != query)
		entry = entry->next;
	return entry;
}

fx_read *
fx_swap_reading(fx_read *entry)
{
	fx_read    *former = reading;

	reading = entry;
	return former;
}

void
fx_count_read(fx_read *entry)
{
	entry->rows += entry->query->estate->es_processed;
}

/* A cursor ends when it is closed, or with its transaction; after an error nobody counts. */
void
fx_end_read(QueryDesc *query)
{
	fx_read    *entry = fx_read_of(query);
	Oid			types[2] = {TEXTOID, INT8OID};
	Datum		values[2];

	if (entry == NULL || entry->ended)
		return;
	entry->ended = true;
	values[0] = CStringGetTextDatum(entry->id);
	values[1] = Int64GetDatum(entry->rows);
	/* a portal that is closed has given its snapshot back */
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) fx_as_owner("SELECT facesnxt.record_read_end($1::uuid, $2)", 2, types, values, "  ");
	PopActiveSnapshot();
}

/* COPY of a table that no policy guards from this role asks for its privilege and nothing else. */
void
fx_read_whole_table(Oid relid, AclMode required)
{
	if (starting != NULL || (required & ACL_SELECT) == 0 || is_silent() || get_rel_namespace(relid) != fx_schema() ||
		!is_record(relid) || check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return;
	(void) record_read(list_make1_oid(relid), NIL, GetUserId(), fx_wording(debug_query_string, -1, 0));
}

/* ---- functions */

/* The server asks for each function that an expression is about to call, once for the expression. */
static void
reader_object_access(ObjectAccessType access, Oid class, Oid object, int sub, void *argument)
{
	bool		theirs;

	if (next_object_access != NULL)
		next_object_access(access, class, object, sub, argument);
	if (access != OAT_FUNCTION_EXECUTE || object < FirstNormalObjectId || is_silent() ||
		!is_auditors(object, &theirs) || (!theirs && !is_reader(GetUserId())))
		return;
	if (starting != NULL)
	{
		MemoryContext former = MemoryContextSwitchTo(starting->context);

		starting->functions = list_append_unique_oid(starting->functions, object);
		MemoryContextSwitchTo(former);
	}
	else if (!is_known(NIL, list_make1_oid(object), GetUserId()))
		(void) record_read(NIL, list_make1_oid(object), GetUserId(), fx_wording(debug_query_string, -1, 0));
}

/*
 * Support function of what the policies of records and the views of auditors
 * call: that the planner asks for it has the library loaded, and with that the
 * hooks see the statement.  It has nothing to say.
 */
PG_FUNCTION_INFO_V1(facesnxt_reader_support);
Datum
facesnxt_reader_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

void
fx_reader_init(void)
{
	next_object_access = object_access_hook;
	object_access_hook = reader_object_access;
}

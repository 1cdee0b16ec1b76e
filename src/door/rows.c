/*
 * rows.c - the rows of a raw statement: kept back until they are committed as
 * records, and only then sent.
 */
#include "door/door.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/tuplestore.h"

#include "errors.h"

/* Keeps rows until they are recorded. */
typedef struct keeper
{
	DestReceiver pub;
	Tuplestorestate *store;
	int64		rows;
	fx_admission *entry;
} keeper;

/* Has the writer commit what is about to leave; NULL: more than may.  Raises when it may not. */
static void
send_rows(fx_admission *entry, const char *rows)
{
	Oid			types[3] = {UUIDOID, UUIDOID, TEXTOID};
	Datum		values[3];

	values[0] = UUIDPGetDatum(&entry->ticket);
	values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(entry->statement));
	values[2] = rows ? CStringGetTextDatum(rows) : (Datum) 0;
	(void) fx_as_owner("SELECT facesnxt.raw_rows($1, $2, $3)", 3, types, values, rows ? "   " : "  n");
}

static bool
keep_row(TupleTableSlot *slot, DestReceiver *self)
{
	keeper	   *kept = (keeper *) self;

	if (++kept->rows > fx_ticket_held.max_rows)
	{
		send_rows(kept->entry, NULL);
		/* not reached: raw_rows() raises whenever it is told of too many */
		ereport(ERROR, (errcode(ERRCODE_NX_RAW_BOUND), errmsg("raw statement refused: too many rows")));
	}
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
record_rows(fx_admission *entry, QueryDesc *query, keeper *kept)
{
	StringInfoData json;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(query->tupDesc, &TTSOpsMinimalTuple);
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
	send_rows(entry, json.data);
	pfree(json.data);
}

void
fx_run_raw(fx_admission *entry, QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE)
{
	DestReceiver *to = query->dest;
	const char *fault = fx_ticket_fault();
	keeper		kept = {{keep_row, keep_startup, keep_end, keep_end, DestNone}, NULL, 0, entry};
	TupleTableSlot *slot;

	if (fault == NULL && memcmp(&fx_ticket_held.id, &entry->ticket, sizeof(pg_uuid_t)) != 0)
		fault = "The open search that the statement began in is closed.";
	if (fault == NULL && ActivePortal != NULL && ActivePortal->queryDesc == query && ActivePortal->holdStore != NULL)
		fault = "A cursor that is held over a commit would outlive the open search.";
	if (fault != NULL)
		fx_refuse_statement(query->sourceText, fault);

	kept.store = tuplestore_begin_heap(false, false, work_mem);
	query->dest = &kept.pub;
	PG_TRY();
	{
		fx_run_next(query, direction, count FACESNXT_RUN_ONCE_PASS);
	}
	PG_FINALLY();
	{
		query->dest = to;
	}
	PG_END_TRY();
	fx_running = NULL;
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

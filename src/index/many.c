/*
 * many.c - facesnxt.search_many(): many probes, the codes read once for
 * several of them.
 *
 * A search is bound by how fast codes come from memory, so scoring each page
 * for several probes while it is in the cache costs less than as many passes.
 * What follows the pass is each probe's own.
 */
#include "index/scan.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/* Probes of one pass: their tables and the page at hand lie in the nearer caches. */
#define BATCH	16

/* Whoever may read all of the table may search it this way: policies hide rows from plans, not from here. */
static void
check_privilege(Relation heap)
{
	AclResult	allowed = pg_class_aclcheck(RelationGetRelid(heap), GetUserId(), ACL_SELECT);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, RelationGetRelationName(heap));
	if (check_enable_rls(RelationGetRelid(heap), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("search_many() refused: table \"%s\" has row-level security", RelationGetRelationName(heap)),
				 errdetail("It would return rows that a policy hides."),
				 errhint("Search for one probe at a time with ORDER BY and LIMIT.")));
}

typedef struct many_state
{
	Relation	heap;
	Relation	index;
	Snapshot	snapshot;
	TupleTableSlot *slot;
	ReturnSetInfo *result;
	Oid			distance_function;
	int64		rows;
	double		greatest;		/* distance */
} many_state;

static IndexScanDesc
begin(many_state *state, Datum probe)
{
	IndexScanDesc desc = facesnxt_index_beginscan(state->heap, state->index, state->snapshot, 0, 1);
	ScanKeyData key;

	ScanKeyEntryInitialize(&key, SK_ORDER_BY, 1, FS_ORDER_STRATEGY, InvalidOid, InvalidOid,
						   state->distance_function, probe);
	index_rescan(desc, NULL, 0, &key, 1);
	return desc;
}

/* The function of the operator that the index orders by. */
static Oid
distance_function(Relation index)
{
	Oid			operator = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0], index->rd_opcintype[0],
											   FS_ORDER_STRATEGY);

	return get_opcode(operator);
}

static void
return_rows(many_state *state, IndexScanDesc desc, int number)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	for (int64 i = 0; i < state->rows && index_getnext_slot(desc, ForwardScanDirection, state->slot); i++)
	{
		double		distance;

		/* rows without a template come behind all distances */
		if (!fs_last_distance(desc, &distance))
			break;
		values[0] = Int32GetDatum(number);
		values[1] = PointerGetDatum(&state->slot->tts_tid);
		values[2] = Float8GetDatum(distance);
		tuplestore_putvalues(state->result->setResult, state->result->setDesc, values, nulls);
	}
	ExecClearTuple(state->slot);
}

/*
 * facesnxt.search_many(index regclass, probes embedding[], rows bigint, greatest_distance double precision)
 * RETURNS TABLE (probe integer, row tid, distance double precision): for each probe, by its place in the array,
 * the nearest rows, nearest first, none farther than the greatest distance.  Every code is looked at, whatever
 * facesnxt.target_recall says.
 */
PG_FUNCTION_INFO_V1(facesnxt_search_many);
Datum
facesnxt_search_many(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	many_state	state = {.rows = PG_GETARG_INT64(2), .greatest = PG_GETARG_FLOAT8(3)};
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "facescan search_many", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Datum	   *probes;
	bool	   *nulls;
	int			nprobes;
	int16		length;
	bool		by_value;
	char		align;
	fs_caller	caller;

	if (state.rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of rows must not be negative")));
	if (isnan(state.greatest))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("greatest distance must be a number")));
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &probes, &nulls, &nprobes);
	InitMaterializedSRF(fcinfo, 0);
	state.result = (ReturnSetInfo *) fcinfo->resultinfo;
	state.index = fs_open_index(PG_GETARG_OID(0), AccessShareLock, &state.heap);
	check_privilege(state.heap);
	fs_check_usable(state.index);
	caller = fs_become_owner(state.heap);
	state.snapshot = GetActiveSnapshot();
	state.slot = table_slot_create(state.heap, NULL);
	state.distance_function = distance_function(state.index);

	old = MemoryContextSwitchTo(batch);
	for (int first = 0; first < nprobes; first += BATCH)
	{
		IndexScanDesc scans[BATCH];
		int			places[BATCH];
		int			n = 0;

		for (int i = first; i < nprobes && i < first + BATCH; i++)
			if (!nulls[i])
			{
				places[n] = i + 1;
				scans[n++] = begin(&state, probes[i]);
			}
		fs_share_first_round(scans, n, (uint64) state.rows, state.greatest);
		for (int i = 0; i < n; i++)
		{
			return_rows(&state, scans[i], places[i]);
			index_endscan(scans[i]);
		}
		MemoryContextReset(batch);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(batch);
	ExecDropSingleTupleTableSlot(state.slot);
	fs_become_caller(&caller);
	index_close(state.index, AccessShareLock);
	table_close(state.heap, AccessShareLock);
	PG_RETURN_NULL();
}

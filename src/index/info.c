/*
 * info.c - what an index and the last scan say of themselves.
 */
#include "index/scan.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static bool
is_facescan(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		result = form->relkind == RELKIND_INDEX && form->relam == get_index_am_oid("facescan", false);
		ReleaseSysCache(tuple);
	}
	return result;
}

/* Opens a facescan index that the caller may look into. */
Relation
fs_open_index(Oid oid, LOCKMODE mode, Relation *heap)
{
	Relation	index;
	Oid			table = IndexGetRelation(oid, true);

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not an index", DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(oid)))),
				 errhint("Name an index of the access method facescan.")));
	/* before anything is locked */
	if (!is_facescan(oid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a facescan index", get_rel_name(oid)),
				 errhint("Of a partitioned index, name the index of one partition.")));
	*heap = table_open(table, mode);
	index = index_open(oid, mode);
	return index;
}

/* What the planner asks of an index before it uses one. */
void
fs_check_usable(Relation index)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisvalid || !form->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errdetail("Its build has not come to an end."),
				 errhint("REINDEX or drop it.")));
	if (form->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is too new for this snapshot", RelationGetRelationName(index)),
				 errdetail("Rows may have been changed since, which the index knows in their newer form only."),
				 errhint("Ask again in a new transaction.")));
}

/* An index calls functions that the owner of its table chose, so they get the owner's rights, as in REINDEX. */
fs_caller
fs_become_owner(Relation heap)
{
	fs_caller	caller;

	GetUserIdAndSecContext(&caller.user, &caller.context);
	SetUserIdAndSecContext(heap->rd_rel->relowner, caller.context | SECURITY_RESTRICTED_OPERATION);
	caller.settings = NewGUCNestLevel();
	facesnxt_restrict_search_path();
	return caller;
}

void
fs_become_caller(const fs_caller *caller)
{
	AtEOXact_GUC(false, caller->settings);
	SetUserIdAndSecContext(caller->user, caller->context);
}

/* ---- what an index says of itself */

typedef struct info_state
{
	Relation	index;
	fs_index   *fs;
	int64		code_pages;
	int64		pages;
	int64		entries;
	int64		plain;			/* of them, scored exactly always */
	int64		tail;			/* of them, in no list */
	int64		free;			/* slots */
} info_state;

static void
add_extent(const fs_extent *extent, uint32 number, void *argument)
{
	info_state *state = argument;
	const fs_layout *layout = fs_layout_of(state->fs, extent->list);

	state->code_pages += extent->pages;
	state->pages += (int64) extent->pages * fs_pages_of_code_page(layout);
	for (uint32 i = 0; i < extent->pages; i++)
	{
		Buffer		buffer = fs_read_code(state->index, extent->start + i, BUFFER_LOCK_SHARE, layout, NULL);
		fs_code_head *head = FS_CODE_HEAD(BufferGetPage(buffer));
		int64		entries = (int64) head->used - head->free;

		state->entries += entries;
		state->free += (int64) layout->entries - entries;
		if (extent->list >= FS_LIST_ODD)
			state->plain += entries;
		else if (extent->list == FS_LIST_TAIL)
			state->tail += entries;
		UnlockReleaseBuffer(buffer);
	}
}

/* For each similarity and recall the share of the codes that is read. */
static Datum
calibration_json(Relation index, const fs_meta *meta)
{
	StringInfoData text;
	fs_calibration calibration;

	fs_blob_read(index, meta->calibration, &calibration, sizeof(calibration));
	initStringInfo(&text);
	for (int s = 0; s < FS_SIMILARITIES; s++)
	{
		appendStringInfo(&text, "%s\"%.2f\": {", s == 0 ? "{" : ", ", fs_similarity(s));
		for (int r = 0; r < FS_RECALLS; r++)
			appendStringInfo(&text, "%s\"%g\": %.4f", r == 0 ? "" : ", ", fs_recall(r),
							 Min(calibration.shares[s][r], 1));
		appendStringInfoChar(&text, '}');
	}
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

/*
 * facesnxt.index_info(index regclass): one row.
 */
PG_FUNCTION_INFO_V1(facesnxt_index_info);
Datum
facesnxt_index_info(PG_FUNCTION_ARGS)
{
	static const char *const metrics[] = {"cosine", "inner product", "Euclidean"};
	TupleDesc	desc;
	Datum		values[15];
	bool		nulls[15] = {0};
	info_state	state = {0};
	Relation	heap;
	const fs_meta *meta;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	state.index = fs_open_index(PG_GETARG_OID(0), AccessShareLock, &heap);
	state.fs = fs_index_open(state.index, CurrentMemoryContext);
	meta = &state.fs->meta;
	fs_extents_visit(state.index, meta, add_extent, &state);

	values[n++] = Int32GetDatum(meta->version);
	values[n++] = CStringGetTextDatum(metrics[meta->metric]);
	nulls[n] = nulls[n + 1] = meta->dim == 0;
	values[n++] = Int32GetDatum(meta->dim);
	values[n++] = CStringGetTextDatum(psprintf("%08x", meta->model));
	values[n++] = Int32GetDatum(meta->bits);
	values[n++] = Int32GetDatum((int32) meta->lists);
	values[n++] = Int32GetDatum(meta->nfilters);
	values[n++] = Int64GetDatum(state.entries);
	values[n++] = Int64GetDatum(state.plain);
	values[n++] = Int64GetDatum(state.tail);
	values[n++] = Int64GetDatum(state.free);
	values[n++] = Int64GetDatum(state.code_pages);
	values[n++] = Int64GetDatum(state.pages);
	values[n++] = Int64GetDatum((int64) RelationGetNumberOfBlocks(state.index) * BLCKSZ);
	nulls[n] = meta->calibration == InvalidBlockNumber;
	values[n] = nulls[n] ? (Datum) 0 : calibration_json(state.index, meta);
	index_close(state.index, AccessShareLock);
	table_close(heap, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---- the last scan */

/*
 * facesnxt.last_scan(): what the last index scan of this session did.  NULL
 * before the first.
 */
PG_FUNCTION_INFO_V1(facesnxt_last_scan);
Datum
facesnxt_last_scan(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[14];
	bool		nulls[14] = {0};
	int			n = 0;

	if (!OidIsValid(fs_last_scan.index))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[n++] = ObjectIdGetDatum(fs_last_scan.index);
	values[n++] = Int64GetDatum(fs_last_scan.lists);
	values[n++] = Int64GetDatum(fs_last_scan.pages);
	values[n++] = Int64GetDatum(fs_last_scan.codes);
	values[n++] = Int64GetDatum(fs_last_scan.survivors);
	values[n++] = Int64GetDatum(fs_last_scan.middle);
	values[n++] = Int64GetDatum(fs_last_scan.refined);
	values[n++] = Int64GetDatum(fs_last_scan.fetched);
	values[n++] = Int64GetDatum(fs_last_scan.returned);
	values[n++] = Int64GetDatum(fs_last_scan.late);
	values[n++] = Int32GetDatum(fs_last_scan.rounds);
	values[n++] = BoolGetDatum(fs_last_scan.every_code);
	values[n++] = Int32GetDatum((int32) fs_last_scan.workers);
	/* codes that were left out, or scored in part, had no such bound */
	nulls[n] = fs_last_scan.deviations == 0 || !fs_last_scan.every_code;
	values[n++] = Float4GetDatum(fs_last_scan.deviations);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* facesnxt.forget_last_scan(): what last_scan() says afterwards is of a later scan. */
PG_FUNCTION_INFO_V1(facesnxt_forget_last_scan);
Datum
facesnxt_forget_last_scan(PG_FUNCTION_ARGS)
{
	memset(&fs_last_scan, 0, sizeof(fs_last_scan));
	PG_RETURN_VOID();
}

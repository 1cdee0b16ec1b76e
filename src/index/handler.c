/*
 * handler.c - the access method's face: what it can do, and its validator.
 */
#include "index/index.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "index/build.h"

/*
 * Order by distance from an index, and every plain comparison on filter
 * columns.  What is wrong is told as INFO, as other access methods do.
 */
static bool
validate(Oid opclass)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	CatCList   *operators;
	CatCList   *procs;
	bool		valid = true;
	bool		found_proc = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(form->opcfamily));
	procs = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(form->opcfamily));

	for (int i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop operator = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);

		if (operator->amopmethod != form->opcmethod)
			continue;
		if (operator->amopstrategy < 1 || operator->amopstrategy > 5)
		{
			ereport(INFO,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("operator family of operator class \"%s\" has operator %s with strategy %d",
							NameStr(form->opcname), format_operator(operator->amopopr), operator->amopstrategy)));
			valid = false;
		}
		if (operator->amoppurpose == AMOP_ORDER && get_op_rettype(operator->amopopr) != FLOAT8OID)
		{
			ereport(INFO,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("ordering operator %s of operator class \"%s\" does not return double precision",
							format_operator(operator->amopopr), NameStr(form->opcname))));
			valid = false;
		}
	}
	for (int i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);

		if (!check_amproc_signature(proc->amproc, INT4OID, true, 0, 0))
		{
			ereport(INFO,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("support function %s of operator class \"%s\" has a wrong signature",
							format_procedure(proc->amproc), NameStr(form->opcname))));
			valid = false;
		}
		else if (proc->amproclefttype == form->opcintype)
			found_proc = true;
	}
	if (!found_proc)
	{
		ereport(INFO,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("operator class \"%s\" has no support function", NameStr(form->opcname))));
		valid = false;
	}
	ReleaseCatCacheList(procs);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(tuple);
	return valid;
}

PG_FUNCTION_INFO_V1(facesnxt_facescan_handler);
Datum
facesnxt_facescan_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = 5;
	am->amsupport = 2;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = true;
	am->amoptionalkey = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	/* several processes share a pass without a plan for it: workers.c */
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = false;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_COND_CLEANUP;
	am->amkeytype = InvalidOid;

	am->ambuild = fs_build;
	am->ambuildempty = fs_build_empty;
	am->aminsert = fs_insert;
	am->ambulkdelete = fs_bulk_delete;
	am->amvacuumcleanup = fs_vacuum_cleanup;
	am->amcanreturn = NULL;
	am->amcostestimate = fs_cost;
	am->amoptions = fs_options_parse;
	am->amproperty = NULL;
	am->ambuildphasename = fs_build_phase;
	am->amvalidate = validate;
	am->amadjustmembers = NULL;
	am->ambeginscan = fs_begin_scan;
	am->amrescan = fs_rescan;
	am->amgettuple = fs_get_tuple;
	am->amgetbitmap = NULL;
	am->amendscan = fs_end_scan;
	am->ammarkpos = NULL;
	am->amrestrpos = NULL;
	am->amestimateparallelscan = NULL;
	am->aminitparallelscan = NULL;
	am->amparallelrescan = NULL;
	PG_RETURN_POINTER(am);
}

PG_FUNCTION_INFO_V1(facesnxt_metric_cosine);
Datum
facesnxt_metric_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FX_COSINE);
}

PG_FUNCTION_INFO_V1(facesnxt_metric_inner);
Datum
facesnxt_metric_inner(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FX_INNER);
}

PG_FUNCTION_INFO_V1(facesnxt_metric_l2);
Datum
facesnxt_metric_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FX_L2);
}

PG_FUNCTION_INFO_V1(facesnxt_filter_signed);
Datum
facesnxt_filter_signed(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FS_FILTER_SIGNED);
}

PG_FUNCTION_INFO_V1(facesnxt_filter_unsigned);
Datum
facesnxt_filter_unsigned(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FS_FILTER_UNSIGNED);
}

PG_FUNCTION_INFO_V1(facesnxt_filter_prefix);
Datum
facesnxt_filter_prefix(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FS_FILTER_PREFIX);
}

PG_FUNCTION_INFO_V1(facesnxt_filter_hash);
Datum
facesnxt_filter_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(FS_FILTER_HASH);
}

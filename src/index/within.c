/*
 * within.c - a greatest distance as an index condition.
 *
 * `within(template, probe, distance)` is an ordinary function.  Its planner
 * support function turns it into `template <@ probe_range(probe, distance)`,
 * an operator that the access method knows, where there is an index for it.
 */
#include "index/index.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* How many of the enrolled lie within: the planner has no statistics, and a threshold is there to leave few. */
#define SELECTIVITY		0.0001

bool
fs_range_of_datum(Datum datum, Embedding **probe, double *distance)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(datum);
	bool		no_probe;
	bool		no_distance;
	Datum		template = GetAttributeByNum(row, 1, &no_probe);
	Datum		greatest = GetAttributeByNum(row, 2, &no_distance);

	if (no_probe || no_distance)
		return false;
	*probe = embedding_of_datum(template);
	*distance = DatumGetFloat8(greatest);
	return !isnan(*distance);
}

static bool
within(FunctionCallInfo fcinfo, fx_metric metric, const Embedding *probe, double distance)
{
	const Embedding *template = PG_GETARG_EMBEDDING_P(0);

	return (metric == FX_COSINE ? embedding_cosine_distance(template, probe) :
			embedding_l2_distance(template, probe)) <= distance;
}

PG_FUNCTION_INFO_V1(facesnxt_within);
Datum
facesnxt_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within(fcinfo, FX_COSINE, PG_GETARG_EMBEDDING_P(1), PG_GETARG_FLOAT8(2)));
}

PG_FUNCTION_INFO_V1(facesnxt_within_l2);
Datum
facesnxt_within_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within(fcinfo, FX_L2, PG_GETARG_EMBEDDING_P(1), PG_GETARG_FLOAT8(2)));
}

/* The same with probe and distance in one value. */
static Datum
within_range(FunctionCallInfo fcinfo, fx_metric metric)
{
	Embedding  *probe;
	double		distance;

	if (!fs_range_of_datum(PG_GETARG_DATUM(1), &probe, &distance))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(within(fcinfo, metric, probe, distance));
}

PG_FUNCTION_INFO_V1(facesnxt_within_range);
Datum
facesnxt_within_range(PG_FUNCTION_ARGS)
{
	return within_range(fcinfo, FX_COSINE);
}

PG_FUNCTION_INFO_V1(facesnxt_within_range_l2);
Datum
facesnxt_within_range_l2(PG_FUNCTION_ARGS)
{
	return within_range(fcinfo, FX_L2);
}

/*
 * (template, probe, distance) as template <@ ROW(probe, distance), if the index
 * has that operator.  Each metric has a row type of its own, so the operator
 * family of an index for another metric has none.
 */
static Node *
index_condition(SupportRequestIndexCondition *request, const char *type_name)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	IndexOptInfo *index = request->index;
	Oid			type;
	Oid			operator;
	RowExpr    *row;

	if (!IsA(call, FuncExpr) || list_length(call->args) != 3 || request->indexarg != 0)
		return NULL;
	type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(type_name),
						   ObjectIdGetDatum(get_func_namespace(request->funcid)));
	operator = get_opfamily_member(request->opfamily, exprType(linitial(call->args)), type, FS_WITHIN_STRATEGY);
	if (!OidIsValid(operator) ||
		!is_pseudo_constant_for_index(request->root, lsecond(call->args), index) ||
		!is_pseudo_constant_for_index(request->root, lthird(call->args), index))
		return NULL;
	row = makeNode(RowExpr);
	row->args = list_make2(copyObject(lsecond(call->args)), copyObject(lthird(call->args)));
	row->row_typeid = type;
	row->row_format = COERCE_EXPLICIT_CAST;
	row->location = -1;
	request->lossy = false;
	return (Node *) list_make1(make_opclause(operator, BOOLOID, false, (Expr *) copyObject(linitial(call->args)),
											 (Expr *) row, InvalidOid, InvalidOid));
}

static Node *
support(Node *request, const char *type_name)
{
	if (IsA(request, SupportRequestIndexCondition))
		return index_condition((SupportRequestIndexCondition *) request, type_name);
	if (IsA(request, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) request)->selectivity = SELECTIVITY;
		return request;
	}
	return NULL;
}

PG_FUNCTION_INFO_V1(facesnxt_within_support);
Datum
facesnxt_within_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(support((Node *) PG_GETARG_POINTER(0), "probe_range"));
}

PG_FUNCTION_INFO_V1(facesnxt_within_l2_support);
Datum
facesnxt_within_l2_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(support((Node *) PG_GETARG_POINTER(0), "probe_range_l2"));
}

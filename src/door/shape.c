/*
 * shape.c - what a raw statement may look like.
 *
 * Only the plain search passes: columns of facesnxt.reference and its distance
 * to one probe, in order, with a limit.  A template may be compared and
 * nothing else, and no function that could carry a value elsewhere than into
 * the result (which is recorded) may see a row.
 */
#include "door/door.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct shape_walk
{
	fx_shape   *shape;
	Oid			schema;
	Oid			template;		/* the type */
} shape_walk;

/* What may take a template of a row as its argument, and the policy's own function. */
static const char *const comparisons[] = {
	"cosine_distance", "cosine_similarity", "l2_distance", "inner_product", "negative_inner_product", "within", NULL
};

static Oid
template_type(void)
{
	Oid			schema = fx_schema();

	return OidIsValid(schema)
		? GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("embedding"), ObjectIdGetDatum(schema))
		: InvalidOid;
}

bool
fx_is_template_type(Oid type)
{
	return type == template_type();
}

static bool
fault(shape_walk *walk, const char *what)
{
	if (walk->shape->fault == NULL)
		walk->shape->fault = what;
	return true;				/* ends the walk */
}

static bool
is_comparison(shape_walk *walk, Oid function)
{
	char	   *name;

	if (function < FirstNormalObjectId || get_func_namespace(function) != walk->schema)
		return false;
	name = get_func_name(function);
	for (int i = 0; comparisons[i] != NULL; i++)
		if (strcmp(name, comparisons[i]) == 0)
			return true;
	return false;
}

/* The server's own functions without side effects, and the one of the policy. */
static bool
is_harmless(shape_walk *walk, Oid function)
{
	if (function < FirstGenbkiObjectId)
		return func_volatile(function) != PROVOLATILE_VOLATILE;
	return get_func_namespace(function) == walk->schema && strcmp(get_func_name(function), "raw_door") == 0;
}

/*
 * Whether a function of the server's runs what an argument names: the input of
 * any type, which for a domain calls whatever its check calls, or the view that
 * becomes XML.
 */
static bool
runs_what_is_named(Oid function)
{
	Oid		   *types;
	int			count;
	char	   *name;

	(void) get_func_signature(function, &types, &count);
	for (int i = 0; i < count; i++)
		if (types[i] == CSTRINGOID)
			return true;
	name = get_func_name(function);
	return strncmp(name, "pg_input_", 9) == 0 || strstr(name, "_to_xml") != NULL;
}

/* A type of somebody's brings its own code along: the check of a domain, a cast to json. */
static bool
is_somebodys(shape_walk *walk, Oid type)
{
	HeapTuple	tuple;
	bool		theirs;

	if (type < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	theirs = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace != walk->schema;
	ReleaseSysCache(tuple);
	return theirs;
}

static bool
check_function(Oid function, void *context)
{
	shape_walk *walk = context;

	if (!is_harmless(walk, function) && !is_comparison(walk, function))
		return fault(walk, "It calls a function that is volatile or not the server's own.");
	return false;
}

/* One side is the template of a row, the other the probe. */
static bool
check_comparison(shape_walk *walk, List *args)
{
	ListCell   *cell;
	int			seen = 0;

	foreach(cell, args)
	{
		Node	   *arg = lfirst(cell);

		if (IsA(arg, RelabelType))
			arg = (Node *) ((RelabelType *) arg)->arg;
		if (exprType(arg) != walk->template)
			continue;
		if (IsA(arg, Var) && ((Var *) arg)->varattno != 0)
			seen++;
		else if (IsA(arg, Const) || (IsA(arg, Param) && ((Param *) arg)->paramkind == PARAM_EXTERN))
		{
			if (walk->shape->probe == NULL)
				walk->shape->probe = arg;
			else if (!equal(walk->shape->probe, arg))
				return fault(walk, "It has several probes.");
		}
		else
			return fault(walk, "The probe is neither a value nor a parameter.");
	}
	if (seen != 1)
		return fault(walk, "It does not compare a template with a probe.");
	return false;
}

static bool
walk_expression(Node *node, void *context)
{
	shape_walk *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, List))
		return expression_tree_walker(node, walk_expression, context);
	if (IsA(node, FuncExpr) || IsA(node, OpExpr))
	{
		Oid			function = IsA(node, FuncExpr) ? ((FuncExpr *) node)->funcid : ((OpExpr *) node)->opfuncid;
		List	   *args = IsA(node, FuncExpr) ? ((FuncExpr *) node)->args : ((OpExpr *) node)->args;

		if (!OidIsValid(function) && IsA(node, OpExpr))
			function = get_opcode(((OpExpr *) node)->opno);
		if (is_comparison(walk, function))
		{
			ListCell   *cell;

			if (check_comparison(walk, args))
				return true;
			/* what is no template, such as the greatest distance */
			foreach(cell, args)
				if (exprType(lfirst(cell)) != walk->template && walk_expression(lfirst(cell), context))
					return true;
			return false;
		}
		if (runs_what_is_named(function))
			return fault(walk, "It calls a function that runs what its argument names.");
	}
	if (is_somebodys(walk, exprType(node)))
		return fault(walk, "It has a value of a type that is not the server's own.");
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varattno == 0)
				return fault(walk, "It takes a whole row.");
			break;
		case T_SubPlan:
		case T_AlternativeSubPlan:
			return fault(walk, "It has a subquery.");
		case T_CoerceToDomain:
		case T_XmlExpr:
		case T_ArrayCoerceExpr:
		case T_RowExpr:
		case T_CurrentOfExpr:
		case T_NextValueExpr:
			return fault(walk, "It has an expression that is not allowed here.");
		default:
			break;
	}
	/* a template anywhere but under a comparison */
	if (exprType(node) == walk->template)
		return fault(walk, "It takes a template for something else than a comparison with the probe.");
	if (check_functions_in_node(node, check_function, context))
		return true;
	return expression_tree_walker(node, walk_expression, context);
}

/* Columns of a node: a template may be handed on as it is, but not to the client. */
static bool
walk_targets(shape_walk *walk, List *targets, bool top)
{
	ListCell   *cell;

	foreach(cell, targets)
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		if (IsA(target->expr, Var) && ((Var *) target->expr)->varattno != 0 &&
			exprType((Node *) target->expr) == walk->template)
		{
			if (top && !target->resjunk)
				return fault(walk, "It returns a template.");
		}
		else if (walk_expression((Node *) target->expr, walk))
			return true;
	}
	return false;
}

static bool
sorts_templates(shape_walk *walk, Sort *sort)
{
	for (int i = 0; i < sort->numCols; i++)
	{
		TargetEntry *target = list_nth_node(TargetEntry, sort->plan.targetlist, sort->sortColIdx[i] - 1);

		if (exprType((Node *) target->expr) == walk->template)
			return true;
	}
	return false;
}

static bool
walk_plan(shape_walk *walk, Plan *plan, Plan *top)
{
	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_Limit:
			if (((Limit *) plan)->limitOffset != NULL)
				return fault(walk, "It has an OFFSET.");
			if (walk_expression(((Limit *) plan)->limitCount, walk))
				return true;
			break;
		case T_Sort:
		case T_IncrementalSort:
			if (sorts_templates(walk, (Sort *) plan))
				return fault(walk, "It sorts by the template itself.");
			break;
		case T_Result:
			if (walk_expression(((Result *) plan)->resconstantqual, walk))
				return true;
			break;
		case T_SeqScan:
		case T_BitmapHeapScan:
			break;
		case T_BitmapIndexScan:
			/* its condition is checked again by the scan of the table */
			return false;
		case T_IndexScan:
			if (walk_expression((Node *) ((IndexScan *) plan)->indexqualorig, walk) ||
				walk_expression((Node *) ((IndexScan *) plan)->indexorderbyorig, walk))
				return true;
			break;
		case T_SubqueryScan:
			if (walk_plan(walk, ((SubqueryScan *) plan)->subplan, NULL))
				return true;
			break;
		default:
			return fault(walk, "It is more than columns and a distance, in order, with a limit.");
	}
	if (plan->initPlan != NIL)
		return fault(walk, "It has a subquery.");
	return walk_targets(walk, plan->targetlist, plan == top) || walk_expression((Node *) plan->qual, walk) ||
		walk_plan(walk, plan->lefttree, NULL) || walk_plan(walk, plan->righttree, NULL);
}

void
fx_shape_of(PlannedStmt *statement, Oid reference, fx_shape *shape)
{
	shape_walk	walk = {NULL, fx_schema(), template_type()};
	ListCell   *cell;
	int			tables = 0;

	memset(shape, 0, sizeof(*shape));
	walk.shape = shape;
	if (statement->commandType != CMD_SELECT || statement->hasModifyingCTE || statement->rowMarks != NIL)
	{
		shape->fault = "It is no plain SELECT.";
		return;
	}
	foreach(cell, statement->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION && entry->relkind != RELKIND_VIEW &&
			(entry->relid != reference || ++tables > 1))
		{
			shape->fault = "It reads more than the table of references, once.";
			return;
		}
	}
	if (statement->subplans != NIL)
		shape->fault = "It has a subquery.";
	else if (!IsA(statement->planTree, Limit))
		shape->fault = "It has no LIMIT.";
	else if (!walk_plan(&walk, statement->planTree, statement->planTree) && shape->probe == NULL)
		shape->fault = "It compares nothing with a probe.";
	else if (shape->fault == NULL && IsA(shape->probe, Const) && ((Const *) shape->probe)->constisnull)
		shape->fault = "The probe is null.";
}

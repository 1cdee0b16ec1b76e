/*
 * clause.c - conditions on filter columns that the planner leaves out.
 *
 * The planner gives an ordered index scan no `column = ANY (array)` on a
 * column after the first, because with a btree that would spoil the order;
 * and before version 16 it knows a bare boolean column for its own access
 * methods alone.  Neither is so here: a filter column never touches the
 * order.  So the clauses are put in while the path is being costed, by the
 * rules by which the planner matches its own.
 */
#include "index/clause.h"

#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

static bool
has_clause(const IndexPath *path, const RestrictInfo *restriction)
{
	ListCell   *cell;

	foreach(cell, path->indexclauses)
		if (((IndexClause *) lfirst(cell))->rinfo == restriction)
			return true;
	return false;
}

/* The number of the filter column that this is, from 0 for the template; 0: none. */
static int
filter_column(Node *operand, IndexOptInfo *index)
{
	while (operand != NULL && IsA(operand, RelabelType))
		operand = (Node *) ((RelabelType *) operand)->arg;
	for (int column = 1; column < index->nkeycolumns; column++)
		if (match_index_to_operand(operand, column, index))
			return column;
	return 0;
}

/* column = ANY (array) and the like; the quals, or NIL. */
static List *
match_array(PlannerInfo *root, IndexOptInfo *index, RestrictInfo *restriction, int *column)
{
	ScalarArrayOpExpr *expr = (ScalarArrayOpExpr *) restriction->clause;
	Node	   *array;

	if (!IsA(expr, ScalarArrayOpExpr) || !expr->useOr)
		return NIL;
	array = (Node *) lsecond(expr->args);
	*column = filter_column((Node *) linitial(expr->args), index);
	if (*column == 0 || !op_in_opfamily(expr->opno, index->opfamily[*column]) ||
		(OidIsValid(index->indexcollations[*column]) && index->indexcollations[*column] != expr->inputcollid) ||
		!is_pseudo_constant_for_index(root, array, index))
		return NIL;
	return list_make1(restriction);
}

/* A boolean column, NOT of one, or one that IS TRUE or IS FALSE, as column = true or false. */
static List *
match_boolean(PlannerInfo *root, IndexOptInfo *index, RestrictInfo *restriction, int *column)
{
	Node	   *operand = (Node *) restriction->clause;
	bool		value = true;
	Expr	   *expr;

	if (is_notclause(operand))
	{
		operand = (Node *) get_notclausearg((Expr *) operand);
		value = false;
	}
	else if (IsA(operand, BooleanTest))
	{
		BoolTestType kind = ((BooleanTest *) operand)->booltesttype;

		/* the others hold of NULL as well */
		if (kind != IS_TRUE && kind != IS_FALSE)
			return NIL;
		operand = (Node *) ((BooleanTest *) operand)->arg;
		value = kind == IS_TRUE;
	}
	if (exprType(operand) != BOOLOID)
		return NIL;
	*column = filter_column(operand, index);
	if (*column == 0 || !op_in_opfamily(BooleanEqualOperator, index->opfamily[*column]))
		return NIL;
	expr = make_opclause(BooleanEqualOperator, BOOLOID, false, (Expr *) operand, (Expr *) makeBoolConst(value, false),
						 InvalidOid, InvalidOid);
	return list_make1(make_simple_restrictinfo(root, expr));
}

void
fs_complete_clauses(PlannerInfo *root, IndexPath *path)
{
	IndexOptInfo *index = path->indexinfo;
	ListCell   *cell;

	foreach(cell, index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, cell);
		List	   *quals;
		int			column;

		/* as for the planner's own: a condition must not see rows that a policy hides */
		if (restriction->pseudoconstant || has_clause(path, restriction) ||
			!restriction_is_securely_promotable(restriction, index->rel))
			continue;
		quals = match_array(root, index, restriction, &column);
		if (quals == NIL)
			quals = match_boolean(root, index, restriction, &column);
		if (quals != NIL)
		{
			IndexClause *clause = makeNode(IndexClause);

			clause->rinfo = restriction;
			clause->indexquals = quals;
			clause->lossy = false;
			clause->indexcol = column;
			clause->indexcols = NIL;
			/* the list is another path's, too */
			path->indexclauses = lappend(list_copy(path->indexclauses), clause);
		}
	}
}

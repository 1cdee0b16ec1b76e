/*
 * cost.c - what a scan costs, for the planner.
 *
 * In the order of distance: one pass over all code pages, some percent of the
 * codes refined, and a heap fetch for each row returned and for a few that
 * just miss.  Without that order an index scan has no advantage over a plain
 * scan, and is priced out.
 */
#include "index/clause.h"
#include "index/index.h"

#include <float.h>

#include "access/genam.h"
#include "optimizer/optimizer.h"
#include "utils/spccache.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "utils/selfuncs.h"

/* Of cpu_operator_cost: scoring one coarse code, bounding one survivor. */
#define CODE_COST		0.02
#define REFINE_COST		0.5
/* Share of the codes that are refined before the first rows leave. */
#define REFINED			0.03
/*
 * Of cpu_operator_cost: a row that is asked for, beside its page.  Those that
 * just miss are fetched and compared as well, and more rounds find what is
 * farther.  It takes 0.8 us where all of 10,000 rows are asked for and 4 us
 * where all of 1 M are; in such a time the costs of an exact scan, which the
 * server reckons, rise by 260 and 800.
 */
#define ROW_COST		300

/* A greatest distance is found in the order of distance, whoever asked for order or not. */
static bool
has_within(const IndexPath *path)
{
	ListCell   *cell;

	foreach(cell, path->indexclauses)
	{
		const IndexClause *clause = lfirst_node(IndexClause, cell);

		if (clause->indexcol == 0 && IsA(clause->rinfo->clause, FuncExpr))
			return true;
	}
	return false;
}

void
fs_cost(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total, Selectivity *selectivity,
		double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	GenericCosts costs;
	double		code_pages;
	double		rows = Max(info->tuples, 1);
	double		spc_seq_page_cost;
	Relation	index;
	fs_meta		meta;
	double		share = 1;

	fs_complete_clauses(root, path);
	MemSet(&costs, 0, sizeof(costs));
	genericcostestimate(root, path, loops, &costs);
	*selectivity = costs.indexSelectivity;
	*correlation = 0;
	*pages = info->pages;

	/* and an order by two distances is more than this index knows */
	if ((path->indexorderbys == NIL && !has_within(path)) || list_length(path->indexorderbys) > 1)
	{
		facesnxt_forbid(&path->path);
		*startup = DBL_MAX / 4;
		*total = DBL_MAX / 4;
		return;
	}

	code_pages = info->pages;
	if (info->hypothetical)
		/* an index that is not there */
		memset(&meta, 0, sizeof(meta));
	else
	{
		index = index_open(info->indexoid, NoLock);
		fs_meta_read(index, &meta);
		if (meta.dim != 0 && meta.bits > 1)
		{
			fs_layout	layout;

			fs_layout_init(&layout, &meta, fx_code_padded(meta.dim));
			code_pages = info->pages / (double) fs_pages_of_code_page(&layout);
		}
		share = fs_share_by_settings(index, &meta);
		index_close(index, NoLock);
	}

	get_tablespace_page_costs(info->reltablespace, NULL, &spc_seq_page_cost);
	/* read in order, and usually cached: what reading costs is a fraction of a page from disk */
	*startup = spc_seq_page_cost * code_pages * share * 0.1 +
		cpu_operator_cost * rows * share * (CODE_COST * Max(meta.dim, 64) / 512 + REFINED * REFINE_COST);
	*startup += costs.indexStartupCost;
	*total = *startup + cpu_index_tuple_cost * rows * *selectivity +
		cpu_operator_cost * rows * *selectivity * ROW_COST;
	*pages = code_pages;
}

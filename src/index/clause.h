/*
 * clause.h - conditions on filter columns that the planner leaves out.
 */
#ifndef FACESNXT_INDEX_CLAUSE_H
#define FACESNXT_INDEX_CLAUSE_H

#include "compat.h"

#include "nodes/pathnodes.h"

/* Adds what can be tested inside the scan to the path's clauses. */
extern void fs_complete_clauses(PlannerInfo *root, IndexPath *path);

#endif							/* FACESNXT_INDEX_CLAUSE_H */

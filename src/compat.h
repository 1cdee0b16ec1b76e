/*
 * compat.h - every test of the server's version stands here.
 *
 * The extension is built for PostgreSQL 15, and tested with 17 and 18 too; 16 is kept in mind.
 */
#ifndef FACESNXT_COMPAT_H
#define FACESNXT_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "facesnxt needs PostgreSQL 15 or newer"
#endif

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * The identity that authentication proved, and by what; 15 keeps the first
 * only.  Both are used where libpq/libpq-be.h and miscadmin.h are included.
 */
#if PG_VERSION_NUM >= 160000
#define FX_AUTHENTICATED_AS()	(MyClientConnectionInfo.authn_id)
#define FX_AUTHENTICATION()		(MyClientConnectionInfo.authn_id ? \
								 hba_authname(MyClientConnectionInfo.auth_method) : NULL)
#else
#define FX_AUTHENTICATED_AS()	(MyProcPort ? MyProcPort->authn_id : NULL)
#define FX_AUTHENTICATION()		((const char *) NULL)
#endif

/* 17 has functions of an index find names in pg_catalog and pg_temp alone.  With utils/guc.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_restrict_search_path() RestrictSearchPath()
#else
#define facesnxt_restrict_search_path() ((void) 0)
#endif

/* 18 tells the delay point whether it serves ANALYZE. */
#if PG_VERSION_NUM >= 180000
#define facesnxt_vacuum_delay_point() vacuum_delay_point(true)
#else
#define facesnxt_vacuum_delay_point() vacuum_delay_point()
#endif

/* Begins a scan; 18 also takes where its searches are counted.  With access/genam.h. */
#if PG_VERSION_NUM >= 180000
#define facesnxt_index_beginscan(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, norderbys)
#else
#define facesnxt_index_beginscan(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, nkeys, norderbys)
#endif

/* Counts a search for EXPLAIN ANALYZE, which tells it from 18 on.  With access/relscan.h. */
#if PG_VERSION_NUM >= 180000
#define facesnxt_count_search(scan) \
	((scan)->instrument ? (void) (scan)->instrument->nsearches++ : (void) 0)
#else
#define facesnxt_count_search(scan) ((void) 0)
#endif

/*
 * 18 counts the forbidden nodes of a path, and compares that count before any
 * costs.  A path that is never wanted has more of them than other ways have.
 * With nodes/pathnodes.h.
 */
#if PG_VERSION_NUM >= 180000
#define facesnxt_forbid(path)		((void) ((path)->disabled_nodes += 1000))
#else
#define facesnxt_forbid(path)		((void) 0)
#endif

/* 16 renamed the identity of a relation's file. */
#if PG_VERSION_NUM >= 160000
#define facesnxt_file				RelFileLocator
#define facesnxt_file_of(relation)	((relation)->rd_locator)
#define facesnxt_same_file(a, b)	RelFileLocatorEquals(a, b)
#else
#define facesnxt_file				RelFileNode
#define facesnxt_file_of(relation)	((relation)->rd_node)
#define facesnxt_same_file(a, b)	RelFileNodeEquals(a, b)
#endif

/* Closes all files of relations, and forgets them; 17 renamed it.  With storage/smgr.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_close_files()		smgrdestroyall()
#else
#define facesnxt_close_files()		smgrcloseall()
#endif

/*
 * Ends a read that was interrupted, as the end of a transaction does; 16 left it to the resource owner, 18 has
 * asynchronous ones.  With storage/bufmgr.h.
 */
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#define facesnxt_abort_reads()		pgaio_error_cleanup()
#elif PG_VERSION_NUM < 160000
#define facesnxt_abort_reads()		AbortBufferIO()
#else
#define facesnxt_abort_reads()		((void) 0)
#endif

/* 17 dropped snapshots that grow too old.  With storage/bufmgr.h and utils/snapmgr.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_snapshots_age()	false
#define facesnxt_test_old_snapshot(snapshot, relation, page) ((void) 0)
#else
#define facesnxt_snapshots_age()	OldSnapshotThresholdActive()
#define facesnxt_test_old_snapshot(snapshot, relation, page) TestForOldSnapshot(snapshot, relation, page)
#endif

/* One row of the table of backends, from 1 on; 16 renamed it.  With utils/backend_status.h. */
#if PG_VERSION_NUM >= 160000
#define facesnxt_backend_status(i)	pgstat_get_local_beentry_by_index(i)
#else
#define facesnxt_backend_status(i)	pgstat_fetch_stat_local_beentry(i)
#endif

/* The number of this backend's transaction, whether it writes or not; 17 moved it.  With storage/proc.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_local_transaction()	(MyProc->vxid.lxid)
#else
#define facesnxt_local_transaction()	(MyProc->lxid)
#endif

/* How many transactions that changed anything have ended; 17 renamed the struct.  With access/transam.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_completion_count()	(TransamVariables->xactCompletionCount)
#else
#define facesnxt_completion_count()	(ShmemVariableCache->xactCompletionCount)
#endif

/* 18 runs every plan so that it can be run again.  The last parameter of ExecutorRun(). */
#if PG_VERSION_NUM >= 180000
#define FACESNXT_RUN_ONCE
#define FACESNXT_RUN_ONCE_PASS
#else
#define FACESNXT_RUN_ONCE		, bool once
#define FACESNXT_RUN_ONCE_PASS	, once
#endif

/* Where EXPLAIN ANALYZE sends the rows; 17 may write them out first (SERIALIZE).  With tcop/dest.h. */
#if PG_VERSION_NUM >= 170000
#define facesnxt_is_nowhere(dest)	((dest)->mydest == DestNone || (dest)->mydest == DestExplainSerialize)
#else
#define facesnxt_is_nowhere(dest)	((dest)->mydest == DestNone)
#endif

/* 16 moved the rights that a relation is read with out of the range table.  With parser/parse_relation.h. */
#if PG_VERSION_NUM >= 160000
#define FACESNXT_CHECK_PERMS_ARGS	List *rangeTable, List *permInfos, bool raise
#define FACESNXT_CHECK_PERMS_PASS	rangeTable, permInfos, raise
#define facesnxt_checked_as(statement, entry) \
	((entry)->perminfoindex > 0 ? getRTEPermissionInfo((statement)->permInfos, entry)->checkAsUser : InvalidOid)
#define facesnxt_checked_as_list(entry) \
	((entry)->perminfoindex > 0 ? getRTEPermissionInfo(permInfos, entry)->checkAsUser : InvalidOid)
#define facesnxt_required_as_list(entry) \
	((entry)->perminfoindex > 0 ? getRTEPermissionInfo(permInfos, entry)->requiredPerms : ACL_NO_RIGHTS)
#else
#define FACESNXT_CHECK_PERMS_ARGS	List *rangeTable, bool raise
#define FACESNXT_CHECK_PERMS_PASS	rangeTable, raise
#define facesnxt_checked_as(statement, entry)	((entry)->checkAsUser)
#define facesnxt_checked_as_list(entry)			((entry)->checkAsUser)
#define facesnxt_required_as_list(entry)		((entry)->requiredPerms)
#endif

#endif							/* FACESNXT_COMPAT_H */

/*
 * wipe.c - what is deleted is overwritten, on the primary and on its replicas.
 *
 * DELETE marks a row, VACUUM takes its line pointer away and leaves its bytes
 * in the hole between pd_lower and pd_upper; a deleted page of a b-tree keeps
 * all it had there.  Generic WAL writes the hole as zeros: GenericXLogFinish()
 * in the buffer, generic_redo() and the restoring of a full-page image on a
 * replica.  So a page whose hole is not zero is registered and finished
 * without any other change.
 *
 * And each page is looked at for what a vacuum could not remove yet.  An index
 * of facescan is wiped by its own vacuum (index/vacuum.c) and has no holes.
 */
#include "compat.h"

#include "access/generic_xlog.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "errors.h"

PG_FUNCTION_INFO_V1(facesnxt_wipe);
PG_FUNCTION_INFO_V1(facesnxt_next_transaction);

typedef struct wipe_counts
{
	int64		pages;
	int64		wiped;			/* pages whose hole was not zero */
	int64		remaining;		/* rows and entries that are dead and still there */
} wipe_counts;

static bool
all_zero(const char *bytes, Size length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static bool
hole_is_zero(Page page)
{
	PageHeader	header = (PageHeader) page;

	if (PageIsNew(page))
		return all_zero(page, BLCKSZ);
	return all_zero((char *) page + header->pd_lower, header->pd_upper - header->pd_lower);
}

/* What a vacuum must have taken away. */
typedef struct wipe_bound
{
	TransactionId horizon;		/* dead for everybody before this one */
	TransactionId before;		/* rows of this transaction and later ones have nothing of the erasure's */
	bool		pointers;		/* dead line pointers count, as index entries may lead to them */
} wipe_bound;

/* Rows of a table that are deleted, by whomever, and whose bytes or line pointers are still there. */
static int64
dead_rows(Relation relation, Buffer buffer, const wipe_bound *bound)
{
	Page		page = BufferGetPage(buffer);
	int64		count = 0;

	if (PageIsNew(page))
		return 0;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId		item = PageGetItemId(page, i);
		HeapTupleData tuple;

		/* a dead line pointer has no bytes */
		if (ItemIdIsDead(item) && bound->pointers)
			count++;
		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(relation);
		ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), i);
		if (TransactionIdFollowsOrEquals(HeapTupleHeaderGetXmin(tuple.t_data), bound->before))
			continue;
		switch (HeapTupleSatisfiesVacuum(&tuple, bound->horizon, buffer))
		{
			case HEAPTUPLE_LIVE:
			case HEAPTUPLE_INSERT_IN_PROGRESS:
				break;
			default:
				count++;
		}
	}
	return count;
}

/* Entries of a b-tree that a scan has marked as dead, and no vacuum has removed. */
static int64
dead_entries(Page page)
{
	int64		count = 0;

	if (PageIsNew(page))
		return 0;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
		count += ItemIdIsDead(PageGetItemId(page, i));
	return count;
}

static void
wipe_page(Relation relation, Buffer buffer, wipe_counts *counts)
{
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!hole_is_zero(BufferGetPage(buffer)))
	{
		GenericXLogState *xlog = GenericXLogStart(relation);

		(void) GenericXLogRegisterBuffer(xlog, buffer, GENERIC_XLOG_FULL_IMAGE);
		GenericXLogFinish(xlog);
		counts->wiped++;
	}
}

static void
wipe_relation(Relation relation, wipe_bound *bound, wipe_counts *counts)
{
	bool		table = relation->rd_rel->relkind != RELKIND_INDEX;
	bool		btree = !table && relation->rd_rel->relam == BTREE_AM_OID;
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_VACUUM);
	/* elsewhere what looks like a hole may be what the index is made of: BRIN, GIN */
	BlockNumber blocks = table || btree ? RelationGetNumberOfBlocks(relation) : 0;

	/* of an index there is none, and a server with assertions stops whoever asks for it */
	if (table)
		bound->horizon = GetOldestNonRemovableTransactionId(relation);
	for (BlockNumber block = 0; block < blocks; block++)
	{
		Buffer		buffer = ReadBufferExtended(relation, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		Page		page = BufferGetPage(buffer);

		facesnxt_vacuum_delay_point();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (table)
			counts->remaining += dead_rows(relation, buffer, bound);
		else if (bound->pointers)
			counts->remaining += dead_entries(page);
		if (!hole_is_zero(page))
		{
			/* a page that was never initialised holds nothing of ours */
			if (PageIsNew(page))
				counts->remaining++;
			else
				wipe_page(relation, buffer, counts);
		}
		counts->pages++;
		UnlockReleaseBuffer(buffer);
	}
	FreeAccessStrategy(strategy);
}

/*
 * facesnxt.wipe(relation regclass, before xid8, pointers boolean, OUT pages
 * bigint, OUT wiped bigint, OUT remaining bigint)
 *
 * Of a table, a TOAST table or an index.  The lock is VACUUM's own, so that
 * no vacuum moves or truncates anything meanwhile; readers and writers go on.
 * Of an index that is no b-tree no page is looked at: facescan's have no hole,
 * and one of another kind is rebuilt (facesnxt.note_files()).
 */
Datum
facesnxt_wipe(PG_FUNCTION_ARGS)
{
	Relation	relation = relation_open(PG_GETARG_OID(0), ShareUpdateExclusiveLock);
	char		kind = relation->rd_rel->relkind;
	wipe_bound	bound = {
		.before = XidFromFullTransactionId(PG_GETARG_FULLTRANSACTIONID(1)),
		.pointers = PG_GETARG_BOOL(2),
	};
	wipe_counts counts = {0};
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != 3)
		elog(ERROR, "wipe must return its own row type");
	tupdesc = BlessTupleDesc(tupdesc);
	if (kind != RELKIND_RELATION && kind != RELKIND_TOASTVALUE && kind != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" has no pages of its own", RelationGetRelationName(relation)),
				 errhint("Name a table, a TOAST table or an index.")));
	wipe_relation(relation, &bound, &counts);
	/* until the end of the transaction */
	relation_close(relation, NoLock);

	values[0] = Int64GetDatum(counts.pages);
	values[1] = Int64GetDatum(counts.wiped);
	values[2] = Int64GetDatum(counts.remaining);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}

/* facesnxt.next_transaction() RETURNS xid8: no transaction has this number yet, this one's own included */
Datum
facesnxt_next_transaction(PG_FUNCTION_ARGS)
{
	PG_RETURN_FULLTRANSACTIONID(ReadNextFullTransactionId());
}

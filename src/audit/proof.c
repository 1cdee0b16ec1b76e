/*
 * proof.c - what SQL asks of the chain: the bytes of single events, roots and
 * proofs of the Merkle tree, and a walk along all of it.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "chain.h"
#include "chain/event.h"
#include "chain/merkle.h"
#include "errors.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(facesnxt_event_bytes);
PG_FUNCTION_INFO_V1(facesnxt_tree_root);
PG_FUNCTION_INFO_V1(facesnxt_tree_proof);
PG_FUNCTION_INFO_V1(facesnxt_chain_walk);

/* ---- events */

/* The columns that an event's bytes are made of, in this order wherever they are read. */
#define EVENT_FIELDS "seq, at, happened_at, transaction, operation, relation, acting_role, session_role, commitment"

/* Makes the bytes of an event from those columns; names stay where they are. */
static size_t
encode(const Datum *values, const uint8 previous[FX_SHA256_SIZE], uint8 bytes[FX_EVENT_SIZE_LIMIT])
{
	fx_event	event;
	fx_error	why;
	size_t		size;

	event.seq = (uint64) DatumGetInt64(values[0]);
	event.at = fx_unix_time(DatumGetTimestampTz(values[1]));
	event.happened = fx_unix_time(DatumGetTimestampTz(values[2]));
	event.transaction = (uint64) DatumGetInt64(values[3]);
	event.operation = DatumGetChar(values[4]);
	event.relation = NameStr(*DatumGetName(values[5]));
	event.relation_size = strlen(event.relation);
	event.acting = NameStr(*DatumGetName(values[6]));
	event.acting_size = strlen(event.acting);
	event.session = NameStr(*DatumGetName(values[7]));
	event.session_size = strlen(event.session);
	fx_read_hash(DatumGetByteaPP(values[8]), event.commitment);
	memcpy(event.previous, previous, FX_SHA256_SIZE);
	if (fx_event_encode(&event, bytes, &size, &why) != FX_OK)
		elog(ERROR, "%s", why.detail);
	return size;
}

/* facesnxt.event_bytes(event facesnxt.event, previous bytea) RETURNS bytea; previous is NULL for the first */
Datum
facesnxt_event_bytes(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header;
	TupleDesc	columns;
	HeapTupleData row;
	Datum		values[9];
	uint8		previous[FX_SHA256_SIZE] = {0};
	uint8		bytes[FX_EVENT_SIZE_LIMIT];
	size_t		size;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	header = PG_GETARG_HEAPTUPLEHEADER(0);
	columns = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	row.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&row.t_self);
	row.t_tableOid = InvalidOid;
	row.t_data = header;
	for (int i = 0; i < 9; i++)
	{
		bool		isnull;

		values[i] = heap_getattr(&row, i + 1, columns, &isnull);
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an event has no NULL in \"%s\"", NameStr(TupleDescAttr(columns, i)->attname))));
	}
	if (!PG_ARGISNULL(1))
		fx_read_hash(PG_GETARG_BYTEA_PP(1), previous);
	size = encode(values, previous, bytes);
	ReleaseTupleDesc(columns);
	PG_RETURN_BYTEA_P(fx_bytea(bytes, size));
}

/* ---- the tree */

/* Leaves are hashes of events, every eighth height is a tile; what is between is computed. */
static bool
stored_node(void *context, int height, uint64_t index, fx_hash *hash)
{
	Oid			types[2] = {INT8OID, INT2OID};
	Datum		values[2] = {Int64GetDatum((int64) index), Int16GetDatum(height / 8)};
	bool		isnull;

	if (height % 8 != 0)
		return false;
	if (height == 0)
		fx_read("SELECT hash FROM facesnxt.event WHERE seq = $1", 1, types, values);
	else
		fx_read("SELECT hash FROM facesnxt.event_tile WHERE tile = $1 AND level = $2", 2, types, values);
	if (SPI_processed != 1)
		return false;
	fx_read_hash(DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)), hash->bytes);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

static void
tree_error(fx_code code, const fx_error *why)
{
	if (code != FX_OK)
		ereport(ERROR,
				(errcode(code == FX_RANGE ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NX_CHAIN_BROKEN),
				 errmsg(code == FX_RANGE ? "there is no such proof" : "the chain of events is broken"),
				 errdetail("%s", why->detail),
				 errhint("facesnxt.audit_verify() looks at all of it.")));
}

/* facesnxt.tree_root(tree_size bigint) RETURNS bytea */
Datum
facesnxt_tree_root(PG_FUNCTION_ARGS)
{
	const fx_tree tree = {stored_node, NULL};
	int64		size = PG_GETARG_INT64(0);
	fx_hash		root;
	fx_error	why;

	if (size < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a tree has no negative size")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	tree_error(fx_merkle_root(&tree, (uint64) size, &root, &why), &why);
	SPI_finish();
	PG_RETURN_BYTEA_P(fx_bytea(root.bytes, FX_SHA256_SIZE));
}

/*
 * facesnxt.tree_proof(kind text, number bigint, tree_size bigint) RETURNS bytea[]
 *
 * kind is "inclusion" of the event of that number, or "consistency" with the
 * tree of that size.
 */
Datum
facesnxt_tree_proof(PG_FUNCTION_ARGS)
{
	const fx_tree tree = {stored_node, NULL};
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64		number = PG_GETARG_INT64(1);
	int64		size = PG_GETARG_INT64(2);
	fx_hash		proof[FX_PROOF_LIMIT];
	Datum		hashes[FX_PROOF_LIMIT];
	int			count;
	fx_error	why;

	if (number < 0 || size < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("events and trees have no negative numbers")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (strcmp(kind, "inclusion") == 0)
		tree_error(fx_merkle_inclusion(&tree, (uint64) number, (uint64) size, proof, &count, &why), &why);
	else if (strcmp(kind, "consistency") == 0)
		tree_error(fx_merkle_consistency(&tree, (uint64) number, (uint64) size, proof, &count, &why), &why);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a proof is of \"inclusion\" or of \"consistency\"")));
	SPI_finish();
	for (int i = 0; i < count; i++)
		hashes[i] = PointerGetDatum(fx_bytea(proof[i].bytes, FX_SHA256_SIZE));
	PG_RETURN_ARRAYTYPE_P(construct_array(hashes, count, BYTEAOID, -1, false, TYPALIGN_INT));
}

/* ---- a walk along the chain */

typedef struct walk
{
	ReturnSetInfo *result;
	int			problems;
	bool		gap;			/* from there on tiles are not where they were */
	fx_frontier frontier;
	fx_tiles	tiles;
	TimestampTz last_at;
	uint8		last_hash[FX_SHA256_SIZE];
} walk;

/* A row of the result: what was found, where, in words; or a root. */
static void
tell(walk *at, const char *found, int64 seq, const char *detail, const fx_hash *hash)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, detail == NULL, hash == NULL};

	values[0] = CStringGetTextDatum(found);
	values[1] = Int64GetDatum(seq);
	values[2] = detail == NULL ? (Datum) 0 : CStringGetTextDatum(detail);
	values[3] = hash == NULL ? (Datum) 0 : PointerGetDatum(fx_bytea(hash->bytes, FX_SHA256_SIZE));
	tuplestore_putvalues(at->result->setResult, at->result->setDesc, values, nulls);
}

/* A chain that is broken everywhere is reported by its first thousand breaks. */
static void
problem(walk *at, const char *found, int64 seq, const char *detail)
{
	if (at->problems++ < 1000)
		tell(at, found, seq, detail, NULL);
}

/* The tiles that an event completes are those that are stored. */
static void
check_tiles(walk *at, const fx_hash *leaf)
{
	fx_hash		complete[FX_TILE_LEVELS];
	int			count = fx_tiles_add(&at->tiles, leaf, complete);

	for (int level = 1; level <= count; level++)
	{
		int64		tile = (int64) ((at->frontier.size - 1) >> (8 * level));
		fx_hash		stored = {{0}};
		char		detail[64];

		if (stored_node(NULL, 8 * level, (uint64_t) tile, &stored)
			&& memcmp(stored.bytes, complete[level - 1].bytes, FX_SHA256_SIZE) == 0)
			continue;
		snprintf(detail, sizeof(detail), "Tile %lld of level %d.", (long long) tile, level);
		problem(at, "a stored hash of the tree is wrong", (int64) at->frontier.size - 1, detail);
	}
}

/* One event: its number, its time, its hash over its bytes and the hash before. */
static void
step(walk *at, const Datum *values, bytea *stored)
{
	int64		seq = DatumGetInt64(values[0]);
	TimestampTz when = DatumGetTimestampTz(values[1]);
	uint8		bytes[FX_EVENT_SIZE_LIMIT];
	size_t		size;
	fx_hash		hash = {{0}};
	uint8		claimed[FX_SHA256_SIZE];

	if ((uint64) seq != at->frontier.size)
	{
		char		detail[96];

		snprintf(detail, sizeof(detail), "Events %llu to %lld are missing.",
				 (unsigned long long) at->frontier.size, (long long) seq - 1);
		problem(at, "events are missing", seq, detail);
		/* what follows is judged by the hashes that are there */
		at->frontier.size = (uint64) seq;
		at->gap = true;
	}
	if (when < at->last_at)
		problem(at, "an event is older than the one before", seq, NULL);
	size = encode(values, at->last_hash, bytes);
	fx_event_hash(bytes, size, hash.bytes);
	fx_read_hash(stored, claimed);
	if (memcmp(hash.bytes, claimed, FX_SHA256_SIZE) != 0)
		problem(at, "an event was changed", seq, "Its hash is not that of its bytes and the event before.");
	fx_frontier_add(&at->frontier, &hash);
	if (!at->gap)
		check_tiles(at, &hash);
	/* so that one change is reported once */
	memcpy(at->last_hash, claimed, FX_SHA256_SIZE);
	at->last_at = when;
}

/*
 * facesnxt.chain_walk(sizes bigint[]) RETURNS SETOF (found text, seq bigint, detail text, hash bytea)
 *
 * Computes every hash of the chain anew.  Returns a row for each break, and
 * with found = 'root' the root of the tree at each of the ascending sizes that
 * the chain reaches, and at its end.
 */
Datum
facesnxt_chain_walk(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int64	   *sizes = (int64 *) ARR_DATA_PTR(array);
	int			left = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	walk		at = {0};
	Portal		portal;
	SPIPlanPtr	plan;
	fx_hash		root;

	if (ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("sizes must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	at.result = (ReturnSetInfo *) fcinfo->resultinfo;
	at.last_at = DT_NOBEGIN;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare("SELECT " EVENT_FIELDS ", hash FROM facesnxt.event ORDER BY seq", 0, NULL);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		SPITupleTable *rows;
		uint64		count;

		SPI_cursor_fetch(portal, true, 1000);
		rows = SPI_tuptable;
		count = SPI_processed;
		if (count == 0)
			break;
		for (uint64 i = 0; i < count; i++)
		{
			Datum		values[10];
			bool		isnull;

			for (int column = 0; column < 10; column++)
				values[column] = SPI_getbinval(rows->vals[i], rows->tupdesc, column + 1, &isnull);
			while (left > 0 && (uint64) *sizes <= at.frontier.size)
			{
				root = fx_frontier_root(&at.frontier);
				tell(&at, "root", *sizes++, NULL, &root);
				left--;
			}
			step(&at, values, DatumGetByteaPP(values[9]));
		}
		SPI_freetuptable(rows);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
	SPI_finish();
	root = fx_frontier_root(&at.frontier);
	while (left-- > 0 && (uint64) *sizes <= at.frontier.size)
		tell(&at, "root", *sizes++, NULL, &root);
	tell(&at, "root", (int64) at.frontier.size, NULL, &root);
	return (Datum) 0;
}

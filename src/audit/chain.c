/*
 * chain.c - the sequencer: gives changes their place in the chain of events.
 *
 * Only the writer runs this, and there is one writer (worker.c).  It keeps the
 * end of the chain in memory: the last hash, and for each level of tiles the
 * frontier of the tile that is not complete.  After an abort it reads them
 * again, so that what was not committed is not built upon.
 */
#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "chain.h"
#include "chain/merkle.h"
#include "errors.h"
#include "sql.h"

/* Columns of facesnxt.event, in the order of sql/13-event.sql. */
enum
{
	EVENT_SEQ,
	EVENT_AT,
	EVENT_HAPPENED,
	EVENT_TRANSACTION,
	EVENT_OPERATION,
	EVENT_RELATION,
	EVENT_ACTING,
	EVENT_SESSION,
	EVENT_COMMITMENT,
	EVENT_HASH,
	EVENT_SALT,
	EVENT_KEY,
	EVENT_IMAGE,
	EVENT_COLUMNS
};

/* The end of the chain. */
static struct
{
	bool		known;
	Oid			table;			/* facesnxt.event, which goes with its extension */
	uint64		size;
	TimestampTz at;				/* of the last event */
	uint8		hash[FX_SHA256_SIZE];
	fx_tiles	tiles;
} end;

/* False once the entries that a restore doubled are gone. */
static bool doubles_looked_for = false;

void
fx_chain_forget(void)
{
	end.known = false;
	doubles_looked_for = false;
}

/* ---- reading the end */

static void
read_hash(HeapTuple tuple, TupleDesc columns, int column, uint8 hash[FX_SHA256_SIZE])
{
	bool		isnull;
	Datum		bytes = SPI_getbinval(tuple, columns, column, &isnull);

	if (isnull)
		elog(ERROR, "a hash of the chain is NULL");
	fx_read_hash(DatumGetByteaPP(bytes), hash);
}

/* Fills the frontier of a level from what the query returns: the hashes after its last complete tile. */
static void
read_tile(int level, const char *query, int16 height, int64 from, int64 to)
{
	Oid			types[3] = {INT2OID, INT8OID, INT8OID};
	Datum		values[3] = {Int16GetDatum(height), Int64GetDatum(from), Int64GetDatum(to)};

	end.tiles.level[level].size = 0;
	if (from == to)
		return;
	fx_query(query, 3, types, values, SPI_OK_SELECT);
	if (SPI_processed != (uint64) (to - from))
		ereport(ERROR,
				(errcode(ERRCODE_NX_CHAIN_BROKEN),
				 errmsg("the chain of events is broken at its end"),
				 errdetail("Of level %d, %lld hashes from %lld on are needed and %llu are there.", height,
						   (long long) (to - from), (long long) from, (unsigned long long) SPI_processed),
				 errhint("facesnxt.audit_verify() says what is missing.")));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		fx_hash		hash = {{0}};

		read_hash(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, hash.bytes);
		fx_frontier_add(&end.tiles.level[level], &hash);
	}
}

static void
read_end(void)
{
	bool		isnull;
	uint64		tiles;

	memset(&end, 0, sizeof(end));
	fx_query("SELECT seq, at, hash FROM facesnxt.event ORDER BY seq DESC LIMIT 1", 0, NULL, NULL, SPI_OK_SELECT);
	if (SPI_processed == 1)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];

		end.size = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull)) + 1;
		end.at = DatumGetTimestampTz(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		read_hash(tuple, SPI_tuptable->tupdesc, 3, end.hash);
	}
	read_tile(0, "SELECT hash FROM facesnxt.event WHERE $1 = 0 AND seq >= $2 AND seq < $3 ORDER BY seq",
			  0, end.size & ~UINT64CONST(255), end.size);
	tiles = end.size >> 8;
	for (int level = 1; level < FX_TILE_LEVELS; level++, tiles >>= 8)
		read_tile(level, "SELECT hash FROM facesnxt.event_tile"
				  " WHERE level = $1 AND tile >= $2 AND tile < $3 ORDER BY tile",
				  level, tiles & ~UINT64CONST(255), tiles);
	end.known = true;
}

/* ---- writing */

/* The two tables, open while events are written. */
typedef struct chain_tables
{
	Relation	event;
	CatalogIndexState event_indexes;
	Relation	tile;
} chain_tables;

/* Keeps the hashes of the tiles that the last event completes. */
static void
grow(chain_tables *tables, const fx_hash *leaf)
{
	fx_hash		complete[FX_TILE_LEVELS];
	int			count = fx_tiles_add(&end.tiles, leaf, complete);

	for (int level = 1; level <= count; level++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int16GetDatum(level);
		values[1] = Int64GetDatum((int64) ((end.size - 1) >> (8 * level)));
		values[2] = PointerGetDatum(fx_bytea(complete[level - 1].bytes, FX_SHA256_SIZE));
		CatalogTupleInsert(tables->tile, heap_form_tuple(RelationGetDescr(tables->tile), values, nulls));
	}
}

static void
append(chain_tables *tables, fx_change *change)
{
	fx_event	event = {.seq = end.size, .transaction = change->transaction, .operation = change->operation};
	uint8		bytes[FX_EVENT_SIZE_LIMIT];
	size_t		size;
	fx_error	why;
	fx_hash		hash;
	Datum		values[EVENT_COLUMNS];
	bool		nulls[EVENT_COLUMNS] = {false};
	TimestampTz at = Max(GetCurrentTimestamp(), end.at);
	NameData	relation,
				acting,
				session;

	event.at = fx_unix_time(at);
	event.happened = fx_unix_time(change->happened);
	event.relation = change->relation;
	event.relation_size = strlen(change->relation);
	event.acting = change->acting;
	event.acting_size = strlen(change->acting);
	event.session = change->session;
	event.session_size = strlen(change->session);
	fx_row_commitment(change->salt, change->digest, event.commitment);
	memcpy(event.previous, end.hash, FX_SHA256_SIZE);
	if (fx_event_encode(&event, bytes, &size, &why) != FX_OK)
		elog(ERROR, "%s", why.detail);
	fx_event_hash(bytes, size, hash.bytes);

	namestrcpy(&relation, change->relation);
	namestrcpy(&acting, change->acting);
	namestrcpy(&session, change->session);
	values[EVENT_SEQ] = Int64GetDatum((int64) end.size);
	values[EVENT_AT] = TimestampTzGetDatum(at);
	values[EVENT_HAPPENED] = TimestampTzGetDatum(change->happened);
	values[EVENT_TRANSACTION] = Int64GetDatum((int64) change->transaction);
	values[EVENT_OPERATION] = CharGetDatum(change->operation);
	values[EVENT_RELATION] = NameGetDatum(&relation);
	values[EVENT_ACTING] = NameGetDatum(&acting);
	values[EVENT_SESSION] = NameGetDatum(&session);
	values[EVENT_COMMITMENT] = PointerGetDatum(fx_bytea(event.commitment, FX_SHA256_SIZE));
	values[EVENT_HASH] = PointerGetDatum(fx_bytea(hash.bytes, FX_SHA256_SIZE));
	values[EVENT_SALT] = UUIDPGetDatum((pg_uuid_t *) change->salt);
	nulls[EVENT_KEY] = change->row_key == NULL;
	values[EVENT_KEY] = nulls[EVENT_KEY] ? (Datum) 0 : CStringGetTextDatum(change->row_key);
	nulls[EVENT_IMAGE] = change->image == NULL;
	values[EVENT_IMAGE] = nulls[EVENT_IMAGE] ? (Datum) 0 : CStringGetTextDatum(change->image);
	CatalogTupleInsertWithInfo(tables->event, heap_form_tuple(RelationGetDescr(tables->event), values, nulls),
							   tables->event_indexes);

	end.size++;
	end.at = at;
	memcpy(end.hash, hash.bytes, FX_SHA256_SIZE);
	grow(tables, &hash);
}

/* ---- what sessions left */

/*
 * A restored dump brings each row together with its events, and the trigger
 * notes the row once more.  Such a note says nothing new: it is dropped when
 * the row's last event commits to the same.
 */
static bool
says_nothing_new(fx_change *change)
{
	Oid			types[2] = {TEXTOID, NAMEOID};
	NameData	relation;
	Datum		values[2];
	bool		isnull;
	HeapTuple	tuple;
	TupleDesc	columns;
	pg_uuid_t  *salt;
	uint8		commitment[FX_SHA256_SIZE];
	uint8		last[FX_SHA256_SIZE];
	char		operation;

	if (change->operation != FX_EVENT_INSERT)
		return false;
	namestrcpy(&relation, change->relation);
	values[0] = CStringGetTextDatum(change->row_key);
	values[1] = NameGetDatum(&relation);
	/* after a truncation no row is there any more */
	fx_query("SELECT l.operation, l.commitment, l.salt FROM (SELECT e.* FROM facesnxt.event e"
			 " WHERE e.relation = $2 AND e.row_key = $1 ORDER BY e.seq DESC LIMIT 1) l"
			 " WHERE NOT EXISTS (SELECT FROM facesnxt.event t"
			 " WHERE t.relation = $2 AND t.row_key IS NULL AND t.operation = 'T' AND t.seq > l.seq)",
			 2, types, values, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return false;
	tuple = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	operation = DatumGetChar(SPI_getbinval(tuple, columns, 1, &isnull));
	if (operation != FX_EVENT_INSERT && operation != FX_EVENT_UPDATE)
		return false;
	read_hash(tuple, columns, 2, last);
	salt = DatumGetUUIDP(SPI_getbinval(tuple, columns, 3, &isnull));
	if (isnull)
		return false;
	fx_row_commitment(salt->data, change->digest, commitment);
	return memcmp(commitment, last, FX_SHA256_SIZE) == 0;
}

/*
 * Of two notes of the same new row, the later one was made by a restore, unless
 * the row went in between; who made the first is what counts.
 */
static void
drop_doubles(void)
{
	if (doubles_looked_for)
		return;
	fx_query("DELETE FROM facesnxt.pending_event p USING facesnxt.pending_event q"
			 " WHERE p.operation = 'I' AND q.operation = 'I' AND p.relation = q.relation AND p.row_key = q.row_key"
			 " AND p.digest = q.digest AND (q.happened_at, q.salt) < (p.happened_at, p.salt)"
			 " AND NOT EXISTS (SELECT FROM facesnxt.pending_event d WHERE d.operation = 'D' AND d.relation = p.relation"
			 " AND d.row_key = p.row_key AND d.happened_at BETWEEN q.happened_at AND p.happened_at)"
			 " AND NOT EXISTS (SELECT FROM facesnxt.pending_event t WHERE t.operation = 'T' AND t.relation = p.relation"
			 " AND t.happened_at BETWEEN q.happened_at AND p.happened_at)",
			 0, NULL, NULL, SPI_OK_DELETE);
	doubles_looked_for = true;
}

static char *
text_or_null(HeapTuple tuple, TupleDesc columns, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, columns, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void
read_change(HeapTuple tuple, TupleDesc columns, fx_change *change)
{
	bool		isnull;

	change->happened = DatumGetTimestampTz(SPI_getbinval(tuple, columns, 1, &isnull));
	change->transaction = (uint64) DatumGetInt64(SPI_getbinval(tuple, columns, 2, &isnull));
	change->operation = DatumGetChar(SPI_getbinval(tuple, columns, 3, &isnull));
	strlcpy(change->relation, NameStr(*DatumGetName(SPI_getbinval(tuple, columns, 4, &isnull))), NAMEDATALEN);
	strlcpy(change->acting, NameStr(*DatumGetName(SPI_getbinval(tuple, columns, 5, &isnull))), NAMEDATALEN);
	strlcpy(change->session, NameStr(*DatumGetName(SPI_getbinval(tuple, columns, 6, &isnull))), NAMEDATALEN);
	memcpy(change->salt, DatumGetUUIDP(SPI_getbinval(tuple, columns, 7, &isnull))->data, FX_SALT_SIZE);
	read_hash(tuple, columns, 8, change->digest);
	change->row_key = text_or_null(tuple, columns, 9);
	change->image = text_or_null(tuple, columns, 10);
}

/* Takes at most limit of what waits, in order. */
static uint64
chain_pending(chain_tables *tables, int limit)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(limit)};
	SPITupleTable *taken;
	uint64		count;

	fx_query("SELECT FROM facesnxt.pending_event LIMIT 1", 0, NULL, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return 0;
	drop_doubles();
	fx_query("WITH taken AS (DELETE FROM facesnxt.pending_event WHERE ctid = ANY (ARRAY("
			 "SELECT ctid FROM facesnxt.pending_event ORDER BY number, salt LIMIT $1)) RETURNING *)"
			 " SELECT happened_at, transaction, operation, relation, acting_role, session_role,"
			 " salt, digest, row_key, image"
			 " FROM taken ORDER BY number, salt", 1, types, values, SPI_OK_SELECT);
	taken = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		fx_change	change;

		read_change(taken->vals[i], taken->tupdesc, &change);
		if (!says_nothing_new(&change))
			append(tables, &change);
	}
	SPI_freetuptable(taken);
	return count;
}

uint64
fx_chain(int limit, bool only_if_begun)
{
	Oid			schema = get_namespace_oid("facesnxt", true);
	Oid			event = OidIsValid(schema) ? get_relname_relid("event", schema) : InvalidOid;
	chain_tables tables;
	fx_change **own;
	int			own_count;
	uint64		written;

	own = fx_changes(&own_count);
	if (!OidIsValid(event))
		return 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (!end.known || end.table != event)
		read_end();
	end.table = event;
	if (only_if_begun && end.size == 0)
	{
		SPI_finish();
		return 0;
	}
	tables.event = table_open(event, RowExclusiveLock);
	tables.event_indexes = CatalogOpenIndexes(tables.event);
	tables.tile = table_open(get_relname_relid("event_tile", schema), RowExclusiveLock);
	if (RelationGetNumberOfAttributes(tables.event) != EVENT_COLUMNS)
		elog(ERROR, "table \"event\" is not of this version of the extension");

	written = chain_pending(&tables, limit);
	for (int i = 0; i < own_count; i++)
		append(&tables, own[i]);
	written += own_count;

	table_close(tables.tile, NoLock);
	CatalogCloseIndexes(tables.event_indexes);
	table_close(tables.event, NoLock);
	SPI_finish();
	return written;
}

/*
 * rows.c - rows as SQL sees them on the way to the chain: their canonical
 * text, key and digest, and the way back from a key to the row.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "image.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(facesnxt_row_image);
PG_FUNCTION_INFO_V1(facesnxt_row_key);
PG_FUNCTION_INFO_V1(facesnxt_row_digest);
PG_FUNCTION_INFO_V1(facesnxt_row_commitment);
PG_FUNCTION_INFO_V1(facesnxt_stored_row);

bytea *
fx_bytea(const void *from, Size size)
{
	bytea	   *bytes = palloc(VARHDRSZ + size);

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), from, size);
	return bytes;
}

void
fx_read_hash(bytea *bytes, uint8 hash[FX_SHA256_SIZE])
{
	if (VARSIZE_ANY_EXHDR(bytes) != FX_SHA256_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a SHA-256 has %d bytes, not %d", FX_SHA256_SIZE, (int) VARSIZE_ANY_EXHDR(bytes))));
	memcpy(hash, VARDATA_ANY(bytes), FX_SHA256_SIZE);
}

/* The row behind a composite value, which must be a table's, and its shape. */
static fx_row_shape *
open_row(HeapTupleHeader header, HeapTupleData *row)
{
	Oid			type = HeapTupleHeaderGetTypeId(header);
	Oid			relation = get_typ_typrelid(type);

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the row of a table is needed, not one of type %s", format_type_be(type))));
	row->t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&row->t_self);
	row->t_tableOid = InvalidOid;
	row->t_data = header;
	return fx_row_shape_of(relation);
}

/* facesnxt.row_image(record) RETURNS text */
Datum
facesnxt_row_image(PG_FUNCTION_ARGS)
{
	HeapTupleData row;
	fx_row_shape *shape = open_row(PG_GETARG_HEAPTUPLEHEADER(0), &row);
	StringInfoData text;

	initStringInfo(&text);
	fx_row_image(shape, &row, &text);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

/* facesnxt.row_key(record) RETURNS text */
Datum
facesnxt_row_key(PG_FUNCTION_ARGS)
{
	HeapTupleData row;
	fx_row_shape *shape = open_row(PG_GETARG_HEAPTUPLEHEADER(0), &row);
	StringInfoData text;

	initStringInfo(&text);
	fx_row_key(shape, &row, &text);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

/* facesnxt.row_digest(relation name, row_key text, image text) RETURNS bytea */
Datum
facesnxt_row_digest(PG_FUNCTION_ARGS)
{
	char	   *relation;
	text	   *key = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	text	   *image = PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2);
	uint8		digest[FX_SHA256_SIZE];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	relation = NameStr(*PG_GETARG_NAME(0));
	fx_row_digest(relation, strlen(relation), key ? VARDATA_ANY(key) : NULL, key ? VARSIZE_ANY_EXHDR(key) : 0,
				  image ? VARDATA_ANY(image) : NULL, image ? VARSIZE_ANY_EXHDR(image) : 0, digest);
	PG_RETURN_BYTEA_P(fx_bytea(digest, FX_SHA256_SIZE));
}

/* facesnxt.row_commitment(salt uuid, digest bytea) RETURNS bytea */
Datum
facesnxt_row_commitment(PG_FUNCTION_ARGS)
{
	uint8		digest[FX_SHA256_SIZE];
	uint8		commitment[FX_SHA256_SIZE];

	fx_read_hash(PG_GETARG_BYTEA_PP(1), digest);
	fx_row_commitment(PG_GETARG_UUID_P(0)->data, digest, commitment);
	PG_RETURN_BYTEA_P(fx_bytea(commitment, FX_SHA256_SIZE));
}

/* Takes the next part of a key, its escapes undone; NULL after the last. */
static char *
next_part(const char **from)
{
	StringInfoData part;

	if (*from == NULL)
		return NULL;
	initStringInfo(&part);
	while (**from != '\0' && **from != '/')
	{
		if (**from == '\\' && (*from)[1] != '\0')
			(*from)++;
		appendStringInfoChar(&part, *(*from)++);
	}
	*from = **from == '/' ? *from + 1 : NULL;
	return part.data;
}

/*
 * facesnxt.stored_row(relation name, row_key text) RETURNS text
 *
 * The canonical text of the row of that key as it is now, or NULL where there
 * is none.
 */
Datum
facesnxt_stored_row(PG_FUNCTION_ARGS)
{
	char	   *name = NameStr(*PG_GETARG_NAME(0));
	const char *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid			id = get_relname_relid(name, get_namespace_oid("facesnxt", false));
	Relation	relation;
	Bitmapset  *columns;
	int			column = -1;
	StringInfoData query;
	char	   *part;
	text	   *image = NULL;

	if (!OidIsValid(id))
		PG_RETURN_NULL();
	relation = relation_open(id, AccessShareLock);
	columns = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT facesnxt.row_image(r) FROM facesnxt.%s r WHERE true", quote_identifier(name));
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		int			number = column + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);

		part = next_part(&key);
		if (part == NULL)
			break;
		if (getBaseType(attribute->atttypid) == BYTEAOID)
			appendStringInfo(&query, " AND r.%s = pg_catalog.decode(%s, 'hex')",
							 quote_identifier(NameStr(attribute->attname)), quote_literal_cstr(part));
		else
			appendStringInfo(&query, " AND r.%s = %s::%s", quote_identifier(NameStr(attribute->attname)),
							 quote_literal_cstr(part),
							 format_type_with_typemod(attribute->atttypid, attribute->atttypmod));
	}
	relation_close(relation, AccessShareLock);
	if (column >= 0 || key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of table \"%s\" has another number of parts", name)));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(query.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "a row could not be read by its key");
	if (SPI_processed == 1)
	{
		bool		isnull;
		text	   *found = DatumGetTextPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));

		image = SPI_palloc(VARSIZE_ANY_EXHDR(found) + VARHDRSZ);
		SET_VARSIZE(image, VARSIZE_ANY_EXHDR(found) + VARHDRSZ);
		memcpy(VARDATA(image), VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found));
	}
	SPI_finish();
	if (image == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(image);
}

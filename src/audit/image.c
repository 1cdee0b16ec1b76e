/*
 * image.c - the canonical text of a row.
 *
 * The text is the same whatever the settings of the session, the server's
 * version or the order of the table's columns are, so that a digest taken
 * today can be taken again in ten years from a restored dump:
 *
 *	{"agency_id":"9f...","candidates":"20","repositories":["booking"]}
 *
 * Columns stand in the order of their names (bytes).  A column that is NULL,
 * generated or dropped is left out, so one that is added later changes
 * nothing.  Every value is a JSON string: times in UTC with microseconds,
 * floats by their shortest decimal, roles and other named objects by number,
 * bytes as hexadecimal, templates and whatever has more than 64 bytes as
 * "sha256:" and its hash.  Arrays are JSON arrays; NULL elements are null.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "image.h"

#define SHORT_BYTES 64

/* What the index of events by key takes beside the name of a relation. */
#define LONGEST_KEY 2000

/* ---- values */

static void
append_time(StringInfo to, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(time))
		appendStringInfo(to, "\"%sinfinity\"", TIMESTAMP_IS_NOBEGIN(time) ? "-" : "");
	else if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	else
		appendStringInfo(to, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"",
						 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

static void
append_date(StringInfo to, DateADT date)
{
	int			year,
				month,
				day;

	if (DATE_NOT_FINITE(date))
	{
		appendStringInfo(to, "\"%sinfinity\"", DATE_IS_NOBEGIN(date) ? "-" : "");
		return;
	}
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	appendStringInfo(to, "\"%04d-%02d-%02d\"", year, month, day);
}

static void
append_hex(StringInfo to, const char *bytes, Size size)
{
	enlargeStringInfo(to, 2 * size);
	hex_encode(bytes, size, to->data + to->len);
	to->len += 2 * size;
	to->data[to->len] = '\0';
}

/* Bytes, or their hash where there are many of them or they are a face. */
static void
append_bytes(StringInfo to, Datum value, bool hashed)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	Size		size = VARSIZE_ANY_EXHDR(bytes);

	appendStringInfoChar(to, '"');
	if (hashed || size > SHORT_BYTES)
	{
		const fx_piece piece = {VARDATA_ANY(bytes), size};
		uint8_t		hash[FX_SHA256_SIZE];

		fx_sha256(&piece, 1, hash);
		appendStringInfoString(to, "sha256:");
		append_hex(to, (char *) hash, FX_SHA256_SIZE);
	}
	else
		append_hex(to, VARDATA_ANY(bytes), size);
	appendStringInfoChar(to, '"');
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
}

static void append_value(StringInfo to, fx_value_shape *shape, Datum value);

/* Elements in their order, whatever the dimensions and bounds are: no column here has more than one, from 1 on. */
static void
append_array(StringInfo to, fx_value_shape *shape, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (ARR_NDIM(array) > 1 || (ARR_NDIM(array) == 1 && ARR_LBOUND(array)[0] != 1))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("an array on record has one dimension, counted from 1")));
	deconstruct_array(array, shape->element_type, shape->length, shape->by_value, shape->align,
					  &elements, &nulls, &count);
	appendStringInfoChar(to, '[');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(to, ',');
		if (nulls[i])
			appendStringInfoString(to, "null");
		else
			append_value(to, shape->element, elements[i]);
	}
	appendStringInfoChar(to, ']');
}

static void
append_value(StringInfo to, fx_value_shape *shape, Datum value)
{
	char		number[Max(FLOAT_SHORTEST_DECIMAL_LEN, DOUBLE_SHORTEST_DECIMAL_LEN) + 1];

	switch (shape->kind)
	{
		case FX_VALUE_TEXT:
			{
				char	   *text = OutputFunctionCall(&shape->output, value);

				escape_json(to, text);
				pfree(text);
				break;
			}
		case FX_VALUE_TIMESTAMPTZ:
			append_time(to, DatumGetTimestampTz(value));
			break;
		case FX_VALUE_DATE:
			append_date(to, DatumGetDateADT(value));
			break;
		case FX_VALUE_FLOAT4:
			float_to_shortest_decimal_buf(DatumGetFloat4(value), number);
			appendStringInfo(to, "\"%s\"", number);
			break;
		case FX_VALUE_FLOAT8:
			double_to_shortest_decimal_buf(DatumGetFloat8(value), number);
			appendStringInfo(to, "\"%s\"", number);
			break;
		case FX_VALUE_OID:
			appendStringInfo(to, "\"%u\"", DatumGetObjectId(value));
			break;
		case FX_VALUE_BYTES:
			append_bytes(to, value, false);
			break;
		case FX_VALUE_TEMPLATE:
			append_bytes(to, value, true);
			break;
		case FX_VALUE_ARRAY:
			append_array(to, shape, value);
			break;
	}
}

/* ---- rows */

void
fx_row_image(fx_row_shape *shape, HeapTuple row, StringInfo to)
{
	bool		first = true;

	heap_deform_tuple(row, shape->columns, shape->values, shape->nulls);
	appendStringInfoChar(to, '{');
	for (int i = 0; i < shape->count; i++)
	{
		int			at = shape->column[i].number - 1;

		if (shape->nulls[at])
			continue;
		if (!first)
			appendStringInfoChar(to, ',');
		first = false;
		escape_json(to, NameStr(shape->column[i].name));
		appendStringInfoChar(to, ':');
		append_value(to, shape->column[i].value, shape->values[at]);
	}
	appendStringInfoChar(to, '}');
}

/* Parts are separated by "/", and a "/" or "\" within a part has a "\" before it. */
void
fx_row_key(fx_row_shape *shape, HeapTuple row, StringInfo to)
{
	StringInfoData part;

	initStringInfo(&part);
	for (int i = 0; i < shape->key_count; i++)
	{
		bool		isnull;
		Datum		value = heap_getattr(row, shape->key[i].number, shape->columns, &isnull);

		if (i > 0)
			appendStringInfoChar(to, '/');
		if (isnull)
			continue;
		resetStringInfo(&part);
		if (shape->key[i].value->kind == FX_VALUE_TEXT)
		{
			char	   *text = OutputFunctionCall(&shape->key[i].value->output, value);

			appendStringInfoString(&part, text);
			pfree(text);
		}
		else
		{
			append_value(&part, shape->key[i].value, value);
			/* without the quotes */
			part.data[--part.len] = '\0';
			memmove(part.data, part.data + 1, part.len);
		}
		for (const char *at = part.data; *at != '\0'; at++)
		{
			if (*at == '/' || *at == '\\')
				appendStringInfoChar(to, '\\');
			appendStringInfoChar(to, *at);
		}
	}
	pfree(part.data);

	/* here it fails one change; in the writer it would fail everybody's records */
	if (to->len > LONGEST_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a row with a key of %d bytes cannot be put on record", to->len),
				 errhint("Choose a shorter one: a key has at most %d bytes.", LONGEST_KEY)));
}

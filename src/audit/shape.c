/*
 * shape.c - the columns of a table as image.c writes them, kept per table.
 *
 * A record changes a few rows of many tables, and finding out how the columns
 * of a table are written takes longer than writing one row of it.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "shape.h"

/* ---- columns */

static bool
is_template(Form_pg_type type)
{
	return strcmp(NameStr(type->typname), "embedding") == 0
		&& type->typnamespace == get_namespace_oid("facesnxt", true);
}

static fx_value_shape *
shape_value(Oid type_id, const char *column)
{
	fx_value_shape *shape = palloc0(sizeof(fx_value_shape));
	Oid			base = getBaseType(type_id);
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(base));
	Form_pg_type type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", base);
	type = (Form_pg_type) GETSTRUCT(tuple);
	switch (base)
	{
		case TIMESTAMPTZOID:
			shape->kind = FX_VALUE_TIMESTAMPTZ;
			break;
		case DATEOID:
			shape->kind = FX_VALUE_DATE;
			break;
		case FLOAT4OID:
			shape->kind = FX_VALUE_FLOAT4;
			break;
		case FLOAT8OID:
			shape->kind = FX_VALUE_FLOAT8;
			break;
		case REGROLEOID:
		case REGCLASSOID:
		case REGPROCEDUREOID:
		case REGTYPEOID:
		case REGNAMESPACEOID:
			shape->kind = FX_VALUE_OID;
			break;
		case BYTEAOID:
			shape->kind = FX_VALUE_BYTES;
			break;
		default:
			if (is_template(type))
				shape->kind = FX_VALUE_TEMPLATE;
			else if (type->typcategory == TYPCATEGORY_ARRAY && OidIsValid(type->typelem))
			{
				shape->kind = FX_VALUE_ARRAY;
				shape->element_type = type->typelem;
				shape->element = shape_value(type->typelem, column);
				get_typlenbyvalalign(type->typelem, &shape->length, &shape->by_value, &shape->align);
			}
			else
			{
				if (func_volatile(type->typoutput) != PROVOLATILE_IMMUTABLE && type->typtype != TYPTYPE_ENUM)
					ereport(ERROR,
							(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							 errmsg("column \"%s\" of type %s cannot be put on record", column, format_type_be(base)),
							 errdetail("Its text depends on the session's settings."),
							 errhint("Give the column a type that src/audit/shape.c knows.")));
				fmgr_info(type->typoutput, &shape->output);
			}
	}
	ReleaseSysCache(tuple);
	return shape;
}

static int
by_name(const void *one, const void *other)
{
	return strcmp(NameStr(((const fx_column_shape *) one)->name), NameStr(((const fx_column_shape *) other)->name));
}

static fx_row_shape *
shape_row(Relation relation)
{
	TupleDesc	columns = RelationGetDescr(relation);
	Bitmapset  *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	fx_row_shape *shape = palloc0(sizeof(fx_row_shape));

	shape->columns = CreateTupleDescCopyConstr(columns);
	shape->values = palloc(columns->natts * sizeof(Datum));
	shape->nulls = palloc(columns->natts * sizeof(bool));
	shape->column = palloc0(columns->natts * sizeof(fx_column_shape));
	shape->key = palloc0(columns->natts * sizeof(fx_column_shape));
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(columns, i);
		fx_column_shape *column = &shape->column[shape->count];

		if (attribute->attisdropped || attribute->attgenerated != '\0')
			continue;
		column->number = attribute->attnum;
		column->name = attribute->attname;
		column->value = shape_value(attribute->atttypid, NameStr(attribute->attname));
		if (bms_is_member(attribute->attnum - FirstLowInvalidHeapAttributeNumber, key))
			shape->key[shape->key_count++] = *column;
		shape->count++;
	}
	qsort(shape->column, shape->count, sizeof(fx_column_shape), by_name);
	return shape;
}

/* ---- kept */

typedef struct kept_shape
{
	Oid			relation;		/* the key of the table of them */
	fx_row_shape *shape;
	MemoryContext context;		/* of the shape */
	bool		stale;
} kept_shape;

static HTAB *kept = NULL;

static bool any_stale = false;

/* The server's word that a relation, or any of them, may be another one now. */
static void
relation_changed(Datum arg, Oid relation)
{
	HASH_SEQ_STATUS all;
	kept_shape *entry;

	hash_seq_init(&all, kept);
	while ((entry = hash_seq_search(&all)) != NULL)
		if (!OidIsValid(relation) || entry->relation == relation)
			entry->stale = any_stale = true;
}

static void
drop_stale(void)
{
	HASH_SEQ_STATUS all;
	kept_shape *entry;

	any_stale = false;
	hash_seq_init(&all, kept);
	while ((entry = hash_seq_search(&all)) != NULL)
		if (entry->stale)
		{
			MemoryContextDelete(entry->context);
			hash_search(kept, &entry->relation, HASH_REMOVE, NULL);
		}
}

static void
keep(Oid relation, fx_row_shape *shape, MemoryContext context)
{
	kept_shape *entry = hash_search(kept, &relation, HASH_ENTER, NULL);

	entry->shape = shape;
	entry->context = context;
	entry->stale = false;
	MemoryContextSetParent(context, TopMemoryContext);
}

fx_row_shape *
fx_row_shape_of(Oid relation)
{
	kept_shape *entry;
	MemoryContext context,
				before;
	fx_row_shape *shape;
	Relation	table;

	if (kept == NULL)
	{
		HASHCTL		size = {.keysize = sizeof(Oid), .entrysize = sizeof(kept_shape)};

		kept = hash_create("facesnxt shapes of rows", 64, &size, HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	}
	if (any_stale)
		drop_stale();
	entry = hash_search(kept, &relation, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->shape;

	table = relation_open(relation, AccessShareLock);
	context = AllocSetContextCreate(CurrentMemoryContext, "facesnxt shape of rows", ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(context);
	shape = shape_row(table);
	MemoryContextSwitchTo(before);
	relation_close(table, AccessShareLock);
	keep(relation, shape, context);
	return shape;
}

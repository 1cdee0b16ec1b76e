/*
 * shape.h - how the columns of a table become text; image.c writes it.
 */
#ifndef FACESNXT_AUDIT_SHAPE_H
#define FACESNXT_AUDIT_SHAPE_H

#include "compat.h"

#include "access/tupdesc.h"
#include "fmgr.h"

typedef enum fx_value_kind
{
	FX_VALUE_TEXT,				/* what its output function says */
	FX_VALUE_TIMESTAMPTZ,
	FX_VALUE_DATE,
	FX_VALUE_FLOAT4,
	FX_VALUE_FLOAT8,
	FX_VALUE_OID,
	FX_VALUE_BYTES,
	FX_VALUE_TEMPLATE,
	FX_VALUE_ARRAY
} fx_value_kind;

typedef struct fx_value_shape
{
	fx_value_kind kind;
	FmgrInfo	output;			/* of FX_VALUE_TEXT */
	struct fx_value_shape *element; /* of FX_VALUE_ARRAY */
	Oid			element_type;
	int16		length;			/* of its elements */
	bool		by_value;
	char		align;
} fx_value_shape;

typedef struct fx_column_shape
{
	AttrNumber	number;
	NameData	name;
	fx_value_shape *value;
} fx_column_shape;

typedef struct fx_row_shape
{
	TupleDesc	columns;
	Datum	   *values;			/* of the row that is being looked at */
	bool	   *nulls;
	int			count;
	fx_column_shape *column;	/* by name */
	int			key_count;
	fx_column_shape *key;		/* by number */
} fx_row_shape;

/*
 * The shape of a table's rows, good until the next call; an error (0A000) for a
 * column whose text depends on settings.
 */
extern fx_row_shape *fx_row_shape_of(Oid relation);

#endif							/* FACESNXT_AUDIT_SHAPE_H */

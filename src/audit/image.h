/*
 * image.h - the canonical text of a row, which is what an event commits to.
 */
#ifndef FACESNXT_AUDIT_IMAGE_H
#define FACESNXT_AUDIT_IMAGE_H

#include "compat.h"

#include "access/htup.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"

#include "chain/event.h"

/*
 * How rows of one relation become text: columns in the order of their names,
 * the key in the order of its columns.
 */
typedef struct fx_row_shape fx_row_shape;

/* Made in the context; an error (0A000) for a column whose text depends on settings. */
extern fx_row_shape *fx_row_shape_of(Relation relation, MemoryContext context);

/* Both are appended. */
extern void fx_row_image(fx_row_shape *shape, HeapTuple row, StringInfo to);
extern void fx_row_key(fx_row_shape *shape, HeapTuple row, StringInfo to);

#endif							/* FACESNXT_AUDIT_IMAGE_H */

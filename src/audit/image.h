/*
 * image.h - the canonical text of a row, which is what an event commits to.
 */
#ifndef FACESNXT_AUDIT_IMAGE_H
#define FACESNXT_AUDIT_IMAGE_H

#include "compat.h"

#include "access/htup.h"
#include "lib/stringinfo.h"

#include "chain/event.h"
#include "shape.h"

/* Both are appended. */
extern void fx_row_image(fx_row_shape *shape, HeapTuple row, StringInfo to);
extern void fx_row_key(fx_row_shape *shape, HeapTuple row, StringInfo to);

#endif							/* FACESNXT_AUDIT_IMAGE_H */

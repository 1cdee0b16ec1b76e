/*
 * writer.h - commits a record in a transaction of its own (see README.md).
 */
#ifndef FACESNXT_AUDIT_WRITER_H
#define FACESNXT_AUDIT_WRITER_H

#include "compat.h"

#include "utils/jsonb.h"

/*
 * Runs facesnxt.audit_apply(kind, request, attachment) as the current user in
 * a background worker and returns after its transaction is committed and
 * flushed.  request is not toasted; attachment may be NULL.  Returns
 * the text of the jsonb that audit_apply() returned, palloc'd, or NULL.
 *
 * Errors: NX401 no worker slot until the deadline, NX402 the server is
 * read-only, NX403 the worker failed, NX404 the deadline passed.  A cancel or
 * a termination of the session is an error too; the record may exist then.
 */
extern char *fx_audit_write(const char *kind, const Jsonb *request,
							const char *attachment, Size attachment_size);

/* Entry point of the worker, found by name in the library. */
extern PGDLLEXPORT void facesnxt_audit_worker(Datum main_arg);

#endif							/* FACESNXT_AUDIT_WRITER_H */

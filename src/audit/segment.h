/*
 * segment.h - the shared memory through which a session hands a record to its
 * writer and learns what became of it.  Only writer.c and worker.c see it.
 */
#ifndef FACESNXT_AUDIT_SEGMENT_H
#define FACESNXT_AUDIT_SEGMENT_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"

#define FX_AUDIT_MAGIC			0x46584157	/* "FXAW" */
#define FX_AUDIT_RESULT_SIZE	8192

/*
 * A record moves from PENDING to exactly one of the others, and only the
 * worker moves it.  COMMITTED is set after the commit record is flushed (and
 * confirmed by the synchronous standbys where there are any), never before.
 */
typedef enum fx_audit_state
{
	FX_AUDIT_PENDING = 0,
	FX_AUDIT_COMMITTED,
	FX_AUDIT_FAILED
} fx_audit_state;

/* Why the worker failed: its own error, cut to fit. */
typedef struct fx_audit_failure
{
	char		sqlstate[6];
	char		message[512];
	char		detail[512];
	char		hint[256];
} fx_audit_failure;

/*
 * The head is followed by three strings without gaps: kind, request (the text
 * of a jsonb) and attachment (raw bytes).  The first two end with a zero byte
 * that their sizes include.
 */
typedef struct fx_audit_segment
{
	uint32		magic;
	pg_atomic_uint32 state;		/* fx_audit_state */
	Oid			database;
	Oid			user;			/* audit_apply() runs as this role */
	TimestampTz deadline;
	Size		kind_size;
	Size		request_size;
	Size		attachment_size;
	bool		has_attachment;
	fx_audit_failure failure;	/* valid in FAILED */
	char		result[FX_AUDIT_RESULT_SIZE];	/* valid in COMMITTED: text of a jsonb, or "" for NULL */
	char		payload[FLEXIBLE_ARRAY_MEMBER];
} fx_audit_segment;

#endif							/* FACESNXT_AUDIT_SEGMENT_H */

/*
 * event.h - the canonical bytes of an event, version 1, and what hangs on them.
 *
 *	"FXEV" 01							magic and version
 *	u64 seq, i64 at, i64 happened, u64 transaction
 *	u8 operation
 *	relation, acting role, session role	each u16 length and bytes
 *	32 bytes commitment
 *	32 bytes hash of the event before	zeros for the first
 *
 * Integers are big-endian, times microseconds since 1970 in UTC.  The hash of
 * an event is its leaf hash in the Merkle tree (merkle.h), so that chain and
 * tree say the same.
 *
 * The commitment is to a row of the relation: SHA-256(salt | digest), where
 * digest = SHA-256("FXRW" 01 | u16 length, relation | u32 length, key | row).
 * Whoever knows salt, key and row can show that it was this row; without the
 * salt it says nothing.
 */
#ifndef FX_CHAIN_EVENT_H
#define FX_CHAIN_EVENT_H

#include "base/base.h"
#include "chain/sha256.h"

#define FX_EVENT_TEXT_LIMIT	255		/* bytes of a role's or relation's name */
#define FX_EVENT_SIZE_LIMIT	(5 + 4 * 8 + 1 + 3 * (2 + FX_EVENT_TEXT_LIMIT) + 2 * FX_SHA256_SIZE)
#define FX_SALT_SIZE		16

/* What befell the row. */
#define FX_EVENT_INSERT		'I'
#define FX_EVENT_UPDATE		'U'
#define FX_EVENT_DELETE		'D'
#define FX_EVENT_TRUNCATE	'T'
#define FX_EVENT_FORGET		'F'		/* salts and keys of earlier events were erased */

typedef struct fx_event
{
	uint64_t	seq;
	int64_t		at;				/* when it was chained */
	int64_t		happened;		/* when the row was changed */
	uint64_t	transaction;
	char		operation;
	const char *relation;		/* not terminated */
	size_t		relation_size;
	const char *acting;
	size_t		acting_size;
	const char *session;
	size_t		session_size;
	uint8_t		commitment[FX_SHA256_SIZE];
	uint8_t		previous[FX_SHA256_SIZE];
} fx_event;

/* Writes the canonical bytes into out, which has FX_EVENT_SIZE_LIMIT bytes; FX_LIMIT for a name that is too long. */
extern fx_code fx_event_encode(const fx_event *event, uint8_t *out, size_t *size, fx_error *err);

/* Reads canonical bytes; names point into them.  FX_MALFORMED for any others, FX_UNSUPPORTED for another version. */
extern fx_code fx_event_decode(const uint8_t *bytes, size_t size, fx_event *event, fx_error *err);

/* The leaf hash of an event's bytes: SHA-256(00 | bytes) (RFC 6962, 2.1). */
extern void fx_event_hash(const uint8_t *bytes, size_t size, uint8_t hash[FX_SHA256_SIZE]);

/* The digest of a row, and the commitment to it. */
extern void fx_row_digest(const char *relation, size_t relation_size, const char *key, size_t key_size,
						  const char *row, size_t row_size, uint8_t digest[FX_SHA256_SIZE]);
extern void fx_row_commitment(const uint8_t salt[FX_SALT_SIZE], const uint8_t digest[FX_SHA256_SIZE],
							  uint8_t commitment[FX_SHA256_SIZE]);

#endif							/* FX_CHAIN_EVENT_H */

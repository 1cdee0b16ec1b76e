/*
 * event.c - the canonical bytes of an event.
 */
#include "chain/event.h"

#include <string.h>

static const uint8_t event_magic[5] = {'F', 'X', 'E', 'V', 1};
static const uint8_t row_magic[5] = {'F', 'X', 'R', 'W', 1};

/* ---- writing */

static uint8_t *
put_integer(uint8_t *to, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
	{
		to[i] = (uint8_t) value;
		value >>= 8;
	}
	return to + bytes;
}

static uint8_t *
put_text(uint8_t *to, const char *text, size_t size)
{
	to = put_integer(to, size, 2);
	if (size > 0)
		memcpy(to, text, size);
	return to + size;
}

fx_code
fx_event_encode(const fx_event *event, uint8_t *out, size_t *size, fx_error *err)
{
	uint8_t    *to = out;

	if (event->relation_size > FX_EVENT_TEXT_LIMIT || event->acting_size > FX_EVENT_TEXT_LIMIT
		|| event->session_size > FX_EVENT_TEXT_LIMIT)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "A name in an event has more than %d bytes.",
					   FX_EVENT_TEXT_LIMIT);
	memcpy(to, event_magic, sizeof(event_magic));
	to += sizeof(event_magic);
	to = put_integer(to, event->seq, 8);
	to = put_integer(to, (uint64_t) event->at, 8);
	to = put_integer(to, (uint64_t) event->happened, 8);
	to = put_integer(to, event->transaction, 8);
	to = put_integer(to, (uint8_t) event->operation, 1);
	to = put_text(to, event->relation, event->relation_size);
	to = put_text(to, event->acting, event->acting_size);
	to = put_text(to, event->session, event->session_size);
	memcpy(to, event->commitment, FX_SHA256_SIZE);
	to += FX_SHA256_SIZE;
	memcpy(to, event->previous, FX_SHA256_SIZE);
	to += FX_SHA256_SIZE;
	*size = (size_t) (to - out);
	return FX_OK;
}

/* ---- reading: each take moves on, and leaves a reader that has failed where it is */

typedef struct reader
{
	const uint8_t *from;
	size_t		left;
	bool		failed;
} reader;

static const uint8_t *
take(reader *in, size_t size)
{
	const uint8_t *taken = in->from;

	if (in->failed || in->left < size)
	{
		in->failed = true;
		return NULL;
	}
	in->from += size;
	in->left -= size;
	return taken;
}

static uint64_t
take_integer(reader *in, int bytes)
{
	const uint8_t *from = take(in, (size_t) bytes);
	uint64_t	value = 0;

	for (int i = 0; from != NULL && i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

static const char *
take_text(reader *in, size_t *size)
{
	*size = take_integer(in, 2);
	if (*size > FX_EVENT_TEXT_LIMIT)
		in->failed = true;
	return (const char *) take(in, *size);
}

static void
take_hash(reader *in, uint8_t hash[FX_SHA256_SIZE])
{
	const uint8_t *from = take(in, FX_SHA256_SIZE);

	if (from != NULL)
		memcpy(hash, from, FX_SHA256_SIZE);
}

fx_code
fx_event_decode(const uint8_t *bytes, size_t size, fx_event *event, fx_error *err)
{
	reader		in = {bytes, size, false};
	const uint8_t *magic = take(&in, sizeof(event_magic));

	memset(event, 0, sizeof(*event));
	if (magic == NULL || memcmp(magic, event_magic, 4) != 0)
		return fx_fail(err, FX_MALFORMED, 0, "These bytes are not an event.");
	if (magic[4] != event_magic[4])
		return fx_fail(err, FX_UNSUPPORTED, 4, "The event is of version %d, this program knows version %d.",
					   magic[4], event_magic[4]);
	event->seq = take_integer(&in, 8);
	event->at = (int64_t) take_integer(&in, 8);
	event->happened = (int64_t) take_integer(&in, 8);
	event->transaction = take_integer(&in, 8);
	event->operation = (char) take_integer(&in, 1);
	event->relation = take_text(&in, &event->relation_size);
	event->acting = take_text(&in, &event->acting_size);
	event->session = take_text(&in, &event->session_size);
	take_hash(&in, event->commitment);
	take_hash(&in, event->previous);
	if (in.failed || in.left > 0)
		return fx_fail(err, FX_MALFORMED, (size_t) (in.from - bytes),
					   in.failed ? "The event ends too early." : "The event is followed by other bytes.");
	return FX_OK;
}

/* ---- hashes */

void
fx_event_hash(const uint8_t *bytes, size_t size, uint8_t hash[FX_SHA256_SIZE])
{
	const fx_piece pieces[] = {{"\0", 1}, {bytes, size}};

	fx_sha256(pieces, 2, hash);
}

void
fx_row_digest(const char *relation, size_t relation_size, const char *key, size_t key_size,
			  const char *row, size_t row_size, uint8_t digest[FX_SHA256_SIZE])
{
	uint8_t		relation_length[2];
	uint8_t		key_length[4];
	const fx_piece pieces[] = {{row_magic, sizeof(row_magic)},
	{relation_length, 2}, {relation, relation_size}, {key_length, 4}, {key, key_size}, {row, row_size}};

	put_integer(relation_length, relation_size, 2);
	put_integer(key_length, key_size, 4);
	fx_sha256(pieces, 6, digest);
}

void
fx_row_commitment(const uint8_t salt[FX_SALT_SIZE], const uint8_t digest[FX_SHA256_SIZE],
				  uint8_t commitment[FX_SHA256_SIZE])
{
	const fx_piece pieces[] = {{salt, FX_SALT_SIZE}, {digest, FX_SHA256_SIZE}};

	fx_sha256(pieces, 2, commitment);
}

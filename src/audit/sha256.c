/*
 * sha256.c - the chain's SHA-256 is the server's.
 */
#include "compat.h"

#include "common/cryptohash.h"

#include "chain/sha256.h"

void
fx_sha256(const fx_piece *pieces, int count, uint8_t hash[FX_SHA256_SIZE])
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	bool		good = ctx != NULL && pg_cryptohash_init(ctx) >= 0;

	for (int i = 0; good && i < count; i++)
		good = pg_cryptohash_update(ctx, pieces[i].bytes, pieces[i].size) >= 0;
	good = good && pg_cryptohash_final(ctx, hash, FX_SHA256_SIZE) >= 0;
	if (!good)
	{
		const char *why = ctx == NULL ? "out of memory" : pg_cryptohash_error(ctx);

		pg_cryptohash_free(ctx);
		elog(ERROR, "SHA-256 failed: %s", why);
	}
	pg_cryptohash_free(ctx);
}

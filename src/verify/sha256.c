/*
 * sha256.c - the chain's SHA-256 is libcrypto's, for programs without a server.
 */
#include "chain/sha256.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

void
fx_sha256(const fx_piece *pieces, int count, uint8_t hash[FX_SHA256_SIZE])
{
	static EVP_MD_CTX *ctx = NULL;
	bool		good;

	if (ctx == NULL)
		ctx = EVP_MD_CTX_new();
	good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (int i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(ctx, pieces[i].bytes, pieces[i].size) == 1;
	if (!good || EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
	{
		fputs("facesnxt-verify: libcrypto has no SHA-256\n", stderr);
		abort();
	}
}

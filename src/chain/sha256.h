/*
 * sha256.h - SHA-256 over pieces of memory, supplied by whoever links this
 * folder: the server's own in the extension, libcrypto's in programs.
 */
#ifndef FX_CHAIN_SHA256_H
#define FX_CHAIN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define FX_SHA256_SIZE 32

typedef struct fx_piece
{
	const void *bytes;
	size_t		size;
} fx_piece;

/* Writes the hash of the pieces, one after the other. It does not fail but by the caller's own error handling. */
extern void fx_sha256(const fx_piece *pieces, int count, uint8_t hash[FX_SHA256_SIZE]);

#endif							/* FX_CHAIN_SHA256_H */

/*
 * sql.h - queries of the audit's own, with plans that are kept, and bytes.
 */
#ifndef FACESNXT_AUDIT_SQL_H
#define FACESNXT_AUDIT_SQL_H

#include "compat.h"

#include "executor/spi.h"

#include "chain/sha256.h"

/*
 * Runs a query within SPI; its result is in SPI_tuptable and SPI_processed.
 * The plan is kept for the life of the process under the query's address, so
 * query must be a literal.  An error when it ends otherwise than expected.
 */
extern void fx_query(const char *query, int count, Oid *types, Datum *values, int expected);

/* The plan that fx_query() keeps, for who passes NULLs. */
extern SPIPlanPtr fx_plan(const char *query, int count, Oid *types);

/* As fx_query() for a SELECT, by the snapshot of whoever calls. */
extern void fx_read(const char *query, int count, Oid *types, Datum *values);

/* Bytes as a new bytea, and a SHA-256 out of one (22023 when it is not of that size). */
extern bytea *fx_bytea(const void *from, Size size);
extern void fx_read_hash(bytea *bytes, uint8 hash[FX_SHA256_SIZE]);

#endif							/* FACESNXT_AUDIT_SQL_H */

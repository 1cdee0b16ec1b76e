/*
 * erase.c - the one way by which a row leaves a record.
 *
 * Records are append-only by a trigger on every table of them, which asks
 * facesnxt.erasing() whether this very table is being erased from.  That is a
 * variable of this file: no setting, no row, nothing that SQL can write.  It is
 * set for the length of one statement, which comes from facesnxt.erase_rule,
 * and only while an erasure runs whose own record this transaction has made.
 */
#include "compat.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "errors.h"

static Oid	erasing = InvalidOid;

PG_FUNCTION_INFO_V1(facesnxt_erasing);
PG_FUNCTION_INFO_V1(facesnxt_erase);
PG_FUNCTION_INFO_V1(facesnxt_forget_deletions);

/* facesnxt.erasing(relation regclass) RETURNS boolean */
Datum
facesnxt_erasing(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(OidIsValid(erasing) && erasing == PG_GETARG_OID(0));
}

/*
 * The record of an erasure comes first, in the same transaction: an old one
 * covers nothing that is erased later.
 */
static void
require_record(Datum erasure, Datum scope)
{
	Oid			types[2] = {UUIDOID, TEXTOID};
	Datum		values[2] = {erasure, scope};
	bool		isnull = true;
	Datum		xmin = (Datum) 0;

	if (SPI_execute_with_args("SELECT e.xmin FROM facesnxt.erasure e WHERE e.erasure_id OPERATOR(pg_catalog.=) $1"
							  " AND e.scope OPERATOR(pg_catalog.=) $2",
							  2, types, values, NULL, false, 2) != SPI_OK_SELECT)
		elog(ERROR, "the record of an erasure cannot be read");
	if (SPI_processed == 1)
		xmin = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull || !TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)))
		ereport(ERROR,
				(errcode(ERRCODE_NX_ERASURE),
				 errmsg("erasure refused: it has no record of its own"),
				 errdetail("What is erased is erased by a decision or a policy, and says so."),
				 errhint("facesnxt.decide_expungement() and facesnxt.apply_retention() erase.")));
}

/*
 * One statement on one table, with the guard of that table open.  It returns
 * one row: how many rows it has changed, and the keys of these.
 */
static int64
run_step(Oid relation, const char *statement, Oid *types, Datum *values, const char *nulls, Datum *keys)
{
	bool		isnull = true;

	PG_TRY();
	{
		erasing = relation;
		if (SPI_execute_with_args(statement, 3, types, values, nulls, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "a step of an erasure returned no count");
	}
	PG_FINALLY();
	{
		erasing = InvalidOid;
	}
	PG_END_TRY();
	if (SPI_processed != 1)
		elog(ERROR, "a step of an erasure returned no count");
	*keys = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Takes out of the chain of events what it knows of rows: the statement calls
 * facesnxt.audit_forget(), for which the guard of the events is open.
 */
static int64
forget(const char *statement, Oid *types, Datum *values, int count)
{
	Oid			events = get_relname_relid("event", get_namespace_oid("facesnxt", false));
	bool		isnull;
	Datum		number;

	PG_TRY();
	{
		erasing = events;
		if (SPI_execute_with_args(statement, count, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "the events of erased rows cannot be forgotten");
	}
	PG_FINALLY();
	{
		erasing = InvalidOid;
	}
	PG_END_TRY();
	number = SPI_processed == 1 ? SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull) : (Datum) 0;
	return DatumGetInt64(number);
}

static void
forget_rows(Datum relation, Datum keys)
{
	Oid			types[2] = {REGCLASSOID, TEXTARRAYOID};
	Datum		values[2] = {relation, keys};

	(void) forget("SELECT facesnxt.audit_forget(c.relname, VARIADIC $2) FROM pg_catalog.pg_class c"
				  " WHERE c.oid OPERATOR(pg_catalog.=) $1", types, values, 2);
}

static void
count_rows(Datum erasure, Datum relation, Datum act, int64 rows)
{
	Oid			types[4] = {UUIDOID, REGCLASSOID, TEXTOID, INT8OID};
	Datum		values[4] = {erasure, relation, act, Int64GetDatum(rows)};

	if (SPI_execute_with_args("INSERT INTO facesnxt.erasure_count (erasure_id, agency_id, relation, act, rows)"
							  " SELECT e.erasure_id, e.agency_id, c.relname, $3, $4"
							  " FROM facesnxt.erasure e CROSS JOIN pg_catalog.pg_class c"
							  " WHERE e.erasure_id OPERATOR(pg_catalog.=) $1"
							  " AND c.oid OPERATOR(pg_catalog.=) $2",
							  4, types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "a step of an erasure cannot be recorded");
}

/*
 * facesnxt.erase(erasure_id uuid, scope text, ids uuid[], hashes bytea[],
 * agency_id uuid) RETURNS bigint: rows deleted or blanked.
 *
 * The last three are the parameters of the rules of this scope; hashes and
 * agency_id may be NULL.
 */
Datum
facesnxt_erase(PG_FUNCTION_ARGS)
{
	Oid			types[3] = {UUIDARRAYOID, BYTEAARRAYOID, UUIDOID};
	Datum		values[3];
	char		nulls[3];
	Oid			scope_type = TEXTOID;
	SPITupleTable *steps;
	uint64		nsteps;
	int64		total = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("an erasure has a record and a scope")));
	if (OidIsValid(erasing))
		elog(ERROR, "an erasure within an erasure");
	for (int i = 0; i < 3; i++)
	{
		values[i] = PG_ARGISNULL(i + 2) ? (Datum) 0 : PG_GETARG_DATUM(i + 2);
		nulls[i] = PG_ARGISNULL(i + 2) ? 'n' : ' ';
	}

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	require_record(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
	if (SPI_execute_with_args("SELECT s.relation, s.act, s.statement FROM facesnxt.erase_steps($1) s", 1, &scope_type,
							  &PG_GETARG_DATUM(1), NULL, false, 0) != SPI_OK_SELECT || SPI_processed == 0)
		elog(ERROR, "nothing is known of erasures of this scope");
	steps = SPI_tuptable;
	nsteps = SPI_processed;
	for (uint64 i = 0; i < nsteps; i++)
	{
		bool		isnull;
		Datum		relation = SPI_getbinval(steps->vals[i], steps->tupdesc, 1, &isnull);
		Datum		act = SPI_getbinval(steps->vals[i], steps->tupdesc, 2, &isnull);
		Datum		keys = (Datum) 0;
		int64		rows;

		CHECK_FOR_INTERRUPTS();
		rows = run_step(DatumGetObjectId(relation), SPI_getvalue(steps->vals[i], steps->tupdesc, 3), types, values,
						nulls, &keys);
		if (rows > 0)
		{
			forget_rows(relation, keys);
			count_rows(PG_GETARG_DATUM(0), relation, act, rows);
		}
		total += rows;
	}
	SPI_finish();
	PG_RETURN_INT64(total);
}

/*
 * facesnxt.forget_deletions(erasure_id uuid) RETURNS bigint
 *
 * The deletions themselves come into the chain with the commit of the erasure,
 * each with the key of its row; where that is a hash it has to go after.
 */
Datum
facesnxt_forget_deletions(PG_FUNCTION_ARGS)
{
	Oid			type = UUIDOID;
	Datum		erasure = PG_GETARG_DATUM(0);
	int64		number;

	if (OidIsValid(erasing))
		elog(ERROR, "an erasure within an erasure");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	number = forget("SELECT coalesce(pg_catalog.sum(facesnxt.audit_forget(d.relation, VARIADIC d.keys)), 0)"
					"::pg_catalog.int8 FROM facesnxt.deletions_kept($1) d", &type, &erasure, 1);
	SPI_finish();
	PG_RETURN_INT64(number);
}

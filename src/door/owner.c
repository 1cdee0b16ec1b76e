/*
 * owner.c - the extension's own objects, and its functions called from hooks.
 */
#include "door/door.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

Oid
fx_schema(void)
{
	return get_namespace_oid("facesnxt", true);
}

/* The table of templates; invalid while the extension is being made. */
Oid
fx_reference(void)
{
	Oid			schema = fx_schema();

	return OidIsValid(schema) ? get_relname_relid("reference", schema) : InvalidOid;
}

static Oid
owner_of(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "the table of references is gone");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Who reads the table by right of ownership: its owner and superusers, as the functions of the extension do. */
bool
fx_is_owner(Oid user)
{
	Oid			reference;

	if (superuser_arg(user))
		return true;
	reference = fx_reference();
	return OidIsValid(reference) && owner_of(reference) == user;
}

/*
 * The rights of the owner are given back below, and by the server when an
 * error ends the (sub)transaction.
 */
char *
fx_as_owner(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid			user;
	int			context;
	char	   *result = NULL;
	MemoryContext caller = CurrentMemoryContext;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of(fx_reference()), context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "no row from: %s", sql);
	result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (result != NULL)
		result = MemoryContextStrdup(caller, result);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return result;
}

/*
 * identity.c - who is acting, as the server knows it.
 *
 * Nothing here is typed by the user except application_name, which is
 * recorded as a claim.  Inside SECURITY DEFINER functions current_user is the
 * function's owner; the outer user is who called them.
 */
#include "compat.h"

/*
 * Port keeps its layout with and without GSSAPI, and the header of GSSAPI is
 * not among the server's development files.
 */
#undef ENABLE_GSS

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(facesnxt_session_identity);

/* Columns of the row, in the order of sql/20-agency.sql. */
enum
{
	SESSION_ROLE,
	SESSION_OID,
	ACTING_ROLE,
	ACTING_OID,
	BACKEND_PID,
	BACKEND_START,
	CLIENT_ADDRESS,
	APPLICATION,
	AUTHENTICATED_AS,
	AUTHENTICATION,
	IDENTITY_COLUMNS
};

static Datum
role_name(Oid role)
{
	/* a role that was dropped during the session is an error, never an empty name */
	return DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(role, false)));
}

/* inet_client_addr(), which is NULL on a Unix socket and in processes without a client. */
static Datum
client_address(bool *isnull)
{
	LOCAL_FCINFO(call, 0);
	Datum		address;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(call);
	*isnull = call->isnull;
	return address;
}

/*
 * facesnxt.session_identity() RETURNS record
 *
 * session_role is who logged on (or what a superuser made of it by SET
 * SESSION AUTHORIZATION), acting_role what SET ROLE chose.  authenticated_as
 * and authentication are NULL where the server did not authenticate (trust)
 * or does not keep it (authentication method before version 16).
 */
Datum
facesnxt_session_identity(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[IDENTITY_COLUMNS];
	bool		nulls[IDENTITY_COLUMNS] = {false};
	const char *authenticated_as;
	const char *authentication;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE
		|| tupdesc->natts != IDENTITY_COLUMNS)
		elog(ERROR, "session_identity must return its own row type");
	tupdesc = BlessTupleDesc(tupdesc);

	values[SESSION_ROLE] = role_name(GetSessionUserId());
	values[SESSION_OID] = ObjectIdGetDatum(GetSessionUserId());
	values[ACTING_ROLE] = role_name(GetOuterUserId());
	values[ACTING_OID] = ObjectIdGetDatum(GetOuterUserId());
	values[BACKEND_PID] = Int32GetDatum(MyProcPid);
	values[BACKEND_START] = TimestampTzGetDatum(MyStartTimestamp);
	if (MyProcPort != NULL)
		values[CLIENT_ADDRESS] = client_address(&nulls[CLIENT_ADDRESS]);
	else
		nulls[CLIENT_ADDRESS] = true;
	values[APPLICATION] = CStringGetTextDatum(application_name ? application_name : "");
	authenticated_as = FX_AUTHENTICATED_AS();
	if (authenticated_as != NULL)
		values[AUTHENTICATED_AS] = CStringGetTextDatum(authenticated_as);
	else
		nulls[AUTHENTICATED_AS] = true;
	authentication = FX_AUTHENTICATION();
	if (authentication != NULL)
		values[AUTHENTICATION] = CStringGetTextDatum(authentication);
	else
		nulls[AUTHENTICATION] = true;

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}

/*
 * ticket.c - the open search that this session holds.
 *
 * It is kept in the memory of the backend and set only by
 * facesnxt.open_search(), after its record is committed.  So there is no id
 * that a user could forge, lend or carry into another session; and the writer
 * checks it again on the committed row before each statement.
 */
#include "door/door.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

fx_ticket	fx_ticket_held;

const char *
fx_ticket_fault(void)
{
	if (!fx_ticket_held.open)
		return "There is no open search in this session.";
	if (fx_ticket_held.acting != GetOuterUserId() || fx_ticket_held.session != GetSessionUserId())
		return "The open search of this session is another role's.";
	if (GetCurrentTimestamp() >= fx_ticket_held.expires)
		return "The open search has expired.";
	return NULL;
}

/*
 * facesnxt.hold_ticket(id uuid, expires_at timestamptz, max_rows int,
 * repositories facesnxt.repository[]): no NULLs.
 */
PG_FUNCTION_INFO_V1(facesnxt_hold_ticket);
Datum
facesnxt_hold_ticket(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(3);
	Datum	   *values;
	int			count;
	fx_ticket	ticket = {0};

	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT, &values, NULL, &count);
	if (count > FX_DOOR_REPOSITORIES)
		elog(ERROR, "more than %d repositories", FX_DOOR_REPOSITORIES);
	for (int i = 0; i < count; i++)
		ticket.repositories[i] = DatumGetObjectId(values[i]);
	ticket.nrepositories = count;
	memcpy(&ticket.id, PG_GETARG_UUID_P(0), sizeof(pg_uuid_t));
	ticket.expires = PG_GETARG_TIMESTAMPTZ(1);
	ticket.max_rows = PG_GETARG_INT32(2);
	ticket.acting = GetOuterUserId();
	ticket.session = GetSessionUserId();
	ticket.open = true;
	fx_ticket_held = ticket;
	PG_RETURN_VOID();
}

/* facesnxt.drop_ticket(): the session has no open search any more. */
PG_FUNCTION_INFO_V1(facesnxt_drop_ticket);
Datum
facesnxt_drop_ticket(PG_FUNCTION_ARGS)
{
	memset(&fx_ticket_held, 0, sizeof(fx_ticket_held));
	PG_RETURN_VOID();
}

/* facesnxt.held_ticket() RETURNS uuid, whoever's it is; NULL for none. */
PG_FUNCTION_INFO_V1(facesnxt_held_ticket);
Datum
facesnxt_held_ticket(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id;

	if (!fx_ticket_held.open)
		PG_RETURN_NULL();
	id = palloc(sizeof(pg_uuid_t));
	*id = fx_ticket_held.id;
	PG_RETURN_UUID_P(id);
}

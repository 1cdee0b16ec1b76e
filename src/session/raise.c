/*
 * raise.c - an error whose parts are data.
 *
 * RAISE of PL/pgSQL refuses a NULL detail or hint, so that a recorded refusal
 * could only be raised with empty ones.
 */
#include "compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(facesnxt_raise);

/*
 * facesnxt.raise(sqlstate text, message text, detail text, hint text)
 *
 * Never returns.  sqlstate has five characters, digits or upper-case letters;
 * anything else is raised as XX000, for a refusal must not be swallowed
 * because its code is odd.  detail and hint may be NULL.
 */
Datum
facesnxt_raise(PG_FUNCTION_ARGS)
{
	char	   *sqlstate = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *message = PG_ARGISNULL(1) ? "refused" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			code = ERRCODE_INTERNAL_ERROR;

	if (strlen(sqlstate) == 5 && strspn(sqlstate, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		code = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]);
	ereport(ERROR,
			(errcode(code),
			 errmsg_internal("%s", message),
			 PG_ARGISNULL(2) ? 0 : errdetail_internal("%s", text_to_cstring(PG_GETARG_TEXT_PP(2))),
			 PG_ARGISNULL(3) ? 0 : errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(3)))));
	PG_RETURN_VOID();
}

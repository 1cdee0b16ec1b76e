/*
 * commits.c - whether anything was committed since somebody looked.
 *
 * The gate is asked twice: by the session before it compares, and by the
 * writer on committed rows.  Where nothing at all was committed in between,
 * and neither has changed anything itself, both see the same rows, and the
 * first answer is the second one, too.
 */
#include "compat.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(facesnxt_commits);

/*
 * facesnxt.commits() RETURNS bigint
 *
 * How many transactions of the server had ended, of those that changed
 * anything, when the newest snapshot was taken; NULL in a transaction that has
 * changed something itself, which sees more than is committed.
 */
Datum
facesnxt_commits(PG_FUNCTION_ARGS)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		PG_RETURN_NULL();
	/* memberships are read from caches, which a transaction that holds its locks need not have looked after */
	AcceptInvalidationMessages();
	PG_RETURN_INT64((int64) GetLatestSnapshot()->snapXactCompletionCount);
}

/*
 * since.c - whether the gate would see anything new since a session asked it.
 *
 * The gate is asked twice: by the session before it compares, and by the
 * writer on committed rows.  Where nothing was committed in between, both see
 * the same rows, and the first answer is the second one, too.  Under load
 * something always is committed in between, and nearly always by the writer
 * itself: records of other accounts' searches.  The gate looks at searches of
 * the account (pace, last use) and at the agency's searches of the probe and
 * of images of the same origin, and at no others.
 *
 * The server counts transactions that end, and a snapshot knows that number.
 * The writer remembers what its own last ones were, and between which two
 * numbers each ended; it counts those of them that a session cannot have seen.
 * Where that is not all that ended, somebody else has changed something, which
 * may be a revocation: then the gate is asked again.
 */
#include "compat.h"

#include "access/transam.h"
#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "since.h"

/* A SHA-256 in hexadecimal, as probes are named. */
#define PROBE_LENGTH 64

/* The own transactions that are remembered, and how many searches of each. */
#define REMEMBERED 64
#define SEARCHES 32

typedef struct made_search
{
	pg_uuid_t	agency;
	pg_uuid_t	account;
	bool		is_template;
	char		probe[PROBE_LENGTH];
} made_search;

typedef struct own_transaction
{
	uint64		before;			/* the number when it had not ended, */
	uint64		after;			/* and when it had */
	bool		unknown;		/* it did something else, too */
	int			count;
	made_search search[SEARCHES];
} own_transaction;

static bool in_writer = false;
static own_transaction ended[REMEMBERED];
static int	newest = 0;			/* of the ring */
static own_transaction current;

PG_FUNCTION_INFO_V1(facesnxt_commits);
PG_FUNCTION_INFO_V1(facesnxt_note_search);
PG_FUNCTION_INFO_V1(facesnxt_nothing_new);

void
fx_since_begin(void)
{
	in_writer = true;
	current.unknown = false;
	current.count = 0;
}

void
fx_since_unknown(void)
{
	current.unknown = true;
}

void
fx_since_before_commit(void)
{
	current.before = current.after = 0;
	/* who changed nothing is not counted by the server */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		current.before = facesnxt_completion_count();
}

void
fx_since_committed(void)
{
	if (current.before == 0)
		return;
	current.after = facesnxt_completion_count();
	newest = (newest + 1) % REMEMBERED;
	ended[newest] = current;
}

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
	int64		count;

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		PG_RETURN_NULL();
	count = (int64) GetLatestSnapshot()->snapXactCompletionCount;
	/* memberships are read from caches, which a transaction that holds its locks need not have looked after */
	AcceptInvalidationMessages();
	PG_RETURN_INT64(count);
}

/* Reads agency, account, kind and probe from argument first on; false for NULLs or a probe without a name. */
static bool
read_search(FunctionCallInfo fcinfo, int first, made_search *search)
{
	text	   *probe;

	for (int i = first; i < first + 4; i++)
		if (PG_ARGISNULL(i))
			return false;
	probe = PG_GETARG_TEXT_PP(first + 3);
	if (VARSIZE_ANY_EXHDR(probe) != PROBE_LENGTH)
		return false;
	search->agency = *PG_GETARG_UUID_P(first);
	search->account = *PG_GETARG_UUID_P(first + 1);
	search->is_template = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(first + 2)), "template") == 0;
	memcpy(search->probe, VARDATA_ANY(probe), PROBE_LENGTH);
	return true;
}

/*
 * facesnxt.note_search(agency uuid, account uuid, kind text, probe text) RETURNS void
 *
 * Tells that the writer has recorded a search.  NULLs, and probes whose name
 * is none, can be anybody's.
 */
Datum
facesnxt_note_search(PG_FUNCTION_ARGS)
{
	if (in_writer)
	{
		if (current.count < SEARCHES && read_search(fcinfo, 0, &current.search[current.count]))
			current.count++;
		else
			current.unknown = true;
	}
	PG_RETURN_VOID();
}

static bool
same(const pg_uuid_t *one, const pg_uuid_t *other)
{
	return memcmp(one->data, other->data, UUID_LEN) == 0;
}

/* Whether the gate of this search looks at anything that the transaction did.  Photographs can be of one origin. */
static bool
concerns(const own_transaction *did, const made_search *this)
{
	if (did->unknown)
		return true;
	for (int i = 0; i < did->count; i++)
	{
		const made_search *made = &did->search[i];

		if (same(&made->account, &this->account))
			return true;
		if (same(&made->agency, &this->agency)
			&& (!made->is_template || !this->is_template || memcmp(made->probe, this->probe, PROBE_LENGTH) == 0))
			return true;
	}
	return false;
}

/*
 * facesnxt.nothing_new(commits bigint, agency uuid, account uuid, kind text, probe text) RETURNS boolean
 *
 * True when a gate that was asked when commits() said so would answer the same
 * to this search.  False when it might not; so for any NULL.
 */
Datum
facesnxt_nothing_new(PG_FUNCTION_ARGS)
{
	uint64		asked;
	uint64		unseen;
	made_search this;

	if (PG_ARGISNULL(0) || !read_search(fcinfo, 1, &this))
		PG_RETURN_BOOL(false);
	/* what a session has changed itself is not known here */
	if (!in_writer && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		PG_RETURN_BOOL(false);
	asked = (uint64) PG_GETARG_INT64(0);

	unseen = GetLatestSnapshot()->snapXactCompletionCount - asked;
	AcceptInvalidationMessages();
	for (int i = 0; i < REMEMBERED; i++)
	{
		const own_transaction *did = &ended[i];

		if (did->after <= asked)
			continue;
		/* it may have ended before the session looked, or after */
		if (did->before < asked || concerns(did, &this))
			PG_RETURN_BOOL(false);
		unseen--;
	}
	/* records of the same transaction */
	PG_RETURN_BOOL(unseen == 0 && !(in_writer && concerns(&current, &this)));
}

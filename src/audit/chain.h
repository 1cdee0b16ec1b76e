/*
 * chain.h - how changes of rows come into the chain of events: triggers note
 * them, the writer chains them (README.md).
 */
#ifndef FACESNXT_AUDIT_CHAIN_H
#define FACESNXT_AUDIT_CHAIN_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "chain/event.h"

/* A change of a row that is not chained yet. */
typedef struct fx_change
{
	TimestampTz happened;
	uint64		transaction;
	char		operation;
	char		relation[NAMEDATALEN];
	char		acting[NAMEDATALEN];
	char		session[NAMEDATALEN];
	uint8		salt[FX_SALT_SIZE];
	uint8		digest[FX_SHA256_SIZE];
	char	   *row_key;		/* or NULL */
	char	   *image;			/* or NULL */
} fx_change;

/* A time as events have it: microseconds since 1970. */
static inline int64
fx_unix_time(TimestampTz time)
{
	return time + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* ---- the writer's own changes stay in its memory until it chains them, in the same transaction */

/* From here on changes are the writer's own, kept in the context, in these roles' names. */
extern void fx_changes_collect(MemoryContext context);
extern void fx_changes_on_behalf(const char *acting, const char *session);
/* What was collected, in order; and to begin anew. */
extern fx_change **fx_changes(int *count);
extern void fx_changes_clear(void);

/* ---- chaining: in the writer, within its transaction */

/*
 * Chains what waits in facesnxt.pending_event, at most limit of it, and then
 * what was collected.  Returns how many events it wrote.  only_if_begun: not
 * while the chain is empty (a restore may be under way).
 */
extern uint64 fx_chain(int limit, bool only_if_begun);

/* After an abort: what is remembered of the chain's end is not true any more. */
extern void fx_chain_forget(void);

#endif							/* FACESNXT_AUDIT_CHAIN_H */

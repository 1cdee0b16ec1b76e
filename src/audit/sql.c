/*
 * sql.c - queries of the audit's own, with plans that are kept.
 */
#include "compat.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "sql.h"

typedef struct kept_plan
{
	const char *query;			/* the key: its address */
	SPIPlanPtr	plan;
} kept_plan;

static HTAB *plans = NULL;

SPIPlanPtr
fx_plan(const char *query, int count, Oid *types)
{
	kept_plan  *kept;
	bool		found;

	if (plans == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(const char *), .entrysize = sizeof(kept_plan),
		.hcxt = TopMemoryContext};

		plans = hash_create("facesnxt plans", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	kept = hash_search(plans, &query, HASH_FIND, &found);
	if (!found)
	{
		SPIPlanPtr	plan = SPI_prepare(query, count, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "a query of the audit could not be prepared: %s", query);
		kept = hash_search(plans, &query, HASH_ENTER, &found);
		kept->plan = plan;
	}
	return kept->plan;
}

static void
run(const char *query, int count, Oid *types, Datum *values, bool read_only, int expected)
{
	int			result = SPI_execute_plan(fx_plan(query, count, types), values, NULL, read_only, 0);

	if (result != expected)
		elog(ERROR, "a query of the audit ended with %s: %s", SPI_result_code_string(result), query);
}

void
fx_query(const char *query, int count, Oid *types, Datum *values, int expected)
{
	run(query, count, types, values, false, expected);
}

void
fx_read(const char *query, int count, Oid *types, Datum *values)
{
	run(query, count, types, values, true, SPI_OK_SELECT);
}

/*
 * embedding_analyze.c - ANALYZE of a column of templates.
 *
 * Templates are biometric data, and pg_statistic is copied, dumped and read
 * by people who have no right to them.  So only the share of NULLs and the
 * width are kept, never a value; the planner is told that all are distinct.
 */
#include "type/embedding.h"

#include "commands/vacuum.h"

/* Enough to know a share within two percent. */
#define SAMPLE_ROWS 3000

static void
compute_stats(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetch, int rows, double total)
{
	int			nulls = 0;
	double		width = 0;

	for (int i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		value = fetch(stats, i, &isnull);

		facesnxt_vacuum_delay_point();
		if (isnull)
			nulls++;
		else
			width += VARSIZE_ANY(DatumGetPointer(value));
	}
	if (rows < 1)
		return;
	stats->stats_valid = true;
	stats->stanullfrac = (float4) ((double) nulls / rows);
	stats->stawidth = nulls < rows ? (int32) (width / (rows - nulls)) : 0;
	stats->stadistinct = nulls < rows ? -1.0f * (1.0f - stats->stanullfrac) : 0;
}

PG_FUNCTION_INFO_V1(embedding_typanalyze);
Datum
embedding_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	stats->compute_stats = compute_stats;
	stats->minrows = SAMPLE_ROWS;
	PG_RETURN_BOOL(true);
}

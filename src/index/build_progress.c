/*
 * build_progress.c - what pg_stat_progress_create_index shows of a build.
 *
 * Each phase counts one thing, in the columns the server has for it: blocks of
 * the table or of the index as blocks, all else as tuples.  The columns that a
 * phase does not use are 0, and so are all of them when the build is over:
 * what the server does afterwards, as to wait for others in CREATE INDEX
 * CONCURRENTLY, has counts of its own or none.
 */
#include "index/build.h"

#include "commands/progress.h"
#include "pgstat.h"

void
fs_progress_begin(int phase, int64 tuples, int64 blocks)
{
	/* all at once: no count is seen with the name of another phase */
	const int	columns[] = {PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL,
		PROGRESS_CREATEIDX_TUPLES_DONE, PROGRESS_SCAN_BLOCKS_TOTAL, PROGRESS_SCAN_BLOCKS_DONE};
	const int64 values[] = {phase, tuples, 0, blocks, 0};

	pgstat_progress_update_multi_param(lengthof(columns), columns, values);
}

void
fs_progress_end(void)
{
	fs_progress_begin(0, 0, 0);
}

void
fs_progress_tuples(int64 done)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, done);
}

void
fs_progress_estimate(int64 done, int64 total)
{
	const int	columns[] = {PROGRESS_CREATEIDX_TUPLES_TOTAL, PROGRESS_CREATEIDX_TUPLES_DONE};
	const int64 values[] = {Max(done, total), done};

	pgstat_progress_update_multi_param(lengthof(columns), columns, values);
}

void
fs_progress_blocks(int64 done)
{
	pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, done);
}

char *
fs_build_phase(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case FS_PHASE_SAMPLE:
			return "sampling rows";
		case FS_PHASE_CLUSTER:
			return "finding lists";
		case FS_PHASE_ENCODE:
			return "encoding rows";
		case FS_PHASE_SORT:
			return "writing entries by list";
		case FS_PHASE_CALIBRATE:
			return "measuring how many lists a search needs";
		case FS_PHASE_LOG:
			return "writing the log";
		default:
			return NULL;
	}
}

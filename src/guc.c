/*
 * guc.c - every setting of the extension, in alphabetical order.
 */
#include "compat.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "guc.h"
#include "index/workers.h"
#include "kernel/kernel.h"

int			facesnxt_audit_timeout = 10000;
int			facesnxt_kernel_tier = FX_TIER_AUTO;
double		facesnxt_mate_similarity = 0.5;
int			facesnxt_max_photo_memory = 256 * 1024;
int			facesnxt_max_photo_pixels = 40 * 1000;
int			facesnxt_max_photo_scans = 100;
int			facesnxt_max_photo_size = 20 * 1024;
int			facesnxt_min_face_size = 24;
int			facesnxt_model_cache_size = 256 * 1024;
int			facesnxt_probes = 0;
int			facesnxt_scan_workers = 0;
int			facesnxt_scan_workers_per_search = FS_MOST_WORKERS;
double		facesnxt_target_recall = 1;
bool		facesnxt_wide_bounds = false;
int			facesnxt_writer_idle = 4000;

static const struct config_enum_entry kernel_tiers[] = {
	{"auto", FX_TIER_AUTO, false},
	{"scalar", FX_TIER_SCALAR, false},
	{"neon", FX_TIER_NEON, false},
	{"avx2", FX_TIER_AVX2, false},
	{"avx512", FX_TIER_AVX512, false},
	{NULL, 0, false}
};

static bool
check_kernel_tier(int *newval, void **extra, GucSource source)
{
	if (fx_tier_available((fx_tier) *newval))
		return true;
	GUC_check_errdetail("This processor or this build does not have that instruction set.");
	GUC_check_errhint("Use \"auto\" or \"scalar\", which every machine has.");
	return false;
}

static void
assign_kernel_tier(int newval, void *extra)
{
	fx_kernels_force((fx_tier) newval);
}

void
facesnxt_guc_init(void)
{
	/*
	 * facesnxt.audit_timeout: how long a search waits until its record is
	 * committed, slot of the writer included.  When it runs out the search is
	 * refused (NX404) and no candidate leaves.
	 */
	DefineCustomIntVariable("facesnxt.audit_timeout",
							"Longest wait for an audit record to be committed.",
							"A search whose record is not committed in time returns nothing.",
							&facesnxt_audit_timeout, 10000, 100, 600000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * facesnxt.kernel_tier: the instruction set of the distance kernels.
	 * "auto" takes the best that the processor has; a fixed one is for tests
	 * and measurements.  Results agree within the bound in kernel/kernel.h.
	 */
	DefineCustomEnumVariable("facesnxt.kernel_tier",
							 "Instruction set of the distance kernels.",
							 NULL,
							 &facesnxt_kernel_tier, FX_TIER_AUTO, kernel_tiers,
							 PGC_SUSET, 0, check_kernel_tier, assign_kernel_tier, NULL);

	/*
	 * facesnxt.mate_similarity: with facesnxt.target_recall below 1, the cosine
	 * similarity that mates typically have, who are to be found with that
	 * probability; they are taken to scatter about it by a fifth of what it
	 * lacks to 1.
	 */
	DefineCustomRealVariable("facesnxt.mate_similarity",
							 "Similarity that mates typically have who are to be found with facesnxt.target_recall.",
							 NULL,
							 &facesnxt_mate_similarity, 0.5, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.max_photo_memory: the most that decoding one photograph may
	 * hold at a time, the pixels included.
	 */
	DefineCustomIntVariable("facesnxt.max_photo_memory",
							"Most memory that decoding one photograph may use.",
							NULL,
							&facesnxt_max_photo_memory, 256 * 1024, 1024, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	/*
	 * facesnxt.max_photo_pixels: the largest photograph, in thousands of
	 * pixels; the guard against decompression bombs.
	 */
	DefineCustomIntVariable("facesnxt.max_photo_pixels",
							"Largest photograph, in thousands of pixels.",
							NULL,
							&facesnxt_max_photo_pixels, 40 * 1000, 1, 1000 * 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.max_photo_scans: the most scans of a progressive JPEG; each
	 * costs a pass over the whole picture.
	 */
	DefineCustomIntVariable("facesnxt.max_photo_scans",
							"Most scans of a progressive JPEG.",
							NULL,
							&facesnxt_max_photo_scans, 100, 1, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.max_photo_size: the largest JPEG file.
	 */
	DefineCustomIntVariable("facesnxt.max_photo_size",
							"Largest JPEG file.",
							NULL,
							&facesnxt_max_photo_size, 20 * 1024, 1, 1024 * 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	/*
	 * facesnxt.min_face_size: a face whose shorter side has fewer pixels
	 * gives no template (NX113): it would match strangers.
	 */
	DefineCustomIntVariable("facesnxt.min_face_size",
							"Shortest side of a face that gives a template, in pixels.",
							NULL,
							&facesnxt_min_face_size, 24, 1, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.model_cache_size: how much memory the parsed models of one
	 * backend may hold.  The least recently used one leaves first; a model
	 * that alone is larger is refused (NX203).
	 */
	DefineCustomIntVariable("facesnxt.model_cache_size",
							"Memory for parsed models in one backend.",
							NULL,
							&facesnxt_model_cache_size, 256 * 1024, 1024, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	/*
	 * facesnxt.probes: how many lists of an index a search reads, whatever
	 * facesnxt.target_recall says; 0 leaves it to that.
	 */
	DefineCustomIntVariable("facesnxt.probes",
							"Lists of an index that a search reads; 0: as facesnxt.target_recall needs.",
							NULL,
							&facesnxt_probes, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.scan_workers: processes that stand by from the server's start to
	 * share the pass of a search in a large index, for whichever session
	 * searches.  Each takes one of max_worker_processes and some 5 MB.  There
	 * are none unless shared_preload_libraries names the library.
	 */
	DefineCustomIntVariable("facesnxt.scan_workers",
							"Processes that stand by to share the pass of a search in a large index.",
							NULL,
							&facesnxt_scan_workers, 0, 0, FS_MOST_WORKERS,
							process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0,
							NULL, NULL, NULL);

	/*
	 * facesnxt.scan_workers_per_search: so many of them, at most, share one
	 * pass with the session that searches; 0: it goes alone.  Those that are
	 * busy are not waited for.
	 */
	DefineCustomIntVariable("facesnxt.scan_workers_per_search",
							"Processes that share the pass of one search, at most, beside the session's own.",
							NULL,
							&facesnxt_scan_workers_per_search, FS_MOST_WORKERS, 0, FS_MOST_WORKERS,
							PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.target_recall: 1 looks at every code.  Below 1, an index with
	 * lists leaves those out that mates who typically have
	 * facesnxt.mate_similarity are in with no more than the rest of the
	 * probability, and of most codes only the first dimensions are read, which
	 * tell such mates from nearly everyone else.  Of those who are just similar
	 * enough to be among the rows asked for it misses most.
	 */
	DefineCustomRealVariable("facesnxt.target_recall",
							 "Probability with which an index is to find a mate; 1 looks at every code.",
							 NULL,
							 &facesnxt_target_recall, 1, 0.01, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.wide_bounds: an index leaves out whose code cannot be that of a
	 * row asked for, by a bound that is wrong once in some hundreds at the very
	 * edge of the list; a row that is left out comes later, out of order.  Wide
	 * bounds are wrong once in tens of thousands, and a search by them takes a
	 * third longer.  Recorded searches set it.
	 */
	DefineCustomBoolVariable("facesnxt.wide_bounds",
							 "Whether an index misses fewer of the rows at the edge of the list, in more time.",
							 NULL,
							 &facesnxt_wide_bounds, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * facesnxt.writer_idle: how long the writer of audit records stays after
	 * the last one.  A search that finds none starts one, which costs some 30
	 * ms; one that stays is a connection to the database, for which DROP
	 * DATABASE waits up to 5 s.
	 */
	DefineCustomIntVariable("facesnxt.writer_idle",
							"How long the writer of audit records waits for more of them.",
							NULL,
							&facesnxt_writer_idle, 4000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	MarkGUCPrefixReserved("facesnxt");
}

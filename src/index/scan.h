/*
 * scan.h - the state of a scan, shared by its stages.
 *
 * A scan in the order of distance is a cascade over three kinds of bounds:
 *
 *		coarse	every code of every page in one pass
 *		middle	in the same pass, those whose upper bound reaches the floor are
 *				bounded more closely by their second bits; those that still
 *				reach it survive.  The floor is the K-th best score seen so far.
 *		fine	survivors, best first, are bounded still more closely
 *		exact	those that may come next are fetched from the heap, under the
 *				scan's own snapshot, and their distance is computed
 *
 * Survivors stand in buckets by their upper bound.  Buckets are opened from
 * the best downwards, and a row is returned once its exact score beats the
 * edge of the best bucket not yet opened: whoever asks for ten rows pays for
 * little more, whoever asks for more gets more.  When all buckets have been opened and
 * the floor was above the least score, another round begins below it.
 */
#ifndef FACESNXT_INDEX_SCAN_H
#define FACESNXT_INDEX_SCAN_H

#include "index/index.h"

#include "access/relscan.h"
#include "access/tableam.h"

#define FS_BUCKETS			1024
#define FS_NOBODY			(-1)

/* So many entries have their fine codes on the way to the cache at a time. */
#define FS_REFINE_BATCH		8

/*
 * How many standard deviations a bound lies above its estimate, in each stage.
 * Whoever has the very score of the floor is missed by the coarse stage once in
 * 700 times, by wide bounds once in 30,000, and comes in a later round; mates,
 * which lie well above it, are not.  After the round that goes down to a greatest
 * distance there is no later one, so there bounds are the widest.
 */
typedef struct fs_sigmas
{
	float		coarse;
	float		middle;
	float		fine;
} fs_sigmas;

#define FS_SIGMAS		((fs_sigmas) {3.0f, 3.3f, 4.2f})
#define FS_WIDE_SIGMAS	((fs_sigmas) {4.0f, 4.3f, 5.0f})
#define FS_LAST_SIGMAS	((fs_sigmas) {5.0f, 5.0f, 5.5f})

/*
 * The floor of the first round is the score of the best but so many, and of later ones of so many times more.
 * No access method is told LIMIT: the first number follows from how many rows this session asked for of late.
 */
#define FS_FIRST_RANK		96
#define FS_GREATEST_RANK	4096
#define FS_RANK_GROWTH		8

/* Without middle codes: how many survivors the first round is to leave. */
#define FS_FIRST_SURVIVORS	65536

typedef struct fs_survivor
{
	float		upper;			/* bound on the score, of the last stage so far */
	float		base;			/* <probe, centre> and what the metric adds */
	float		sum;			/* signed sum of the coarse stage */
	int32		middle_sum;		/* sum over the plane of the middle stage */
	uint32		page;			/* number in fs_scan.pages */
	uint16		slot;
	bool		is_fine;		/* has been through all stages but the exact one */
	int32		next;			/* in the same bucket, or FS_NOBODY */
} fs_survivor;

/* A code page that the scan reads. */
typedef struct fs_scan_page
{
	fs_place	place;
	uint32		list;
} fs_scan_page;

typedef struct fs_exact
{
	double		distance;
	double		score;
	ItemPointerData tid;
} fs_exact;

/* What the last scan of this session did, for facesnxt.last_scan(). */
typedef struct fs_counters
{
	Oid			index;
	uint64		lists;			/* read */
	uint64		pages;			/* code pages read, over all rounds */
	uint64		codes;			/* scored in the first round */
	uint64		survivors;		/* over all rounds */
	uint64		middle;			/* bounded by their second bits */
	uint64		refined;		/* bounded by their fine codes */
	uint64		fetched;		/* from the heap */
	uint64		returned;
	uint64		late;			/* returned after one that is farther: a bound did not hold */
	uint32		rounds;
	bool		every_code;		/* no list was left out */
	float		deviations;		/* by which coarse bounds lay above estimates, at the least; 0: none were needed */
	uint32		workers;		/* that took part in the first pass */
} fs_counters;

extern fs_counters fs_last_scan;

/* A condition that is tested on the row itself. */
typedef struct fs_condition fs_condition;

typedef struct fs_scan
{
	Relation	index;
	MemoryContext context;		/* lives as long as the scan */
	MemoryContext run;			/* emptied by a rescan */
	fs_index   *fs;				/* in `run` */
	Snapshot	snapshot;
	/* what is asked */
	fs_filter	filter;
	fs_condition *conditions;	/* of which the filter knows too little */
	int			nconditions;
	bool		started;
	bool		ordered;		/* by distance to a probe that is not NULL */
	bool		skip_nulls;		/* template IS NOT NULL */
	bool		only_nulls;		/* template IS NULL */
	Embedding  *probe;
	Embedding  *within_probe;	/* NULL: any distance will do */
	double		within_distance;
	float		least;			/* no score below it is asked for */
	double		probe_square;	/* |probe|^2 */
	bool		every_list;		/* whatever the settings say */
	double		greatest;		/* distance that search_many() asks for; infinity: any */
	bool		plain_probe;	/* the probe has no direction: every row is scored exactly */
	/* pages: those with codes, then those of rows without; where lists are left out, the others in the second phase */
	fs_scan_page *pages;
	uint32		npages;
	bool	   *chosen;			/* of each list, where some are left out: it is not */
	uint32		nrest;			/* pages of the others */
	uint32		nagain;			/* the first so many pages were in the first phase, which read prefixes alone */
	int			phase;			/* 0 or 1 */
	uint32		round;			/* of this phase */
	float	   *nearness;		/* of each list; NULL: no list is left out */
	double		share;			/* of the pages, that the nearest lists are to have */
	fs_scan_page *odd_pages;
	uint32		nodd_pages;
	fs_scan_page *null_pages;
	uint32		nnull_pages;
	uint32		page;			/* the next to read */
	struct fs_task *task;		/* the pass that workers share; NULL: it is not shared */
	/* coarse */
	fx_query	query;
	float		base;			/* <q, centre> */
	float		spread;			/* standard deviation of a coarse estimate, per unit of its scale */
	fs_sigmas	sigmas;			/* of this round; sigmas.coarse follows the floor: */
	float		mates;			/* this where the floor is near the score of a mate */
	float		others;			/* and this where it is far below; where that is less: */
	float		mates_floor;	/* estimates of nearly all mates are above this */
	float		coarse_error;	/* of the usual template */
	uint32		prefix;			/* so many dimensions decide whether the rest of a code is read; 0: it always is */
	float		prefix_margin;	/* as in fx_coarse_run */
	float		prefix_floor;
	float		longest;		/* no centred template is longer; infinity: that is not known */
	float		followed;		/* the floor that the widths of bounds are for */
	float		floor;			/* of this round: all with bounds from here up survive */
	float		ceiling;		/* of this round: the floor of the one before */
	float	   *best;			/* a binary heap of the best scores so far, the least on top */
	uint32		nbest;
	uint32		rank;			/* and how many it takes */
	float		least_best;		/* the least, once they are so many */
	uint32		target;			/* without middle codes: survivors wanted */
	const fx_code_kernels *kernels;
	fs_survivor *survivors;
	uint32		nsurvivors;
	uint32		capacity;
	bool		lent;			/* their memory is a worker's, and cannot grow */
	uint8	   *taken;			/* a bit for each entry that survived an earlier round; NULL: there was none */
	Size		taken_size;		/* bytes */
	uint32		ntaken;			/* bits set */
	fs_memory  *memory;
	BlockNumber blocks;			/* of the index */
	/* buckets */
	int32		waiting[FS_BUCKETS];	/* for the fine stage */
	int32		ready[FS_BUCKETS];	/* for the exact stage */
	float		top;			/* upper edge of bucket 0 */
	float		bucket_width;
	int			bucket;			/* the next to open */
	/* exact */
	IndexFetchTableData *fetch;
	BlockNumber heap_blocks;	/* of the table, at the least */
	TupleTableSlot *slot;
	IndexInfo  *info;
	struct EState *estate;
	List	   *expressions;	/* of the index, prepared */
	MemoryContext row;			/* emptied after each row */
	fs_exact   *heap;			/* a binary heap, the nearest on top */
	uint32		nheap;
	uint32		heap_capacity;
	double		last_distance;	/* the greatest so far */
	double		distance;		/* of the row returned last; NaN: it has none */
	/* rows without order: pages one after the other */
	uint32		plain_page;
	ItemPointerData *batch;
	BlockNumber batch_page;		/* where they are from */
	uint32		nbatch;
	uint32		batch_at;
	fs_counters counters;
} fs_scan;

/* ---- scan.c */

/*
 * Begins scans in the order of distance that have been told their probes, and goes once over the codes for all of
 * them.  No list is left out.  So many rows will be asked for of each, none farther than the greatest distance.
 */
extern void fs_share_first_round(IndexScanDesc *descs, int n, uint64 rows, double greatest);
/* The distance of the row returned last; false: it has none. */
extern bool fs_last_distance(IndexScanDesc desc, double *distance);

/* ---- pages.c */

/* Whether lists are to be left out, and then how near each is to the probe. */
extern void fs_choose_lists(fs_scan *scan, const float *rotated);
/* Finds the pages to read, the nearest lists first where some are left out. */
extern void fs_find_pages(fs_scan *scan);
/* Goes on with the lists that were left out, and codes that were read in part; false when there were none. */
extern bool fs_begin_rest(fs_scan *scan);

/* ---- bounds.c */

/* The deviation that a standard normal variable exceeds with probability p < 0.5. */
extern double fs_normal_quantile(double p);
/* The same of a part of what facesnxt.target_recall, below 1, lets a scan miss. */
extern double fs_mates_missed(double part);
/* Chooses how wide the bounds of a round are, by the settings. */
extern void fs_choose_sigmas(fs_scan *scan);
/* Makes bounds as wide as the floor of now needs. */
extern void fs_follow_floor(fs_scan *scan);

/* ---- share.c */

/* Goes back to the first page. */
extern void fs_first_page(fs_scan *scan);
/* The number of the next page that is this process's; false when there is none. */
extern bool fs_next_page(fs_scan *scan, uint32 *number);
/* Whether the session whose pass is shared has given it up. */
extern bool fs_given_up(const fs_scan *scan);
/* A score enters the best ones of all processes that share a pass. */
extern void fs_share_score(fs_scan *scan, float score);
/* Lets the floor rise to that of all of them. */
extern void fs_take_shared_floor(fs_scan *scan);
/* The pass of a first round, with workers; false when none took part, or one was lost: then it is still to do. */
extern bool fs_pass_with_workers(fs_scan *scan);

/* ---- pages */

/* Pins, locks and checks a code page. */
static inline Buffer
fs_scan_read(fs_scan *scan, const fs_scan_page *page)
{
	Buffer		buffer = fs_memory_pin(scan->memory, scan->index, page->place.code);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	fs_check_code_page(scan->index, buffer, fs_layout_of(scan->fs, page->list));
	facesnxt_test_old_snapshot(scan->snapshot, scan->index, BufferGetPage(buffer));
	return buffer;
}

/* ---- coarse.c */

/* Those of one page that the coarse stage does not rule out. */
typedef struct fs_page_survivors
{
	uint32		page;			/* number in fs_scan.pages */
	float		floor;			/* of the scan when they were found */
	uint32		count;
	uint16		slots[FS_MAX_CODES];
	float		uppers[FS_MAX_CODES];
	float		scales[FS_MAX_CODES];
	float		bases[FS_MAX_CODES];
	float		sums[FS_MAX_CODES];
} fs_page_survivors;

/* The second half of what the first `dims` dimensions of a page's codes take; NULL: it is not known where they are. */
static inline const char *
fs_second_half(const fs_layout *layout, uint32 dims, const char *codes)
{
	return codes != NULL ? codes + fx_ahead_size(layout->entries, dims) : NULL;
}

/* Sends for such a half, if it is known where it is: as much as a kernel sends for. */
static inline void
fs_send_for_half(const fs_layout *layout, uint32 dims, const char *half)
{
	if (half != NULL)
		fs_send_for(half, fx_ahead_size(layout->entries, dims));
}

/* Sends for the head of a page; returns where its codes are, which are not sent for yet, or NULL: not known. */
extern const char *fs_send_for_page(const fs_scan *scan, uint32 number);
/*
 * The codes of a page, and which of them the filter wants, as bits in wanted; returns how many those are.  A pin is
 * enough, here and for the codes of the later stages: what a row's entry says does not change, and the entry does not
 * move, as long as a snapshot may see the row, and whoever changes a page leaves the bytes of other entries as they are
 * (a copy of the page over itself at most).  An entry that is being written or wiped may get any score, and then its
 * row is one that the snapshot does not see.
 */
extern uint32 fs_open_page(const fs_scan *scan, uint32 number, Page page, uint16 *wanted, fx_coarse_run *run);
/* Sends for what dimensions from `from` on say of the blocks that will be read. */
extern void fs_send_for_wanted(const fx_coarse_run *run, uint32 from, uint32 padded);
/* Sends for the codes that the filter wants, if they are few; else false: then it is best to fetch all of the page. */
extern bool fs_send_for_few(const fx_coarse_run *run, uint32 padded);
/* Scores the codes of a page that are wanted and notes who may reach the floor. */
extern void fs_score_page(const fs_scan *scan, uint32 number, fx_coarse_run *run, fs_page_survivors *found);
/*
 * Scores a page and notes who may reach the floor; half as many codes, from `ahead` on, are fetched meanwhile.  Returns
 * how many codes the filter wants.
 */
extern uint32 fs_find_survivors(fs_scan *scan, uint32 number, Page page, const char *ahead, fs_page_survivors *found);

/* ---- pass.c */

/* One pass over all pages, or in a pass that is shared over those of this process. */
extern void fs_pass(fs_scan **scans, int nscans);
/* Fills the buckets of a round's survivors.  Several scans of the same pages go over them together. */
extern void fs_coarse_round(fs_scan **scans, int nscans);

/* ---- guess.c */

/* A guess of the floor of a round; chooses the prefix, if there is to be one. */
extern float fs_first_floor(fs_scan *scan);

/* ---- middle.c */

/* Lets the floor rise to the least of the best scores. */
static inline void
fs_raise_floor(fs_scan *scan)
{
	/* estimates of those that were in an earlier round may lie above their bounds of then */
	scan->floor = Max(scan->floor, Min(scan->least_best, scan->ceiling));
}

/* Its fine code says that it does not belong to this round: a later one finds it again. */
static inline bool
fs_below_floor(const fs_scan *scan, const fs_survivor *survivor)
{
	return survivor->is_fine && survivor->upper < scan->floor;
}

/* Notes the survivors of a round that has ended, so that no later one, of so many pages, has them. */
extern void fs_take_survivors(fs_scan *scan, uint32 npages);
/* A score enters a heap of the best `rank` ones, the least on top. */
extern void fs_push_score(float *best, uint32 *nbest, uint32 rank, float score);
/* Makes space for the survivors of one more page. */
extern void fs_make_space(fs_scan *scan);
/* Adds those that another process has found. */
extern void fs_add_survivors(fs_scan *scan, const fs_survivor *survivors, uint32 n);
/* Drops those that the floor has risen above. */
extern void fs_drop_below_floor(fs_scan *scan);
/* Sends for the middle codes of a page's survivors. */
extern void fs_send_for_middle(const fs_scan *scan, const fs_page_survivors *found);
/* Bounds those whose middle codes are on their way; who may still reach the floor survives. */
extern void fs_finish_page(fs_scan *scan, fs_page_survivors *found);

/* ---- fine.c */

/* Puts the survivors of a round into buckets. */
extern void fs_fill_buckets(fs_scan *scan);
/* Sends for the fine code of a survivor, who will be bounded soon. */
extern void fs_send_for_fine(const fs_scan *scan, int32 number);
/* Bounds survivors by their fine codes, which are on their way; scores, if not NULL, takes the estimates. */
extern void fs_refine(fs_scan *scan, const int32 *numbers, int n, float *scores);
/* Bounds the survivors of a bucket by their fine codes and puts them where they belong then. */
extern void fs_refine_bucket(fs_scan *scan, int bucket);
/* Bounds all survivors by their fine codes. */
extern void fs_refine_all(fs_scan *scan);
/* The upper edge of a bucket: nothing in it or behind it has a greater bound. */
extern float fs_bucket_edge(const fs_scan *scan, int bucket);

/* ---- condition.c */

/* Takes what is asked of the template, and notes the conditions that only rows tell. */
extern void fs_take_keys(fs_scan *scan, ScanKey keys, int nkeys);
/* Whether the row in the slot is as they say. */
extern bool fs_conditions_hold(fs_scan *scan);

/* ---- exact.c */

/* What the row in the slot has in a column of the index, from 0 for the template; of an expression, until the next. */
extern Datum fs_value_of_row(fs_scan *scan, int column, bool *isnull);
/* Whether a row that an entry of this page leads to is seen, and as the conditions say. */
extern bool fs_row_agrees(IndexScanDesc desc, fs_scan *scan, BlockNumber page, ItemPointer tid);
/* An entry of this page that leads beyond the table is damaged. */
extern void fs_check_pointer(IndexScanDesc desc, fs_scan *scan, BlockNumber page, ItemPointer tid);

extern double fs_distance(const fs_scan *scan, const Embedding *embedding, const Embedding *probe);
/* The score of code/code.h that belongs to a distance to the probe. */
extern double fs_score(const fs_scan *scan, double distance);
extern void fs_exact_begin(IndexScanDesc desc, fs_scan *scan);
extern void fs_exact_end(fs_scan *scan);
/* Opens buckets until some rows have been fetched and scored, or all buckets are open. */
extern void fs_open_buckets(IndexScanDesc desc, fs_scan *scan);
/* Fetches and scores all entries of the pages whose codes say nothing. */
extern void fs_exact_pages(IndexScanDesc desc, fs_scan *scan, const fs_scan_page *pages, uint32 npages);
extern bool fs_exact_pop(fs_scan *scan, double frontier, fs_exact *exact);

#endif							/* FACESNXT_INDEX_SCAN_H */

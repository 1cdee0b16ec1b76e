/*
 * scan.h - the state of a scan, shared by scan.c, coarse.c and exact.c.
 *
 * A scan in the order of distance is a cascade over three kinds of bounds:
 *
 *		coarse	every code of every page in one pass; those whose upper bound
 *				reaches the floor survive
 *		fine	survivors, best first, are bounded more closely by their fine codes
 *		exact	those that may still come next are fetched from the heap, under
 *				the scan's own snapshot, and their distance is computed
 *
 * Survivors stand in buckets by their upper bound.  Buckets are opened from
 * the best downwards, and a row is returned once its exact score beats the
 * edge of the best bucket not yet opened: whoever asks for ten rows pays for
 * ten, whoever asks for more gets more.  When all buckets are empty and the
 * floor was above the least score, another round begins below it.
 */
#ifndef FACESNXT_INDEX_SCAN_H
#define FACESNXT_INDEX_SCAN_H

#include "index/index.h"

#include "access/relscan.h"
#include "access/tableam.h"

#define FS_BUCKETS			1024
#define FS_NOBODY			(-1)

/*
 * How many standard deviations a bound lies above its estimate.  One in 2,000
 * of those at the very edge of the list is missed at that; whoever lies well
 * above the edge, as mates do, is not.
 */
#define FS_SIGMAS			3.3f

/* How many survivors the first round is to leave. */
#define FS_FIRST_SURVIVORS	65536

typedef struct fs_survivor
{
	float		upper;			/* bound on the score */
	float		sum;			/* signed sum of the coarse stage */
	uint32		page;			/* number in fs_scan.pages */
	uint16		slot;
	bool		is_fine;		/* upper is the fine stage's */
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
	bool		recheck;
} fs_exact;

/* What the last scan of this session did, for facesnxt.last_scan(). */
typedef struct fs_counters
{
	Oid			index;
	uint64		lists;			/* read */
	uint64		pages;			/* code pages read, over all rounds */
	uint64		codes;			/* scored in the first round */
	uint64		survivors;		/* over all rounds */
	uint64		refined;
	uint64		fetched;		/* from the heap */
	uint64		returned;
	uint64		late;			/* returned after one that is farther: a bound did not hold */
	uint32		rounds;
	bool		every_code;		/* no list was left out */
} fs_counters;

extern fs_counters fs_last_scan;

typedef struct fs_scan
{
	Relation	index;
	MemoryContext context;		/* lives as long as the scan */
	MemoryContext run;			/* emptied by a rescan */
	fs_index   *fs;				/* in `run` */
	/* what is asked */
	fs_filter	filter;
	bool		started;
	bool		ordered;		/* by distance to a probe that is not NULL */
	bool		skip_nulls;		/* template IS NOT NULL */
	bool		only_nulls;		/* template IS NULL */
	Embedding  *probe;
	double		probe_square;	/* |probe|^2 */
	bool		plain_probe;	/* the probe has no direction: every row is scored exactly */
	/* pages: those with codes, then those of rows without */
	fs_scan_page *pages;
	uint32		npages;
	fs_scan_page *odd_pages;
	uint32		nodd_pages;
	fs_scan_page *null_pages;
	uint32		nnull_pages;
	/* coarse */
	fx_query	query;
	float	   *bases;			/* of each list: <q, centre> */
	float		margin;
	float		floor;			/* of this round */
	float		ceiling;		/* of this round: the floor of the one before */
	uint32		target;			/* survivors wanted */
	fs_survivor *survivors;
	uint32		nsurvivors;
	uint32		capacity;
	BufferAccessStrategy strategy;
	/* buckets */
	int32		coarse_heads[FS_BUCKETS];
	int32		fine_heads[FS_BUCKETS];
	int32		leftover;		/* refined below the floor: for the next round */
	float		top;			/* upper edge of bucket 0 */
	float		bucket_width;
	int			bucket;			/* the next to open */
	/* exact */
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	IndexInfo  *info;
	struct EState *estate;
	MemoryContext row;			/* emptied after each row */
	fs_exact   *heap;			/* a binary heap, the nearest on top */
	uint32		nheap;
	uint32		heap_capacity;
	double		last_distance;
	/* rows without order: pages one after the other */
	uint32		plain_page;
	ItemPointerData *batch;
	uint32		nbatch;
	uint32		batch_at;
	fs_counters counters;
} fs_scan;

/* ---- coarse.c */

/* One pass over all pages: fills the survivors of this round and their buckets. */
extern void fs_coarse_round(fs_scan *scan);
/* Bounds the coarse survivors of a bucket more closely and puts them where they belong then. */
extern void fs_refine_bucket(fs_scan *scan, int bucket);
/* The lower edge of a bucket: nothing in later buckets has a greater bound. */
extern float fs_bucket_edge(const fs_scan *scan, int bucket);

/* ---- exact.c */

extern void fs_exact_begin(IndexScanDesc desc, fs_scan *scan);
extern void fs_exact_end(fs_scan *scan);
/* Fetches the fine survivors of a bucket and scores them. */
extern void fs_exact_bucket(IndexScanDesc desc, fs_scan *scan, int bucket);
/* Fetches and scores all entries of the pages whose codes say nothing. */
extern void fs_exact_pages(IndexScanDesc desc, fs_scan *scan, const fs_scan_page *pages, uint32 npages);
extern bool fs_exact_pop(fs_scan *scan, double frontier, fs_exact *exact);

#endif							/* FACESNXT_INDEX_SCAN_H */

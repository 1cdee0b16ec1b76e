/*
 * build.h - shared by build.c and build_parallel.c.
 */
#ifndef FACESNXT_INDEX_BUILD_H
#define FACESNXT_INDEX_BUILD_H

#include "index/index.h"

#include "access/tableam.h"
#include "storage/lwlock.h"

enum
{
	FS_PHASE_SAMPLE = 2,		/* 1 is "initializing" */
	FS_PHASE_CLUSTER,
	FS_PHASE_ENCODE,
	FS_PHASE_SORT,
	FS_PHASE_CALIBRATE,
	FS_PHASE_LOG
};

/* One for codes, one for FS_LIST_ODD, one for FS_LIST_NULL. */
#define FS_SHEETS	3

/* The image of a code page and its fine pages. */
typedef struct fs_sheet
{
	char	   *pages;
	uint32		list;
	uint32		count;			/* entries */
} fs_sheet;

/* How far the extents of a kind of list are in use. */
typedef struct fs_growth
{
	uint32		list;
	fs_extent	extent;
	uint32		next;			/* the first code page of it that is free */
	uint32		pages;			/* code pages so far */
} fs_growth;

#define FS_MAX_PARTIAL	(FS_SHEETS * 64)

/* What all processes of a build share. */
typedef struct fs_build_shared
{
	LWLock		lock;
	fs_growth	growth[FS_SHEETS];
	uint32		npartial;
	BlockNumber partial[FS_MAX_PARTIAL];	/* code pages that are not full: each process leaves one of a kind */
} fs_build_shared;

typedef struct fs_sorter fs_sorter;

/* One process of a build. */
typedef struct fs_builder
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	fs_index   *fs;
	fs_build_shared *shared;
	fs_encoder *encoder;
	fs_sheet	sheets[FS_SHEETS];
	MemoryContext row;
	double		heap_tuples;
	double		index_tuples;
	/* with lists */
	fs_sorter  *sorter;			/* NULL: flat */
	pg_atomic_uint32 *sizes;	/* entries of each list, of all processes */
	struct fs_sample *sample;	/* for the calibration */
} fs_builder;

/* ---- build.c */

/* Reads the table, or this process's share of it (scan): its entries are written, or put into the sort. */
extern void fs_build_scan(fs_builder *builder, TableScanDesc scan, bool progress);
/* Puts an entry into a page; entries of one list must come together, where there are lists. */
extern void fs_build_put(fs_builder *builder, const fs_entry *entry);
/* Writes what has not filled a page. */
extern void fs_build_flush(fs_builder *builder);

/* ---- build_progress.c */

/* A phase begins with so many rows, points or probes to be done, or blocks; unknown is 0. */
extern void fs_progress_begin(int phase, int64 tuples, int64 blocks);
extern void fs_progress_tuples(int64 done);
/* Where the total is not known beforehand; it is never less than what has been done. */
extern void fs_progress_estimate(int64 done, int64 total);
extern void fs_progress_blocks(int64 done);
/* The build is over, or what the server does next: nothing is left to see. */
extern void fs_progress_end(void);
extern char *fs_build_phase(int64 phase);

/* ---- build_parallel.c */

/* Scans the table with as many workers as the server allows, and writes all entries; leaves `shared` set. */
extern void fs_build_run(fs_builder *builder);

/* ---- build_sample.c */

/* Rows of the table, spread evenly. */
typedef struct fs_sample
{
	BlockNumber blocks;			/* of the table */
	BlockNumber step;			/* from one block to the next one sampled, cyclically */
	BlockNumber at;
	BlockNumber done;			/* blocks sampled so far */
	double		rows;			/* templates in them */
	/*
	 * What the lists are made from: points (see code/cluster.h), one row each. Afterwards those for the calibration
	 * are left.
	 */
	float	   *points;
	float	   *norms;			/* |o|, before its centre was taken off */
	uint32		npoints;
} fs_sample;

/*
 * Finds dimension, model and centre, and with lists axes and centres: fs->meta is complete but for the
 * calibration.
 */
extern fs_sample *fs_sample_take(fs_builder *builder, fs_index *fs);

/* ---- calibrate.c */

/* Measures what share of the codes is needed; writes the blob and returns where it is. */
extern BlockNumber fs_calibrate(fs_builder *builder, fs_index *fs, const fs_sample *sample);

/* ---- build_lists.c */

/* Points that k-means does not see, where there are enough. */
#define FS_CALIBRATION_PROBES	4000

/* Whether the table is large enough for lists, or they were asked for. */
extern bool fs_lists_possible(const fs_builder *builder);
/*
 * As many lists as were asked for, or as suit so many rows, but not more than the rows can fill, nor than
 * maintenance_work_mem has room for with as many points.
 */
extern uint32 fs_lists_wanted(const fs_builder *builder, const fs_index *fs, uint32 axes, double rows);
/* As many points as lists want, but not more than maintenance_work_mem has room for. */
extern uint32 fs_points_wanted(const fs_builder *builder, const fs_index *fs, uint32 axes, uint32 lists, double rows);

/* ---- build_sort.c: entries by list */

struct SortCoordinateData;
/* memory: of this process for the whole of the build, kB */
extern fs_sorter *fs_sorter_begin(fs_builder *builder, int memory, struct SortCoordinateData *coordinate);
/* builder->encoder's entry, the list of which is not known yet */
extern void fs_sorter_put(fs_builder *builder);
/* All entries have been put. */
extern void fs_sorter_finish(fs_builder *builder);
/* Writes all entries, in the order of lists. */
extern void fs_sorter_write(fs_builder *builder);
extern void fs_sorter_end(fs_builder *builder);

#endif							/* FACESNXT_INDEX_BUILD_H */

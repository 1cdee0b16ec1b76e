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
	FS_PHASE_ENCODE,
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
	fs_extent	extent;
	uint32		next;			/* the first code page of it that is free */
	uint32		pages;			/* code pages so far */
} fs_growth;

/* What all processes of a build share. */
typedef struct fs_build_shared
{
	LWLock		lock;
	fs_growth	growth[FS_SHEETS];
} fs_build_shared;

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
	uint32	   *rooms;
	double		heap_tuples;
	double		index_tuples;
} fs_builder;

/* Reads the table, or this process's share of it (scan), and writes its entries. */
extern void fs_build_scan(fs_builder *builder, TableScanDesc scan, bool progress);
/* The same with as many workers as the server allows (build_parallel.c); leaves `shared` set. */
extern void fs_build_run(fs_builder *builder);
extern char *fs_build_phase(int64 phase);

#endif							/* FACESNXT_INDEX_BUILD_H */

/*
 * check.h - what the parts of facesnxt.index_check() share.
 */
#ifndef FACESNXT_INDEX_CHECK_H
#define FACESNXT_INDEX_CHECK_H

#include "index/index.h"

#include "nodes/execnodes.h"

/* An entry, found in the index. */
typedef struct fs_entry_place
{
	ItemPointerData tid;
	uint16		slot;
	uint32		extent;
	uint32		page;
} fs_entry_place;

typedef struct fs_check
{
	Relation	index;
	fs_index   *fs;
	fs_encoder *encoder;
	ReturnSetInfo *result;
	MemoryContext row;			/* emptied after each row */
	fs_extent  *extents;
	uint32		nextents;
	uint8	   *owned;			/* blocks that belong to something, a bitmap */
	uint8	   *damaged;		/* blocks that are not of their kind, a bitmap */
	BlockNumber blocks;
	fs_entry_place *entries;	/* sorted by fs_by_tid() */
	uint64		nentries;
	uint8	   *visited;		/* entries that a visible row has led to, a bitmap; of a partial index alone */
	uint64		capacity;
	uint64		problems;
	struct fs_list_batch *batch;	/* rows whose lists are still to be compared; NULL: there are no lists */
} fs_check;

/* ---- check.c */

/* A row of the result; block is InvalidBlockNumber where no page is to blame. */
extern void fs_check_report(fs_check *state, BlockNumber block, const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern int	fs_by_tid(const void *a, const void *b);

/* ---- check_rows.c */

/* Every entry belongs to a row that is there, dead or alive. */
extern void fs_check_owners(fs_check *state, Relation heap);
/* Every row that the snapshot sees has an entry, which says what the row does. */
extern void fs_check_rows(fs_check *state, Relation heap, Snapshot snapshot);

#endif							/* FACESNXT_INDEX_CHECK_H */

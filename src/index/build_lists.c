/*
 * build_lists.c - how many lists an index gets, and from how many points they
 * are found.
 *
 * Both follow from the rows, within maintenance_work_mem.  Fewer lists, or
 * lists found from fewer points, cost searches that leave lists out some of
 * what they save (the calibration sees to it that they cost no recall), so
 * whoever builds the index is told, and what setting it takes.
 */
#include "index/build.h"

#include <math.h>

#include "access/htup_details.h"
#include "miscadmin.h"

/* Of the default: rows in a list, the rows from which on there are lists, the most lists. */
#define ROWS_PER_LIST	488
#define ROWS_FOR_LISTS	2000000
#define MOST_LISTS		8192

/* Training points for a list, fewer where there are many lists; fewer than this many rows for a list make no lists. */
#define POINTS_PER_LIST	32
#define FEWER_POINTS	16
#define MANY_POINTS		131072
#define LEAST_PER_LIST	4

/* Points for so many lists: those for k-means, and those for the calibration. */
static double
wanted_points(double lists)
{
	return Min(lists * POINTS_PER_LIST, Max(lists * FEWER_POINTS, MANY_POINTS)) + FS_CALIBRATION_PROBES;
}

/* Bytes of a point, and of a list in k-means: its centre, sum and size. */
static double
point_bytes(uint32 axes)
{
	return sizeof(float) * (axes + 1);
}

static double
list_bytes(uint32 axes)
{
	return (sizeof(float) + sizeof(double)) * axes + sizeof(uint32);
}

/* Bytes of all else while lists are found. */
static double
fixed_bytes(const fs_index *fs, uint32 axes, double lists)
{
	return sizeof(float) * ((double) fs->layout.padded * (FX_POINTS_AT_ONCE + axes) +
							fx_nearest_scratch(FX_POINTS_AT_ONCE, (uint32) lists));
}

/* Of maintenance_work_mem what is there for lists and points: where it is tiny, a quarter all the same. */
static double
bytes_for_lists(const fs_index *fs, uint32 axes, double lists)
{
	double		all = maintenance_work_mem * 1024.0;

	return Max(all - fixed_bytes(fs, axes, lists), all / 4);
}

/* As many lists as are asked for, or as suit so many rows. */
static double
lists_asked(const fs_builder *builder, double rows)
{
	int			option = fs_option_lists(builder->index);

	if (option > 0)
		return option;
	/* a round number */
	return rows < ROWS_FOR_LISTS ? 1 : exp2(round(log2(Min(rows / ROWS_PER_LIST, MOST_LISTS))));
}

/* As many of them as so many rows can fill. */
static double
lists_filled(const fs_builder *builder, double rows)
{
	return Min(lists_asked(builder, rows), Max(floor(rows / LEAST_PER_LIST), 1));
}

/* Says by which setting there is room for all of these lists, and for their points as far as there are rows. */
static int
hint_memory(const fs_builder *builder, const fs_index *fs, uint32 axes, double rows)
{
	double		lists = lists_filled(builder, rows);
	double		points = Min(wanted_points(lists), floor(rows));

	return errhint("Set maintenance_work_mem to %d MB or more.",
				   (int) ceil((fixed_bytes(fs, axes, lists) + lists * list_bytes(axes) + points * point_bytes(axes)) /
							  (1024 * 1024)));
}

bool
fs_lists_possible(const fs_builder *builder)
{
	/* what the server has as the most rows of a block */
	return lists_asked(builder, (double) RelationGetNumberOfBlocks(builder->heap) * MaxHeapTuplesPerPage) > 1;
}

uint32
fs_lists_wanted(const fs_builder *builder, const fs_index *fs, uint32 axes, double rows)
{
	double		asked = lists_asked(builder, rows);
	double		lists = lists_filled(builder, rows);
	double		most;

	if (lists < asked)
		ereport(NOTICE,
				(errmsg("index \"%s\" gets %.0f instead of %.0f lists", RelationGetRelationName(builder->index),
						lists, asked),
				 errdetail("Templates in the table: about %.0f.", rows)));
	most = Max(floor(bytes_for_lists(fs, axes, lists) / (list_bytes(axes) + LEAST_PER_LIST * point_bytes(axes))), 1);
	if (lists > most)
		ereport(NOTICE,
				(errmsg("index \"%s\" gets %.0f instead of %.0f lists", RelationGetRelationName(builder->index),
						most, lists),
				 errdetail("maintenance_work_mem has no room for finding more."),
				 hint_memory(builder, fs, axes, rows)));
	return (uint32) Min(lists, most);
}

uint32
fs_points_wanted(const fs_builder *builder, const fs_index *fs, uint32 axes, uint32 lists, double rows)
{
	double		wanted = Min(wanted_points(lists), PG_INT32_MAX);
	/* as many as there seem to be, if that is fewer */
	double		expected = Min(wanted, floor(rows));
	double		most = floor((bytes_for_lists(fs, axes, lists) - lists * list_bytes(axes)) / point_bytes(axes));

	if (most < expected)
		ereport(NOTICE,
				(errmsg("lists of index \"%s\" are found by %.0f templates instead of %.0f",
						RelationGetRelationName(builder->index), most, expected),
				 errdetail("maintenance_work_mem has no room for more. "
						   "Searches that leave lists out may read more codes."),
				 hint_memory(builder, fs, axes, rows)));
	return (uint32) Min(wanted, most);
}

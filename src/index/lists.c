/*
 * lists.c - which list a template belongs to, and how many lists a search
 * needs.
 *
 * Lists change where an entry lies, not what its code is: an entry is scored
 * the same wherever it is, and a scan of all lists is a scan of all codes.
 */
#include "guc.h"
#include "index/index.h"

#include <math.h>

#include "utils/memutils.h"

/* Probabilities of being found for which the calibration has a share. */
static const double recalls[FS_RECALLS] = {0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.998};

#define LEAST_SIMILARITY	0.30
#define SIMILARITY_STEP		0.05

double
fs_similarity(int number)
{
	return LEAST_SIMILARITY + SIMILARITY_STEP * number;
}

double
fs_recall(int number)
{
	return recalls[number];
}

/* ---- axes and centres */

fx_clusters *
fs_clusters_create(MemoryContext context, uint32 padded, uint32 axes, uint32 lists)
{
	fx_clusters *clusters = MemoryContextAllocZero(context, sizeof(fx_clusters));

	clusters->padded = padded;
	clusters->axes = axes;
	clusters->lists = lists;
	clusters->basis = MemoryContextAllocHuge(context, sizeof(float) * axes * padded);
	clusters->centres = MemoryContextAllocHuge(context, sizeof(float) * lists * axes);
	return clusters;
}

static Size
blob_parts(const fx_clusters *clusters, Size *basis)
{
	*basis = sizeof(float) * clusters->axes * clusters->padded;
	return *basis + sizeof(float) * clusters->lists * clusters->axes;
}

BlockNumber
fs_clusters_write(Relation index, const fx_clusters *clusters)
{
	Size		basis;
	Size		size = blob_parts(clusters, &basis);
	char	   *bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	BlockNumber start;

	memcpy(bytes, clusters->basis, basis);
	memcpy(bytes + basis, clusters->centres, size - basis);
	start = fs_blob_write(index, bytes, size);
	pfree(bytes);
	return start;
}

const fx_clusters *
fs_clusters(Relation index, fs_index *fs)
{
	fs_memory  *memory;
	fx_clusters *clusters;
	char	   *bytes;
	Size		basis;
	Size		size;

	if (fs->clusters != NULL)
		return fs->clusters;
	memory = fs_memory_open(index, fs->meta.seed);
	fs->clusters = fs_memory_clusters(memory);
	if (fs->clusters != NULL)
		return fs->clusters;
	clusters = fs_clusters_create(memory != NULL ? fs_memory_context(memory) : fs->context, fs->layout.padded,
								  fs->meta.axes, fs->meta.lists);
	size = blob_parts(clusters, &basis);
	bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	fs_blob_read(index, fs->meta.clusters, bytes, size);
	memcpy(clusters->basis, bytes, basis);
	memcpy(clusters->centres, bytes + basis, size - basis);
	pfree(bytes);
	if (memory != NULL)
		fs_memory_keep_clusters(memory, clusters);
	return fs->clusters = clusters;
}

/* Where a rotated template lies on the axes. */
static void
project(const fx_clusters *clusters, const fs_index *fs, const float *rotated, float *point)
{
	float	   *row = palloc(sizeof(float) * clusters->padded);

	for (uint32 i = 0; i < clusters->padded; i++)
		row[i] = rotated[i] - fs->centre[i];
	fx_project(clusters, row, 1, point);
	pfree(row);
}

void
fs_list_nearness(Relation index, fs_index *fs, const float *rotated, float *nearness)
{
	const fx_clusters *clusters = fs_clusters(index, fs);
	float		point[FX_CLUSTER_AXES];

	project(clusters, fs, rotated, point);
	fx_nearness(clusters, point, 1, nearness);
}

uint32
fs_nearest_list(Relation index, fs_index *fs, const float *rotated)
{
	const fx_clusters *clusters = fs_clusters(index, fs);
	float	   *scratch = palloc(sizeof(float) * fx_nearest_scratch(1, clusters->lists));
	float		point[FX_CLUSTER_AXES];
	uint32		nearest;

	project(clusters, fs, rotated, point);
	fx_nearest_lists(clusters, point, 1, &nearest, scratch);
	pfree(scratch);
	return nearest;
}

/* ---- how many lists */

double
fs_share_needed(Relation index, const fs_meta *meta, double recall, double similarity)
{
	fs_calibration calibration;
	int			row;
	int			column = 0;

	/* the next lower similarity, the next higher recall */
	row = (int) floor((similarity - LEAST_SIMILARITY) / SIMILARITY_STEP + 1e-9);
	while (column < FS_RECALLS && recalls[column] < recall - 1e-9)
		column++;
	if (row < 0 || column == FS_RECALLS || meta->calibration == InvalidBlockNumber)
		return 1;
	fs_blob_read(index, meta->calibration, &calibration, sizeof(calibration));
	return Min(calibration.shares[Min(row, FS_SIMILARITIES - 1)][column], 1);
}

double
fs_share_by_settings(Relation index, const fs_meta *meta)
{
	if (meta->lists == 1)
		return 1;
	if (facesnxt_probes > 0)
		return Min((double) facesnxt_probes / meta->lists, 1);
	return facesnxt_target_recall < 1 ?
		fs_share_needed(index, meta, facesnxt_target_recall, facesnxt_mate_similarity) : 1;
}

/*
 * build_sample.c - what an index learns from a sample of the rows before it
 * is built: dimension and model, the centre, and with lists the axes and
 * centres that tell them apart.
 */
#include "index/build.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

/* Templates whose products are summed, or which are projected, at once. */
#define BATCH			256

#define KMEANS_ROUNDS	8

/* Where the rows of the sample go. */
typedef struct sample_state
{
	fs_builder *builder;
	fs_index   *fs;
	fs_sample  *sample;
	MemoryContext context;		/* of what is here */
	MemoryContext row;
	float	   *floats;
	float	   *rows;			/* a batch, rotated */
	double	   *squares;		/* |o|^2 of each */
	uint32		count;
	/* first part: sums; products only where there may be lists */
	double	   *sum;
	float	   *products;
	double		total;
	/* second part: points */
	const fx_clusters *clusters;
	uint32		wanted;
	uint32		expected;		/* of them, by the rows that the table seems to have */
} sample_state;

/* ---- blocks spread evenly over the table, in any prefix of the sequence */

static uint64
common_divisor(uint64 a, uint64 b)
{
	return b == 0 ? a : common_divisor(b, a % b);
}

static void
start_sample(fs_sample *sample, BlockNumber blocks)
{
	sample->blocks = blocks;
	sample->step = Max((BlockNumber) (blocks * 0.6180339887), 1);
	while (blocks > 0 && common_divisor(sample->step, blocks) != 1)
		sample->step++;
}

static bool
next_block(fs_sample *sample, BlockNumber *block)
{
	if (sample->done == sample->blocks)
		return false;
	*block = sample->at;
	sample->at = (BlockNumber) (((uint64) sample->at + sample->step) % sample->blocks);
	sample->done++;
	return true;
}

/* ---- batches */

static void
finish_sums(sample_state *state)
{
	uint32		padded = state->fs->layout.padded;

	for (uint32 i = 0; i < state->count; i++)
		for (uint32 j = 0; j < padded; j++)
			state->sum[j] += state->rows[(Size) i * padded + j];
	if (state->products != NULL)
		fx_add_products(state->products, state->rows, state->count, padded);
	state->total += state->count;
	state->count = 0;
}

static void
finish_points(sample_state *state)
{
	fs_sample  *sample = state->sample;
	uint32		padded = state->fs->layout.padded;

	for (uint32 i = 0; i < state->count; i++)
	{
		sample->norms[sample->npoints + i] = state->fs->meta.metric == FX_COSINE ? 1 : (float) sqrt(state->squares[i]);
		for (uint32 j = 0; j < padded; j++)
			state->rows[(Size) i * padded + j] -= state->fs->centre[j];
	}
	fx_project(state->clusters, state->rows, state->count,
			   sample->points + (Size) sample->npoints * state->clusters->axes);
	sample->npoints += state->count;
	state->count = 0;
}

/* The first template: what the index is for. */
static void
learn_template(sample_state *state, Relation index, const Embedding *embedding)
{
	fs_index   *fs = state->fs;
	MemoryContext old = MemoryContextSwitchTo(fs->context);
	uint32		padded;

	fs_check_dimensions(embedding->dim);
	fs->meta.dim = embedding->dim;
	fs->meta.model = embedding->model;
	fs_index_complete(index, fs);
	padded = fs->layout.padded;
	MemoryContextSwitchTo(state->context);
	state->floats = palloc(sizeof(float) * padded);
	state->rows = palloc_extended(sizeof(float) * BATCH * padded, MCXT_ALLOC_HUGE);
	state->squares = palloc(sizeof(double) * BATCH);
	state->sum = palloc0(sizeof(double) * padded);
	if (fs_lists_possible(state->builder))
	{
		fs_load_blas();
		state->products = palloc_extended(sizeof(float) * padded * padded, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	MemoryContextSwitchTo(old);
}

static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *argument)
{
	sample_state *state = argument;
	fs_index   *fs = state->fs;
	Embedding  *embedding;
	MemoryContext old;

	if (isnull[0] || !alive)
		return;
	old = MemoryContextSwitchTo(state->row);
	embedding = embedding_of_datum(values[0]);
	if (fs->meta.dim == 0)
		learn_template(state, index, embedding);
	fs_check_template(index, fs, embedding);
	if (fs_template_floats(fs, embedding, state->floats, &state->squares[state->count]) &&
		(state->clusters == NULL || state->sample->npoints + state->count < state->wanted))
	{
		fx_rotate(&fs->rotation, state->floats, state->rows + (Size) fs->layout.padded * state->count);
		state->sample->rows++;
		if (++state->count == BATCH)
		{
			if (state->clusters == NULL)
				finish_sums(state);
			else
				finish_points(state);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row);
}

/* Reads one more block; false when all have been read. */
static bool
sample_block(sample_state *state)
{
	fs_builder *builder = state->builder;
	BlockNumber block;

	CHECK_FOR_INTERRUPTS();
	if (!next_block(state->sample, &block))
		return false;
	table_index_build_range_scan(builder->heap, builder->index, builder->info, false, false, false, block, 1,
								 sample_row, state, NULL);
	return true;
}

/* How far the first part is: rows of those wanted, or of all that there seem to be. */
static void
report_rows(const fs_sample *sample, int wanted)
{
	double		rows = sample->rows * sample->blocks / sample->done;
	int64		total = (int64) Min(wanted, rows);

	fs_progress_estimate((int64) Min(sample->rows, total), total);
}

/* ---- lists */

/* Of so many points, those that k-means sees; the rest is for the calibration. */
static uint32
training_of(uint32 points, uint32 lists)
{
	return Max(points - Min(points / 4, FS_CALIBRATION_PROBES), lists);
}

/* What there is to do for so many points: each is read, and the training ones are seen in each round. */
static int64
steps(uint32 points, uint32 lists)
{
	return points + (int64) KMEANS_ROUNDS * training_of(points, lists);
}

/* Reads points until there are enough, or so many blocks of the sequence are done. */
static void
read_points(sample_state *state, uint32 lists, BlockNumber until)
{
	fs_sample  *sample = state->sample;

	while (sample->npoints + state->count < state->wanted && sample->done < until && sample_block(state))
	{
		uint32		points = sample->npoints + state->count;

		fs_progress_estimate(points, steps(Max(points, state->expected), lists));
	}
}

/*
 * What the calibration takes is kept: points that k-means has not seen or, where there are none, some that it has. The
 * others go, since the sort wants their memory.
 */
static void
keep_probes(fs_sample *sample, uint32 axes, uint32 training)
{
	uint32		first = sample->npoints > training ? training : 0;
	uint32		n = Min(sample->npoints - first, FS_CALIBRATION_PROBES);
	float	   *points = palloc(sizeof(float) * axes * n);
	float	   *norms = palloc(sizeof(float) * n);

	memcpy(points, sample->points + (Size) first * axes, sizeof(float) * axes * n);
	memcpy(norms, sample->norms + first, sizeof(float) * n);
	pfree(sample->points);
	pfree(sample->norms);
	sample->points = points;
	sample->norms = norms;
	sample->npoints = n;
}

static void
find_lists(sample_state *state, uint32 lists, double rows)
{
	fs_builder *builder = state->builder;
	fs_index   *fs = state->fs;
	fs_sample  *sample = state->sample;
	uint32		padded = fs->layout.padded;
	uint32		axes = Min(padded, FX_CLUSTER_AXES);
	fx_clusters *clusters = fs_clusters_create(fs->context, padded, axes, lists);
	BlockNumber first = sample->done;
	uint32		training;
	int64		done;
	fx_error	err;

	fs_check_code(fx_find_axes(state->products, state->sum, state->total, padded, axes, clusters->basis, &fs->env,
							   &err), &err);
	pfree(state->products);
	state->clusters = clusters;
	state->wanted = fs_points_wanted(builder, fs, axes, lists, rows);
	state->expected = (uint32) Min(state->wanted, rows);
	fs_progress_begin(FS_PHASE_CLUSTER, steps(state->expected, lists), 0);
	sample->points = palloc_extended(sizeof(float) * axes * (Size) state->wanted, MCXT_ALLOC_HUGE);
	sample->norms = palloc_extended(sizeof(float) * (Size) state->wanted, MCXT_ALLOC_HUGE);
	/* blocks that were not read before come first */
	read_points(state, lists, sample->blocks);
	sample->done = sample->at = 0;
	read_points(state, lists, first);
	finish_points(state);
	/* each block has a snapshot of its own in CREATE INDEX CONCURRENTLY: rows may have gone since */
	if (sample->npoints == 0)
		return;
	/* a row that has been given up, or a guess of the rows that was too high */
	clusters->lists = Min(lists, sample->npoints);
	training = training_of(sample->npoints, clusters->lists);
	done = sample->npoints;
	fs_progress_estimate(done, steps(sample->npoints, clusters->lists));
	fx_first_centres(clusters, sample->points, training);
	for (int round = 0; round < KMEANS_ROUNDS; round++)
	{
		fs_check_code(fx_better_centres(clusters, sample->points, training, &fs->env, &err), &err);
		fs_progress_tuples(done += training);
	}
	keep_probes(sample, axes, training);

	fs->clusters = clusters;
	fs->meta.lists = clusters->lists;
	fs->meta.axes = axes;
	fs->meta.clusters = fs_clusters_write(builder->index, clusters);
}

fs_sample *
fs_sample_take(fs_builder *builder, fs_index *fs)
{
	fs_sample  *sample = palloc0(sizeof(fs_sample));
	sample_state state = {.builder = builder, .fs = fs, .sample = sample};
	int			rows = fs_option_sample(builder->index);
	double		all_rows;
	uint32		lists;

	state.context = AllocSetContextCreate(CurrentMemoryContext, "facescan sample", ALLOCSET_DEFAULT_SIZES);
	state.row = AllocSetContextCreate(state.context, "facescan sample row", ALLOCSET_DEFAULT_SIZES);
	start_sample(sample, RelationGetNumberOfBlocks(builder->heap));
	fs_progress_begin(FS_PHASE_SAMPLE, sample->blocks > 0 ? rows : 0, 0);
	while (sample->rows < rows && sample_block(&state))
		report_rows(sample, rows);
	if (fs->meta.dim != 0)
	{
		finish_sums(&state);
		if (state.total >= FS_MIN_SAMPLE)
		{
			for (uint32 i = 0; i < fs->layout.padded; i++)
				fs->centre[i] = (float) (state.sum[i] / state.total);
			fs->meta.centre = fs_blob_write(builder->index, fs->centre, sizeof(float) * fs->layout.padded);
		}
		all_rows = sample->rows / sample->done * sample->blocks;
		lists = fs_lists_wanted(builder, fs, Min(fs->layout.padded, FX_CLUSTER_AXES), all_rows);
		if (lists > 1 && state.products != NULL)
			find_lists(&state, lists, all_rows);
	}
	MemoryContextDelete(state.context);
	return sample;
}

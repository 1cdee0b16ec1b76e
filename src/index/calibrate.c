/*
 * calibrate.c - how many lists mates of a typical similarity need.
 *
 * Rows that the lists were not made from are disturbed to similarities about
 * the typical one, as new photographs of the same persons would be, and the
 * share of the codes is counted that lies in lists as near as the row's own.
 * The direction of the disturbance is part that of a stranger and part any:
 * photographs of one person differ in all directions more evenly than persons
 * do, but not quite evenly.  To overrate the difference costs time, to underrate it mates: real
 * photographs differ by less (README.md).
 */
#include "index/build.h"

#include <math.h>

#include "miscadmin.h"

/* What is measured is taken for worse by so many standard deviations. */
#define CAUTION		1.0

/* Of the square of the disturbance, what lies in the direction of a stranger. */
#define STRANGE		0.3

typedef struct calibration_state
{
	const fx_clusters *clusters;
	const fs_sample *sample;
	double	   *pages;			/* of each list */
	double		all_pages;
	float	   *centre;			/* the centre that was taken off, on the axes */
	pg_prng_state random;
} calibration_state;

/*
 * On the axes: s o + sqrt(1 - s^2) |o| n, with n of unit length in all dimensions, at right angles to o but for what
 * two strangers are not.
 */
static void
disturb(calibration_state *state, uint32 number, uint32 stranger, double similarity, float *point)
{
	const fs_sample *sample = state->sample;
	uint32		axes = state->clusters->axes;
	const float *own = sample->points + (Size) number * axes;
	const float *other = sample->points + (Size) stranger * axes;
	double		away = sqrt(1 - similarity * similarity) * sample->norms[number];

	for (uint32 i = 0; i < axes; i++)
	{
		double		any = sqrt((1 - STRANGE) / state->clusters->padded) * fs_any_normal(&state->random);
		double		strange = sqrt(STRANGE) * (other[i] + state->centre[i]) / Max(sample->norms[stranger], 1e-30);

		point[i] = (float) (similarity * (own[i] + state->centre[i]) + away * (any + strange) - state->centre[i]);
	}
}

/* One of n points, but not this one. */
static uint32
any_other(pg_prng_state *random, uint32 number, uint32 n)
{
	uint32		other = (uint32) pg_prng_uint64_range(random, 0, Max(n, 2) - 2);

	return other >= number && n > 1 ? other + 1 : other;
}

/* The share of the pages in lists as near to the point as this one. */
static double
share_needed(const calibration_state *state, const float *nearness, uint32 list)
{
	double		pages = 0;

	for (uint32 i = 0; i < state->clusters->lists; i++)
		if (nearness[i] >= nearness[list])
			pages += state->pages[i];
	return pages / state->all_pages;
}

static int
by_size(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The share that so many of the probes need, with caution. */
static float
quantile(const double *shares, uint32 n, double recall)
{
	double		cautious = recall + CAUTION * sqrt(recall * (1 - recall) / n);
	double		place = ceil(cautious * n);

	/* more than can be known from so many probes */
	return place > n - 1 ? 2 : (float) shares[(uint32) Max(place - 1, 0)];
}

BlockNumber
fs_calibrate(fs_builder *builder, fs_index *fs, const fs_sample *sample)
{
	calibration_state state = {.clusters = fs_clusters(builder->index, fs), .sample = sample};
	fs_calibration calibration = {0};
	uint32		axes = state.clusters->axes;
	uint32		lists = state.clusters->lists;
	uint32		n = sample->npoints;
	double	   *shares = palloc(sizeof(double) * n);
	float	   *nearness = palloc(sizeof(float) * lists);
	uint32	   *own = palloc(sizeof(uint32) * n);
	float		point[FX_CLUSTER_AXES];
	int64		done = 0;

	/* each probe by itself, and then at every similarity */
	fs_progress_begin(FS_PHASE_CALIBRATE, (int64) n * (FS_SIMILARITIES + 1), 0);
	for (uint32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		fx_nearest_lists(state.clusters, sample->points + (Size) i * axes, 1, &own[i], nearness);
		fs_progress_tuples(++done);
	}
	pg_prng_seed(&state.random, fs->meta.seed);
	state.pages = palloc(sizeof(double) * lists);
	for (uint32 i = 0; i < lists; i++)
	{
		state.pages[i] = ceil(pg_atomic_read_u32(&builder->sizes[i]) / (double) fs->layout.entries);
		state.all_pages += state.pages[i];
	}
	state.centre = palloc(sizeof(float) * axes);
	fx_project(state.clusters, fs->centre, 1, state.centre);
	calibration.probes = n;
	for (int s = FS_SIMILARITIES - 1; s >= 0; s--)
	{
		for (uint32 i = 0; i < n; i++)
		{
			uint32		stranger = any_other(&state.random, i, n);

			CHECK_FOR_INTERRUPTS();
			disturb(&state, i, stranger, fs_some_similarity(fs_similarity(s), &state.random), point);
			fx_nearness(state.clusters, point, 1, nearness);
			shares[i] = share_needed(&state, nearness, own[i]);
			fs_progress_tuples(++done);
		}
		qsort(shares, n, sizeof(double), by_size);
		for (int r = 0; r < FS_RECALLS; r++)
		{
			float		needed = quantile(shares, n, fs_recall(r));

			/* no less than for mates who are more similar */
			calibration.shares[s][r] = s + 1 < FS_SIMILARITIES ? Max(needed, calibration.shares[s + 1][r]) : needed;
		}
	}
	return fs_blob_write(builder->index, &calibration, sizeof(calibration));
}

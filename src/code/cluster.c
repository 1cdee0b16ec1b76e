/*
 * cluster.c - principal axes by orthogonal iteration, and spherical k-means, both by
 * matrix products of BLAS.
 */
#include "code/cluster.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "kernel/kernel.h"

/* The axes need not be exact: any orthonormal ones do, near ones do well. */
#define AXIS_ROUNDS 16

/* A list that holds so little of an even share after a round moves to where points are dense. */
#define LEAST_SHARE 0.05

static float
inner(const float *a, const float *b, uint32_t n)
{
	return fx_kernels_active()->inner[FX_FLOAT32][FX_FLOAT32] (a, b, n);
}

static void
scale(float *row, float factor, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		row[i] *= factor;
}

void
fx_add_products(float *products, const float *rows, uint32_t count, uint32_t padded)
{
	fx_blas.ssyrk(CblasRowMajor, CblasUpper, CblasTrans, (int) padded, (int) count, 1, rows, (int) padded, 1,
				  products, (int) padded);
}

static uint64_t
mix(uint64_t word)
{
	word += 0x9E3779B97F4A7C15u;
	word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
	word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
	return word ^ (word >> 31);
}

/* Gram and Schmidt's, each row against all before it, twice for accuracy; a row that vanishes is replaced. */
static void
make_orthonormal(float *rows, uint32_t count, uint32_t n)
{
	for (uint32_t i = 0; i < count; i++)
	{
		float	   *row = rows + (size_t) i * n;

		for (uint64_t attempt = 0;; attempt++)
		{
			float		before = sqrtf(inner(row, row, n));
			float		norm;

			for (int twice = 0; twice < 2; twice++)
				for (uint32_t j = 0; j < i; j++)
				{
					const float *other = rows + (size_t) j * n;

					float		along = inner(row, other, n);

					for (uint32_t k = 0; k < n; k++)
						row[k] -= along * other[k];
				}
			norm = sqrtf(inner(row, row, n));
			if (norm > before * 1e-4f && norm > 1e-30f)
			{
				scale(row, 1 / norm, n);
				break;
			}
			for (uint32_t k = 0; k < n; k++)
				row[k] = (float) (int32_t) mix(((uint64_t) i << 32 | k) + (attempt << 48)) * 0x1p-31f;
		}
	}
}

fx_code
fx_find_axes(float *products, const double *sum, double count, uint32_t padded, uint32_t axes, float *basis,
			 const fx_env *env, fx_error *err)
{
	float	   *next = env->alloc(env->context, sizeof(float) * axes * padded);

	if (next == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for principal axes");
	for (uint32_t i = 0; i < padded; i++)
		for (uint32_t j = i; j < padded; j++)
		{
			double		covariance = products[(size_t) i * padded + j] / count - sum[i] / count * (sum[j] / count);

			products[(size_t) i * padded + j] = products[(size_t) j * padded + i] = (float) covariance;
		}
	for (size_t i = 0; i < (size_t) axes * padded; i++)
		basis[i] = (float) (int32_t) mix(i) * 0x1p-31f;
	make_orthonormal(basis, axes, padded);
	for (int round = 0; round < AXIS_ROUNDS; round++)
	{
		if (env->interrupted(env->context))
		{
			env->release(env->context, next);
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted");
		}
		fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int) axes, (int) padded, (int) padded, 1, basis,
					  (int) padded, products, (int) padded, 0, next, (int) padded);
		memcpy(basis, next, sizeof(float) * axes * padded);
		make_orthonormal(basis, axes, padded);
	}
	env->release(env->context, next);
	return FX_OK;
}

void
fx_project(const fx_clusters *clusters, const float *rows, uint32_t count, float *points)
{
	if (count == 1)
		for (uint32_t i = 0; i < clusters->axes; i++)
			points[i] = inner(clusters->basis + (size_t) i * clusters->padded, rows, clusters->padded);
	else
		fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int) count, (int) clusters->axes,
					  (int) clusters->padded, 1, rows, (int) clusters->padded, clusters->basis,
					  (int) clusters->padded, 0, points, (int) clusters->axes);
}

void
fx_nearness(const fx_clusters *clusters, const float *points, uint32_t count, float *nearness)
{
	uint32_t	lists = clusters->lists;

	if (count == 1)
		for (uint32_t i = 0; i < lists; i++)
			nearness[i] = inner(clusters->centres + (size_t) i * clusters->axes, points, clusters->axes);
	else
		fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int) count, (int) lists, (int) clusters->axes, 1,
					  points, (int) clusters->axes, clusters->centres, (int) clusters->axes, 0, nearness,
					  (int) lists);
}

static float
greatest(const float *numbers, uint32_t n)
{
	float		most = -INFINITY;

	for (uint32_t i = 0; i < n; i++)
		most = numbers[i] > most ? numbers[i] : most;
	return most;
}

static uint32_t
place_of(const float *numbers, uint32_t n, float number)
{
	for (uint32_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return i;
	return 0;
}

/* fx_nearest_lists() of at most FX_POINTS_AT_ONCE points */
static void
nearest_lists(const fx_clusters *clusters, const float *points, uint32_t count, uint32_t *lists, float *scratch)
{
	float		most[FX_POINTS_AT_ONCE];

	for (uint32_t i = 0; i < count; i++)
	{
		most[i] = -INFINITY;
		lists[i] = 0;
	}
	for (uint32_t first = 0; first < clusters->lists; first += FX_LISTS_AT_ONCE)
	{
		uint32_t	left = clusters->lists - first;
		fx_clusters some = *clusters;

		some.lists = left < FX_LISTS_AT_ONCE ? left : FX_LISTS_AT_ONCE;
		some.centres += (size_t) first * clusters->axes;
		fx_nearness(&some, points, count, scratch);
		for (uint32_t i = 0; i < count; i++)
		{
			const float *nearness = scratch + (size_t) i * some.lists;
			float		here = greatest(nearness, some.lists);

			/* two passes without a branch beat one with */
			if (here > most[i])
			{
				most[i] = here;
				lists[i] = first + place_of(nearness, some.lists, here);
			}
		}
	}
}

void
fx_nearest_lists(const fx_clusters *clusters, const float *points, uint32_t count, uint32_t *lists, float *scratch)
{
	for (uint32_t i = 0; i < count; i += FX_POINTS_AT_ONCE)
		nearest_lists(clusters, points + (size_t) i * clusters->axes,
					  count - i < FX_POINTS_AT_ONCE ? count - i : FX_POINTS_AT_ONCE, lists + i, scratch);
}

/* What one round of k-means works with. */
typedef struct kmeans
{
	double	   *sums;			/* lists x axes */
	uint32_t   *sizes;			/* lists */
	uint32_t   *nearest;		/* FX_POINTS_AT_ONCE */
	float	   *scratch;		/* of fx_nearest_lists() */
} kmeans;

static fx_code
assign_all(kmeans *state, fx_clusters *clusters, const float *points, uint32_t count, const fx_env *env,
		   fx_error *err)
{
	uint32_t	axes = clusters->axes;

	memset(state->sums, 0, sizeof(double) * clusters->lists * axes);
	memset(state->sizes, 0, sizeof(uint32_t) * clusters->lists);
	for (uint32_t i = 0; i < count; i += FX_POINTS_AT_ONCE)
	{
		uint32_t	n = count - i < FX_POINTS_AT_ONCE ? count - i : FX_POINTS_AT_ONCE;

		if (env->interrupted(env->context))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted");
		fx_nearest_lists(clusters, points + (size_t) i * axes, n, state->nearest, state->scratch);
		for (uint32_t j = 0; j < n; j++)
		{
			const float *point = points + (size_t) (i + j) * axes;
			double	   *sum = state->sums + (size_t) state->nearest[j] * axes;

			for (uint32_t k = 0; k < axes; k++)
				sum[k] += point[k];
			state->sizes[state->nearest[j]]++;
		}
	}
	return FX_OK;
}

static void
make_unit(float *centres, uint32_t lists, uint32_t axes)
{
	for (uint32_t i = 0; i < lists; i++)
	{
		float	   *centre = centres + (size_t) i * axes;
		float		norm = sqrtf(inner(centre, centre, axes));

		if (norm > 1e-30f)
			scale(centre, 1 / norm, axes);
	}
}

/* Sums, the length of which does not matter; a list that few points chose moves beside the largest one. */
static void
move_centres(kmeans *state, fx_clusters *clusters, uint32_t count)
{
	uint32_t	axes = clusters->axes;
	double		least = LEAST_SHARE * count / clusters->lists;

	for (uint32_t i = 0; i < clusters->lists; i++)
		if (state->sizes[i] > 0)
			for (uint32_t k = 0; k < axes; k++)
				clusters->centres[(size_t) i * axes + k] =
					(float) (state->sums[(size_t) i * axes + k] / state->sizes[i]);
	for (uint32_t i = 0; i < clusters->lists; i++)
	{
		uint32_t	largest = 0;

		if (state->sizes[i] > least)
			continue;
		for (uint32_t j = 1; j < clusters->lists; j++)
			if (state->sizes[j] > state->sizes[largest])
				largest = j;
		for (uint32_t k = 0; k < axes; k++)
		{
			float		nudge = (float) (int32_t) mix((uint64_t) i << 32 | k) * 0x1p-31f * 0.1f;

			clusters->centres[(size_t) i * axes + k] = clusters->centres[(size_t) largest * axes + k] * (1 + nudge);
		}
		state->sizes[i] = state->sizes[largest] /= 2;
	}
	make_unit(clusters->centres, clusters->lists, axes);
}

void
fx_first_centres(fx_clusters *clusters, const float *points, uint32_t count)
{
	uint32_t	axes = clusters->axes;
	size_t		lists = clusters->lists;

	for (size_t i = 0; i < lists; i++)
		memcpy(clusters->centres + i * axes, points + (size_t) ((uint64_t) i * count / lists) * axes,
			   sizeof(float) * axes);
	make_unit(clusters->centres, clusters->lists, axes);
}

fx_code
fx_better_centres(fx_clusters *clusters, const float *points, uint32_t count, const fx_env *env, fx_error *err)
{
	size_t		lists = clusters->lists;
	kmeans		state;
	fx_code		code = FX_OK;

	state.sums = env->alloc(env->context, sizeof(double) * lists * clusters->axes);
	state.sizes = env->alloc(env->context, sizeof(uint32_t) * lists);
	state.nearest = env->alloc(env->context, sizeof(uint32_t) * FX_POINTS_AT_ONCE);
	state.scratch = env->alloc(env->context, sizeof(float) * fx_nearest_scratch(FX_POINTS_AT_ONCE, clusters->lists));
	if (!state.sums || !state.sizes || !state.nearest || !state.scratch)
		code = fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for k-means");
	if (code == FX_OK)
		code = assign_all(&state, clusters, points, count, env, err);
	if (code == FX_OK)
		move_centres(&state, clusters, count);
	env->release(env->context, state.sums);
	env->release(env->context, state.sizes);
	env->release(env->context, state.nearest);
	env->release(env->context, state.scratch);
	return code;
}

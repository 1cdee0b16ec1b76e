/*
 * cluster_test.c - principal axes against a spectrum that is known, and
 * nearest lists against a slow search.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/blas.h"
#include "code/cluster.h"
#include "tap.h"

#define N		4000
#define PADDED	64
#define AXES	8
#define LISTS	20

static uint64_t state = 7;

static float
normal(void)
{
	double		sum = 0;

	for (int i = 0; i < 12; i++)
	{
		state = state * 6364136223846793005u + 1442695040888963407u;
		sum += (double) (state >> 32) / 4294967296.0;
	}
	return (float) (sum - 6);
}

static float rows[N * PADDED];
static float basis[AXES * PADDED];
static float centres[LISTS * AXES];
static float points[N * AXES];
static fx_clusters clusters = {PADDED, AXES, LISTS, basis, centres};

/* Elements of a variance that falls from 1 by half every two, around a mean that is none of the axes' business. */
static void
make_rows(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < PADDED; j++)
			rows[i * PADDED + j] = 3 + normal() * exp2f(-(float) j / 4);
}

static void
test_axes(const fx_env *env)
{
	float	   *products = calloc(PADDED * PADDED, sizeof(float));
	double		sum[PADDED] = {0};
	double		worst = 0;
	double		kept = 0;
	double		most = 0;
	fx_error	err;

	for (int i = 0; i < N; i += 100)
		fx_add_products(products, rows + i * PADDED, 100, PADDED);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < PADDED; j++)
			sum[j] += rows[i * PADDED + j];
	ok(fx_find_axes(products, sum, N, PADDED, AXES, basis, env, &err) == FX_OK, "axes are found");
	for (int i = 0; i < AXES; i++)
		for (int j = 0; j < AXES; j++)
		{
			double		dot = 0;

			for (int k = 0; k < PADDED; k++)
				dot += (double) basis[i * PADDED + k] * basis[j * PADDED + k];
			worst = fmax(worst, fabs(dot - (i == j)));
		}
	ok(worst < 1e-5, "they are orthonormal (%.1e)", worst);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < PADDED; j++)
			rows[i * PADDED + j] -= (float) (sum[j] / N);
	fx_project(&clusters, rows, N, points);
	for (int i = 0; i < N * AXES; i++)
		kept += (double) points[i] * points[i];
	for (int i = 0; i < N; i++)
		for (int j = 0; j < AXES; j++)
			most += (double) rows[i * PADDED + j] * rows[i * PADDED + j];
	ok(kept > 0.98 * most, "they carry as much as the leading elements do (%.3f)", kept / most);
	free(products);
}

static double
cosine(const float *a, const float *b)
{
	double		dot = 0;
	double		square_a = 0;
	double		square_b = 0;

	for (int k = 0; k < AXES; k++)
	{
		dot += (double) a[k] * b[k];
		square_a += (double) a[k] * a[k];
		square_b += (double) b[k] * b[k];
	}
	return dot / sqrt(square_a * square_b);
}

static double
greatest_cosine(const float *point)
{
	double		most = -1;

	for (int l = 0; l < LISTS; l++)
		most = fmax(most, cosine(point, centres + l * AXES));
	return most;
}

/* Centres by eight rounds of k-means of the first points. */
static fx_code
find_centres(uint32_t count, const fx_env *env)
{
	fx_code		code = FX_OK;

	fx_first_centres(&clusters, points, count);
	for (int round = 0; round < 8 && code == FX_OK; round++)
		code = fx_better_centres(&clusters, points, count, env, NULL);
	return code;
}

static void
test_lists(const fx_env *env)
{
	static uint32_t lists[N];
	static float scratch[N * LISTS];
	float		again[LISTS * AXES];
	float		nearness[LISTS];
	float		row[PADDED];
	float		point[AXES];
	uint32_t	sizes[LISTS] = {0};
	double		within = 0;
	int			wrong = 0;
	int			unlike = 0;

	ok(find_centres(N, env) == FX_OK, "centres are found");
	memcpy(again, centres, sizeof(again));
	ok(find_centres(N, env) == FX_OK &&
	   memcmp(again, centres, sizeof(again)) == 0, "the same ones for the same points");
	fx_nearest_lists(&clusters, points, N, lists, scratch);
	for (int i = 0; i < N; i++)
	{
		double		mine = cosine(points + i * AXES, centres + lists[i] * AXES);

		wrong += mine < greatest_cosine(points + i * AXES) - 1e-5;
		within += mine;
		sizes[lists[i]]++;
	}
	ok(wrong == 0, "%d of %d points are not in their nearest list", wrong, N);
	ok(within > 0.6 * N, "points lie in the direction of their centres (cosine %.2f)", within / N);
	for (int l = 0; l < LISTS; l++)
		unlike += sizes[l] == 0;
	ok(unlike == 0, "%d lists are empty", unlike);
	/* one row at a time gives what a batch gives */
	fx_nearness(&clusters, points, N, scratch);
	memcpy(row, rows + 17 * PADDED, sizeof(row));
	fx_project(&clusters, row, 1, point);
	fx_nearness(&clusters, point, 1, nearness);
	for (int l = 0; l < LISTS; l++)
		unlike += fabsf(nearness[l] - scratch[17 * LISTS + l]) > 1e-4f;
	ok(unlike == 0, "one row is as near to the lists as in a batch");
}

/* More lists than one product takes, and more points. */
static void
test_many(void)
{
	enum
	{
		MANY = 2 * FX_LISTS_AT_ONCE + 100
	};
	static float many_centres[MANY * AXES];
	static float scratch[FX_POINTS_AT_ONCE * FX_LISTS_AT_ONCE];
	fx_clusters many = {PADDED, AXES, MANY, basis, many_centres};
	uint32_t	lists[N];
	float		nearness[MANY];
	int			wrong = 0;
	int			late = 0;

	for (int l = 0; l < MANY; l++)
		for (int k = 0; k < AXES; k++)
			many_centres[l * AXES + k] = points[(l % N) * AXES + k] + 0.01f * (float) sin(l * 0.7 + k);
	fx_nearest_lists(&many, points, N, lists, scratch);
	for (int i = 0; i < N; i++)
	{
		float		most = 0;

		fx_nearness(&many, points + i * AXES, 1, nearness);
		for (int l = 0; l < MANY; l++)
			most = fmaxf(most, nearness[l]);
		wrong += nearness[lists[i]] < most - 1e-4f;
		late += lists[i] >= FX_LISTS_AT_ONCE;
	}
	ok(wrong == 0, "%d of %d points are not in the nearest of %d lists", wrong, N, (int) MANY);
	ok(late > 0, "%d are in lists of the later products", late);
}

static bool
always(void *context)
{
	return true;
}

static void
test_odd(const fx_env *env)
{
	fx_env		stop = *env;
	fx_error	err;
	float	   *products = calloc(PADDED * PADDED, sizeof(float));
	double		sum[PADDED] = {0};
	double		worst = 0;

	stop.interrupted = always;
	ok(fx_better_centres(&clusters, points, N, &stop, &err) == FX_INTERRUPTED, "k-means can be interrupted");
	ok(fx_find_axes(products, sum, N, PADDED, AXES, basis, &stop, &err) == FX_INTERRUPTED, "so can the axes");
	/* no spread at all: any orthonormal axes do */
	memset(products, 0, sizeof(float) * PADDED * PADDED);
	ok(fx_find_axes(products, sum, N, PADDED, AXES, basis, env, &err) == FX_OK, "rows that are all alike have axes");
	for (int i = 0; i < AXES; i++)
	{
		double		square = 0;

		for (int k = 0; k < PADDED; k++)
			square += (double) basis[i * PADDED + k] * basis[i * PADDED + k];
		worst = fmax(worst, fabs(square - 1));
	}
	ok(worst < 1e-5, "of unit length (%.1e)", worst);
	/* points that are all alike, and as many lists as points */
	for (int i = 0; i < LISTS * AXES; i++)
		points[i] = 1;
	ok(find_centres(LISTS, env) == FX_OK, "points that are all alike have centres");
	for (int i = 0; i < LISTS * AXES; i++)
		worst = fmax(worst, isfinite(centres[i]) ? 0 : 1);
	ok(worst < 1, "that are numbers");
	free(products);
}

int
main(void)
{
	const fx_env *env = fx_env_malloc();

	if (!ok(fx_blas_load(NULL) == FX_OK, "OpenBLAS is loaded"))
		return done_testing();
	make_rows();
	test_axes(env);
	test_lists(env);
	test_many();
	test_odd(env);
	return done_testing();
}

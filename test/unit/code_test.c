/*
 * code_test.c - rotation, codes and their estimates, and every tier of the
 * code kernels against the scalar truth, bit for bit.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "tap.h"

static uint64_t state = 42;

static uint32_t
word(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t) (state >> 32);
}

static float
normal(void)
{
	double		u = (word() + 1.0) / 4294967297.0;
	double		v = word() / 4294967296.0;

	return (float) (sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static void
random_vector(float *x, uint32_t n, bool unit)
{
	double		square = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		x[i] = normal();
		square += (double) x[i] * x[i];
	}
	if (unit)
		for (uint32_t i = 0; i < n; i++)
			x[i] /= (float) sqrt(square);
}

static double
dot(const float *a, const float *b, uint32_t n)
{
	double		sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

static void *
take(size_t size)
{
	void	   *memory = calloc(1, size ? size : 1);

	if (memory == NULL)
		exit(2);
	return memory;
}

/* ---- the rotation */

static void
test_rotation(uint32_t dim)
{
	const fx_env *env = fx_env_malloc();
	fx_rotation rotation;
	fx_rotation again;
	fx_error	err;
	uint32_t	padded = fx_code_padded(dim);
	float	   *a = take(sizeof(float) * dim);
	float	   *b = take(sizeof(float) * dim);
	float	   *ra = take(sizeof(float) * padded);
	float	   *rb = take(sizeof(float) * padded);
	float		greatest = 0;

	ok(fx_rotation_make(&rotation, dim, 7, env, &err) == FX_OK, "rotation of %u dimensions", dim);
	ok(fx_rotation_make(&again, dim, 7, env, &err) == FX_OK, "... made again");
	random_vector(a, dim, true);
	random_vector(b, dim, true);
	fx_rotate(&rotation, a, ra);
	fx_rotate(&rotation, b, rb);
	ok(fabs(dot(ra, ra, padded) - 1) < 1e-5, "... keeps lengths");
	ok(fabs(dot(ra, rb, padded) - dot(a, b, dim)) < 1e-5, "... keeps inner products");
	fx_rotate(&again, b, ra);
	ok(memcmp(ra, rb, sizeof(float) * padded) == 0, "... is a function of the seed");

	/* a single coordinate spreads over all */
	memset(a, 0, sizeof(float) * dim);
	a[dim / 2] = 1;
	fx_rotate(&rotation, a, ra);
	for (uint32_t i = 0; i < padded; i++)
		greatest = fmaxf(greatest, fabsf(ra[i]));
	ok(greatest < 6 / sqrtf((float) padded), "... spreads one coordinate over all (greatest %.3f)", greatest);
	fx_rotation_free(&rotation, env);
	fx_rotation_free(&again, env);
	free(a);
	free(b);
	free(ra);
	free(rb);
}

/* ---- codes: the estimate, computed the slow and obvious way from the bits */

static double
level(const uint8_t *signs, const uint8_t *planes, uint32_t padded, int bits, uint32_t i)
{
	int			u = signs[i / 8] >> i % 8 & 1;

	for (int p = 0; p < bits - 1; p++)
		u = 2 * u + (planes[(size_t) p * (padded / 8) + i / 8] >> i % 8 & 1);
	return u - ((1 << bits) - 1) / 2.0;
}

/* A probe q, a template o and its code. */
typedef struct sample
{
	float	   *q;
	float	   *o;
	float	   *centre;			/* zeros */
	float	   *scratch;
	uint8_t    *signs;
	uint8_t    *planes;
} sample;

static sample
take_sample(uint32_t padded)
{
	return (sample) {
		take(sizeof(float) * padded), take(sizeof(float) * padded), take(sizeof(float) * padded),
		take(sizeof(float) * padded * 2), take(padded / 8), take((size_t) padded / 8 * 7)
	};
}

static void
free_sample(const sample *s)
{
	free(s->q);
	free(s->o);
	free(s->centre);
	free(s->scratch);
	free(s->signs);
	free(s->planes);
}

/* Unit vectors with <q, o> = score. */
static void
random_pair(float *q, float *o, uint32_t padded, float score)
{
	float		rest = sqrtf(1 - score * score);
	double		part;

	random_vector(o, padded, true);
	random_vector(q, padded, true);
	part = dot(q, o, padded);
	for (uint32_t i = 0; i < padded; i++)
		q[i] = score * o[i] + rest * (q[i] - (float) part * o[i]) / sqrtf(1 - (float) (part * part));
}

/* Mean and standard deviation of the error of estimates of <q, o> for unit vectors, of the first n bits. */
static void
measure(uint32_t dim, int bits, int n, double *mean, double *deviation, double *claimed)
{
	uint32_t	padded = fx_code_padded(dim);
	sample		s = take_sample(padded);
	float	   *q = s.q;
	float	   *o = s.o;
	int			trials = dim > 1000 ? 400 : 2000;
	double		sum = 0;
	double		square = 0;

	*claimed = 0;
	for (uint32_t i = 0; i < padded; i++)
		s.centre[i] = 0.1f * normal() / sqrtf((float) padded);
	for (int t = 0; t < trials; t++)
	{
		fx_coarse_factors coarse;
		fx_level_factors middle = {0, 0};
		fx_level_factors fine = {0, 0};
		double		estimate = 0;
		double		error;

		random_vector(q, padded, true);
		random_vector(o, padded, true);
		/* mates, too: a part of q in every other one */
		for (uint32_t i = 0; i < padded; i++)
			o[i] = t % 2 ? 0.8f * o[i] + 0.6f * q[i] : o[i];
		if (fx_encode(FX_COSINE, padded, bits, o, s.centre, 1, s.signs, &coarse, s.planes, &middle, &fine,
					  s.scratch) != FX_CODE_GOOD)
			continue;
		for (uint32_t i = 0; i < padded; i++)
			estimate += q[i] * (n == 1 ? (s.signs[i / 8] >> i % 8 & 1 ? 1 : -1) :
								level(s.signs, s.planes, padded, n, i));
		estimate *= n == 1 ? fx_bfloat16(coarse.scale) : n == 2 ? middle.scale : fine.scale;
		estimate += dot(q, s.centre, padded);
		*claimed += n == 1 ? fx_coarse_spread(padded) * fx_bfloat16(coarse.scale) :
			n == 2 ? middle.spread : fine.spread;
		error = estimate - dot(q, o, padded);
		sum += error;
		square += error * error;
	}
	*mean = sum / trials;
	*deviation = sqrt(square / trials);
	*claimed /= trials;
	free_sample(&s);
}

static void
test_estimates(uint32_t dim, int bits, int n, double most)
{
	double		mean;
	double		deviation;
	double		claimed;

	measure(dim, bits, n, &mean, &deviation, &claimed);
	ok(fabs(mean) < 4 * deviation / sqrt(400), "%u dimensions, %d of %d bits: unbiased (mean %.5f)",
	   dim, n, bits, mean);
	ok(deviation < 1.1 * claimed && deviation > 0.8 * claimed, "... spread %.5f is as claimed (%.5f)",
	   deviation, claimed);
	if (most > 0)
		ok(deviation < most, "... and below %.4f", most);
}

/* Near its template a probe's score is estimated better: only the part of it at right angles to the template errs. */
static void
test_across(uint32_t padded, float along)
{
	sample		s = take_sample(padded);
	float	   *q = s.q;
	float	   *o = s.o;
	float		across = sqrtf(1 - along * along);
	double		square = 0;

	for (int t = 0; t < 2000; t++)
	{
		fx_coarse_factors coarse;
		double		estimate = 0;

		random_pair(q, o, padded, along);
		if (fx_encode(FX_COSINE, padded, 1, o, s.centre, 1, s.signs, &coarse, NULL, NULL, NULL, s.scratch) !=
			FX_CODE_GOOD)
			continue;
		for (uint32_t i = 0; i < padded; i++)
			estimate += s.signs[i / 8] >> i % 8 & 1 ? q[i] : -q[i];
		estimate = (fx_bfloat16(coarse.scale) * estimate - along) /
			(fx_coarse_spread(padded) * fx_bfloat16(coarse.scale) * across);
		square += estimate * estimate;
	}
	ok(fabs(sqrt(square / 2000) - 1) < 0.06,
	   "%u dimensions, a score of %.2f: errors are those of what lies across (%.3f)", padded, along,
	   sqrt(square / 2000));
	free_sample(&s);
}

/* What the first dimensions of a code say of a score, at any score, errs as claimed. */
static void
test_prefix(uint32_t padded, uint32_t prefix, float along)
{
	const fx_env *env = fx_env_malloc();
	sample		s = take_sample(padded);
	int			trials = padded > 1000 ? 1000 : 4000;
	double		sum = 0;
	double		square = 0;
	fx_query	query = {0};
	fx_error	err;

	for (int t = 0; t < trials; t++)
	{
		fx_coarse_factors coarse;
		double		estimate = 0;

		random_pair(s.q, s.o, padded, along);
		fx_query_prepare(&query, FX_COSINE, padded, 1, s.q, env, &err);
		if (fx_encode(FX_COSINE, padded, 1, s.o, s.centre, 1, s.signs, &coarse, NULL, NULL, NULL, s.scratch) !=
			FX_CODE_GOOD)
			continue;
		for (uint32_t i = 0; i < prefix; i++)
			estimate += s.signs[i / 8] >> i % 8 & 1 ? s.q[i] : -s.q[i];
		estimate = (fx_bfloat16(coarse.scale) * estimate * padded / prefix - along) /
			(fx_query_prefix_spread(&query, prefix, along) * fx_bfloat16(coarse.scale));
		sum += estimate;
		square += estimate * estimate;
	}
	ok(fabs(sqrt(square / trials) - 1) < 0.06 && fabs(sum / trials) < 4 / sqrt(trials),
	   "%u of %u dimensions, a score of %.2f: errors are as claimed (%.3f, mean %.3f)", prefix, padded, along,
	   sqrt(square / trials), sum / trials);
	fx_query_free(&query, env);
	free_sample(&s);
}

/* Bounds of five deviations hold at any score, though rounding of scales and tables is no part of what lies across. */
static void
test_bounds_at(uint32_t padded, float score)
{
	const fx_env *env = fx_env_malloc();
	sample		s = take_sample(padded);
	float	   *q = s.q;
	float	   *o = s.o;
	uint8_t    *block = take(fx_slice_size(16) * padded / FX_SLICE_DIMS);
	float		floor = score - 1e-5f * (1 + score);
	fx_query	query = {0};
	int			missed = 0;

	for (int t = 0; t < 1000; t++)
	{
		fx_coarse_factors coarse;
		fx_level_factors middle;
		fx_level_factors fine;
		uint16_t	scales[16] = {0};
		uint16_t	slots[16];
		float		upper[16];
		float		found[16];
		float		bases[16];
		float		sums[16];
		uint16_t	factors;
		uint16_t	slot = 0;
		int32_t		plane_sum;
		float		middle_score;
		float		middle_upper;
		fx_error	err;
		fx_coarse_run run = {.codes = block, .scale = scales, .ncodes = 16, .nblocks = 1, .width = 16, .floor = floor,
		.slots = slots, .upper = upper, .scales = found, .bases = bases, .sums = sums};

		random_pair(q, o, padded, score);
		if (fx_encode(FX_COSINE, padded, 4, o, s.centre, 1, s.signs, &coarse, s.planes, &middle, &fine, s.scratch) !=
			FX_CODE_GOOD)
			continue;
		fx_query_prepare(&query, FX_COSINE, padded, 4, q, env, &err);
		fx_query_along(&query, floor);
		scales[0] = coarse.scale;
		fx_code_put(block, 16, padded, 16, 0, s.signs);
		run.margin = 5 * fx_query_spread(&query);
		if (fx_code_kernels_active()->coarse(&query, &run) == 0)
		{
			missed++;
			continue;
		}
		factors = fx_middle_pack(&coarse, &middle);
		fx_code_kernels_active()->middle(query.fine, s.planes, &slot, 1, padded, &plane_sum);
		fx_middle_bounds(&query, 5, &factors, &slot, 1, found, bases, sums, &plane_sum, &middle_score, &middle_upper);
		missed += middle_upper < floor;
	}
	ok(missed == 0, "%u dimensions, a score of %.5f: bounds of five deviations hold (%d do not)", padded, score,
	   missed);
	fx_query_free(&query, env);
	free_sample(&s);
	free(block);
}

/* A query whose tables lie elsewhere, as another process has it, scores as the first one. */
static void
test_copy(uint32_t padded)
{
	const fx_env *env = fx_env_malloc();
	sample		s = take_sample(padded);
	uint8_t    *block = take(fx_slice_size(16) * padded / FX_SLICE_DIMS);
	uint8_t    *tables = take(fx_query_size(padded));
	uint16_t	slots[2][16];
	float		found[2][4][16];
	uint16_t	scales[16] = {0};
	uint32_t	n[2];
	fx_query	queries[2] = {{0}, {0}};
	fx_coarse_factors coarse;
	fx_level_factors level;
	fx_error	err;

	random_pair(s.q, s.o, padded, 0.5f);
	fx_encode(FX_COSINE, padded, 2, s.o, s.centre, 1, s.signs, &coarse, s.planes, &level, &level, s.scratch);
	scales[0] = coarse.scale;
	fx_code_put(block, 16, padded, 16, 0, s.signs);
	fx_query_prepare(&queries[0], FX_COSINE, padded, 2, s.q, env, &err);
	queries[1] = queries[0];
	memcpy(tables, queries[0].memory, fx_query_size(padded));
	fx_query_lies_in(&queries[1], tables);
	for (int i = 0; i < 2; i++)
	{
		fx_coarse_run run = {.codes = block, .scale = scales, .ncodes = 16, .nblocks = 1, .width = 16, .floor = 0.3f,
		.margin = 1, .slots = slots[i], .upper = found[i][0], .scales = found[i][1], .bases = found[i][2],
		.sums = found[i][3]};
		int32_t		sum;
		uint16_t	slot = 0;

		n[i] = fx_code_kernels_active()->coarse(&queries[i], &run);
		fx_code_kernels_active()->middle(queries[i].fine, s.planes, &slot, 1, padded, &sum);
		found[i][3][0] += (float) sum + fx_query_prefix_spread(&queries[i], 64, 0);
		/* what was there is not needed any more */
		if (i == 0)
			memset(queries[0].memory, 0xA5, fx_query_size(padded));
	}
	ok(n[0] >= 1 && n[0] == n[1] && slots[0][0] == slots[1][0] && found[0][0][0] == found[1][0][0] &&
	   found[0][3][0] == found[1][3][0] && queries[1].biases[padded / 64 - 1] == queries[1].bias,
	   "%u dimensions: a copy of a query scores as the query", padded);
	fx_query_free(&queries[0], env);
	free_sample(&s);
	free(block);
	free(tables);
}

static void
test_odd(void)
{
	float		o[64] = {0};
	float		centre[64] = {0};
	float		scratch[128];
	uint8_t		signs[8];
	uint8_t		planes[24];
	fx_coarse_factors coarse;
	fx_level_factors middle;
	fx_level_factors fine;

#define ENCODE(square) fx_encode(FX_INNER, 64, 4, o, centre, square, signs, &coarse, planes, &middle, &fine, scratch)
	ok(ENCODE(0) == FX_CODE_GOOD && coarse.scale == 0, "a zero vector is its centre");
	o[3] = 1;
	ok(ENCODE(1) == FX_CODE_ODD, "a vector along one axis is odd");
	for (int i = 0; i < 64; i++)
		o[i] = 1e18f;
	ok(ENCODE(64e36) == FX_CODE_ODD, "a huge vector is odd");
	o[0] = NAN;
	ok(ENCODE(1) == FX_CODE_ODD, "a vector with a NaN is odd");
	for (int i = 0; i < 64; i++)
		o[i] = 1e-30f;
	ok(ENCODE(64e-60) == FX_CODE_ODD, "a tiny vector is odd");
#undef ENCODE
}

/* ---- kernels */

/* What the sum of signs is at least, of the first dimensions. */
static double
bias_of(const float *probe, uint32_t dimensions)
{
	double		bias = 0;

	for (uint32_t i = 0; i < dimensions; i++)
		bias -= fabsf(probe[i]);
	return bias;
}

static void
test_tier(fx_tier tier)
{
	const fx_code_kernels *kernels = fx_code_kernels_of(tier);
	const fx_env *env = fx_env_malloc();
	int			bad_sum = 0;
	int			bad_mask = 0;
	int			bad_prefix = 0;
	int			bad_count = 0;
	int			bad_fine = 0;
	int			bad_middle = 0;

	for (uint32_t padded = 64; padded <= 4096; padded += padded < 1024 ? 64 : 448)
		for (uint32_t width = 8; width <= 16; width += 8)
			/* as far as to more blocks than any kernel takes at once, twice */
			for (uint32_t nblocks = 1; nblocks <= 19; nblocks += padded < 256 || nblocks < 9 ? 1 : 5)
			{
				uint32_t	n = nblocks * width;
				/* not all blocks of the run are scored */
				uint32_t	ncodes = n + word() % 3 * width;
				size_t		size = fx_slice_size(ncodes) * padded / FX_SLICE_DIMS;
				uint32_t	offset = word() % 17;
				uint8_t    *raw = take(size + offset);
				uint8_t    *codes = raw + offset;
				uint16_t   *scale = take(sizeof(uint16_t) * n);
				float	   *add = take(sizeof(float) * n);
				uint32_t	space = (n + 15) / 16 * 16;
				uint16_t	wanted[24];
				uint16_t   *slots_found = take(sizeof(uint16_t) * space);
				float	   *upper = take(sizeof(float) * space);
				float	   *scales_found = take(sizeof(float) * space);
				float	   *bases_found = take(sizeof(float) * space);
				float	   *sums_found = take(sizeof(float) * space);
				float	   *probe = take(sizeof(float) * padded);
				uint8_t    *signs = take(padded / 8);
				fx_query	query = {0};
				fx_error	err;
				fx_coarse_run run = {codes, scale, word() % 2 ? add : NULL, word() % 2 ? wanted : NULL,
				word() % 2 ? (const char *) raw : NULL, ncodes, nblocks, width, 0.25f, 0.5f, 0,
				64 * (1 + word() % (padded / 64)), 0.1f, 0.2f, slots_found, upper, scales_found, bases_found,
				sums_found};
				uint16_t	reach[24] = {0};
				uint32_t	reached;
				uint32_t	count;
				uint32_t	next = 0;
				/* of five words so many have nobody, so that few are wanted in some runs and most in others */
				uint32_t	nobody = word() % 5;

				random_vector(probe, padded, true);
				fx_query_prepare(&query, FX_COSINE, padded, 4, probe, env, &err);
				for (size_t i = 0; i < size; i++)
					codes[i] = (uint8_t) word();
				for (uint32_t i = 0; i < n; i++)
				{
					scale[i] = word() % 9 == 0 ? FX_CODE_DEAD : fx_to_bfloat16(0.01f * (float) (1 + word() % 9));
					add[i] = normal();
				}
				for (int i = 0; i < 24; i++)
					wanted[i] = (uint16_t) (word() % 5 < nobody ? 0 : word());
				run.floor = 0.2f;
				reached = kernels->prefix(&query, &run, reach);
				for (uint32_t i = 0; i < (n + 15) / 16; i++)
					reached -= reach[i] != 0;
				bad_prefix += reached != 0;
				count = kernels->coarse(&query, &run);
				for (uint32_t i = 0; i < n; i++)
				{
					bool		asked = run.wanted == NULL || (wanted[i / 16] >> i % 16 & 1);
					/* those that pass come in their order */
					bool		got = next < count && slots_found[next] == i;
					double		sum = 0;
					uint32_t	table_sum = 0;
					double		prefix_sum = 0;
					double		prefix_upper;
					double		expected;
					double		base = run.base + (run.add ? add[i] : 0);

					fx_code_get(codes, ncodes, padded, width, i, signs);
					for (uint32_t j = 0; j < padded / 8; j++)
					{
						const uint8_t *tables = query.table + (j / 4 * 8 + j % 4) * 16;

						table_sum += (uint32_t) tables[signs[j] & 15] + tables[64 + (signs[j] >> 4)];
						if ((j + 1) * 8 == run.prefix)
							prefix_sum = ((double) query.step * table_sum + bias_of(probe, run.prefix)) *
								padded / run.prefix;
					}
					prefix_upper = base + fx_bfloat16(scale[i]) * (prefix_sum + run.prefix_margin);
					sum = (double) query.step * table_sum + query.bias;
					expected = base + fx_bfloat16(scale[i]) * (sum + run.margin);
					/* a dead one's is NaN */
					if (!(fabs(prefix_upper - run.prefix_floor) <= 1e-4 * (1 + fabs(prefix_upper))))
						bad_prefix += (reach[i / 16] >> i % 16 & 1) !=
							(asked && scale[i] != FX_CODE_DEAD && prefix_upper > run.prefix_floor);
					if (got)
					{
						bad_mask += !asked || scale[i] == FX_CODE_DEAD || !(upper[next] >= run.floor);
						bad_sum += !(fabs(upper[next] - expected) < 1e-4 * (1 + fabs(expected)));
						bad_sum += !(fabs(sums_found[next] - sum) < 1e-4 * (1 + fabs(sum)));
						bad_sum += scales_found[next] != fx_bfloat16(scale[i]);
						bad_sum += !(fabs(bases_found[next] - base) < 1e-6 * (1 + fabs(base)));
						next++;
					}
					else
						/* rounding decides of those at the very floor */
						bad_mask += asked && scale[i] != FX_CODE_DEAD &&
							expected > run.floor + 1e-4 * (1 + fabs(expected));
				}
				bad_count += count != next;

				/* planes, at any address */
				{
					uint8_t    *plane_raw = take((size_t) padded / 8 * 9 + 3);
					uint8_t    *planes = plane_raw + word() % 4;
					uint16_t	slots[9];
					int32_t		sums[9];
					int32_t		truth[9];
					uint32_t	m = 1 + word() % 9;

					for (size_t i = 0; i < (size_t) padded / 8 * 9; i++)
						planes[i] = (uint8_t) word();
					for (int i = 0; i < 9; i++)
						slots[i] = (uint16_t) (word() % 9);
					kernels->middle(query.fine, planes, slots, m, padded, sums);
					fx_code_kernels_of(FX_TIER_SCALAR)->middle(query.fine, planes, slots, m, padded, truth);
					bad_middle += memcmp(sums, truth, sizeof(int32_t) * m) != 0;
					for (int p = 1; p <= 7; p++)
						bad_fine += kernels->fine(query.fine, planes, padded, p) !=
							fx_code_kernels_of(FX_TIER_SCALAR)->fine(query.fine, planes, padded, p);
					free(plane_raw);
				}
				fx_query_free(&query, env);
				free(raw);
				free(scale);
				free(add);
				free(slots_found);
				free(upper);
				free(scales_found);
				free(bases_found);
				free(sums_found);
				free(probe);
				free(signs);
			}
	ok(bad_sum == 0, "%s: %d bounds differ from the obvious sum", kernels->name, bad_sum);
	ok(bad_mask == 0, "%s: %d entries pass or fail wrongly", kernels->name, bad_mask);
	ok(bad_prefix == 0, "%s: %d entries reach the floor of their prefix or not, wrongly", kernels->name, bad_prefix);
	ok(bad_count == 0, "%s: %d counts are wrong", kernels->name, bad_count);
	ok(bad_middle == 0, "%s: %d sums of middle planes differ", kernels->name, bad_middle);
	ok(bad_fine == 0, "%s: %d sums of fine planes differ", kernels->name, bad_fine);
}

/* A code comes back from where it was put, which is where the format says: byte i of its 64 dimensions' slice. */
static void
test_places(void)
{
	int			bad = 0;

	for (uint32_t padded = 64; padded <= 4096; padded *= 2)
		for (uint32_t width = 8; width <= 16; width += 8)
			for (uint32_t blocks = 1; blocks <= 7; blocks++)
			{
				uint32_t	n = blocks * width;
				uint8_t    *run = take((size_t) n * padded / 8);
				uint8_t    *codes = take((size_t) n * padded / 8);
				uint8_t    *back = take(padded / 8);

				for (uint32_t slot = 0; slot < n; slot++)
				{
					uint8_t    *code = codes + (size_t) slot * (padded / 8);

					for (uint32_t i = 0; i < padded / 8; i++)
						code[i] = (uint8_t) word();
					fx_code_put(run, n, padded, width, slot, code);
				}
				for (uint32_t slot = 0; slot < n; slot++)
				{
					const uint8_t *code = codes + (size_t) slot * (padded / 8);

					fx_code_get(run, n, padded, width, slot, back);
					bad += memcmp(back, code, padded / 8) != 0;
					for (uint32_t i = 0; i < padded / 8; i++)
						bad += run[(size_t) (i / 8) * n * 8 + slot / width * width * 8 + i % 8 * width +
								   slot % width] != code[i];
				}
				free(run);
				free(codes);
				free(back);
			}
	ok(bad == 0, "%d codes or bytes of codes are not where they were put", bad);
}

/* The scores that the stages put together against the slow estimate. */
static void
test_scores(void)
{
	const fx_env *env = fx_env_malloc();
	uint32_t	padded = 192;
	double		worst = 0;
	double		worst_middle = 0;

	for (int t = 0; t < 500; t++)
	{
		float		q[192];
		float		o[192];
		float		centre[192] = {0};
		float		scratch[384];
		uint8_t		signs[24];
		uint8_t		planes[24 * 3];
		fx_coarse_factors coarse;
		fx_level_factors middle;
		fx_level_factors fine;
		fx_query	query = {0};
		fx_error	err;
		double		sum = 0;
		double		truth = 0;
		double		truth_middle = 0;
		int64_t		plane_sum;
		int32_t		middle_sum;
		uint16_t	slot = 0;
		uint16_t	factors;
		float		scale;
		float		base = 0.125f;
		float		signed_sum;
		float		score;
		float		upper;
		float		spread;

		random_vector(q, padded, true);
		random_vector(o, padded, true);
		if (fx_encode(FX_COSINE, padded, 4, o, centre, 1, signs, &coarse, planes, &middle, &fine, scratch) !=
			FX_CODE_GOOD)
			continue;
		fx_query_prepare(&query, FX_COSINE, padded, 4, q, env, &err);
		for (uint32_t i = 0; i < padded; i++)
		{
			sum += signs[i / 8] >> i % 8 & 1 ? q[i] : -q[i];
			truth += q[i] * level(signs, planes, padded, 4, i);
			truth_middle += q[i] * level(signs, planes, padded, 2, i);
		}
		signed_sum = (float) sum;
		plane_sum = fx_code_kernels_active()->fine(query.fine, planes, padded, 3);
		score = fx_level_score(&query, 4, base, &fine, signed_sum, plane_sum, &spread);
		worst = fmax(worst, fabs(score - (base + fine.scale * truth)) / spread);
		factors = fx_middle_pack(&coarse, &middle);
		scale = fx_bfloat16(coarse.scale);
		fx_code_kernels_active()->middle(query.fine, planes, &slot, 1, padded, &middle_sum);
		fx_middle_bounds(&query, 3, &factors, &slot, 1, &scale, &base, &signed_sum, &middle_sum, &score, &upper);
		worst_middle = fmax(worst_middle,
							fabs(score - (base + middle.scale * truth_middle)) / ((upper - score) / 3));
		fx_query_free(&query, env);
	}
	ok(worst < 0.5, "fine scores: rounding of the probe stays below half a deviation (%.3f)", worst);
	ok(worst_middle < 0.25, "middle scores: the same (%.3f)", worst_middle);
}

int
main(void)
{
	static const uint32_t dims[] = {8, 64, 100, 128, 192, 512, 1000, 4096};
	static const double most[] = {0, 0.034, 0.0175, 0.0090, 0.0048, 0.0026, 0.0014, 0, 0};

	for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++)
		test_rotation(dims[i]);
	for (int bits = 2; bits <= 8; bits++)
		test_estimates(512, bits, bits, most[bits]);
	test_estimates(512, 4, 1, most[1]);
	test_estimates(512, 4, 2, 0.0205);
	test_estimates(128, 4, 1, 0);
	test_estimates(128, 4, 2, 0);
	test_estimates(64, 4, 4, 0);
	test_estimates(1024, 3, 3, 0);
	test_estimates(4096, 5, 5, 0);
	test_across(512, 0.2f);
	test_across(512, 0.7f);
	test_across(128, 0.4f);
	test_across(128, 0.8f);
	test_prefix(512, 128, 0);
	test_prefix(512, 128, 0.3f);
	test_prefix(512, 128, 0.65f);
	test_prefix(512, 64, 0.65f);
	test_prefix(512, 256, 0.5f);
	test_prefix(512, 512, 0.5f);
	test_prefix(128, 64, 0.4f);
	test_prefix(4096, 1024, 0.65f);
	for (uint32_t padded = 128; padded <= 4096; padded *= padded < 512 ? 4 : 8)
	{
		test_bounds_at(padded, 0.3f);
		test_bounds_at(padded, 0.7f);
		test_bounds_at(padded, 0.98f);
		test_bounds_at(padded, 0.99999f);
	}
	test_copy(64);
	test_copy(512);
	test_odd();
	for (int tier = FX_TIER_SCALAR; tier <= FX_TIER_AVX512; tier++)
		if (fx_code_kernels_of((fx_tier) tier) != NULL)
			test_tier((fx_tier) tier);
	test_places();
	test_scores();
	return done_testing();
}

/*
 * query.c - a probe is made ready, and scores are put together.
 */
#include "code/code.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The usual alignment of a vector with its signs: E|g| of a standard Gaussian. */
#define USUAL_ALIGNMENT 0.79788456080286535588

float
fx_coarse_spread(uint32_t padded)
{
	return (float) sqrt(padded * (1 - USUAL_ALIGNMENT * USUAL_ALIGNMENT) / (padded - 1));
}

float
fx_coarse_error(uint32_t padded)
{
	/* the scale of such a vector is 1 / sum |x_i| */
	return (float) (fx_coarse_spread(padded) / (USUAL_ALIGNMENT * sqrt(padded)));
}

double
fx_code_least_alignment(uint32_t padded)
{
	/* five standard deviations, sqrt((1 - 2 / pi) / n), below the usual one */
	return USUAL_ALIGNMENT - 5 * sqrt((1 - USUAL_ALIGNMENT * USUAL_ALIGNMENT) / padded);
}

/* Steps of the two bytes of packed factors. A magnitude is 1/2 or 3/2: the scale is 2/3 to 2 times the coarse one. */
#define PACK_STEP		(1.0f / 128)
#define PACK_LEAST		0.5f

static uint32_t
to_byte(float value)
{
	return value > 0 ? (uint32_t) fminf(value, 255) : 0;
}

uint16_t
fx_middle_pack(const fx_coarse_factors *coarse, const fx_level_factors *middle)
{
	float		scale = fx_bfloat16(coarse->scale);
	uint32_t	ratio;

	if (!(scale > 0))
		return 0;
	ratio = to_byte((middle->scale / scale - PACK_LEAST) / PACK_STEP + 0.5f);
	return (uint16_t) (ratio | to_byte(ceilf(middle->spread / middle->scale / PACK_STEP)) << 8);
}

void
fx_middle_bounds(const fx_query *query, float sigmas, const uint16_t *factors, const uint16_t *slots, uint32_t n,
				 const float *scales, const float *bases, const float *sums, const int32_t *plane_sums,
				 float *score, float *upper)
{
	float		across2 = query->across * query->across;
	float		rounding2 = query->table_spread * query->table_spread + query->fine_spread * query->fine_spread;
	/* 2 (sum + query.sum) / 2 - 3 / 2 query.sum */
	float		constant = -query->sum / 2;

	for (uint32_t i = 0; i < n; i++)
	{
		float		scale = scales[i] * ((float) (factors[slots[i]] & 0xFF) * PACK_STEP + PACK_LEAST);
		float		spread = (float) (factors[slots[i]] >> 8) * PACK_STEP;

		score[i] = scale;
		upper[i] = scale * scale * (spread * spread * across2 + rounding2);
	}
	for (uint32_t i = 0; i < n; i++)
	{
		score[i] = bases[i] + score[i] * (sums[i] + query->fine_step * (float) plane_sums[i] + constant);
		upper[i] = score[i] + sigmas * __builtin_sqrtf(upper[i]);
	}
}

/*
 * Tables in the kernels' order: for each four bytes of a code, four tables of
 * their low halves and then four of their high halves.  Groups g of four
 * dimensions: byte g / 2, half g % 2.
 */
static void
make_tables(fx_query *query, const float *q)
{
	uint32_t	groups = query->padded / 4;
	float		widest = 0;
	double		bias = 0;
	float		inverse;

	for (uint32_t g = 0; g < groups; g++)
	{
		float		reach = fabsf(q[4 * g]) + fabsf(q[4 * g + 1]) + fabsf(q[4 * g + 2]) + fabsf(q[4 * g + 3]);

		widest = reach > widest ? reach : widest;
		bias -= reach;
		query->biases[g / 16] = (float) bias;
	}
	query->bias = (float) bias;
	query->step = widest > 0 ? 2 * widest / 63 : 1;
	query->table_spread = query->step * sqrtf((float) groups / 12);
	inverse = 1 / query->step;
	for (uint32_t g = 0; g < groups; g++)
	{
		const float *v = q + 4 * g;
		uint32_t	byte = g / 2;
		uint8_t    *table = query->table + (byte / 4 * 8 + g % 2 * 4 + byte % 4) * 16;
		float		reach = fabsf(v[0]) + fabsf(v[1]) + fabsf(v[2]) + fabsf(v[3]);

		for (int signs = 0; signs < 16; signs++)
		{
			float		sum = reach;

			for (int j = 0; j < 4; j++)
				sum += signs >> j & 1 ? v[j] : -v[j];
			sum = sum * inverse + 0.5f;
			table[signs] = (uint8_t) (sum < 0 ? 0 : sum > 63 ? 63 : sum);
		}
	}
}

static void
make_fine(fx_query *query, const float *q)
{
	float		greatest = 0;
	float		inverse;

	for (uint32_t i = 0; i < query->padded; i++)
		greatest = fabsf(q[i]) > greatest ? fabsf(q[i]) : greatest;
	query->fine_step = greatest > 0 ? greatest / 127 : 1;
	inverse = 1 / query->fine_step;
	for (uint32_t i = 0; i < query->padded; i++)
	{
		query->fine[i] = (int8_t) lrintf(q[i] * inverse);
	}
	query->fine_spread = query->fine_step * sqrtf((float) query->padded / 12);
}

/* Tables, padded / 4 of 16 bytes; elements behind them; and biases. */
size_t
fx_query_size(uint32_t padded)
{
	return (size_t) padded * 5 + padded / 64 * sizeof(float);
}

void
fx_query_lies_in(fx_query *query, void *memory)
{
	query->memory = memory;
	query->table = memory;
	query->fine = (int8_t *) query->table + (size_t) query->padded * 4;
	query->biases = (float *) (query->fine + query->padded);
}

fx_code
fx_query_prepare(fx_query *query, fx_metric metric, uint32_t padded, int bits, const float *rotated,
				 const fx_env *env, fx_error *err)
{
	double		sum = 0;
	double		square = 0;

	if (query->memory != NULL && query->padded != padded)
		fx_query_free(query, env);
	if (query->memory == NULL)
	{
		query->memory = env->alloc(env->context, fx_query_size(padded));
		if (query->memory == NULL)
			return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for the tables of a probe");
	}
	query->metric = metric;
	query->padded = padded;
	query->bits = bits;
	fx_query_lies_in(query, query->memory);
	for (uint32_t i = 0; i < padded; i++)
	{
		sum += rotated[i];
		square += (double) rotated[i] * rotated[i];
	}
	query->sum = (float) sum;
	query->norm = query->across = (float) sqrt(square);
	make_tables(query, rotated);
	make_fine(query, rotated);
	return FX_OK;
}

/* As much of the probe along a vector as bounds reckon with. */
static float
reckoned(const fx_query *query, float along)
{
	return fminf(fmaxf(along, 0), 0.7f * query->norm);
}

void
fx_query_along(fx_query *query, float along)
{
	along = reckoned(query, along);
	query->across = sqrtf(query->norm * query->norm - along * along);
}

float
fx_query_spread(const fx_query *query)
{
	float		code = fx_coarse_spread(query->padded) * query->across;

	return sqrtf(code * code + query->table_spread * query->table_spread);
}

/*
 * x is the vector, of unit length here, and q = along x + across y.  The sum over the first p of n dimensions of
 * sign_i q_i is along times the sum of |x_i| there, which varies with how much of x lies there, plus across times the
 * sum of sign_i y_i, of y at right angles to x.
 */
float
fx_query_prefix_spread(const fx_query *query, uint32_t prefix, float along)
{
	double		share = (double) prefix / query->padded;
	double		usual2 = USUAL_ALIGNMENT * USUAL_ALIGNMENT;
	double		along2 = (double) reckoned(query, along) * reckoned(query, along);
	double		across2 = (double) query->norm * query->norm - along2;
	double		square = across2 * share * (1 - usual2 * share) + along2 * share * (1 - share) * (1 - usual2) +
		(double) query->table_spread * query->table_spread * share;

	return (float) (sqrt(square) / share);
}

void
fx_query_free(fx_query *query, const fx_env *env)
{
	env->release(env->context, query->memory);
	query->memory = NULL;
}

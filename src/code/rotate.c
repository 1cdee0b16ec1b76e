/*
 * rotate.c - a structured random rotation.
 *
 * Each round turns random signs and then mixes by a fast Hadamard transform
 * of the greatest power of two that fits; where that is less than all
 * elements, rounds take turns between the first and the last ones, and the
 * two halves are mixed in between.  Every step is orthogonal.
 */
#include "code/code.h"

#include <math.h>
#include <string.h>

#define ROUNDS 4

/* splitmix64 (Steele, Lea & Flood, 2014) */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t	z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

fx_code
fx_rotation_make(fx_rotation *rotation, uint32_t dim, uint64_t seed, const fx_env *env, fx_error *err)
{
	uint32_t	padded = fx_code_padded(dim);
	uint64_t	state = seed;

	if (dim < FX_CODE_MIN_DIM || dim > FX_CODE_MAX_DIM)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "codes take %d to %d dimensions, not %u",
					   FX_CODE_MIN_DIM, FX_CODE_MAX_DIM, dim);
	rotation->dim = dim;
	rotation->padded = padded;
	rotation->signs = env->alloc(env->context, sizeof(uint32_t) * ROUNDS * padded);
	if (rotation->signs == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for a rotation");
	/* one word an element, 0 or the sign bit of a float */
	for (uint32_t i = 0; i < ROUNDS * padded; i += 64)
	{
		uint64_t	bits = next_random(&state);

		for (int j = 0; j < 64; j++)
			rotation->signs[i + j] = (uint32_t) (bits >> j & 1) << 31;
	}
	return FX_OK;
}

void
fx_rotation_free(fx_rotation *rotation, const fx_env *env)
{
	env->release(env->context, rotation->signs);
	rotation->signs = NULL;
}

static void
flip(float *x, const uint32_t *signs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits ^= signs[i];
		memcpy(&x[i], &bits, sizeof(bits));
	}
}

/* Hadamard transform of n = 2^k >= 64 elements, scaled to be orthogonal. */
static void
hadamard(float *x, uint32_t n)
{
	float		scale = 1.0f / sqrtf((float) n);

	/* the three finest levels at once */
	for (uint32_t i = 0; i < n; i += 8)
	{
		float	   *v = x + i;
		float		a0 = v[0] + v[1], a1 = v[0] - v[1], a2 = v[2] + v[3], a3 = v[2] - v[3];
		float		a4 = v[4] + v[5], a5 = v[4] - v[5], a6 = v[6] + v[7], a7 = v[6] - v[7];
		float		b0 = a0 + a2, b1 = a1 + a3, b2 = a0 - a2, b3 = a1 - a3;
		float		b4 = a4 + a6, b5 = a5 + a7, b6 = a4 - a6, b7 = a5 - a7;

		v[0] = b0 + b4;
		v[1] = b1 + b5;
		v[2] = b2 + b6;
		v[3] = b3 + b7;
		v[4] = b0 - b4;
		v[5] = b1 - b5;
		v[6] = b2 - b6;
		v[7] = b3 - b7;
	}
	for (uint32_t half = 8; half < n; half *= 2)
		for (uint32_t i = 0; i < n; i += 2 * half)
		{
			float	   *restrict a = x + i;
			float	   *restrict b = x + i + half;

			for (uint32_t j = 0; j < half; j++)
			{
				float		sum = a[j] + b[j];

				b[j] = a[j] - b[j];
				a[j] = sum;
			}
		}
	for (uint32_t i = 0; i < n; i++)
		x[i] *= scale;
}

static void
mix_halves(float *x, uint32_t n)
{
	const float root = 0.70710678118654752440f;
	uint32_t	half = n / 2;

	for (uint32_t i = 0; i < half; i++)
	{
		float		a = x[i];
		float		b = x[i + half];

		x[i] = (a + b) * root;
		x[i + half] = (a - b) * root;
	}
}

void
fx_rotate(const fx_rotation *rotation, const float *from, float *to)
{
	uint32_t	n = rotation->padded;
	uint32_t	power = 64;

	while (power * 2 <= n)
		power *= 2;
	memcpy(to, from, sizeof(float) * rotation->dim);
	memset(to + rotation->dim, 0, sizeof(float) * (n - rotation->dim));
	for (int round = 0; round < ROUNDS; round++)
	{
		flip(to, rotation->signs + (size_t) round * n, n);
		hadamard(round % 2 == 0 ? to : to + (n - power), power);
		if (power != n)
			mix_halves(to, n);
	}
}

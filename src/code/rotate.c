/*
 * rotate.c - a structured random rotation.
 *
 * Each round turns random signs and then mixes by a fast Hadamard transform
 * of the greatest power of two that fits; where that is less than all
 * elements, rounds take turns between the first and the last ones, and the
 * two halves are mixed in between.  Every step is orthogonal.
 */
#include "code/code.h"

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
	rotation->signs = env->alloc(env->context, sizeof(uint32_t) * FX_ROTATION_ROUNDS * padded);
	if (rotation->signs == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory for a rotation");
	/* one word an element, 0 or the sign bit of a float */
	for (uint32_t i = 0; i < FX_ROTATION_ROUNDS * padded; i += 64)
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

void
fx_rotate(const fx_rotation *rotation, const float *from, float *to)
{
	fx_code_kernels_active()->rotate(rotation, from, to);
}

/*
 * encode.c - a rotated template becomes a coarse and a fine code; codes and
 * blocks.  The arithmetic is in encode_body.h.
 *
 * Coarse: the signs of x (RaBitQ).  Fine: the elements of |x| / t rounded to
 * a grid of 2^(bits-1) steps, with the t that brings the rounded vector
 * nearest to the direction of x (extended RaBitQ).
 */
#include "code/code.h"

fx_code_kind
fx_encode(fx_metric metric, uint32_t padded, int bits, const float *rotated, const float *centre, double square,
		  uint8_t *signs, fx_coarse_factors *coarse, uint8_t *planes, fx_level_factors *middle, fx_level_factors *fine,
		  float *scratch)
{
	return fx_code_kernels_active()->encode(metric, padded, bits, rotated, centre, square, signs, coarse, planes,
											middle, fine, scratch);
}

/* Where byte i of a code lies. */
static inline size_t
place_of(uint32_t n, uint32_t width, uint32_t slot, uint32_t i)
{
	return i / 8 * fx_slice_size(n) + slot / width * fx_slice_size(width) + i % 8 * width + slot % width;
}

void
fx_code_put(uint8_t *run, uint32_t n, uint32_t padded, uint32_t width, uint32_t slot, const uint8_t *signs)
{
	for (uint32_t i = 0; i < padded / 8; i++)
		run[place_of(n, width, slot, i)] = signs[i];
}

void
fx_code_get(const uint8_t *run, uint32_t n, uint32_t padded, uint32_t width, uint32_t slot, uint8_t *signs)
{
	for (uint32_t i = 0; i < padded / 8; i++)
		signs[i] = run[place_of(n, width, slot, i)];
}

/*
 * encode.c - a rotated template becomes a coarse and a fine code.
 *
 * Coarse: the signs of x (RaBitQ).  Fine: the elements of |x| / t rounded to
 * a grid of 2^(bits-1) steps, with the t that brings the rounded vector
 * nearest to the direction of x (extended RaBitQ).
 */
#include "code/code.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Squares of what may be encoded stay far from the ends of float. */
#define LEAST_SQUARE	1e-24
#define GREATEST_SQUARE	1e30

/* What a rounding with step 1 / inverse is worth: <|x|, y> and |y|^2. */
static double
grid_quality(const float *magnitude, uint32_t n, float inverse, float greatest, float *dot, float *square)
{
	float		sum = 0;
	float		sum_square = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		float		y = floorf(magnitude[i] * inverse);

		y = (y > greatest ? greatest : y) + 0.5f;
		sum += magnitude[i] * y;
		sum_square += y * y;
	}
	*dot = sum;
	*square = sum_square;
	return (double) sum / sqrt((double) sum_square);
}

/*
 * The scale of the grid.  For Gaussian elements the best greatest level lies
 * at a known multiple of the standard deviation; around it the quality is
 * smooth, but for the noise of single elements that change levels, so a few
 * trials find all but a percent or two of the best.
 */
static float
best_grid(const float *magnitude, uint32_t n, int bits, double norm, float *dot, float *square)
{
	/* of the range of a Gaussian that 2^bits levels should cover, in standard deviations (Max, 1960) */
	static const float range[FX_CODE_MAX_BITS + 1] = {0, 0, 1.99f, 2.34f, 2.68f, 3.01f, 3.33f, 3.64f, 3.94f};
	static const float trials[] = {0.88f, 0.94f, 1.0f, 1.06f, 1.12f};
	float		greatest = (float) ((1 << (bits - 1)) - 1);
	float		middle = (greatest + 1) / (range[bits] * (float) (norm / sqrt((double) n)));
	double		best = -1;
	float		inverse = middle;

	*dot = *square = 0;

	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
	{
		float		trial_dot;
		float		trial_square;
		double		quality = grid_quality(magnitude, n, middle * trials[i], greatest, &trial_dot, &trial_square);

		if (quality > best)
		{
			best = quality;
			inverse = middle * trials[i];
			*dot = trial_dot;
			*square = trial_square;
		}
	}
	return inverse;
}

static void
put_planes(const float *x, const float *magnitude, uint32_t n, int bits, float inverse, uint8_t *planes)
{
	int			greatest = (1 << (bits - 1)) - 1;
	size_t		plane_size = n / 8;

	memset(planes, 0, plane_size * (size_t) (bits - 1));
	for (uint32_t i = 0; i < n; i += 8)
	{
		uint8_t		bytes[FX_CODE_MAX_BITS - 1] = {0};

		for (int j = 0; j < 8; j++)
		{
			int			level = (int) fminf(magnitude[i + j] * inverse, (float) greatest);
			/* below the centre levels are counted from the far end: the sign bit is the highest of all */
			int			low = x[i + j] >= 0 ? level : greatest - level;

			for (int p = 0; p < bits - 1; p++)
				bytes[p] |= (uint8_t) ((low >> (bits - 2 - p) & 1) << j);
		}
		for (int p = 0; p < bits - 1; p++)
			planes[plane_size * (size_t) p + i / 8] = bytes[p];
	}
}

/* From <x, y> and |y|^2 of a rounded vector y. */
static fx_level_factors
level_factors(double sum_square, double dot, double y_square, uint32_t n)
{
	double		a2 = dot * dot / (sum_square * y_square);
	fx_level_factors factors;

	factors.scale = (float) (sum_square / dot);
	factors.spread = (float) sqrt(sum_square * fmax(1 / a2 - 1, 1e-9) / (n - 1));
	return factors;
}

/* Of the first two bits: magnitudes below and above the middle of the grid. */
static fx_level_factors
middle_factors(const float *magnitude, uint32_t n, int bits, float inverse, double sum_square)
{
	float		half = (float) (1 << (bits - 2)) / inverse;
	float		small = 0;
	float		large = 0;
	uint32_t	nlarge = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		large += magnitude[i] >= half ? magnitude[i] : 0;
		small += magnitude[i] >= half ? 0 : magnitude[i];
		nlarge += magnitude[i] >= half;
	}
	return level_factors(sum_square, 0.5 * small + 1.5 * large, 0.25 * (n - nlarge) + 2.25 * nlarge, n);
}

fx_code_kind
fx_encode(fx_metric metric, uint32_t padded, int bits, const float *rotated, const float *centre, double square,
		  uint8_t *signs, fx_coarse_factors *coarse, uint8_t *planes, fx_level_factors *middle, fx_level_factors *fine,
		  float *scratch)
{
	float	   *x = scratch;
	float	   *magnitude = scratch + padded;
	double		sum = 0;
	double		sum_square = 0;
	double		alignment;
	float		add = metric == FX_L2 ? (float) (-square / 2) : 0;

	for (uint32_t i = 0; i < padded; i++)
	{
		x[i] = rotated[i] - centre[i];
		magnitude[i] = fabsf(x[i]);
	}
	for (uint32_t i = 0; i < padded; i++)
	{
		sum += magnitude[i];
		sum_square += (double) magnitude[i] * magnitude[i];
	}
	memset(signs, 0, padded / 8);
	for (uint32_t i = 0; i < padded; i++)
		signs[i / 8] |= (uint8_t) ((x[i] >= 0) << i % 8);
	coarse->add = add;
	if (bits > 1)
	{
		memset(planes, 0, (size_t) padded / 8 * (size_t) (bits - 1));
		memset(middle, 0, sizeof(*middle));
		memset(fine, 0, sizeof(*fine));
	}

	if (!(sum_square <= GREATEST_SQUARE) || !(square <= GREATEST_SQUARE))
		return FX_CODE_ODD;
	if (sum_square < LEAST_SQUARE)
	{
		coarse->scale = 0;
		/* so near to its centre that nothing but the centre counts */
		return square > 1e-12 || sum_square == 0 ? FX_CODE_GOOD : FX_CODE_ODD;
	}
	alignment = sum / sqrt(sum_square * padded);
	if (alignment < fx_code_least_alignment(padded))
		return FX_CODE_ODD;
	coarse->scale = fx_to_bfloat16((float) (sum_square / sum));

	if (bits > 1)
	{
		float		dot;
		float		y_square;
		float		inverse = best_grid(magnitude, padded, bits, sqrt(sum_square), &dot, &y_square);

		put_planes(x, magnitude, padded, bits, inverse, planes);
		*fine = *middle = level_factors(sum_square, dot, y_square, padded);
		if (bits > 2)
			*middle = middle_factors(magnitude, padded, bits, inverse, sum_square);
	}
	return FX_CODE_GOOD;
}

void
fx_block_put(uint8_t *block, uint32_t padded, uint32_t width, uint32_t slot, const uint8_t *signs)
{
	for (uint32_t i = 0; i < padded / 8; i++)
		block[(size_t) i * width + slot] = signs[i];
}

void
fx_block_get(const uint8_t *block, uint32_t padded, uint32_t width, uint32_t slot, uint8_t *signs)
{
	for (uint32_t i = 0; i < padded / 8; i++)
		signs[i] = block[(size_t) i * width + slot];
}

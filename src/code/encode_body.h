/*
 * encode_body.h - rotation and encoding, compiled once per instruction set.
 *
 * Each tier's file includes this after it has defined TARGET, the attribute
 * that lets the compiler use the instructions.  It is written in the compilers'
 * vectors of 16 floats, which become as many registers as the instruction set
 * needs.  Sums have 16 lanes in all of them and a fused multiply-add, which
 * would round differently, is switched off in the Makefile; so all tiers give
 * the same codes.
 */
#include <math.h>
#include <string.h>

#define LANES 16

typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t int_lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t byte_lanes __attribute__((vector_size(16), aligned(1), may_alias));

#define LOAD(from)				(*(const lanes *) (from))
#define STORE(to, value)		(*(lanes *) (to) = (value))
/* where mask (all bits or none) says so a, else b */
#define SELECT(mask, a, b)		((lanes) (((mask) & (int_lanes) (a)) | (~(mask) & (int_lanes) (b))))
#define LESSER(a, b)			SELECT((a) < (b), a, b)

/* ---- rotation */

static TARGET void
flip(float *x, const uint32_t *signs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += LANES)
		*(int_lanes *) (x + i) ^= *(const int_lanes *) (signs + i);
}

/* Sum and difference of the elements whose numbers differ in one bit of 1, 2, 4 or 8. */
#define NEAR_BUTTERFLIES(v, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, s) \
	(__builtin_shufflevector(v, v, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15) + \
	 (lanes) ((int_lanes) (v) ^ (s)))

/* Hadamard transform of n = 2^k >= 64 elements, scaled to be orthogonal. */
static TARGET void
hadamard(float *x, uint32_t n)
{
	const float scale = 1.0f / sqrtf((float) n);
	const int32_t minus = INT32_MIN;
	const int_lanes odd_1 = {0, minus, 0, minus, 0, minus, 0, minus, 0, minus, 0, minus, 0, minus, 0, minus};
	const int_lanes odd_2 = {0, 0, minus, minus, 0, 0, minus, minus, 0, 0, minus, minus, 0, 0, minus, minus};
	const int_lanes odd_4 = {0, 0, 0, 0, minus, minus, minus, minus, 0, 0, 0, 0, minus, minus, minus, minus};
	const int_lanes odd_8 = {0, 0, 0, 0, 0, 0, 0, 0, minus, minus, minus, minus, minus, minus, minus, minus};

	for (uint32_t i = 0; i < n; i += LANES)
	{
		lanes		v = LOAD(x + i) * scale;

		v = NEAR_BUTTERFLIES(v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14, odd_1);
		v = NEAR_BUTTERFLIES(v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, odd_2);
		v = NEAR_BUTTERFLIES(v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11, odd_4);
		v = NEAR_BUTTERFLIES(v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, odd_8);
		STORE(x + i, v);
	}
	for (uint32_t half = LANES; half < n; half *= 2)
		for (uint32_t i = 0; i < n; i += 2 * half)
			for (uint32_t j = i; j < i + half; j += LANES)
			{
				lanes		a = LOAD(x + j);
				lanes		b = LOAD(x + j + half);

				STORE(x + j, a + b);
				STORE(x + j + half, a - b);
			}
}

/* n is a multiple of 64, so a half is whole lanes */
static TARGET void
mix_halves(float *x, uint32_t n)
{
	const float root = 0.70710678118654752440f;

	for (uint32_t i = 0; i < n / 2; i += LANES)
	{
		lanes		a = LOAD(x + i);
		lanes		b = LOAD(x + i + n / 2);

		STORE(x + i, (a + b) * root);
		STORE(x + i + n / 2, (a - b) * root);
	}
}

static TARGET void
rotate(const fx_rotation *rotation, const float *from, float *to)
{
	uint32_t	n = rotation->padded;
	uint32_t	power = 64;

	while (power * 2 <= n)
		power *= 2;
	memcpy(to, from, sizeof(float) * rotation->dim);
	memset(to + rotation->dim, 0, sizeof(float) * (n - rotation->dim));
	for (int round = 0; round < FX_ROTATION_ROUNDS; round++)
	{
		flip(to, rotation->signs + (size_t) round * n, n);
		hadamard(round % 2 == 0 ? to : to + (n - power), power);
		if (power != n)
			mix_halves(to, n);
	}
}

/* ---- encoding */

/* Squares of what may be encoded stay far from the ends of float. */
#define LEAST_SQUARE	1e-24
#define GREATEST_SQUARE	1e30
/* of the length's square: so near to the centre, a vector is not told from it by sums in float32 */
#define NEAR_SQUARE		1e-8

static TARGET double
add_lanes(const lanes *v)
{
	double		sum = 0;

	for (int j = 0; j < LANES; j++)
		sum += (*v)[j];
	return sum;
}

/* <|x|, y> and |y|^2 for |x| rounded to a grid of step 1 / inverse. */
static TARGET void
grid_sums(const float *magnitude, uint32_t n, float inverse, float greatest, double *dot, double *square)
{
	lanes		dots = {0};
	lanes		squares = {0};
	const lanes most = greatest - (lanes) {0};

	for (uint32_t i = 0; i < n; i += LANES)
	{
		lanes		m = LOAD(magnitude + i);
		lanes		level = m * inverse;
		/* truncated: levels are small and not negative */
		int_lanes	whole = __builtin_convertvector(LESSER(level, most), int_lanes);
		lanes		y = __builtin_convertvector(whole, lanes) + 0.5f;

		dots += m * y;
		squares += y * y;
	}
	*dot = add_lanes(&dots);
	*square = add_lanes(&squares);
}

/*
 * The scale of the grid.  For Gaussian elements the best greatest level lies
 * at a known multiple of the standard deviation; around it the quality is
 * smooth, but for the noise of single elements that change levels, so a few
 * trials find all but a percent or two of the best.
 */
static TARGET float
best_grid(const float *magnitude, uint32_t n, int bits, double norm, double *dot, double *square)
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
		double		trial_dot;
		double		trial_square;
		double		quality;

		grid_sums(magnitude, n, middle * trials[i], greatest, &trial_dot, &trial_square);
		quality = trial_dot / sqrt(trial_square);
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

/* Bit `shift` of each of n bytes, eight to a byte, the first one lowest. */
static TARGET void
pack_bits(const uint8_t *restrict bytes, uint32_t n, int shift, uint8_t *restrict to)
{
	for (uint32_t i = 0; i < n; i += 8)
	{
		uint64_t	eight;

		memcpy(&eight, bytes + i, sizeof(eight));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		eight = eight >> shift & 0x0101010101010101u;
		to[i / 8] = (uint8_t) (eight * 0x0102040810204080u >> 56);
	}
}

/* levels: 0 .. 2^(bits-1) - 1, counted from the far end for elements below the centre. */
static TARGET void
make_levels(const float *x, const float *magnitude, uint32_t n, int bits, float inverse, uint8_t *levels)
{
	const int32_t greatest = (1 << (bits - 1)) - 1;
	const lanes most = (float) greatest - (lanes) {0};

	for (uint32_t i = 0; i < n; i += LANES)
	{
		lanes		level = LOAD(magnitude + i) * inverse;
		int_lanes	whole = __builtin_convertvector(LESSER(level, most), int_lanes);
		int_lanes	below = LOAD(x + i) < 0.0f;

		/* greatest - whole, where below: greatest is all ones */
		whole ^= below & greatest;
		*(byte_lanes *) (levels + i) = __builtin_convertvector(whole, byte_lanes);
	}
}

/* From <x, y> and |y|^2 of a rounded vector y. */
static TARGET fx_level_factors
level_factors(double sum_square, double dot, double y_square, uint32_t n)
{
	double		a2 = dot * dot / (sum_square * y_square);
	fx_level_factors factors;

	factors.scale = (float) (sum_square / dot);
	factors.spread = (float) sqrt(sum_square * fmax(1 / a2 - 1, 1e-9) / (n - 1));
	return factors;
}

/* Of the first two bits: magnitudes below and above the middle of the grid. */
static TARGET fx_level_factors
middle_factors(const float *magnitude, uint32_t n, int bits, float inverse, double sum, double sum_square)
{
	const float half = (float) (1 << (bits - 2));
	lanes		larges = {0};
	lanes		counts = {0};
	double		large;
	double		count;

	for (uint32_t i = 0; i < n; i += LANES)
	{
		lanes		m = LOAD(magnitude + i);
		int_lanes	is_large = m * inverse >= half;

		larges += (lanes) (is_large & (int_lanes) m);
		counts += __builtin_convertvector(is_large & 1, lanes);
	}
	large = add_lanes(&larges);
	count = add_lanes(&counts);
	return level_factors(sum_square, 0.5 * (sum - large) + 1.5 * large, 0.25 * (n - count) + 2.25 * count, n);
}

static TARGET fx_code_kind
encode(fx_metric metric, uint32_t padded, int bits, const float *rotated, const float *centre,
	   double square, uint8_t *signs, fx_coarse_factors *coarse, uint8_t *planes, fx_level_factors *middle,
	   fx_level_factors *fine, float *scratch)
{
	float	   *x = scratch;
	float	   *magnitude = scratch + padded;
	uint8_t		levels[FX_CODE_MAX_DIM];
	lanes		sums = {0};
	lanes		squares = {0};
	double		sum;
	double		sum_square;

	for (uint32_t i = 0; i < padded; i += LANES)
	{
		lanes		v = LOAD(rotated + i) - LOAD(centre + i);
		lanes		m = (lanes) ((int_lanes) v & INT32_MAX);

		STORE(x + i, v);
		STORE(magnitude + i, m);
		sums += m;
		squares += m * m;
		/* the sign bit is set where the element is not below the centre */
		*(byte_lanes *) (levels + i) = __builtin_convertvector((v >= 0.0f) & 1, byte_lanes);
	}
	pack_bits(levels, padded, 0, signs);
	sum = add_lanes(&sums);
	sum_square = add_lanes(&squares);
	coarse->add = metric == FX_L2 ? (float) (-square / 2) : 0;
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
		return square > 1e-12 || square == 0 ? FX_CODE_GOOD : FX_CODE_ODD;
	}
	/* what float32 rounds off the scores of such lengths is more than the spread says */
	if (metric != FX_COSINE && sum_square < NEAR_SQUARE * square)
		return FX_CODE_ODD;
	if (sum / sqrt(sum_square * padded) < fx_code_least_alignment(padded))
		return FX_CODE_ODD;
	coarse->scale = fx_to_bfloat16((float) (sum_square / sum));

	if (bits > 1)
	{
		double		dot;
		double		y_square;
		float		inverse = best_grid(magnitude, padded, bits, sqrt(sum_square), &dot, &y_square);

		make_levels(x, magnitude, padded, bits, inverse, levels);
		for (int p = 0; p < bits - 1; p++)
			pack_bits(levels, padded, bits - 2 - p, planes + (size_t) padded / 8 * (size_t) p);
		*fine = *middle = level_factors(sum_square, dot, y_square, padded);
		if (bits > 2)
			*middle = middle_factors(magnitude, padded, bits, inverse, sum, sum_square);
	}
	return FX_CODE_GOOD;
}

/*
 * scalar.c - the truth: plain C that runs everywhere, summed in double.
 *
 * A product of two floats is exact in double, and no sum of such products
 * over an addressable vector overflows or underflows a double.  What the
 * scalar tier returns is the wide sum, rounded once to float.
 */
#include "kernel/tier.h"

#include <string.h>

#include "base/half.h"

#define FX_INLINE static inline __attribute__((always_inline))
#define FX_CHAINS 4

FX_INLINE double
element(const char *base, size_t i, fx_precision precision)
{
	float		value;

	if (precision == FX_FLOAT16)
	{
		uint16_t	half;

		memcpy(&half, base + 2 * i, sizeof(half));
		return fx_half_to_float(half);
	}
	memcpy(&value, base + 4 * i, sizeof(value));
	return value;
}

/* Element i is added to sum i mod 4, so that additions need not wait for each other. */
FX_INLINE double
inner_wide(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	double		sums[FX_CHAINS] = {0, 0, 0, 0};
	size_t		i = 0;
	size_t		k;

	for (; n - i >= FX_CHAINS; i += FX_CHAINS)
		for (k = 0; k < FX_CHAINS; k++)
			sums[k] += element(a, i + k, pa) * element(b, i + k, pb);
	for (k = 0; i + k < n; k++)
		sums[k] += element(a, i + k, pa) * element(b, i + k, pb);
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

FX_INLINE double
l2_squared_wide(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	double		sums[FX_CHAINS] = {0, 0, 0, 0};
	size_t		i = 0;
	size_t		k;

	for (; n - i >= FX_CHAINS; i += FX_CHAINS)
		for (k = 0; k < FX_CHAINS; k++)
		{
			double		difference = element(a, i + k, pa) - element(b, i + k, pb);

			sums[k] += difference * difference;
		}
	for (k = 0; i + k < n; k++)
	{
		double		difference = element(a, i + k, pa) - element(b, i + k, pb);

		sums[k] += difference * difference;
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Three sums are three chains already. */
FX_INLINE void
cosine_wide(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n,
			fx_cosine_wide_sums *sums)
{
	fx_cosine_wide_sums s = {0, 0, 0};
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		x = element(a, i, pa);
		double		y = element(b, i, pb);

		s.ab += x * y;
		s.aa += x * x;
		s.bb += y * y;
	}
	*sums = s;
}

FX_INLINE float
inner(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	return (float) inner_wide(a, pa, b, pb, n);
}

FX_INLINE float
l2_squared(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	return (float) l2_squared_wide(a, pa, b, pb, n);
}

FX_INLINE void
cosine(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n, fx_cosine_sums *sums)
{
	fx_cosine_wide_sums wide;

	cosine_wide(a, pa, b, pb, n, &wide);
	sums->ab = (float) wide.ab;
	sums->aa = (float) wide.aa;
	sums->bb = (float) wide.bb;
}

static void
to_half(const float *from, uint16_t *to, size_t n)
{
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		float		value;
		uint16_t	half;

		memcpy(&value, source + 4 * i, 4);
		half = fx_half_from_float(value);
		memcpy(target + 2 * i, &half, 2);
	}
}

static void
to_float(const uint16_t *from, float *to, size_t n)
{
	char	   *target = (char *) to;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		float		value = (float) element((const char *) from, i, FX_FLOAT16);

		memcpy(target + 4 * i, &value, 4);
	}
}

FX_KERNEL_TABLE(scalar,)

/* The precisions are run-time values here: these are for the rare retry. */
double
fx_inner_wide(const void *a, fx_precision pa, const void *b, fx_precision pb, size_t n)
{
	return inner_wide((const char *) a, pa, (const char *) b, pb, n);
}

double
fx_l2_squared_wide(const void *a, fx_precision pa, const void *b, fx_precision pb, size_t n)
{
	return l2_squared_wide((const char *) a, pa, (const char *) b, pb, n);
}

void
fx_cosine_sums_wide(const void *a, fx_precision pa, const void *b, fx_precision pb, size_t n,
					fx_cosine_wide_sums *sums)
{
	cosine_wide((const char *) a, pa, (const char *) b, pb, n, sums);
}

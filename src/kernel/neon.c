/*
 * neon.c - kernels for arm64, whose baseline has NEON with fused
 * multiply-add and the conversion of halves.
 *
 * A vector is a pair of registers, so that the lanes are those of AVX2.
 * Loads and stores are memcpy, which becomes one instruction and allows every
 * address; tails go through eight zeroed elements on the stack.
 */
#include "kernel/tier.h"

#ifdef __aarch64__

#include <arm_neon.h>
#include <string.h>

#include "base/half.h"

#define FX_TARGET
#define FX_INLINE static inline __attribute__((always_inline))
#define FX_LANES 8

typedef float32x4x2_t vector;

FX_INLINE vector
zero(void)
{
	vector		result = {{vdupq_n_f32(0), vdupq_n_f32(0)}};

	return result;
}

FX_INLINE vector
add(vector x, vector y)
{
	x.val[0] = vaddq_f32(x.val[0], y.val[0]);
	x.val[1] = vaddq_f32(x.val[1], y.val[1]);
	return x;
}

FX_INLINE vector
subtract(vector x, vector y)
{
	x.val[0] = vsubq_f32(x.val[0], y.val[0]);
	x.val[1] = vsubq_f32(x.val[1], y.val[1]);
	return x;
}

FX_INLINE vector
fused(vector x, vector y, vector sum)
{
	sum.val[0] = vfmaq_f32(sum.val[0], x.val[0], y.val[0]);
	sum.val[1] = vfmaq_f32(sum.val[1], x.val[1], y.val[1]);
	return sum;
}

FX_INLINE float
total(vector x)
{
	return vaddvq_f32(vaddq_f32(x.val[0], x.val[1]));
}

FX_INLINE vector
whole(const char *base, size_t i, size_t n, fx_precision precision)
{
	vector		result;

	(void) n;
	if (precision == FX_FLOAT16)
	{
		uint16x8_t	halves;

		memcpy(&halves, base + 2 * i, sizeof(halves));
		result.val[0] = vcvt_f32_f16(vreinterpret_f16_u16(vget_low_u16(halves)));
		result.val[1] = vcvt_f32_f16(vreinterpret_f16_u16(vget_high_u16(halves)));
	}
	else
	{
		memcpy(&result.val[0], base + 4 * i, sizeof(result.val[0]));
		memcpy(&result.val[1], base + 4 * i + 16, sizeof(result.val[1]));
	}
	return result;
}

/* left is 1 .. 7 */
static __attribute__((noinline)) vector
tail(const char *from, size_t left, fx_precision precision)
{
	char		eight[4 * FX_LANES] = {0};

	memcpy(eight, from, left * fx_element_size(precision));
	return whole(eight, 0, FX_LANES, precision);
}

FX_INLINE vector
part(const char *base, size_t i, size_t n, fx_precision precision)
{
	if (i >= n)
		return zero();
	if (n - i >= FX_LANES)
		return whole(base, i, n, precision);
	return tail(base + i * fx_element_size(precision), n - i, precision);
}

#include "kernel/body.h"

static void
to_half(const float *from, uint16_t *to, size_t n)
{
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i = 0;

	for (; n - i >= FX_LANES; i += FX_LANES)
	{
		vector		values = whole(source, i, n, FX_FLOAT32);
		uint16x4_t	low = vreinterpret_u16_f16(vcvt_f16_f32(values.val[0]));
		uint16x4_t	high = vreinterpret_u16_f16(vcvt_f16_f32(values.val[1]));

		memcpy(target + 2 * i, &low, sizeof(low));
		memcpy(target + 2 * i + 8, &high, sizeof(high));
	}
	for (; i < n; i++)
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
	const char *source = (const char *) from;
	char	   *target = (char *) to;
	size_t		i;

	for (i = 0; i < n; i += FX_LANES)
	{
		vector		values = part(source, i, n, FX_FLOAT16);
		size_t		left = n - i < FX_LANES ? n - i : FX_LANES;

		memcpy(target + 4 * i, &values, 4 * left);
	}
}

FX_KERNEL_TABLE(neon, FX_TARGET)

#endif							/* __aarch64__ */

/*
 * half.h - IEEE 754 binary16 ("half") to binary32 and back, one value at a
 * time, in integer arithmetic that no mode of the floating-point unit changes.
 *
 * This is the truth for the conversions in kernel/: every tier gives the same
 * bits for every input, NaN included (sign and leading payload bits are kept,
 * a signalling NaN becomes quiet, as F16C and FCVT do).
 */
#ifndef FX_HALF_H
#define FX_HALF_H

#include <stdint.h>
#include <string.h>

#define FX_HALF_MAX 65504.0f		/* largest finite half */

/* Exact for every half. */
static inline float
fx_half_to_float(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16;
	uint32_t	magnitude = half & 0x7fff;
	uint32_t	bits;
	float		value;

	if (magnitude >= 0x7c00)
	{
		bits = 0x7f800000 | magnitude << 13;
		if (magnitude > 0x7c00)
			bits |= 0x00400000;
	}
	else if (magnitude >= 0x0400)
		bits = (magnitude << 13) + 0x38000000;	/* exponent bias 15 becomes 127 */
	else
	{
		value = (float) magnitude * 0x1p-24f;	/* denormal half, normal float */
		memcpy(&bits, &value, sizeof(bits));
	}
	bits |= sign;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Round to nearest, ties to even; 65520 and above give infinity; denormal halves are made. */
static inline uint16_t
fx_half_from_float(float value)
{
	uint32_t	bits;
	uint32_t	sign;
	uint32_t	magnitude;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	magnitude = bits & 0x7fffffff;
	if (magnitude > 0x7f800000)
		return (uint16_t) (sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
	if (magnitude >= 0x477ff000)	/* 65520, halfway between the largest half and 65536 */
		return (uint16_t) (sign | 0x7c00);
	if (magnitude >= 0x38800000)	/* 2^-14, the least normal half */
	{
		magnitude += 0xfff + (magnitude >> 13 & 1);
		return (uint16_t) (sign | (magnitude - 0x38000000) >> 13);
	}
	if (magnitude > 0x33000000)		/* above 2^-25, which is a tie with zero */
	{
		uint32_t	shift = 126 - (magnitude >> 23);	/* 14 .. 24 */
		uint32_t	fraction = (magnitude & 0x7fffff) | 0x800000;
		uint32_t	half = fraction >> shift;
		uint32_t	rest = fraction & ((1u << shift) - 1);
		uint32_t	tie = 1u << (shift - 1);

		half += rest > tie || (rest == tie && (half & 1));
		return (uint16_t) (sign | half);
	}
	return (uint16_t) sign;
}

#endif							/* FX_HALF_H */

/*
 * neon.c - code kernels for arm64.  The sums of avx512.c, 16 codes and one lane at a time.
 */
#include "code/tier.h"

#ifdef __aarch64__
#include <arm_neon.h>

#define TARGET
#include "code/encode_body.h"

/* Table sums of the first `dims` dimensions of 16 codes, side by side. */
static inline void
add_up(fx_sixteen sixteen, const uint8_t *table, uint32_t dims, const char *ahead, uint32_t *sums)
{
	uint32x4_t	totals[4];

	for (int i = 0; i < 4; i++)
		totals[i] = vdupq_n_u32(0);
	/* 16-bit sums hold 256 bytes of codes (254 each); they are emptied after each 128 */
	for (uint32_t from = 0; from < dims / 8; from += 128)
	{
		uint32_t	to = from + 128 < dims / 8 ? from + 128 : dims / 8;
		uint16x8_t	low = vdupq_n_u16(0);
		uint16x8_t	high = vdupq_n_u16(0);

		for (uint32_t i = from; i < to; i++)
		{
			const uint8_t *tables = table + (i / 4 * 8 + i % 4) * 16;
			uint8x16_t	codes = vld1q_u8(sixteen.slice + i / 8 * sixteen.stride + i % 8 * 16);
			uint8x16_t	sum = vaddq_u8(vqtbl1q_u8(vld1q_u8(tables), vandq_u8(codes, vdupq_n_u8(15))),
									   vqtbl1q_u8(vld1q_u8(tables + 64), vshrq_n_u8(codes, 4)));

			if (ahead != NULL && i % 8 == 0)
				fx_prefetch(ahead + i * 8);
			low = vaddw_u8(low, vget_low_u8(sum));
			high = vaddw_u8(high, vget_high_u8(sum));
		}
		totals[0] = vaddw_u16(totals[0], vget_low_u16(low));
		totals[1] = vaddw_u16(totals[1], vget_high_u16(low));
		totals[2] = vaddw_u16(totals[2], vget_low_u16(high));
		totals[3] = vaddw_u16(totals[3], vget_high_u16(high));
	}
	for (int i = 0; i < 4; i++)
		vst1q_u32(sums + 4 * i, totals[i]);
}

#define bound_16 fx_bound_16
#include "code/sum_body.h"

static int64_t
fine(const int8_t *q, const uint8_t *planes, uint32_t padded, int nplanes)
{
	const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
	int64_t		total = 0;

	for (int p = 0; p < nplanes; p++)
	{
		int32x4_t	sum = vdupq_n_s32(0);

		for (uint32_t i = 0; i < padded / 16; i++)
		{
			uint8x16_t	bits = vcombine_u8(vdup_n_u8(planes[i * 2]), vdup_n_u8(planes[i * 2 + 1]));
			int8x16_t	elements = vandq_s8(vreinterpretq_s8_u8(vtstq_u8(bits, bit)), vld1q_s8(q + i * 16));

			sum = vpadalq_s16(sum, vpaddlq_s8(elements));
		}
		total = 2 * total + vaddvq_s32(sum);
		planes += padded / 8;
	}
	return total;
}

static void
middle(const int8_t *q, const uint8_t *planes, const uint16_t *slots, uint32_t n, uint32_t padded, int32_t *sums)
{
	for (uint32_t i = 0; i < n; i++)
		sums[i] = (int32_t) fine(q, planes + (size_t) slots[i] * (padded / 8), padded, 1);
}

const fx_code_kernels fx_code_kernels_neon = {"neon", rotate, encode, coarse, prefix, middle, fine};

#endif							/* __aarch64__ */

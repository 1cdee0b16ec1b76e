/*
 * dispatch.c - the CPU probe and the choice of a tier.
 *
 * A backend is one thread and the probe is cheap, so the choice is a plain
 * pointer made on first use.
 */
#include "kernel/tier.h"

#ifdef __x86_64__
#include <cpuid.h>

/*
 * __builtin_cpu_supports() answers for AVX and above only when XGETBV says
 * that the operating system keeps their registers.  Not every compiler knows
 * "f16c" there; F16C uses AVX's registers, so its CPUID bit completes it.
 */
static bool
has_avx2(void)
{
	unsigned int eax, ebx, ecx, edx;

	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}

static bool
has_avx512(void)
{
	return has_avx2() &&
		__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

static const fx_kernels *active = NULL;

const fx_kernels *
fx_kernels_of(fx_tier tier)
{
	switch (tier)
	{
		case FX_TIER_AUTO:
			{
				int			best = FX_TIER_AVX512;

				while (fx_kernels_of((fx_tier) best) == NULL)
					best--;		/* ends at FX_TIER_SCALAR, which is everywhere */
				return fx_kernels_of((fx_tier) best);
			}
		case FX_TIER_SCALAR:
			return &fx_kernels_scalar;
		case FX_TIER_NEON:
#ifdef __aarch64__
			return &fx_kernels_neon;
#else
			return NULL;
#endif
		case FX_TIER_AVX2:
#ifdef __x86_64__
			return has_avx2() ? &fx_kernels_avx2 : NULL;
#else
			return NULL;
#endif
		case FX_TIER_AVX512:
#ifdef __x86_64__
			return has_avx512() ? &fx_kernels_avx512 : NULL;
#else
			return NULL;
#endif
	}
	return NULL;
}

bool
fx_tier_available(fx_tier tier)
{
	return fx_kernels_of(tier) != NULL;
}

const fx_kernels *
fx_kernels_active(void)
{
	if (active == NULL)
		active = fx_kernels_of(FX_TIER_AUTO);
	return active;
}

bool
fx_kernels_force(fx_tier tier)
{
	const fx_kernels *chosen = fx_kernels_of(tier);

	if (chosen == NULL)
		return false;
	active = chosen;
	return true;
}

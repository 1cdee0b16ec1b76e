/*
 * dispatch.c - the CPU probe and the choice of a tier.
 */
#include "kernel/kernel.h"

bool
fx_tier_available(fx_tier tier)
{
	return tier == FX_TIER_AUTO || tier == FX_TIER_SCALAR;
}

bool
fx_kernels_force(fx_tier tier)
{
	return fx_tier_available(tier);
}

/*
 * conv_neon.c - the inner loops on AArch64: NEON is its baseline, and its 32
 * registers hold a larger tile than the scalar tier dares to ask for.
 */
#ifdef __aarch64__

#define FX_TARGET
#define FX_TIER_TABLE fx_conv_neon
#define FX_TIER_NAME "neon"
#define ROWS 8
#define VECTORS 3

#include "infer/conv_vector4.h"
#include "infer/conv_body.h"

#endif							/* __aarch64__ */

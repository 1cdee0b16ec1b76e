/*
 * conv_scalar.c - the inner loops for any CPU: no instruction beyond the
 * compiler's baseline.
 */
#define FX_TARGET
#define FX_TIER_TABLE fx_conv_scalar
#define FX_TIER_NAME "scalar"
#define ROWS 4
#define VECTORS 2

#include "infer/conv_vector4.h"
#include "infer/conv_body.h"

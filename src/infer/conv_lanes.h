/*
 * conv_lanes.h - v_expand and v_compress for tiers without such instructions.
 * A tier includes this after it has defined FX_TARGET, VECTOR, vec, v_load and v_store.
 */
static FX_TARGET __attribute__((noinline)) vec
v_expand(const float *p, unsigned bits)
{
	float		lane[VECTOR] __attribute__((aligned(64)));

	for (int i = 0; i < VECTOR; i++)
		lane[i] = (bits >> i) & 1 ? *p++ : 0.0f;
	return v_load(lane);
}

static FX_TARGET __attribute__((noinline)) void
v_compress(float *p, unsigned bits, vec x)
{
	float		lane[VECTOR] __attribute__((aligned(64)));

	v_store(lane, x);
	for (int i = 0; i < VECTOR; i++)
		if ((bits >> i) & 1)
			*p++ = lane[i];
}

/*
 * conv_vector4.h - vectors of four floats by the compiler's own extension:
 * SSE2 or NEON registers where there are any, plain C where there are none.
 * A tier includes this after it has defined FX_TARGET.
 */
#include <string.h>

#define VECTOR 4
#define MASK_IS_FREE 0

typedef float vec __attribute__((vector_size(16)));
typedef int vec_int __attribute__((vector_size(16)));
typedef unsigned vec_mask;

#define OP static inline __attribute__((always_inline, unused)) FX_TARGET

OP vec v_set(float x) { return (vec) {x, x, x, x}; }
OP vec v_load(const float *p) { vec x; memcpy(&x, p, sizeof(x)); return x; }
OP void v_store(float *p, vec x) { memcpy(p, &x, sizeof(x)); }
OP vec v_fma(vec a, vec b, vec c) { return a * b + c; }
OP vec v_add(vec a, vec b) { return a + b; }
OP float v_sum(vec x) { return (x[0] + x[2]) + (x[1] + x[3]); }
OP vec v_select(vec_int where, vec a, vec b) { return (vec) ((where & (vec_int) a) | (~where & (vec_int) b)); }
OP vec v_slope(vec x, vec slope) { return v_select(x < v_set(0.0f), x * slope, x); }
OP vec_mask v_mask(unsigned bits) { return bits; }

OP vec
v_clamp(vec x, vec low, vec high)
{
	x = v_select(x < low, low, x);
	return v_select(x > high, high, x);
}

OP vec
v_load_m(const float *p, vec_mask m)
{
	return (vec) {m & 1 ? p[0] : 0.0f, m & 2 ? p[1] : 0.0f, m & 4 ? p[2] : 0.0f, m & 8 ? p[3] : 0.0f};
}

OP void
v_store_m(float *p, vec_mask m, vec x)
{
	for (int i = 0; i < VECTOR; i++)
		if ((m >> i) & 1)
			p[i] = x[i];
}

OP void
v_split(vec a, vec b, vec *even, vec *odd)
{
	*even = (vec) {a[0], a[2], b[0], b[2]};
	*odd = (vec) {a[1], a[3], b[1], b[3]};
}

#include "infer/conv_lanes.h"

/*
 * body.h - the operations over vectors, written once for every instruction
 * set that has vectors.
 *
 * A tier's file includes this after it has defined
 *
 *		FX_INLINE			static, always inlined, with the tier's target
 *		vector				the type of FX_LANES floats
 *		FX_LANES			8 or 16
 *		zero()				all lanes 0
 *		whole(base, i, n, precision)	elements i .. i+LANES-1 as floats, all inside n
 *		part(base, i, n, precision)	the same, 0 for elements at n and beyond,
 *							which are not read
 *		fused(x, y, sum)	x * y + sum, rounded once
 *		add(x, y), subtract(x, y)
 *		total(x)			the sum of the lanes, as a tree
 *
 * Element i is summed in lane i mod (FX_CHAINS * FX_LANES), whatever the
 * precisions and the alignment: that makes every operation symmetric to the
 * bit, and it is what the bound in kernel.h counts.  FX_CHAINS independent
 * sums hide the latency of the multiply-add.
 */
#define FX_CHAINS 4
#define FX_BLOCK (FX_CHAINS * FX_LANES)

#define FX_EACH_CHAIN(step, load) \
	do { step(load, 0); step(load, 1); step(load, 2); step(load, 3); } while (0)

/* Runs step over whole blocks, then once over the rest. */
#define FX_EACH_BLOCK(step) \
	do { \
		for (; n - i >= FX_BLOCK; i += FX_BLOCK) \
			FX_EACH_CHAIN(step, whole); \
		if (i < n) \
			FX_EACH_CHAIN(step, part); \
	} while (0)

#define FX_LOAD_PAIR(load, chain) \
	vector		x = load(a, i + (chain) * FX_LANES, n, pa); \
	vector		y = load(b, i + (chain) * FX_LANES, n, pb)

FX_INLINE float
total_of_chains(const vector *sums)
{
	return total(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

FX_INLINE float
inner(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	vector		sums[FX_CHAINS] = {zero(), zero(), zero(), zero()};
	size_t		i = 0;

#define STEP(load, chain) \
	do { \
		FX_LOAD_PAIR(load, chain); \
		sums[chain] = fused(x, y, sums[chain]); \
	} while (0)
	FX_EACH_BLOCK(STEP);
#undef STEP
	return total_of_chains(sums);
}

FX_INLINE float
l2_squared(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n)
{
	vector		sums[FX_CHAINS] = {zero(), zero(), zero(), zero()};
	size_t		i = 0;

#define STEP(load, chain) \
	do { \
		FX_LOAD_PAIR(load, chain); \
		x = subtract(x, y); \
		sums[chain] = fused(x, x, sums[chain]); \
	} while (0)
	FX_EACH_BLOCK(STEP);
#undef STEP
	return total_of_chains(sums);
}

FX_INLINE void
cosine(const char *a, fx_precision pa, const char *b, fx_precision pb, size_t n, fx_cosine_sums *sums)
{
	vector		ab[FX_CHAINS] = {zero(), zero(), zero(), zero()};
	vector		aa[FX_CHAINS] = {zero(), zero(), zero(), zero()};
	vector		bb[FX_CHAINS] = {zero(), zero(), zero(), zero()};
	size_t		i = 0;

#define STEP(load, chain) \
	do { \
		FX_LOAD_PAIR(load, chain); \
		ab[chain] = fused(x, y, ab[chain]); \
		aa[chain] = fused(x, x, aa[chain]); \
		bb[chain] = fused(y, y, bb[chain]); \
	} while (0)
	FX_EACH_BLOCK(STEP);
#undef STEP
	sums->ab = total_of_chains(ab);
	sums->aa = total_of_chains(aa);
	sums->bb = total_of_chains(bb);
}

/*
 * conv_body.h - the inner loops.  Each conv_TIER.c includes this after it has
 * defined:
 *
 *	FX_TARGET				the attribute that lets the compiler use the instructions
 *	FX_TIER_TABLE, FX_TIER_NAME	name of the table, and as a string
 *	VECTOR					floats of a vector
 *	ROWS, VECTORS			the largest tile: output channels by vectors of columns
 *	MASK_IS_FREE			1 where a masked load costs what a plain one does
 *	vec, vec_mask			types
 *	v_set, v_load, v_store, v_fma (a * b + c), v_add, v_mul, v_sum
 *	v_clamp					NaN stays NaN
 *	v_slope					x < 0 ? x * slope : x
 *	v_mask(bits), v_load_m, v_store_m	lanes whose bit is set; other lanes load as 0
 *	v_expand, v_compress	the set lanes, in order, from and to consecutive floats
 *	v_split					even and odd floats of two vectors
 *
 * Arrays of vectors below live in registers: every loop over them has a
 * constant count once inlined and is unrolled.
 */
#include "infer/conv_kernel.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define INLINE static inline __attribute__((always_inline)) FX_TARGET
#define ALL_LANES ((1u << VECTOR) - 1)

/* Where the columns of a tile go. */
typedef struct span
{
	int			vectors;
	bool		whole;			/* every lane of every vector is stored */
	unsigned	lanes[VECTORS];	/* lanes that are stored */
	size_t		at[VECTORS];	/* position of the first of them in an output plane */
	unsigned	last;			/* lanes of the last vector that may be read */
} span;

/* The lanes of the `left` columns from (y, x) on, of which width of every pitch are kept; *at as in span. */
static FX_TARGET unsigned
kept_lanes(size_t y, size_t x, size_t pitch, size_t width, size_t left, size_t *at)
{
	size_t		end = left < VECTOR ? left : VECTOR;
	unsigned	bits = 0;
	size_t		lane = 0;

	*at = y * width + (x < width ? x : width);
	if (x + end <= width)
		return (1u << end) - 1;
	while (lane < end)
	{
		size_t		run = x < width ? width - x : 0;

		if (run > end - lane)
			run = end - lane;
		bits |= ((1u << run) - 1) << lane;
		lane += pitch - x;
		x = 0;
	}
	return bits;
}

INLINE vec
finished(vec value, const fx_conv_store *s, size_t channel)
{
	if (s->slope != NULL)
		return v_slope(value, v_set(s->slope[channel]));
	return v_clamp(value, v_set(s->low), v_set(s->high));
}

/* rows x vectors sums over the whole depth, in registers, and their store. */
INLINE void
tile(const int rows, const int vectors, const bool masked, const fx_conv_product *g,
	 const float *weights, size_t channel, const float *input, const span *s)
{
	vec			sum[ROWS][VECTORS];
	size_t		plane = g->plane;
	size_t		depth = g->depth;
	const uint32_t *offset = g->panel != NULL ? g->panel_offset : g->offset;
	vec_mask	mask = v_mask(s->last);

	UNROLL
	for (int r = 0; r < rows; r++)
	{
		vec			bias = v_set(g->store.bias[channel + r]);

		UNROLL
		for (int v = 0; v < vectors; v++)
			sum[r][v] = bias;
	}
	for (size_t k = 0; k < depth; k++)
	{
		const float *x = input + offset[k];
		vec			column[VECTORS];

		UNROLL
		for (int v = 0; v < vectors; v++)
			column[v] = masked && v == vectors - 1 ? v_load_m(x + v * VECTOR, mask) : v_load(x + v * VECTOR);
		UNROLL
		for (int r = 0; r < rows; r++)
		{
			vec			weight = v_set(weights[r]);

			UNROLL
			for (int v = 0; v < vectors; v++)
				sum[r][v] = v_fma(weight, column[v], sum[r][v]);
		}
		weights += rows;
	}
	if (s->whole)
	{
		size_t		at = channel * plane + s->at[0];

		if (g->addend != NULL)
		{
			UNROLL
			for (int r = 0; r < rows; r++)
			{
				UNROLL
				for (int v = 0; v < vectors; v++)
					sum[r][v] = v_add(sum[r][v], v_load(g->addend + at + r * plane + v * VECTOR));
			}
		}
		UNROLL
		for (int r = 0; r < rows; r++)
		{
			UNROLL
			for (int v = 0; v < vectors; v++)
				v_store(g->output + at + r * plane + v * VECTOR,
						finished(sum[r][v], &g->store, channel + r));
		}
	}
	else
	{
		float		spill[ROWS * VECTORS * VECTOR] __attribute__((aligned(64)));

		UNROLL
		for (int r = 0; r < rows; r++)
		{
			UNROLL
			for (int v = 0; v < vectors; v++)
				v_store(spill + (r * vectors + v) * VECTOR, sum[r][v]);
		}
		for (int r = 0; r < rows; r++)
			for (int v = 0; v < vectors; v++)
			{
				size_t		at = (channel + r) * plane + s->at[v];
				unsigned	lanes = s->lanes[v];
				vec			value = v_load(spill + (r * vectors + v) * VECTOR);

				if (lanes == 0)
					continue;
				if (g->addend != NULL)
					value = v_add(value, v_expand(g->addend + at, lanes));
				v_compress(g->output + at, lanes, finished(value, &g->store, channel + r));
			}
	}
}

#define TILE(rows, vectors) \
static FX_TARGET void \
tile_##rows##_##vectors(const fx_conv_product *g, const float *weights, size_t channel, \
						const float *input, const span *s, bool masked) \
{ \
	if (MASK_IS_FREE || masked) \
		tile(rows, vectors, true, g, weights, channel, input, s); \
	else \
		tile(rows, vectors, false, g, weights, channel, input, s); \
}

typedef void (*tile_function) (const fx_conv_product *g, const float *weights, size_t channel,
							   const float *input, const span *s, bool masked);

TILE(1, 1)
TILE(1, 2)
TILE(2, 1)
TILE(2, 2)
TILE(4, 1)
TILE(4, 2)
#if VECTORS > 2
TILE(1, 3)
TILE(2, 3)
TILE(4, 3)
#endif
#if ROWS > 4
TILE(8, 1)
TILE(8, 2)
#if VECTORS > 2
TILE(8, 3)
#endif
#endif

/* [log2 of the rows][vectors - 1] */
static const tile_function tiles[][VECTORS] = {
#if VECTORS > 2
	{tile_1_1, tile_1_2, tile_1_3},
	{tile_2_1, tile_2_2, tile_2_3},
	{tile_4_1, tile_4_2, tile_4_3},
#if ROWS > 4
	{tile_8_1, tile_8_2, tile_8_3},
#endif
#else
	{tile_1_1, tile_1_2},
	{tile_2_1, tile_2_2},
	{tile_4_1, tile_4_2},
#if ROWS > 4
	{tile_8_1, tile_8_2},
#endif
#endif
};

/* The columns of one tile into g->panel; what may not be read becomes zero. */
static FX_TARGET void
fill_panel(const fx_conv_product *g, const float *input, int vectors, unsigned last)
{
	vec_mask	mask = v_mask(last);
	float	   *to = g->panel;

	for (size_t k = 0; k < g->depth; k++)
	{
		const float *x = input + g->offset[k];

		for (int v = 0; v < vectors - 1; v++)
			v_store(to + v * VECTOR, v_load(x + v * VECTOR));
		x += (vectors - 1) * VECTOR;
		v_store(to + (vectors - 1) * VECTOR, last == ALL_LANES ? v_load(x) : v_load_m(x, mask));
		to += VECTORS * VECTOR;
	}
}

static FX_TARGET void
product(const fx_conv_product *g)
{
	size_t		past = (g->height - 1) * g->pitch + g->width;
	size_t		step;
	size_t		y = 0;			/* of column p: y * pitch + x, without a division for every vector */
	size_t		x = 0;

	/* A tile's columns are read once per block of rows: they are the outer loop, and stay in cache. */
	for (size_t p = 0; p < past; p += step)
	{
		size_t		left = past - p;
		const float *weights = g->weights;
		const float *input = g->input + p;
		bool		masked;
		span		s;

		s.vectors = left >= VECTORS * VECTOR ? VECTORS : (int) ((left + VECTOR - 1) / VECTOR);
		step = (size_t) s.vectors * VECTOR;
		s.whole = true;
		for (int v = 0; v < s.vectors; v++)
		{
			s.lanes[v] = kept_lanes(y, x, g->pitch, g->width, left - v * VECTOR, &s.at[v]);
			s.whole = s.whole && s.lanes[v] == ALL_LANES;
			for (x += VECTOR; x >= g->pitch; x -= g->pitch)
				y++;
		}
		masked = !g->slack && left < step;
		s.last = masked ? (1u << (left - (step - VECTOR))) - 1 : ALL_LANES;
		if (g->panel != NULL)
		{
			fill_panel(g, input, s.vectors, s.last);
			input = g->panel;
			masked = false;
			s.last = ALL_LANES;
		}
		for (size_t m = 0; m < g->rows;)
		{
			size_t		rows = fx_conv_block(g->rows - m, ROWS);

			tiles[__builtin_ctzl(rows)][s.vectors - 1] (g, weights, m, input, &s, masked);
			weights += rows * g->depth;
			m += rows;
		}
	}
}

#include "infer/conv_plane.h"

/* ---- the store after sgemm, one output position, and the parting of columns */

static FX_TARGET void
finish(const fx_conv_store *store, size_t channel, const float *sum, const float *addend,
	   float *output, size_t count)
{
	vec			bias = v_set(store->bias[channel]);

	for (size_t i = 0; i < count; i += VECTOR)
	{
		bool		part = count - i < VECTOR;
		vec_mask	mask = v_mask(part ? (1u << (count - i)) - 1 : ALL_LANES);
		vec			value = v_add(part ? v_load_m(sum + i, mask) : v_load(sum + i), bias);

		if (addend != NULL)
			value = v_add(value, part ? v_load_m(addend + i, mask) : v_load(addend + i));
		value = finished(value, store, channel);
		if (part)
			v_store_m(output + i, mask, value);
		else
			v_store(output + i, value);
	}
}

static FX_TARGET void
dot(const float *weights, size_t rows, size_t depth, const float *input,
	const fx_conv_store *store, const float *addend, float *output)
{
	for (size_t m = 0; m < rows; m++)
	{
		vec			sum[4];
		size_t		k = 0;
		vec			value;
		float		one[VECTOR] __attribute__((aligned(64)));

		UNROLL
		for (int i = 0; i < 4; i++)
			sum[i] = v_set(0.0f);
		for (; k + 4 * VECTOR <= depth; k += 4 * VECTOR)
		{
			UNROLL
			for (int i = 0; i < 4; i++)
				sum[i] = v_fma(v_load(weights + k + i * VECTOR), v_load(input + k + i * VECTOR), sum[i]);
		}
		for (; k + VECTOR <= depth; k += VECTOR)
			sum[0] = v_fma(v_load(weights + k), v_load(input + k), sum[0]);
		if (k < depth)
		{
			vec_mask	mask = v_mask((1u << (depth - k)) - 1);

			sum[1] = v_fma(v_load_m(weights + k, mask), v_load_m(input + k, mask), sum[1]);
		}
		value = v_set(v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3]))) + store->bias[m] +
					  (addend != NULL ? addend[m] : 0.0f));
		v_store(one, finished(value, store, m));
		output[m] = one[0];
		weights += depth;
	}
}

static FX_TARGET void
split(const float *from, size_t count, float *even, float *odd)
{
	size_t		i = 0;

	for (; 2 * (i + VECTOR) <= count; i += VECTOR)
	{
		vec			e;
		vec			o;

		v_split(v_load(from + 2 * i), v_load(from + 2 * i + VECTOR), &e, &o);
		v_store(even + i, e);
		v_store(odd + i, o);
	}
	for (; 2 * i < count; i++)
	{
		even[i] = from[2 * i];
		if (2 * i + 1 < count)
			odd[i] = from[2 * i + 1];
	}
}

const struct fx_conv_kernels FX_TIER_TABLE = {
	FX_TIER_NAME, ROWS, VECTORS * VECTOR, product, plane, dot, split, finish
};

/*
 * conv_body.h - the inner loops, included by each conv_TIER.c after it has
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
#define UNROLL _Pragma("GCC unroll 8")
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

/* The lanes of columns p.. of which width of every pitch are kept; *at as in span. */
static FX_TARGET unsigned
kept_lanes(size_t p, size_t pitch, size_t width, size_t past, size_t *at)
{
	size_t		y = p / pitch;
	size_t		x = p % pitch;
	size_t		end = past - p < VECTOR ? past - p : VECTOR;
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
	size_t		plane = g->width * g->height;
	size_t		depth = g->depth;
	const uint32_t *offset = g->offset;
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

static FX_TARGET void
product(const fx_conv_product *g)
{
	size_t		past = (g->height - 1) * g->pitch + g->width;
	size_t		step;

	/* A tile's columns are read once per block of rows: they are the outer loop, and stay in cache. */
	for (size_t p = 0; p < past; p += step)
	{
		size_t		left = past - p;
		const float *weights = g->weights;
		bool		masked;
		span		s;

		s.vectors = left >= VECTORS * VECTOR ? VECTORS : (int) ((left + VECTOR - 1) / VECTOR);
		step = (size_t) s.vectors * VECTOR;
		s.whole = true;
		for (int v = 0; v < s.vectors; v++)
		{
			s.lanes[v] = kept_lanes(p + v * VECTOR, g->pitch, g->width, past, &s.at[v]);
			s.whole = s.whole && s.lanes[v] == ALL_LANES;
		}
		masked = !g->slack && left < step;
		s.last = masked ? (1u << (left - (step - VECTOR))) - 1 : ALL_LANES;
		for (size_t m = 0; m < g->rows;)
		{
			size_t		rows = fx_conv_block(g->rows - m, ROWS);

			tiles[__builtin_ctzl(rows)][s.vectors - 1] (g, weights, m, g->input + p, &s, masked);
			weights += rows * g->depth;
			m += rows;
		}
	}
}

/* ---- depthwise 3x3 */

/* Vectors of the three taps of one input row, for VECTOR consecutive outputs. */
typedef struct taps
{
	vec			tap[3];
} taps;

/* Which lanes of the up to four loads of a row lie inside it. */
typedef struct row_lanes
{
	vec_mask	load[4];
} row_lanes;

INLINE taps
load_taps(const int stride, const bool whole, const float *x, const row_lanes *lanes)
{
	taps		t;

	if (stride == 1)
	{
		UNROLL
		for (int i = 0; i < 3; i++)
			t.tap[i] = whole ? v_load(x + i) : v_load_m(x + i, lanes->load[i]);
	}
	else
	{
		vec			a = whole ? v_load(x) : v_load_m(x, lanes->load[0]);
		vec			b = whole ? v_load(x + VECTOR) : v_load_m(x + VECTOR, lanes->load[1]);
		vec			c = whole ? v_load(x + 2) : v_load_m(x + 2, lanes->load[2]);
		vec			d = whole ? v_load(x + 2 + VECTOR) : v_load_m(x + 2 + VECTOR, lanes->load[3]);
		vec			odd;

		v_split(a, b, &t.tap[0], &t.tap[1]);
		v_split(c, d, &t.tap[2], &odd);
		(void) odd;
	}
	return t;
}

INLINE vec
add_taps(vec sum, const taps *t, const vec *weight)
{
	UNROLL
	for (int i = 0; i < 3; i++)
		sum = v_fma(weight[i], t->tap[i], sum);
	return sum;
}

INLINE void
store_row(const bool whole, const fx_conv_plane *g, size_t at, vec value, vec_mask mask)
{
	if (g->addend != NULL)
		value = v_add(value, whole ? v_load(g->addend + at) : v_load_m(g->addend + at, mask));
	value = finished(value, &g->store, 0);
	if (whole)
		v_store(g->output + at, value);
	else
		v_store_m(g->output + at, mask, value);
}

/*
 * One strip of VECTOR output columns from top to bottom: each input row is
 * loaded once and serves the three (stride 1) or two (stride 2) output rows
 * that it touches.
 */
INLINE void
strip(const int stride, const bool whole, const fx_conv_plane *g, int x, const row_lanes *lanes, vec_mask store)
{
	ptrdiff_t	first = (ptrdiff_t) x * stride - g->pad_left;
	vec			weight[9];
	vec			bias = v_set(g->store.bias[0]);
	taps		none = {{v_set(0.0f), v_set(0.0f), v_set(0.0f)}};

	UNROLL
	for (int i = 0; i < 8; i++)
		weight[i] = v_set(g->weights[i]);
	weight[8] = v_set(g->weights[8]);
	if (stride == 1)
	{
		vec			upper = bias;	/* two taps of three are in */
		vec			middle = bias;	/* one */

		for (int i = -g->pad_top; i <= g->out_h + 1 - g->pad_top; i++)
		{
			taps		t = none;
			vec			done;
			int			y = i + g->pad_top - 2;

			if (i >= 0 && i < g->in_h)
				t = load_taps(1, whole, g->input + (ptrdiff_t) i * g->in_w + first, lanes);
			done = add_taps(upper, &t, weight + 6);
			upper = add_taps(middle, &t, weight + 3);
			middle = add_taps(bias, &t, weight);
			if (y >= 0)
				store_row(whole, g, (size_t) y * g->out_w + x, done, store);
		}
	}
	else
	{
		taps		row = none;

		if (g->pad_top == 0)
			row = load_taps(2, whole, g->input + first, lanes);
		for (int y = 0; y < g->out_h; y++)
		{
			ptrdiff_t	i = (ptrdiff_t) y * 2 - g->pad_top;
			vec			sum = add_taps(bias, &row, weight);

			row = none;
			if (i + 1 >= 0 && i + 1 < g->in_h)
				row = load_taps(2, whole, g->input + (i + 1) * g->in_w + first, lanes);
			sum = add_taps(sum, &row, weight + 3);
			row = none;
			if (i + 2 >= 0 && i + 2 < g->in_h)
				row = load_taps(2, whole, g->input + (i + 2) * g->in_w + first, lanes);
			sum = add_taps(sum, &row, weight + 6);
			store_row(whole, g, (size_t) y * g->out_w + x, sum, store);
		}
	}
}

/* The lanes l for which first + l lies in 0 .. size-1. */
static FX_TARGET unsigned
inside(ptrdiff_t first, int size)
{
	ptrdiff_t	from = first < 0 ? -first : 0;
	ptrdiff_t	past = size - first < VECTOR ? size - first : VECTOR;

	return past <= from ? 0 : ((1u << past) - 1) & ~((1u << from) - 1);
}

static FX_TARGET void
plane(const fx_conv_plane *g)
{
	for (int x = 0; x < g->out_w; x += VECTOR)
	{
		ptrdiff_t	first = (ptrdiff_t) x * g->stride - g->pad_left;
		ptrdiff_t	past = first + (g->stride == 1 ? VECTOR + 2 : 2 * VECTOR + 2);
		unsigned	stored = g->out_w - x < VECTOR ? (1u << (g->out_w - x)) - 1 : ALL_LANES;
		row_lanes	lanes;

		for (int i = 0; i < 4; i++)
		{
			ptrdiff_t	shift = g->stride == 1 ? i : (i & 1) * VECTOR + (i >> 1) * 2;

			lanes.load[i] = v_mask(inside(first + shift, g->in_w));
		}
		if (g->stride == 1)
		{
			if (stored == ALL_LANES && first >= 0 && past <= g->in_w)
				strip(1, true, g, x, &lanes, v_mask(stored));
			else
				strip(1, false, g, x, &lanes, v_mask(stored));
		}
		else if (stored == ALL_LANES && first >= 0 && past <= g->in_w)
			strip(2, true, g, x, &lanes, v_mask(stored));
		else
			strip(2, false, g, x, &lanes, v_mask(stored));
	}
}

/* ---- one output position, and the parting of columns */

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
	FX_TIER_NAME, ROWS, VECTOR, product, plane, dot, split
};

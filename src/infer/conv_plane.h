/*
 * conv_plane.h - depthwise 3x3 convolutions, stride 1 or 2.  conv_body.h
 * includes this after it has defined what its own head lists, UNROLL, INLINE
 * and ALL_LANES.
 */

/* Output rows computed together: each input row is loaded once for all of them. */
#define BLOCK 4

/* Strips whose masks are kept at a time. */
#define STRIPS 32

/* VECTOR output columns, from x on. */
typedef struct strip
{
	ptrdiff_t	first;			/* input column of the first tap of column x */
	int			x;
	bool		whole;			/* all columns exist and all their taps are inside */
	vec_mask	load[4];		/* lanes inside of the loads of a row */
	vec_mask	store;			/* columns that exist */
} strip;

typedef struct constants
{
	vec			weight[9];
	vec			bias;
	vec			low;
	vec			high;
	vec			slope;
	bool		sloped;
} constants;

/* The lanes l for which first + l lies in 0 .. size-1. */
static FX_TARGET unsigned
inside(ptrdiff_t first, int size)
{
	ptrdiff_t	from = first < 0 ? -first : 0;
	ptrdiff_t	past = size - first < VECTOR ? size - first : VECTOR;

	return past <= from ? 0 : ((1u << past) - 1) & ~((1u << from) - 1);
}

static FX_TARGET void
set_strip(strip *s, const fx_conv_plane *g, int x)
{
	unsigned	stored = g->out_w - x < VECTOR ? (1u << (g->out_w - x)) - 1 : ALL_LANES;
	ptrdiff_t	past;

	s->x = x;
	s->first = (ptrdiff_t) x * g->stride - g->pad_left;
	past = s->first + (g->stride == 1 ? VECTOR + 2 : 2 * VECTOR + 2);
	s->whole = stored == ALL_LANES && s->first >= 0 && past <= g->in_w;
	s->store = v_mask(stored);
	for (int i = 0; i < 4; i++)
		s->load[i] = v_mask(inside(s->first + (g->stride == 1 ? i : (i & 1) * VECTOR + (i >> 1) * 2), g->in_w));
}

/* The three taps of one input row. */
INLINE void
load_taps(const int stride, const bool whole, const float *x, const strip *s, vec *tap)
{
	if (stride == 1)
	{
		UNROLL
		for (int i = 0; i < 3; i++)
			tap[i] = whole ? v_load(x + i) : v_load_m(x + i, s->load[i]);
	}
	else
	{
		vec			a = whole ? v_load(x) : v_load_m(x, s->load[0]);
		vec			b = whole ? v_load(x + VECTOR) : v_load_m(x + VECTOR, s->load[1]);
		vec			c = whole ? v_load(x + 2) : v_load_m(x + 2, s->load[2]);
		vec			d = whole ? v_load(x + 2 + VECTOR) : v_load_m(x + 2 + VECTOR, s->load[3]);
		vec			odd;

		v_split(a, b, &tap[0], &tap[1]);
		v_split(c, d, &tap[2], &odd);
	}
}

/* rows output rows from y on, of one strip; guarded where input rows may be outside. */
INLINE void
block(const int stride, const int rows, const bool whole, const bool guarded,
	  const fx_conv_plane *g, const constants *c, const strip *s, int y)
{
	ptrdiff_t	top = (ptrdiff_t) y * stride - g->pad_top;
	const float *input = g->input + top * g->in_w + s->first;
	size_t		at = (size_t) y * g->out_w + s->x;
	vec			sum[BLOCK];

	UNROLL
	for (int r = 0; r < rows; r++)
		sum[r] = c->bias;
	UNROLL
	for (int i = 0; i < (rows - 1) * stride + 3; i++)
	{
		if (!guarded || (top + i >= 0 && top + i < g->in_h))
		{
			vec			tap[3];

			load_taps(stride, whole, input + (ptrdiff_t) i * g->in_w, s, tap);
			/* tap by tap, so that sums which do not depend on each other follow one another */
			UNROLL
			for (int t = 0; t < 3; t++)
			{
				UNROLL
				for (int r = 0; r < rows; r++)
					if (i >= r * stride && i < r * stride + 3)
						sum[r] = v_fma(c->weight[3 * (i - r * stride) + t], tap[t], sum[r]);
			}
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++)
	{
		size_t		to = at + (size_t) r * g->out_w;

		if (g->addend != NULL)
			sum[r] = v_add(sum[r], whole ? v_load(g->addend + to) : v_load_m(g->addend + to, s->store));
		sum[r] = c->sloped ? v_slope(sum[r], c->slope) : v_clamp(sum[r], c->low, c->high);
		if (whole)
			v_store(g->output + to, sum[r]);
		else
			v_store_m(g->output + to, s->store, sum[r]);
	}
}

/* All strips of the output rows y .. y+rows-1. */
INLINE void
band(const int stride, const int rows, const bool guarded, const fx_conv_plane *g, const constants *c,
	 const strip *strips, int count, int y)
{
	for (int i = 0; i < count; i++)
		if (strips[i].whole)
			block(stride, rows, true, guarded, g, c, &strips[i], y);
		else
			block(stride, rows, false, guarded, g, c, &strips[i], y);
}

INLINE void
bands(const int stride, const fx_conv_plane *g, const constants *c, const strip *strips, int count)
{
	for (int y = 0; y < g->out_h;)
	{
		ptrdiff_t	top = (ptrdiff_t) y * stride - g->pad_top;
		int			rows = g->out_h - y >= BLOCK ? BLOCK : 1;

		if (top < 0 || top + (rows - 1) * stride + 3 > g->in_h)
		{
			if (rows == BLOCK)
				band(stride, BLOCK, true, g, c, strips, count, y);
			else
				band(stride, 1, true, g, c, strips, count, y);
		}
		else if (rows == BLOCK)
			band(stride, BLOCK, false, g, c, strips, count, y);
		else
			band(stride, 1, false, g, c, strips, count, y);
		y += rows;
	}
}

static FX_TARGET void
set_constants(constants *c, const fx_conv_store *store, const float *weights, size_t channel)
{
	for (int i = 0; i < 9; i++)
		c->weight[i] = v_set(weights[channel * 9 + i]);
	c->bias = v_set(store->bias[channel]);
	c->low = v_set(store->low);
	c->high = v_set(store->high);
	c->sloped = store->slope != NULL;
	c->slope = v_set(c->sloped ? store->slope[channel] : 0.0f);
}

static FX_TARGET void
plane(const fx_conv_plane *g)
{
	strip		strips[STRIPS];
	size_t		in = (size_t) g->in_h * g->in_w;
	size_t		out = (size_t) g->out_h * g->out_w;

	for (int x = 0; x < g->out_w;)
	{
		int			count = 0;

		for (; count < STRIPS && x < g->out_w; x += VECTOR)
			set_strip(&strips[count++], g, x);
		for (int m = 0; m < g->channels; m++)
		{
			fx_conv_plane one = *g;
			constants	c;

			one.input += m / g->per_input * in;
			one.output += m * out;
			if (g->addend != NULL)
				one.addend += m * out;
			set_constants(&c, &g->store, g->weights, m);
			if (g->stride == 1)
				bands(1, &one, &c, strips, count);
			else
				bands(2, &one, &c, strips, count);
		}
	}
}

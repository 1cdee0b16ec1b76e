/*
 * conv_product.c - convolutions as an own matrix product: pointwise ones on
 * the input itself, others on a zero-padded copy of it in which the columns
 * need not be gathered.
 *
 * In the copy a row of the output is a run of consecutive floats for every
 * kernel element, and so are all rows together, but for a few columns between
 * one row's end and the next one's start: these are computed too and dropped
 * at the store.  For a stride of 2 the copy is parted into even and odd rows
 * and columns ("phases"), after which the same holds.
 */
#include "infer/conv_kernel.h"

#include <limits.h>
#include <string.h>

/* Floats that a tile of any tier may read beyond its last column. */
#define TILE_SLACK 64

/*
 * From this many output channels and kernel elements on, a tile's columns are
 * copied to consecutive memory first: they are read once per block of output
 * channels, and rows far apart would come from the second-level cache again
 * and again.  Undilated kernels of stride 1 reuse their rows and gain nothing.
 */
#define PANEL_ROWS 32
#define PANEL_DEPTH 24

/* Floats of the copy that stay in the second-level cache beside weights and output. */
#define BAND_FLOATS 65536

/* A band has at least as many output rows as this, so that the rows copied twice stay few. */
#define BAND_ROWS 8

/* False when the stride is not 1 or 2, or positions of the copy would not fit in an int. */
static bool
lay_out(const fx_conv *conv, fx_conv_layout *l, size_t *workspace)
{
	const fx_conv_spec *s = &conv->spec;
	size_t		span_h = (size_t) (s->kernel_h - 1) * s->dilation_h;
	size_t		span_w = (size_t) (s->kernel_w - 1) * s->dilation_w;
	size_t		row;
	size_t		most;
	size_t		total;

	memset(l, 0, sizeof(*l));
	*workspace = 0;
	if (s->stride_h > 2 || s->stride_w > 2)
		return false;
	if (conv->plain)
		return conv->in_plane * conv->group_in <= INT_MAX;
	l->pitch = s->out_w + span_w / s->stride_w;
	if (s->stride_w == 1)
	{
		/* One row's padding on the right may be the next one's on the left. */
		size_t		pad = s->pad_left > s->pad_right ? s->pad_left : s->pad_right;
		size_t		shared = (size_t) s->in_w + pad;

		if (shared < (size_t) s->out_w)
			shared = s->out_w;
		if (shared < l->pitch)
			l->pitch = shared;
	}
	/* bands of equal height, as few as fit */
	l->band = s->out_h;
	if (!fx_mul_size(l->pitch, (size_t) s->stride_h * s->stride_w * conv->group_in, &row))
		return false;
	most = BAND_FLOATS / row;
	most = most > span_h / s->stride_h + BAND_ROWS ? most - span_h / s->stride_h : BAND_ROWS;
	if (most < l->band)
		l->band = (l->band + (l->band + most - 1) / most - 1) / ((l->band + most - 1) / most);
	l->rows = l->band + span_h / s->stride_h;
	l->slack = TILE_SLACK + span_w;
	if (!fx_mul_size(l->rows, l->pitch, &l->phase) ||
		!fx_mul_size(l->phase, (size_t) s->stride_h * s->stride_w, &total) ||
		!fx_mul_size(total, conv->group_in, &total) || !fx_add_size(total, l->slack, &total) || total > INT_MAX)
		return false;
	*workspace = total;
	return true;
}

bool
fx_product_fits(const fx_conv *conv)
{
	fx_conv_layout layout;
	size_t		workspace;

	return lay_out(conv, &layout, &workspace);
}

/* Blocks of output channels, each as [depth][block]. */
static void
pack(const fx_conv *conv, const float *weights, float *packed)
{
	size_t		depth = conv->depth;
	size_t		left = conv->group_out;

	while (left > 0)
	{
		size_t		block = fx_conv_block(left, conv->kernels->rows);

		for (size_t k = 0; k < depth; k++)
			for (size_t r = 0; r < block; r++)
				*packed++ = weights[r * depth + k];
		weights += block * depth;
		left -= block;
	}
}

fx_code
fx_product_prepare(const fx_env *env, fx_conv *conv, fx_error *err)
{
	const fx_conv_spec *s = &conv->spec;
	size_t		count = conv->depth * s->out_channels;
	uint32_t   *offset;

	if (!lay_out(conv, &conv->layout, &conv->workspace))
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "This convolution is not for an own product");
	conv->paneled = (conv->plain || s->stride_w == 2) &&
		conv->group_out >= PANEL_ROWS && conv->depth >= PANEL_DEPTH;
	if (conv->paneled)
	{
		conv->layout.panel = (conv->workspace + 15) / 16 * 16;
		conv->workspace = conv->layout.panel + conv->depth * conv->kernels->columns;
	}
	conv->packed = env->alloc(env->context, count * sizeof(float));
	conv->offset = env->alloc(env->context, 2 * conv->depth * sizeof(uint32_t));
	if (conv->packed == NULL || conv->offset == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "No memory for a convolution's weights");
	conv->memory += count * sizeof(float) + 2 * conv->depth * sizeof(uint32_t);
	for (int g = 0; g < s->groups; g++)
	{
		size_t		at = (size_t) g * conv->group_out * conv->depth;

		pack(conv, conv->weights + at, conv->packed + at);
	}
	offset = conv->offset;
	for (int c = 0; c < conv->group_in; c++)
		for (int ky = 0; ky < s->kernel_h; ky++)
			for (int kx = 0; kx < s->kernel_w; kx++)
			{
				size_t		y = (size_t) ky * s->dilation_h;
				size_t		x = (size_t) kx * s->dilation_w;
				size_t		phase = (c * s->stride_h + y % s->stride_h) * s->stride_w + x % s->stride_w;

				*offset++ = conv->plain ? c * conv->in_plane :
					phase * conv->layout.phase + y / s->stride_h * conv->layout.pitch + x / s->stride_w;
			}
	for (size_t k = 0; k < conv->depth; k++)
		*offset++ = (uint32_t) (k * conv->kernels->columns);
	return FX_OK;
}

/* One input row (or NULL: zeros) into the row's phases. */
static void
copy_row(const fx_conv *conv, const float *line, float *row)
{
	const fx_conv_spec *s = &conv->spec;
	size_t		pitch = conv->layout.pitch;
	float	   *part[2] = {row, row + conv->layout.phase};

	memset(part[0], 0, pitch * sizeof(float));
	if (s->stride_w > 1)
		memset(part[1], 0, pitch * sizeof(float));
	if (line == NULL)
		return;
	if (s->stride_w == 1)
	{
		size_t		room = pitch - s->pad_left;

		memcpy(row + s->pad_left, line, ((size_t) s->in_w < room ? (size_t) s->in_w : room) * sizeof(float));
	}
	else
	{
		/* Column x is in phase (x + pad) mod 2, at (x + pad) / 2. */
		int			first = s->pad_left % 2;
		float	   *even = part[first] + s->pad_left / 2;
		float	   *odd = part[1 - first] + (s->pad_left + 1) / 2;
		size_t		room = pitch - (s->pad_left + 1) / 2;
		size_t		count = (size_t) s->in_w < 2 * room ? (size_t) s->in_w : 2 * room;

		conv->kernels->split(line, count, even, odd);
		/* an odd pad leaves room for one more in the even phase */
		if (count < (size_t) s->in_w && s->pad_left % 2 == 1)
			even[count / 2] = line[count];
	}
}

/* What the output rows first .. first+count-1 need of one group. */
static void
copy_group(const fx_conv *conv, const float *input, size_t first, size_t count, float *copy)
{
	const fx_conv_spec *s = &conv->spec;
	const fx_conv_layout *l = &conv->layout;
	size_t		rows = count + (size_t) (s->kernel_h - 1) * s->dilation_h / s->stride_h;

	for (int c = 0; c < conv->group_in; c++)
	{
		for (int py = 0; py < s->stride_h; py++)
		{
			for (size_t i = 0; i < rows; i++)
			{
				int64_t		y = (int64_t) (first + i) * s->stride_h + py - s->pad_top;

				copy_row(conv, y >= 0 && y < s->in_h ? input + y * s->in_w : NULL, copy + i * l->pitch);
			}
			copy += l->phase * s->stride_w;
		}
		input += conv->in_plane;
	}
	memset(copy, 0, l->slack * sizeof(float));
}

void
fx_product_run(const fx_conv *conv, const float *input, const float *addend,
			   float *output, float *workspace)
{
	const fx_conv_spec *s = &conv->spec;
	fx_conv_product product = {
		.rows = conv->group_out,.depth = conv->depth,.offset = conv->offset,
		.pitch = conv->plain ? conv->positions : conv->layout.pitch,
		.width = conv->plain ? conv->positions : (size_t) s->out_w,
		.height = conv->plain ? 1 : s->out_h,
		.plane = conv->positions,
		.panel = conv->paneled ? workspace + conv->layout.panel : NULL,
		.panel_offset = conv->offset + conv->depth,
		.slack = !conv->plain
	};

	size_t		rows = conv->plain ? 1 : s->out_h;
	size_t		band = conv->plain ? 1 : conv->layout.band;

	for (int g = 0; g < s->groups; g++)
	{
		size_t		channel = (size_t) g * conv->group_out;
		const float *group = input + (size_t) g * conv->group_in * conv->in_plane;

		product.weights = conv->packed + channel * conv->depth;
		product.store = fx_conv_store_of(conv, channel);
		product.input = conv->plain ? group : workspace;
		for (size_t y = 0; y < rows; y += band)
		{
			size_t		at = channel * conv->positions + y * s->out_w;

			if (!conv->plain)
			{
				product.height = rows - y < band ? rows - y : band;
				copy_group(conv, group, y, product.height, workspace);
			}
			product.addend = addend != NULL ? addend + at : NULL;
			product.output = output + at;
			conv->kernels->product(&product);
		}
	}
}

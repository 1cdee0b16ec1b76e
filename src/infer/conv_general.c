/*
 * conv_general.c - any convolution: its input is gathered into columns, a
 * cache-sized tile of output positions at a time, and multiplied by the
 * weights by BLAS.  A plain 1x1 convolution needs no gathering.
 */
#include "infer/conv_kernel.h"

#include <string.h>

#include "base/blas.h"

/* Floats of gathered columns that stay in the second-level cache beside the weights. */
#define TILE_FLOATS 65536

fx_code
fx_sgemm_prepare(fx_conv *conv, fx_error *err)
{
	size_t		tile = TILE_FLOATS / conv->depth;

	fx_code		code = fx_blas_load(err);

	if (code != FX_OK || conv->plain)
		return code;
	if (tile < 16)
		tile = 16;
	tile -= tile % 16;
	if (tile > conv->positions)
		tile = conv->positions;
	conv->tile = tile;
	conv->workspace = tile * conv->depth;
	return FX_OK;
}

/* One row of columns: a fixed kernel element (offset_y, offset_x) over consecutive output positions. */
static void
gather_row(const fx_conv *conv, const float *plane, int64_t offset_y, int64_t offset_x,
		   size_t first, size_t count, float *row)
{
	const fx_conv_spec *s = &conv->spec;
	int			y = (int) (first / s->out_w);
	int			x = (int) (first % s->out_w);
	int			from;
	int			to;

	fx_conv_inside(offset_x, s->stride_w, s->in_w, s->out_w, &from, &to);
	while (count > 0)
	{
		int64_t		in_y = (int64_t) y * s->stride_h + offset_y;
		int			past = (size_t) (s->out_w - x) < count ? s->out_w : x + (int) count;
		int			left = from < x ? x : from > past ? past : from;
		int			right = to > past ? past : to < left ? left : to;

		if (in_y < 0 || in_y >= s->in_h)
			memset(row, 0, (past - x) * sizeof(float));
		else
		{
			const float *line = plane + in_y * s->in_w;

			for (int i = x; i < left; i++)
				row[i - x] = 0.0f;
			if (s->stride_w == 1)
				memcpy(row + (left - x), line + left + offset_x, (right - left) * sizeof(float));
			else
				for (int i = left; i < right; i++)
					row[i - x] = line[(int64_t) i * s->stride_w + offset_x];
			for (int i = right; i < past; i++)
				row[i - x] = 0.0f;
		}
		row += past - x;
		count -= past - x;
		x = 0;
		y++;
	}
}

void
fx_conv_gather(const fx_conv *conv, const float *input, size_t first, size_t count,
			   float *columns, size_t stride)
{
	const fx_conv_spec *s = &conv->spec;

	for (int c = 0; c < conv->group_in; c++)
		for (int ky = 0; ky < s->kernel_h; ky++)
			for (int kx = 0; kx < s->kernel_w; kx++)
			{
				gather_row(conv, input + c * conv->in_plane,
						   (int64_t) ky * s->dilation_h - s->pad_top,
						   (int64_t) kx * s->dilation_w - s->pad_left, first, count, columns);
				columns += stride;
			}
}

void
fx_sgemm_run(const fx_conv *conv, const float *input, const float *addend,
			 float *output, float *workspace)
{
	size_t		n = conv->positions;
	size_t		tile = conv->plain ? n : conv->tile;
	fx_conv_store store = fx_conv_store_of(conv, 0);
	/* An addend that is the output is summed by BLAS itself. */
	float		beta = addend == output ? 1.0f : 0.0f;

	for (int g = 0; g < conv->spec.groups; g++)
	{
		const float *group = input + (size_t) g * conv->group_in * conv->in_plane;
		const float *weights = conv->weights + (size_t) g * conv->group_out * conv->depth;
		size_t		channel = (size_t) g * conv->group_out;

		for (size_t first = 0; first < n; first += tile)
		{
			size_t		count = n - first < tile ? n - first : tile;
			const float *columns = group;
			size_t		stride = n;

			if (!conv->plain)
			{
				fx_conv_gather(conv, group, first, count, workspace, count);
				columns = workspace;
				stride = count;
			}
			fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, conv->group_out, (int) count,
						  (int) conv->depth, 1.0f, weights, (int) conv->depth, columns, (int) stride,
						  beta, output + channel * n + first, (int) n);
			for (int m = 0; m < conv->group_out; m++)
			{
				size_t		at = (channel + m) * n + first;

				conv->kernels->finish(&store, channel + m, output + at,
									  addend != NULL && addend != output ? addend + at : NULL,
									  output + at, count);
			}
		}
	}
}

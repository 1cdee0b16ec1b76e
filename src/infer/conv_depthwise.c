/*
 * conv_depthwise.c - convolutions with one input channel per group.
 */
#include "infer/conv_internal.h"

#include <string.h>

fx_code
fx_depthwise_prepare(fx_conv *conv, fx_error *err)
{
	if (conv->group_in != 1)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
					   "A group of %d channels is not depthwise", conv->group_in);
	conv->workspace = conv->spec.out_w;
	return FX_OK;
}

/* Sums one output row of one channel into sum[out_w]. */
static void
sum_row(const fx_conv *conv, const float *plane, const float *weights, int y, float *sum)
{
	const fx_conv_spec *s = &conv->spec;

	memset(sum, 0, s->out_w * sizeof(float));
	for (int ky = 0; ky < s->kernel_h; ky++)
	{
		int64_t		in_y = (int64_t) y * s->stride_h - s->pad_top + (int64_t) ky * s->dilation_h;

		if (in_y < 0 || in_y >= s->in_h)
			continue;
		for (int kx = 0; kx < s->kernel_w; kx++)
		{
			int64_t		offset = (int64_t) kx * s->dilation_w - s->pad_left;
			const float *line = plane + in_y * s->in_w;
			float		weight = weights[ky * s->kernel_w + kx];
			int			from;
			int			to;

			fx_conv_inside(offset, s->stride_w, s->in_w, s->out_w, &from, &to);
			for (int x = from; x < to; x++)
				sum[x] += weight * line[(int64_t) x * s->stride_w + offset];
		}
	}
}

void
fx_depthwise_run(const fx_conv *conv, const float *input, const float *addend,
				 float *output, float *workspace)
{
	const fx_conv_spec *s = &conv->spec;

	for (int m = 0; m < s->out_channels; m++)
	{
		const float *plane = input + (size_t) (m / conv->group_out) * conv->in_plane;

		for (int y = 0; y < s->out_h; y++)
		{
			size_t		at = (size_t) m * conv->positions + (size_t) y * s->out_w;

			sum_row(conv, plane, conv->weights + m * conv->depth, y, workspace);
			fx_conv_finish(conv, m, workspace, addend != NULL ? addend + at : NULL, output + at, s->out_w);
		}
	}
}

/*
 * conv_depthwise.c - convolutions with one input channel per group, and those
 * with a single output position.
 */
#include "infer/conv_kernel.h"

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
	fx_conv_store store = fx_conv_store_of(conv, 0);

	for (int m = 0; m < s->out_channels; m++)
	{
		const float *plane = input + (size_t) (m / conv->group_out) * conv->in_plane;

		for (int y = 0; y < s->out_h; y++)
		{
			size_t		at = (size_t) m * conv->positions + (size_t) y * s->out_w;

			sum_row(conv, plane, conv->weights + m * conv->depth, y, workspace);
			conv->kernels->finish(&store, m, workspace, addend != NULL ? addend + at : NULL,
								  output + at, s->out_w);
		}
	}
}

bool
fx_plane_fits(const fx_conv *conv)
{
	const fx_conv_spec *s = &conv->spec;

	return conv->group_in == 1 && s->kernel_h == 3 && s->kernel_w == 3 && s->dilation_h == 1 &&
		s->dilation_w == 1 && s->stride_h == s->stride_w && s->stride_h <= 2;
}

void
fx_plane_run(const fx_conv *conv, const float *input, const float *addend, float *output)
{
	const fx_conv_spec *s = &conv->spec;
	fx_conv_plane plane = {
		.weights = conv->weights,.input = input,.channels = s->out_channels,.per_input = conv->group_out,
		.in_h = s->in_h,.in_w = s->in_w,.out_h = s->out_h,.out_w = s->out_w,
		.stride = s->stride_h,.pad_top = s->pad_top,.pad_left = s->pad_left,
		.store = fx_conv_store_of(conv, 0),.addend = addend,.output = output
	};

	conv->kernels->plane(&plane);
}

bool
fx_dot_fits(const fx_conv *conv)
{
	const fx_conv_spec *s = &conv->spec;

	return s->pad_top == 0 && s->pad_left == 0 && s->out_h == 1 && s->out_w == 1 &&
		s->kernel_h == s->in_h && s->kernel_w == s->in_w && s->dilation_h == 1 && s->dilation_w == 1;
}

void
fx_dot_run(const fx_conv *conv, const float *input, const float *addend, float *output)
{
	for (int g = 0; g < conv->spec.groups; g++)
	{
		size_t		m = (size_t) g * conv->group_out;
		fx_conv_store store = fx_conv_store_of(conv, m);

		conv->kernels->dot(conv->weights + m * conv->depth, conv->group_out, conv->depth,
						   input + g * conv->depth, &store, addend != NULL ? addend + m : NULL, output + m);
	}
}

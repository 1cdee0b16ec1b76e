/*
 * window.c - where the windows of a convolution or a pool lie.
 */
#include <limits.h>

#include "infer/ops.h"

/* One list of an attribute, for one (width only) or two spatial dimensions; rank agrees among the lists. */
static void
read_pair(fx_loader *loader, const char *name, fx_window_params *params, int64_t *pair, int64_t least,
		  int64_t otherwise)
{
	int64_t		numbers[2];
	int			n = fx_attr_ints(loader, name, numbers, 2);

	pair[0] = pair[1] = otherwise;
	if (n < 0)
		return;
	if (n == 0 || (params->rank != 0 && params->rank != n))
	{
		fx_loader_fail(loader, FX_MALFORMED, "attribute \"%s\" has %d numbers", name, n);
		return;
	}
	params->rank = n;
	for (int i = 0; i < n; i++)
	{
		if (numbers[i] < least || numbers[i] > FX_MAX_EXTENT)
			fx_loader_fail(loader, FX_MALFORMED, "attribute \"%s\" has the number %lld", name,
						   (long long) numbers[i]);
		pair[i + (n == 1)] = numbers[i];
	}
	if (n == 1)
		pair[0] = 1;
}

void
fx_window_attributes(fx_loader *loader, fx_window_params *params)
{
	static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
	int64_t		pads[4];
	int			n;

	params->rank = 0;
	read_pair(loader, "kernel_shape", params, params->kernel, 1, 0);
	read_pair(loader, "strides", params, params->stride, 1, 1);
	read_pair(loader, "dilations", params, params->dilation, 1, 1);
	params->auto_pad = fx_attr_choice(loader, "auto_pad", auto_pads, FX_PAD_GIVEN);
	n = fx_attr_ints(loader, "pads", pads, 4);
	for (int i = 0; i < 4; i++)
		params->pad[i] = 0;
	if (n < 0)
		return;
	if ((n != 2 && n != 4) || (params->rank != 0 && params->rank != n / 2))
	{
		fx_loader_fail(loader, FX_MALFORMED, "attribute \"pads\" has %d numbers", n);
		return;
	}
	params->rank = n / 2;
	for (int i = 0; i < n; i++)
	{
		if (pads[i] < 0 || pads[i] > FX_MAX_EXTENT)
			fx_loader_fail(loader, FX_UNSUPPORTED, "attribute \"pads\" has the number %lld", (long long) pads[i]);
		params->pad[n == 4 ? i : 2 * i + 1] = pads[i];
	}
}

fx_code
fx_window_place(const fx_node *node, const fx_window_params *params, const fx_shape *input,
				const int64_t *kernel, fx_window *window, fx_error *err)
{
	int			rank = input->rank - 2;

	if (rank != 1 && rank != 2)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has %d spatial dimensions; 1 and 2 are built", rank);
	if (params->rank != 0 && params->rank != rank)
		return fx_node_fail(err, FX_MISMATCH, node, "has attributes for %d spatial dimensions and an input with %d",
							params->rank, rank);
	for (int i = 0; i < 2; i++)
	{
		int64_t		in = rank == 2 ? input->dim[2 + i] : i == 0 ? 1 : input->dim[2];
		int64_t		size = kernel != NULL ? kernel[i] : params->kernel[i];
		int64_t		stride = params->stride[i];
		int64_t		extent;
		int64_t		before = params->pad[i];
		int64_t		after = params->pad[i + 2];
		int64_t		room;
		int64_t		out;

		if (size < 1 || size > FX_MAX_EXTENT)
			return fx_node_fail(err, FX_MISMATCH, node, "has a window of size %lld", (long long) size);
		if (kernel != NULL && params->kernel[i] != 0 && params->kernel[i] != size)
			return fx_node_fail(err, FX_MISMATCH, node, "has weights that differ from its kernel_shape");
		if (in < 1)
			return fx_node_fail(err, FX_MISMATCH, node, "has an empty input");
		extent = (size - 1) * params->dilation[i] + 1;
		if (params->auto_pad == FX_PAD_SAME_UPPER || params->auto_pad == FX_PAD_SAME_LOWER)
		{
			int64_t		total;

			out = (in + stride - 1) / stride;
			total = (out - 1) * stride + extent - in;
			if (total < 0)
				total = 0;
			before = params->auto_pad == FX_PAD_SAME_UPPER ? total / 2 : total - total / 2;
			after = total - before;
		}
		else
		{
			if (params->auto_pad == FX_PAD_VALID)
				before = after = 0;
			room = in + before + after - extent;
			if (room < 0)
				return fx_node_fail(err, FX_MISMATCH, node, "has a window larger than its input");
			out = room / stride + 1;
			/* a last, partial window counts only when it starts on the input or the pad before it */
			if (params->ceil_mode && room % stride != 0 && out * stride < in + before)
				out++;
		}
		if (in > INT_MAX / 4 || before > INT_MAX / 4 || after > INT_MAX / 4 || extent > INT_MAX / 4)
			return fx_node_fail(err, FX_LIMIT, node, "has an input or a window that is too large");
		window->kernel[i] = (int) size;
		window->stride[i] = (int) stride;
		window->dilation[i] = (int) params->dilation[i];
		window->pad[i] = (int) before;
		window->pad[i + 2] = (int) after;
		window->in[i] = (int) in;
		window->out[i] = (int) out;
	}
	return FX_OK;
}

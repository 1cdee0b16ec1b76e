/*
 * ops_deconv.c - ConvTranspose: every input position adds the kernel, times
 * its number, to the output.
 */
#include <limits.h>

#include "infer/ops.h"

typedef struct deconv_params
{
	fx_window_params window;
	int64_t		group;
	int64_t		more[2];		/* output_padding */
	int64_t		wanted[2];		/* output_shape; 0: none given */
} deconv_params;

/* A list for one (width only) or two spatial dimensions; early writers put those of batch and channels before. */
static void
read_list(fx_loader *loader, const char *name, int64_t least, deconv_params *params, int64_t *pair)
{
	int64_t		all[4];
	int64_t    *numbers = all;
	int			n = fx_attr_ints(loader, name, all, 4);

	if (n < 0)
		return;
	if (n > 2)
	{
		numbers += 2;
		n -= 2;
	}
	if (n == 0 || (params->window.rank != 0 && params->window.rank != n))
	{
		fx_loader_fail(loader, FX_MALFORMED, "attribute \"%s\" has %d numbers", name, n);
		return;
	}
	params->window.rank = n;
	for (int i = 0; i < n; i++)
	{
		if (numbers[i] < least || numbers[i] > INT_MAX / 4)
			fx_loader_fail(loader, FX_MALFORMED, "attribute \"%s\" has the number %lld", name,
						   (long long) numbers[i]);
		pair[i + (n == 1)] = numbers[i];
	}
}

static fx_code
check_deconv(fx_loader *loader, fx_node *node, fx_error *err)
{
	deconv_params *params = fx_params(loader, sizeof(deconv_params));

	if (params == NULL)
		return loader->code;
	fx_window_attributes(loader, &params->window);
	read_list(loader, "output_padding", 0, params, params->more);
	read_list(loader, "output_shape", 1, params, params->wanted);
	params->group = fx_attr_int(loader, "group", 1);
	if (params->group < 1 || params->group > INT32_MAX)
		fx_loader_fail(loader, FX_MALFORMED, "has %lld groups", (long long) params->group);
	return loader->code;
}

/*
 * One axis.  Without an output_shape the pads say what is cut off; with one, or
 * with an automatic pad, it is the other way round, and an odd rest is cut off
 * at the end for SAME_UPPER, at the start for anything else.
 */
static fx_code
place_axis(const fx_node *node, int axis, int64_t in, int64_t kernel, fx_window *window, fx_error *err)
{
	const deconv_params *params = node->params;
	const fx_window_params *w = &params->window;
	bool		same = w->auto_pad == FX_PAD_SAME_UPPER || w->auto_pad == FX_PAD_SAME_LOWER;
	int64_t		before = w->auto_pad == FX_PAD_VALID ? 0 : w->pad[axis];
	int64_t		after = w->auto_pad == FX_PAD_VALID ? 0 : w->pad[axis + 2];
	int64_t		wanted = params->wanted[axis];
	int64_t		whole;

	if (in < 1 || kernel < 1)
		return fx_node_fail(err, FX_MISMATCH, node, "has an empty input or kernel");
	if (in > INT_MAX / 4 || kernel > FX_MAX_EXTENT)
		return fx_node_fail(err, FX_LIMIT, node, "has an input or a window that is too large");
	if (w->kernel[axis] != 0 && w->kernel[axis] != kernel)
		return fx_node_fail(err, FX_MISMATCH, node, "has weights that differ from its kernel_shape");
	whole = (in - 1) * w->stride[axis] + params->more[axis] + (kernel - 1) * w->dilation[axis] + 1;
	if (wanted == 0 && same)
		wanted = in * w->stride[axis];
	if (wanted != 0)
	{
		int64_t		rest = whole > wanted ? whole - wanted : 0;

		before = w->auto_pad == FX_PAD_SAME_UPPER ? rest / 2 : rest - rest / 2;
	}
	else
		wanted = whole - before - after;
	if (wanted < 1)
		return fx_node_fail(err, FX_MISMATCH, node, "cuts off more than it makes");
	if (wanted > INT_MAX / 4 || whole > INT_MAX / 4)
		return fx_node_fail(err, FX_LIMIT, node, "has an output that is too large");
	window->kernel[axis] = (int) kernel;
	window->stride[axis] = (int) w->stride[axis];
	window->dilation[axis] = (int) w->dilation[axis];
	window->pad[axis] = (int) before;
	window->in[axis] = (int) in;
	window->out[axis] = (int) wanted;
	return FX_OK;
}

static fx_code
place(const fx_model *model, const fx_node *node, fx_window *window, fx_error *err)
{
	const deconv_params *params = node->params;
	const fx_shape *x = &fx_in(model, node, 0)->shape;
	const fx_shape *w = &fx_in(model, node, 1)->shape;
	fx_code		code;

	if (params->window.rank != 0 && params->window.rank != x->rank - 2)
		return fx_node_fail(err, FX_MISMATCH, node, "has attributes for %d spatial dimensions and an input with %d",
							params->window.rank, x->rank - 2);
	if (x->rank == 4)
		code = place_axis(node, 0, x->dim[2], w->dim[2], window, err);
	else
	{
		window->kernel[0] = window->stride[0] = window->dilation[0] = window->in[0] = window->out[0] = 1;
		window->pad[0] = 0;
		code = FX_OK;
	}
	return code != FX_OK ? code : place_axis(node, 1, x->dim[x->rank - 1], w->dim[x->rank - 1], window, err);
}

static fx_code
shape_deconv(fx_model *model, fx_node *node, fx_error *err)
{
	const deconv_params *params = node->params;
	const fx_value *x = fx_in(model, node, 0);
	const fx_value *w = fx_in(model, node, 1);
	const fx_value *b = fx_in(model, node, 2);
	fx_window	window = {0};
	fx_shape	shape = x->shape;
	int64_t		channels;
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (x->shape.rank != w->shape.rank || x->shape.rank < 3)
		return fx_node_fail(err, FX_MISMATCH, node, "has an input of %d dimensions and weights of %d",
							x->shape.rank, w->shape.rank);
	if (x->shape.rank > 4)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has %d spatial dimensions; 1 and 2 are built",
							x->shape.rank - 2);
	if (w->count == 0 || x->shape.dim[1] != w->shape.dim[0] || x->shape.dim[1] % params->group != 0)
		return fx_node_fail(err, FX_MISMATCH, node,
							"has weights for %lld channels in %lld groups and an input with %lld",
							(long long) w->shape.dim[0], (long long) params->group, (long long) x->shape.dim[1]);
	channels = w->shape.dim[1] * params->group;
	if (b != NULL && (b->shape.rank != 1 || b->shape.dim[0] != channels))
		return fx_node_fail(err, FX_MISMATCH, node, "has a bias that does not fit its weights");
	code = place(model, node, &window, err);
	if (code != FX_OK)
		return code;
	shape.dim[1] = channels;
	if (shape.rank == 4)
		shape.dim[2] = window.out[0];
	shape.dim[shape.rank - 1] = window.out[1];
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	/* each factor is below 2^31, their product below 2^62 */
	if (code == FX_OK)
		node->work = (uint64_t) x->count * fx_span(&w->shape, 1, w->shape.rank) + fx_out(model, node, 0)->count;
	return code;
}

/* Input positions along an axis whose tap k falls onto the output: *from .. *past-1. */
static void
landing(const fx_window *w, int axis, int k, int *from, int *past)
{
	int64_t		offset = (int64_t) k * w->dilation[axis] - w->pad[axis];
	int64_t		stride = w->stride[axis];
	int64_t		first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
	int64_t		last = offset >= w->out[axis] ? -1 : (w->out[axis] - 1 - offset) / stride;

	if (last > w->in[axis] - 1)
		last = w->in[axis] - 1;
	*from = (int) (first <= last ? first : 0);
	*past = (int) (first <= last ? last + 1 : 0);
}

static FX_VECTOR_LOOPS void
add_row(const float *x, float *y, int n, int stride, float weight)
{
	if (stride == 1)
		for (int i = 0; i < n; i++)
			y[i] += weight * x[i];
	else
		for (int i = 0; i < n; i++)
			y[(ptrdiff_t) i * stride] += weight * x[i];
}

/* One input plane into one output plane. */
static void
add_plane(const fx_window *w, const float *x, const float *weights, float *y)
{
	for (int ky = 0; ky < w->kernel[0]; ky++)
	{
		int			top;
		int			bottom;

		landing(w, 0, ky, &top, &bottom);
		for (int kx = 0; kx < w->kernel[1]; kx++)
		{
			int			left;
			int			right;
			ptrdiff_t	column;

			landing(w, 1, kx, &left, &right);
			column = (ptrdiff_t) left * w->stride[1] + (ptrdiff_t) kx * w->dilation[1] - w->pad[1];
			for (int iy = top; iy < bottom && left < right; iy++)
			{
				ptrdiff_t	row = (ptrdiff_t) iy * w->stride[0] + (ptrdiff_t) ky * w->dilation[0] - w->pad[0];

				add_row(x + (ptrdiff_t) iy * w->in[1] + left, y + row * w->out[1] + column, right - left,
						w->stride[1], weights[ky * w->kernel[1] + kx]);
			}
		}
	}
}

static fx_code
run_deconv(fx_model *model, fx_node *node, fx_error *err)
{
	const deconv_params *params = node->params;
	const fx_value *in = fx_in(model, node, 0);
	const fx_value *w = fx_in(model, node, 1);
	const fx_value *b = fx_in(model, node, 2);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		group_in = (size_t) (in->shape.dim[1] / params->group);
	size_t		group_out = (size_t) w->shape.dim[1];
	size_t		taps = fx_span(&w->shape, 2, w->shape.rank);
	size_t		in_plane = fx_span(&in->shape, 2, in->shape.rank);
	size_t		out_plane = fx_span(&fx_out(model, node, 0)->shape, 2, in->shape.rank);
	fx_window	window;
	fx_code		code = place(model, node, &window, err);

	for (int64_t n = 0; n < in->shape.dim[0] && code == FX_OK; n++, x += in_plane * (size_t) in->shape.dim[1])
		for (size_t m = 0; m < group_out * (size_t) params->group; m++, y += out_plane)
		{
			size_t		group = m / group_out;

			if (fx_is_interrupted(model))
				return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
			for (size_t i = 0; i < out_plane; i++)
				y[i] = b != NULL ? ((const float *) b->data)[m] : 0;
			for (size_t c = group * group_in; c < (group + 1) * group_in; c++)
				add_plane(&window, x + c * in_plane,
						  (const float *) w->data + (c * group_out + m % group_out) * taps, y);
		}
	return code;
}

const fx_operator fx_ops_deconv[] = {
	{"ConvTranspose", 2, 3, 1, false, check_deconv, shape_deconv, NULL, NULL, run_deconv},
	{0}
};

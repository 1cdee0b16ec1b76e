/*
 * ops_pool.c - greatest or mean of a window, or of a whole plane.
 */
#include <math.h>

#include "infer/ops.h"

typedef struct pool_params
{
	fx_window_params window;
	bool		include_pad;
	bool		by_column;		/* indices count down the columns */
} pool_params;

typedef struct pool_state
{
	fx_window	window;
	float	   *taps[2];		/* mean only: how many positions of a window count, per output row and column */
} pool_state;

static fx_code
check_pool(fx_loader *loader, fx_node *node, fx_error *err)
{
	pool_params *params = fx_params(loader, sizeof(pool_params));

	if (params == NULL)
		return loader->code;
	fx_window_attributes(loader, &params->window);
	params->window.ceil_mode = fx_attr_int(loader, "ceil_mode", 0) != 0;
	if (params->window.kernel[0] == 0)
		fx_loader_fail(loader, FX_MALFORMED, "lacks its kernel_shape");
	return loader->code;
}

static fx_code
check_max(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_code		code = check_pool(loader, node, err);

	if (code == FX_OK)
		((pool_params *) node->params)->by_column = fx_attr_int(loader, "storage_order", 0) != 0;
	return loader->code;
}

static fx_code
check_average(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_code		code = check_pool(loader, node, err);

	if (code == FX_OK)
		((pool_params *) node->params)->include_pad = fx_attr_int(loader, "count_include_pad", 0) != 0;
	return loader->code;
}

static fx_code
shape_pool(fx_model *model, fx_node *node, fx_error *err)
{
	const pool_params *params = node->params;
	fx_window	window;
	fx_shape	shape = fx_in(model, node, 0)->shape;
	fx_code		code = fx_need_floats(model, node, err);

	if (code == FX_OK)
		code = fx_window_place(node, &params->window, &shape, NULL, &window, err);
	if (code != FX_OK)
		return code;
	if (shape.rank == 4)
		shape.dim[2] = window.out[0];
	shape.dim[shape.rank - 1] = window.out[1];
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	if (code == FX_OK && __builtin_mul_overflow((uint64_t) fx_out(model, node, 0)->count,
												(uint64_t) window.kernel[0] * (uint64_t) window.kernel[1], &node->work))
		return fx_node_fail(err, FX_LIMIT, node, "has too many windows");
	if (code == FX_OK && fx_out(model, node, 1) != NULL)
		code = fx_set_output(model, node, 1, FX_TYPE_INT64, &shape, err);
	return code;
}

static fx_code
prepare_pool(fx_model *model, fx_node *node, fx_error *err)
{
	const pool_params *params = node->params;
	pool_state *state = fx_heap_alloc_zero(&model->plan_heap, sizeof(pool_state));
	fx_window  *w;
	fx_code		code;

	node->state = state;
	if (state == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	w = &state->window;
	code = fx_window_place(node, &params->window, &fx_in(model, node, 0)->shape, NULL, w, err);
	if (code != FX_OK || fx_out(model, node, 0)->count == 0)
		return code;
	for (int axis = 0; axis < 2; axis++)
	{
		int			least = params->include_pad ? -w->pad[axis] : 0;
		int			most = params->include_pad ? w->in[axis] + w->pad[axis + 2] : w->in[axis];

		state->taps[axis] = fx_heap_alloc_array(&model->plan_heap, w->out[axis], sizeof(float));
		if (state->taps[axis] == NULL)
			return fx_heap_fail(&model->plan_heap, err);
		for (int o = 0; o < w->out[axis]; o++)
		{
			int			first = o * w->stride[axis] - w->pad[axis];
			int			taps = 0;

			for (int k = 0; k < w->kernel[axis]; k++)
			{
				int			at = first + k * w->dilation[axis];

				taps += at >= least && at < most;
			}
			state->taps[axis][o] = (float) taps;
		}
	}
	return FX_OK;
}

/* The output positions whose tap k lies on the input. */
static void
inside(const fx_window *w, int axis, int k, int *first, int *end)
{
	int			offset = k * w->dilation[axis] - w->pad[axis];
	int			stride = w->stride[axis];

	*first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
	*end = offset >= w->in[axis] ? 0 : (w->in[axis] - 1 - offset) / stride + 1;
	if (*end > w->out[axis])
		*end = w->out[axis];
}

static FX_VECTOR_LOOPS void
max_two(const float *upper, const float *lower, float *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		float		a = upper[2 * i] > upper[2 * i + 1] ? upper[2 * i] : upper[2 * i + 1];
		float		b = lower[2 * i] > lower[2 * i + 1] ? lower[2 * i] : lower[2 * i + 1];

		out[i] = a > b ? a : b;
	}
}

static FX_VECTOR_LOOPS void
max_row(const float *in, float *out, int n, int stride)
{
	if (stride == 1)
		for (int i = 0; i < n; i++)
			out[i] = in[i] > out[i] ? in[i] : out[i];
	else
		for (int i = 0; i < n; i++)
			out[i] = in[(ptrdiff_t) i * stride] > out[i] ? in[(ptrdiff_t) i * stride] : out[i];
}

static FX_VECTOR_LOOPS void
sum_row(const float *in, float *out, int n, int stride)
{
	if (stride == 1)
		for (int i = 0; i < n; i++)
			out[i] += in[i];
	else
		for (int i = 0; i < n; i++)
			out[i] += in[(ptrdiff_t) i * stride];
}

/* One output row: every tap adds its shifted input row to it. */
static void
pool_row(const pool_state *state, const float *plane, int oy, float *out, bool greatest)
{
	const fx_window *w = &state->window;

	for (int x = 0; x < w->out[1]; x++)
		out[x] = greatest ? -INFINITY : 0;
	for (int ky = 0; ky < w->kernel[0]; ky++)
	{
		int			iy = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];

		if (iy < 0 || iy >= w->in[0])
			continue;
		for (int kx = 0; kx < w->kernel[1]; kx++)
		{
			int			first;
			int			end;
			const float *row;

			inside(w, 1, kx, &first, &end);
			if (first >= end)
				continue;
			row = plane + (ptrdiff_t) iy * w->in[1] + (ptrdiff_t) first * w->stride[1] - w->pad[1] +
				(ptrdiff_t) kx * w->dilation[1];
			if (greatest)
				max_row(row, out + first, end - first, w->stride[1]);
			else
				sum_row(row, out + first, end - first, w->stride[1]);
		}
	}
	if (!greatest)
		for (int x = 0; x < w->out[1]; x++)
		{
			float		taps = state->taps[0][oy] * state->taps[1][x];

			out[x] = taps > 0 ? out[x] / taps : 0;
		}
}

static fx_code
run_pool(fx_model *model, fx_node *node, bool greatest, fx_error *err)
{
	const pool_state *state = node->state;
	const fx_window *w = &state->window;
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		planes = fx_span(&in->shape, 0, 2);
	bool		two = greatest && w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[0] == 2 && w->stride[1] == 2 &&
		w->dilation[0] == 1 && w->dilation[1] == 1 && w->pad[0] == 0 && w->pad[1] == 0 &&
		2 * w->out[0] <= w->in[0] && 2 * w->out[1] <= w->in[1];

	if (fx_out(model, node, 0)->count == 0)
		return FX_OK;
	for (size_t p = 0; p < planes; p++)
	{
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
		for (int oy = 0; oy < w->out[0]; oy++)
		{
			if (two)
				max_two(x + (size_t) 2 * oy * w->in[1], x + (size_t) (2 * oy + 1) * w->in[1], y, w->out[1]);
			else
				pool_row(state, x, oy, y, greatest);
			y += w->out[1];
		}
		x += (size_t) w->in[0] * w->in[1];
	}
	return FX_OK;
}

/* Where in the whole input the greatest number of each window stands, the first of equals. */
static void
find_greatest(const fx_window *w, bool by_column, const float *x, size_t planes, int64_t *index)
{
	for (size_t p = 0; p < planes; p++, x += (size_t) w->in[0] * w->in[1])
		for (int oy = 0; oy < w->out[0]; oy++)
			for (int ox = 0; ox < w->out[1]; ox++)
			{
				int64_t		best = -1;
				int64_t		at = 0;

				for (int ky = 0; ky < w->kernel[0]; ky++)
					for (int kx = 0; kx < w->kernel[1]; kx++)
					{
						int64_t		iy = (int64_t) oy * w->stride[0] - w->pad[0] + (int64_t) ky * w->dilation[0];
						int64_t		ix = (int64_t) ox * w->stride[1] - w->pad[1] + (int64_t) kx * w->dilation[1];

						if (iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1] ||
							(best >= 0 && !(x[iy * w->in[1] + ix] > x[best])))
							continue;
						best = iy * w->in[1] + ix;
						at = by_column ? ix * w->in[0] + iy : best;
					}
				*index++ = (int64_t) p * w->in[0] * w->in[1] + at;
			}
}

static fx_code
run_max(fx_model *model, fx_node *node, fx_error *err)
{
	const pool_state *state = node->state;
	const fx_value *in = fx_in(model, node, 0);
	fx_code		code = run_pool(model, node, true, err);

	if (code == FX_OK && fx_out(model, node, 1) != NULL && fx_out(model, node, 0)->count > 0)
		find_greatest(&state->window, ((const pool_params *) node->params)->by_column, in->data,
					  fx_span(&in->shape, 0, 2), fx_out(model, node, 1)->data);
	return code;
}

static fx_code
run_average(fx_model *model, fx_node *node, fx_error *err)
{
	return run_pool(model, node, false, err);
}

/* ---- over the whole plane */

static fx_code
shape_global(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	fx_shape	shape = in->shape;
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (shape.rank < 3 || fx_span(&shape, 2, shape.rank) == 0)
		return fx_node_fail(err, FX_MISMATCH, node, "has an input without a plane");
	for (int i = 2; i < shape.rank; i++)
		shape.dim[i] = 1;
	node->work = in->count;
	return fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
}

static FX_VECTOR_LOOPS fx_code
run_global_average(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		area = fx_span(&in->shape, 2, in->shape.rank);
	size_t		planes = in->count / area;

	for (size_t p = 0; p < planes; p++, x += area)
	{
		double		sum = 0;

		for (size_t i = 0; i < area; i++)
			sum += x[i];
		y[p] = (float) (sum / (double) area);
	}
	return FX_OK;
}

static FX_VECTOR_LOOPS fx_code
run_global_max(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	const float *x = in->data;
	float	   *y = fx_out(model, node, 0)->data;
	size_t		area = fx_span(&in->shape, 2, in->shape.rank);
	size_t		planes = in->count / area;

	for (size_t p = 0; p < planes; p++, x += area)
	{
		float		most = x[0];

		for (size_t i = 1; i < area; i++)
			most = x[i] > most ? x[i] : most;
		y[p] = most;
	}
	return FX_OK;
}

const fx_operator fx_ops_pool[] = {
	{"MaxPool", 1, 1, 2, false, check_max, shape_pool, prepare_pool, NULL, run_max},
	{"AveragePool", 1, 1, 1, false, check_average, shape_pool, prepare_pool, NULL, run_average},
	{"GlobalAveragePool", 1, 1, 1, false, NULL, shape_global, NULL, NULL, run_global_average},
	{"GlobalMaxPool", 1, 1, 1, false, NULL, shape_global, NULL, NULL, run_global_max},
	{0}
};

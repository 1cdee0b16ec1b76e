/*
 * ops_conv.c - Conv, by way of conv.h, with whatever was fused into it.
 */
#include <string.h>

#include "infer/conv.h"
#include "infer/ops.h"

typedef struct conv_state
{
	fx_conv_spec spec;
	fx_conv    *conv;			/* NULL: the weights are computed by the graph, so each run prepares */
	const float *slope;
	size_t		batch;
	size_t		in_step;		/* floats of one image */
	size_t		out_step;
} conv_state;

fx_code
fx_conv_attributes(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_conv_params *params = fx_params(loader, sizeof(fx_conv_params));

	if (params == NULL)
		return loader->code;
	fx_window_attributes(loader, &params->window);
	params->group = fx_attr_int(loader, "group", 1);
	if (params->group < 1 || params->group > INT32_MAX)
		fx_loader_fail(loader, FX_MALFORMED, "has %lld groups", (long long) params->group);
	return loader->code;
}

static fx_code
place(const fx_node *node, const fx_value *x, const fx_value *w, fx_window *window, fx_error *err)
{
	const fx_conv_params *params = node->params;
	int64_t		kernel[2];

	kernel[0] = w->shape.rank == 4 ? w->shape.dim[2] : 1;
	kernel[1] = w->shape.dim[w->shape.rank - 1];
	return fx_window_place(node, &params->window, &x->shape, kernel, window, err);
}

fx_code
fx_conv_shape(fx_model *model, fx_node *node, int ix, int iw, int ib, fx_error *err)
{
	const fx_conv_params *params = node->params;
	const fx_value *x = fx_in(model, node, ix);
	const fx_value *w = fx_in(model, node, iw);
	const fx_value *b = fx_in(model, node, ib);
	fx_window	window;
	fx_shape	shape = x->shape;
	fx_code		code;

	if (x->shape.rank != w->shape.rank || x->shape.rank < 3)
		return fx_node_fail(err, FX_MISMATCH, node, "has an input of %d dimensions and weights of %d",
							x->shape.rank, w->shape.rank);
	if (x->shape.rank > 4)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has %d spatial dimensions; 1 and 2 are built",
							x->shape.rank - 2);
	if (w->count == 0 || x->shape.dim[1] != w->shape.dim[1] * params->group ||
		w->shape.dim[0] % params->group != 0)
		return fx_node_fail(err, FX_MISMATCH, node,
							"has weights for %lld channels in %lld groups and an input with %lld",
							(long long) w->shape.dim[1], (long long) params->group,
							(long long) x->shape.dim[1]);
	if (b != NULL && (b->shape.rank != 1 || b->shape.dim[0] != w->shape.dim[0]))
		return fx_node_fail(err, FX_MISMATCH, node, "has a bias that does not fit its weights");
	code = place(node, x, w, &window, err);
	if (code != FX_OK)
		return code;
	shape.dim[1] = w->shape.dim[0];
	if (shape.rank == 4)
		shape.dim[2] = window.out[0];
	shape.dim[shape.rank - 1] = window.out[1];
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	if (code != FX_OK)
		return code;
	/* each factor is below 2^31, their product below 2^62 */
	node->work = (uint64_t) fx_out(model, node, 0)->count * fx_span(&w->shape, 1, w->shape.rank);
	return FX_OK;
}

static fx_code
shape_conv(fx_model *model, fx_node *node, fx_error *err)
{
	fx_code		code = fx_need_floats(model, node, err);

	return code == FX_OK ? fx_conv_shape(model, node, 0, 1, 2, err) : code;
}

fx_code
fx_conv_spec_of(const fx_model *model, const fx_node *node, int ix, int iw, fx_conv_spec *spec, fx_error *err)
{
	const fx_conv_params *params = node->params;
	const fx_value *x = fx_in(model, node, ix);
	const fx_value *w = fx_in(model, node, iw);
	fx_window	window;
	fx_code		code = place(node, x, w, &window, err);

	if (code != FX_OK)
		return code;
	memset(spec, 0, sizeof(*spec));
	spec->in_channels = (int) x->shape.dim[1];
	spec->out_channels = (int) w->shape.dim[0];
	spec->groups = (int) params->group;
	spec->kernel_h = window.kernel[0];
	spec->kernel_w = window.kernel[1];
	spec->stride_h = window.stride[0];
	spec->stride_w = window.stride[1];
	spec->dilation_h = window.dilation[0];
	spec->dilation_w = window.dilation[1];
	spec->pad_top = window.pad[0];
	spec->pad_left = window.pad[1];
	spec->pad_bottom = window.pad[2];
	spec->pad_right = window.pad[3];
	spec->in_h = window.in[0];
	spec->in_w = window.in[1];
	spec->out_h = window.out[0];
	spec->out_w = window.out[1];
	return FX_OK;
}

/* The slope of a fused PRelu: one per channel, repeated when the file has a single one. */
static fx_code
read_slope(fx_model *model, conv_state *state, const fx_value *slope, fx_error *err)
{
	float	   *repeated;

	if (slope->count == (size_t) state->spec.out_channels)
	{
		state->slope = slope->data;
		return FX_OK;
	}
	repeated = fx_heap_alloc_array(&model->plan_heap, state->spec.out_channels, sizeof(float));
	if (repeated == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	for (int i = 0; i < state->spec.out_channels; i++)
		repeated[i] = *(const float *) slope->data;
	state->slope = repeated;
	return FX_OK;
}

static fx_code
read_activation(fx_model *model, const fx_node *node, conv_state *state, fx_error *err)
{
	const fx_node *activation = &model->nodes[node->activation];
	fx_conv_spec *spec = &state->spec;

	if (strcmp(activation->op->name, "PRelu") == 0)
	{
		spec->activation = FX_ACT_PRELU;
		return read_slope(model, state, fx_in(model, activation, 1), err);
	}
	if (strcmp(activation->op->name, "Relu") == 0)
		spec->activation = FX_ACT_RELU;
	else if (fx_leaky_slope(activation, &spec->low))
		spec->activation = FX_ACT_LEAKY;
	else if (fx_clip_bounds(model, activation, &spec->low, &spec->high))
		spec->activation = FX_ACT_CLIP;
	return FX_OK;
}

static fx_code
prepare_conv(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *x = fx_in(model, node, 0);
	const fx_value *w = fx_in(model, node, 1);
	const fx_value *b = fx_in(model, node, 2);
	conv_state *state = fx_heap_alloc_zero(&model->plan_heap, sizeof(conv_state));
	fx_conv_spec *spec;
	fx_code		code;

	node->state = state;
	if (state == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	spec = &state->spec;
	code = fx_conv_spec_of(model, node, 0, 1, spec, err);
	if (code != FX_OK)
		return code;
	state->batch = (size_t) x->shape.dim[0];
	state->in_step = fx_span(&x->shape, 1, x->shape.rank);
	state->out_step = (size_t) spec->out_channels * spec->out_h * spec->out_w;
	if (state->batch == 0)
		return FX_OK;
	if (node->activation >= 0 && (code = read_activation(model, node, state, err)) != FX_OK)
		return code;
	if (!w->known || (b != NULL && !b->known))
		return FX_OK;
	code = fx_conv_prepare(&model->plan_heap.env, spec, w->data, b != NULL ? b->data : NULL, state->slope,
						   &state->conv, err);
	if (code == FX_NO_MEMORY)
		return fx_heap_fail(&model->plan_heap, err);
	if (code != FX_OK)
		return code;
	node->scratch = fx_conv_workspace(state->conv);
	return FX_OK;
}

static void
unprepare_conv(fx_model *model, fx_node *node)
{
	conv_state *state = node->state;

	if (state != NULL && state->conv != NULL)
		fx_conv_free(&model->plan_heap.env, state->conv);
}

/* Weights that another node computes: prepared anew in each run. */
static fx_code
prepare_late(fx_model *model, const fx_node *node, fx_conv **conv, float **scratch, fx_error *err)
{
	const conv_state *state = node->state;
	const fx_value *b = fx_in(model, node, 2);
	fx_env	   *env = &model->plan_heap.env;
	size_t		floats;
	fx_code		code;

	code = fx_conv_prepare(env, &state->spec, fx_in(model, node, 1)->data, b != NULL ? b->data : NULL,
						   state->slope, conv, err);
	if (code == FX_NO_MEMORY)
		return fx_heap_fail(&model->plan_heap, err);
	if (code != FX_OK)
		return code;
	floats = fx_conv_workspace(*conv);
	*scratch = fx_heap_alloc_array(&model->plan_heap, floats, sizeof(float));
	if (*scratch != NULL)
		return FX_OK;
	fx_conv_free(env, *conv);
	return fx_heap_fail(&model->plan_heap, err);
}

static fx_code
run_conv(fx_model *model, fx_node *node, fx_error *err)
{
	const conv_state *state = node->state;
	const float *x = fx_in(model, node, 0)->data;
	float	   *y = model->values[node->result].data;
	const float *addend = node->addend >= 0 ? model->values[node->addend].data : NULL;
	fx_conv    *conv = state->conv;
	float	   *scratch = node->scratch_data;
	bool		late = conv == NULL;
	fx_code		code;

	if (state->batch == 0)
		return FX_OK;
	if (late && (code = prepare_late(model, node, &conv, &scratch, err)) != FX_OK)
		return code;
	code = FX_OK;
	for (size_t n = 0; n < state->batch && code == FX_OK; n++)
	{
		fx_conv_run(conv, x + n * state->in_step, addend != NULL ? addend + n * state->out_step : NULL,
					y + n * state->out_step, scratch);
		if (fx_is_interrupted(model))
			code = fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
	}
	if (late)
	{
		fx_conv_free(&model->plan_heap.env, conv);
		fx_heap_release(&model->plan_heap, scratch);
	}
	return code;
}

const fx_operator fx_ops_conv[] = {
	{"Conv", 2, 3, 1, false, fx_conv_attributes, shape_conv, prepare_conv, unprepare_conv, run_conv},
	{0}
};

const fx_operator *
fx_conv_operator(void)
{
	return fx_ops_conv;
}

/*
 * fold.c - fewer nodes for the same numbers.
 *
 * At load: what scales or shifts a convolution's channels by constants
 * (batch normalisation, Mul, Div, Add, Sub) goes into its weights and bias.
 * At plan, when shapes are known: the sum with a residual and the activation
 * after a convolution become a part of it, so that they cost no pass of
 * their own over memory.
 */
#include <math.h>
#include <string.h>

#include "infer/ops.h"

/* For each value the last node that reads it; with one use, the only one. */
static int *
readers(const fx_model *model, fx_heap *heap)
{
	int		   *reader = fx_heap_alloc_array(heap, (size_t) model->value_count + 1, sizeof(int));

	if (reader == NULL)
		return NULL;
	for (int v = 0; v < model->value_count; v++)
		reader[v] = -1;
	for (int i = 0; i < model->node_count; i++)
		for (int k = 0; k < model->nodes[i].inputs && !model->nodes[i].dead && !model->nodes[i].folded; k++)
			if (model->nodes[i].in[k] >= 0)
				reader[model->nodes[i].in[k]] = i;
	return reader;
}

/*
 * True when the operand, broadcast to a tensor of this rank with channels in
 * dimension 1, is one number or one number per channel.
 */
static bool
is_per_channel(const fx_shape *shape, int rank, int64_t channels)
{
	if (shape->rank > rank)
		return false;
	for (int i = 0; i < shape->rank; i++)
		if (shape->dim[i] != 1 && (i + rank - shape->rank != 1 || shape->dim[i] != channels))
			return false;
	return true;
}

static float
number(const fx_value *value, int channel)
{
	return ((const float *) value->data)[value->count == 1 ? 0 : channel];
}

/* y = scale[c] * x + shift[c], where x is value v and y what the node makes of it. */
static bool
read_affine(const fx_model *model, const fx_node *node, int v, int rank, int channels, float *scale,
			float *shift)
{
	const char *op = node->op->name;
	const fx_value *other;
	bool		first;

	if (strcmp(op, "BatchNormalization") == 0)
	{
		const fx_value *p[5];

		if (node->in[0] != v)
			return false;
		for (int i = 1; i < 5; i++)
		{
			p[i] = fx_in(model, node, i);
			if (!p[i]->constant || p[i]->type != FX_TYPE_FLOAT || p[i]->count != (size_t) channels)
				return false;
		}
		for (int c = 0; c < channels; c++)
		{
			scale[c] = number(p[1], c) / sqrtf(number(p[4], c) + fx_batchnorm_epsilon(node));
			shift[c] = number(p[2], c) - number(p[3], c) * scale[c];
		}
		return true;
	}
	if (strcmp(op, "Mul") != 0 && strcmp(op, "Div") != 0 && strcmp(op, "Add") != 0 && strcmp(op, "Sub") != 0)
		return false;
	first = node->in[0] == v;
	other = fx_in(model, node, first ? 1 : 0);
	if (!other->constant || other->type != FX_TYPE_FLOAT || !is_per_channel(&other->shape, rank, channels) ||
		(strcmp(op, "Div") == 0 && !first))
		return false;
	for (int c = 0; c < channels; c++)
	{
		float		x = number(other, c);

		scale[c] = strcmp(op, "Mul") == 0 ? x : strcmp(op, "Div") == 0 ? 1 / x : first || op[0] == 'A' ? 1 : -1;
		shift[c] = op[0] == 'A' ? x : op[0] == 'S' ? (first ? -x : x) : 0;
	}
	return true;
}

/* A new constant of the model, for node operand i. */
static fx_code
replace_operand(fx_model *model, fx_node *node, int i, const fx_shape *shape, float *data, fx_error *err)
{
	fx_value   *value;
	int			index;
	fx_code		code = fx_add_value(model, "", &index, err);

	if (code != FX_OK)
		return code;
	value = &model->values[index];
	value->constant = value->known = true;
	value->type = FX_TYPE_FLOAT;
	value->shape = *shape;
	value->count = fx_span(shape, 0, shape->rank);
	value->data = data;
	value->uses = 1;
	node->in[i] = index;
	return FX_OK;
}

static fx_code
scale_weights(fx_model *model, fx_node *conv, const float *scale, const float *shift, fx_error *err)
{
	const fx_value *w = fx_in(model, conv, 1);
	const fx_value *b = fx_in(model, conv, 2);
	fx_shape	w_shape = w->shape;
	fx_shape	b_shape = {1, {w->shape.dim[0]}};
	size_t		channels = (size_t) w->shape.dim[0];
	size_t		each = w->count / channels;
	float	   *weights = fx_heap_alloc_array(&model->heap, w->count, sizeof(float));
	float	   *bias = fx_heap_alloc_array(&model->heap, channels, sizeof(float));
	fx_code		code;

	if (weights == NULL || bias == NULL)
		return fx_heap_fail(&model->heap, err);
	for (size_t c = 0; c < channels; c++)
	{
		for (size_t i = 0; i < each; i++)
			weights[c * each + i] = ((const float *) w->data)[c * each + i] * scale[c];
		bias[c] = (b != NULL ? ((const float *) b->data)[c] : 0) * scale[c] + shift[c];
	}
	if (conv->inputs < 3)
	{
		int		   *in = fx_heap_alloc_array(&model->heap, 3, sizeof(int));

		if (in == NULL)
			return fx_heap_fail(&model->heap, err);
		memcpy(in, conv->in, 2 * sizeof(int));
		conv->in = in;
		conv->inputs = 3;
		conv->in[2] = -1;
	}
	code = replace_operand(model, conv, 1, &w_shape, weights, err);
	return code == FX_OK ? replace_operand(model, conv, 2, &b_shape, bias, err) : code;
}

/* Everything that folds into one convolution, one node after the other. */
static fx_code
fold_conv(fx_model *model, fx_node *conv, const int *reader, float *scale, float *shift, fx_error *err)
{
	for (;;)
	{
		const fx_value *w = fx_in(model, conv, 1);
		const fx_value *b = fx_in(model, conv, 2);
		int			v = conv->out[0];
		fx_node    *next;
		fx_code		code;

		if (!w->constant || w->type != FX_TYPE_FLOAT || w->shape.rank < 3 || w->count == 0 ||
			(b != NULL && (!b->constant || b->type != FX_TYPE_FLOAT || b->count != (size_t) w->shape.dim[0])) ||
			model->values[v].uses != 1 || model->values[v].output || reader[v] < 0)
			return FX_OK;
		next = &model->nodes[reader[v]];
		if (next->dead || !read_affine(model, next, v, w->shape.rank, (int) w->shape.dim[0], scale, shift))
			return FX_OK;
		code = scale_weights(model, conv, scale, shift, err);
		if (code != FX_OK)
			return code;
		next->dead = true;
		conv->out[0] = next->out[0];
		model->values[conv->out[0]].producer = (int) (conv - model->nodes);
		fx_drop_unused_weights(model);
	}
}

fx_code
fx_fold_weights(fx_model *model, fx_error *err)
{
	int		   *reader = readers(model, &model->heap);
	int64_t		most = 1;
	float	   *numbers;
	fx_code		code = FX_OK;

	if (reader == NULL)
		return fx_heap_fail(&model->heap, err);
	for (int i = 0; i < model->node_count; i++)
		if (model->nodes[i].op == fx_conv_operator())
		{
			const fx_value *w = fx_in(model, &model->nodes[i], 1);

			if (w->constant && w->shape.rank >= 3 && w->shape.dim[0] > most)
				most = w->shape.dim[0];
		}
	numbers = fx_heap_alloc_array(&model->heap, (size_t) most * 2, sizeof(float));
	if (numbers == NULL)
		return fx_heap_fail(&model->heap, err);
	for (int i = 0; i < model->node_count && code == FX_OK; i++)
		if (!model->nodes[i].dead && model->nodes[i].op == fx_conv_operator())
			code = fold_conv(model, &model->nodes[i], reader, numbers, numbers + most, err);
	fx_heap_release(&model->heap, numbers);
	fx_heap_release(&model->heap, reader);
	return code;
}

/* ---- at plan */

static bool
is_activation(const fx_model *model, const fx_node *node, int v)
{
	const fx_value *x = &model->values[v];
	const char *op = node->op->name;
	float		low;
	float		high;

	if (node->in[0] != v)
		return false;
	if (strcmp(op, "PRelu") == 0)
	{
		const fx_value *slope = fx_in(model, node, 1);

		return slope->known && slope->count > 0 && is_per_channel(&slope->shape, x->shape.rank, x->shape.dim[1]);
	}
	return strcmp(op, "Relu") == 0 || fx_leaky_slope(node, &low) || fx_clip_bounds(model, node, &low, &high);
}

/* The residual of an Add that the convolution can take as its addend; -1: none. */
static int
residual_of(const fx_model *model, const fx_node *node, int v)
{
	int			other;

	if (strcmp(node->op->name, "Add") != 0)
		return -1;
	other = node->in[0] == v ? node->in[1] : node->in[0];
	if (other == v || model->values[other].known ||
		!fx_shape_equal(&model->values[other].shape, &model->values[v].shape))
		return -1;
	return other;
}

static int
only_reader(const fx_model *model, const int *reader, int v)
{
	return model->values[v].uses == 1 && !model->values[v].output ? reader[v] : -1;
}

fx_code
fx_fuse(fx_model *model, int *order, fx_error *err)
{
	int		   *reader = readers(model, &model->plan_heap);

	if (reader == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *conv = &model->nodes[i];
		int			next;

		if (conv->dead || conv->op != fx_conv_operator())
			continue;
		next = only_reader(model, reader, conv->result);
		if (next >= 0 && order[next] == next)
		{
			conv->addend = residual_of(model, &model->nodes[next], conv->result);
			if (conv->addend >= 0)
			{
				/* it runs where the sum ran: both operands exist there */
				order[i] = -1;
				order[next] = i;
				conv->result = model->nodes[next].out[0];
				next = only_reader(model, reader, conv->result);
			}
		}
		if (next >= 0 && order[next] == next && is_activation(model, &model->nodes[next], conv->result))
		{
			order[next] = -1;
			conv->activation = next;
			conv->result = model->nodes[next].out[0];
		}
	}
	fx_heap_release(&model->plan_heap, reader);
	return FX_OK;
}

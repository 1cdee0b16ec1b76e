/*
 * plan.c - a graph for given input shapes: shapes of everything and the steps
 * to run.
 */
#include <string.h>

#include "infer/ops.h"

fx_code
fx_infer_shapes(fx_model *model, fx_node *node, uint64_t *work, fx_error *err)
{
	fx_code		code;

	node->state = NULL;
	node->alias = false;
	node->in_place = 0;
	node->work = 0;
	node->scratch = 0;
	node->scratch_data = NULL;
	node->folded = false;
	node->result = node->out[0];
	node->addend = -1;
	node->activation = -1;
	code = node->op->shape(model, node, err);
	if (code != FX_OK)
		return code;
	if (__builtin_add_overflow(*work, node->work, work) || *work > model->limits.max_operations)
		return fx_node_fail(err, FX_LIMIT, node, "takes the model over the limit of %llu operations",
							(unsigned long long) model->limits.max_operations);
	return FX_OK;
}

fx_code
fx_evaluate(fx_model *model, fx_node *node, fx_heap *heap, uint64_t *work, fx_error *err)
{
	fx_code		code = fx_infer_shapes(model, node, work, err);

	if (code != FX_OK)
		return code;
	for (int k = 0; k < node->outputs; k++)
	{
		fx_value   *out = fx_out(model, node, k);

		if (out == NULL)
			continue;
		out->data = fx_heap_alloc(heap, out->count * fx_type_size(out->type));
		if (out->data == NULL)
			return fx_heap_fail(heap, err);
		out->known = true;
	}
	node->folded = true;
	if (node->alias)
	{
		fx_value   *out = fx_out(model, node, 0);

		if (out->count > 0)
			memcpy(out->data, fx_in(model, node, 0)->data, out->count * fx_type_size(out->type));
		return FX_OK;
	}
	return node->op->run(model, node, err);
}

void
fx_plan_free(fx_model *model)
{
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *node = &model->nodes[i];

		if (node->op != NULL && node->op->unprepare != NULL)
			node->op->unprepare(model, node);
		node->state = NULL;
	}
	for (int v = 0; v < model->value_count; v++)
	{
		fx_value   *value = &model->values[v];

		value->known = value->constant;
		if (!value->constant)
			value->data = NULL;
	}
	fx_heap_clear(&model->plan_heap);
	model->planned = false;
	model->steps = NULL;
	model->step_count = 0;
	model->operations = 0;
	model->arena = NULL;
	model->arena_size = 0;
}

static fx_code
set_inputs(fx_model *model, const fx_shape *inputs, fx_error *err)
{
	for (int i = 0; i < model->input_count; i++)
	{
		fx_value   *value = &model->values[model->inputs[i]];
		const fx_shape *declared = &model->input_shapes[i];
		size_t		count = 1;

		if (inputs[i].rank != declared->rank)
			return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "input \"%.64s\" has %d dimensions, not %d",
						   value->name, declared->rank, inputs[i].rank);
		for (int d = 0; d < declared->rank; d++)
		{
			int64_t		dim = inputs[i].dim[d];

			if (dim < 0 || (declared->dim[d] >= 0 && dim != declared->dim[d]))
				return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "dimension %d of input \"%.64s\" cannot be %lld",
							   d, value->name, (long long) dim);
			if (!fx_mul_size(count, (size_t) dim, &count) || count > FX_MAX_ELEMENTS ||
				count * fx_type_size(value->type) > model->limits.max_memory)
				return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "input \"%.64s\" is larger than the memory limit",
							   value->name);
		}
		value->shape = inputs[i];
		value->count = count;
	}
	return FX_OK;
}

/* Shapes of everything; what depends on shapes and constants alone is computed here. */
static fx_code
infer_all(fx_model *model, fx_error *err)
{
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *node = &model->nodes[i];
		bool		known = node->op->prepare == NULL;
		fx_code		code;

		if (node->dead)
			continue;
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted while a model was planned");
		for (int k = 0; k < node->inputs && known && !node->op->shape_only; k++)
			known = node->in[k] < 0 || model->values[node->in[k]].known;
		code = known ? fx_evaluate(model, node, &model->plan_heap, &model->operations, err)
			: fx_infer_shapes(model, node, &model->operations, err);
		if (code != FX_OK)
			return code;
	}
	return FX_OK;
}

/* Uses by nodes that are left to run, and by outputs. */
static void
count_uses(fx_model *model)
{
	for (int v = 0; v < model->value_count; v++)
		model->values[v].uses = model->values[v].output;
	for (int i = 0; i < model->node_count; i++)
	{
		const fx_node *node = &model->nodes[i];

		for (int k = 0; k < node->inputs && !node->dead && !node->folded; k++)
			if (node->in[k] >= 0)
				model->values[node->in[k]].uses++;
	}
}

static fx_code
make_steps(fx_model *model, fx_error *err)
{
	size_t		room = (size_t) model->node_count + 1;
	int		   *order = fx_heap_alloc_array(&model->plan_heap, room, sizeof(int));
	fx_code		code;

	model->steps = fx_heap_alloc_array(&model->plan_heap, room, sizeof(int));
	if (order == NULL || model->steps == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	for (int i = 0; i < model->node_count; i++)
		order[i] = model->nodes[i].dead || model->nodes[i].folded ? -1 : i;
	count_uses(model);
	code = fx_fuse(model, order, err);
	if (code != FX_OK)
		return code;
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *node = order[i] >= 0 ? &model->nodes[order[i]] : NULL;

		if (node == NULL)
			continue;
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted while a model was planned");
		if (node->op->prepare != NULL && (code = node->op->prepare(model, node, err)) != FX_OK)
			return code;
		model->steps[model->step_count++] = order[i];
	}
	fx_heap_release(&model->plan_heap, order);
	return FX_OK;
}

fx_code
fx_model_plan(fx_model *model, const fx_shape *inputs, fx_error *err)
{
	bool		same = model->planned;
	fx_code		code;

	for (int i = 0; i < model->input_count && same; i++)
		same = fx_shape_equal(&inputs[i], &model->planned_shapes[i]);
	if (same)
		return FX_OK;
	fx_plan_free(model);
	model->budget.starved = model->budget.exceeded = model->budget.interrupted = false;
	code = set_inputs(model, inputs, err);
	if (code == FX_OK)
		code = infer_all(model, err);
	if (code == FX_OK)
		code = make_steps(model, err);
	if (code == FX_OK)
		code = fx_place_buffers(model, err);
	if (code != FX_OK)
	{
		fx_plan_free(model);
		return code;
	}
	for (int i = 0; i < model->input_count; i++)
		model->planned_shapes[i] = inputs[i];
	model->planned = true;
	return FX_OK;
}

/*
 * graph.c - from the bytes of a file to a checked graph.
 *
 * What graph_read.c has numbered is ordered and checked, what no output needs
 * is dropped, what depends on constants alone is computed.
 */
#include <string.h>

#include "infer/names.h"
#include "infer/ops.h"

/* Weights outnumber nodes in every model, by a handful. */
#define WEIGHTS_PER_NODE 16

/*
 * Puts into `order` the nodes that outputs depend on, producers first, by a
 * depth-first walk with a stack of its own.  A node met again while it is
 * still open is a cycle.
 */
static fx_code
order_nodes(const fx_model *model, int *order, int *count, fx_heap *heap, fx_error *err)
{
	enum
	{
		NEW, OPEN, DONE
	};
	char	   *state = fx_heap_alloc_zero(heap, (size_t) model->node_count + 1);
	int		   *stack = fx_heap_alloc_array(heap, (size_t) model->node_count + 1, sizeof(int));
	int		   *next = fx_heap_alloc_array(heap, (size_t) model->node_count + 1, sizeof(int));

	if (state == NULL || stack == NULL || next == NULL)
		return fx_heap_fail(heap, err);
	*count = 0;
	/* every node is walked, so that a cycle is found wherever it is */
	for (int start = 0; start < model->node_count; start++)
	{
		int			depth = 0;

		if (state[start] != NEW)
			continue;
		stack[depth] = start;
		next[depth++] = 0;
		state[start] = OPEN;
		while (depth > 0)
		{
			const fx_node *node = &model->nodes[stack[depth - 1]];
			int			producer;

			if (next[depth - 1] == node->inputs)
			{
				state[stack[--depth]] = DONE;
				order[(*count)++] = stack[depth];
				continue;
			}
			producer = node->in[next[depth - 1]++];
			producer = producer >= 0 ? model->values[producer].producer : -1;
			if (producer < 0 || state[producer] == DONE)
				continue;
			if (state[producer] == OPEN)
				return fx_node_fail(err, FX_MALFORMED, &model->nodes[producer], "depends on itself");
			stack[depth] = producer;
			next[depth++] = 0;
			state[producer] = OPEN;
		}
	}
	return FX_OK;
}

/* Backwards through the order: a node lives when something reads one of its outputs. */
static void
mark_dead(fx_model *model, const int *order)
{
	for (int v = 0; v < model->value_count; v++)
		model->values[v].uses = model->values[v].output;
	for (int i = model->node_count - 1; i >= 0; i--)
	{
		fx_node    *node = &model->nodes[order[i]];
		int			uses = 0;

		for (int k = 0; k < node->outputs; k++)
			uses += node->out[k] >= 0 && model->values[node->out[k]].uses > 0;
		node->dead = uses == 0;
		for (int k = 0; k < node->inputs && !node->dead; k++)
			if (node->in[k] >= 0)
				model->values[node->in[k]].uses++;
	}
}

void
fx_count_uses(fx_model *model)
{
	for (int v = 0; v < model->value_count; v++)
		model->values[v].uses = 0;
	for (int i = 0; i < model->output_count; i++)
		model->values[model->outputs[i]].uses++;
	for (int i = 0; i < model->node_count; i++)
		for (int k = 0; k < model->nodes[i].inputs && !model->nodes[i].dead; k++)
			if (model->nodes[i].in[k] >= 0)
				model->values[model->nodes[i].in[k]].uses++;
}

void
fx_drop_unused_weights(fx_model *model)
{
	for (int v = 0; v < model->value_count; v++)
		if (model->values[v].constant && model->values[v].uses == 0)
		{
			fx_heap_release(&model->heap, model->values[v].data);
			model->values[v].data = NULL;
		}
}

static fx_code
check_node(fx_model *model, fx_heap *file, const OnnxFile__Node *source, fx_node *node, fx_error *err)
{
	fx_loader	loader = {model, file, source, node, 0, FX_OK, err};
	fx_code		code;

	if (source->domain != NULL && source->domain[0] != '\0' && strcmp(source->domain, "ai.onnx") != 0)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "belongs to a domain that is not built");
	node->op = fx_find_operator(source->op_type != NULL ? source->op_type : "");
	if (node->op == NULL)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "is of an operator that is not built");
	if (node->inputs < node->op->least_inputs || node->inputs > node->op->most_inputs || node->outputs < 1)
		return fx_node_fail(err, FX_MALFORMED, node, "has %d operands and %d outputs", node->inputs, node->outputs);
	for (int i = 0; i < node->op->least_inputs; i++)
		if (node->in[i] < 0)
			return fx_node_fail(err, FX_MALFORMED, node, "lacks its operand %d", i);
	for (int i = 0; i < node->outputs; i++)
		if (i >= node->op->most_outputs && node->out[i] >= 0 && model->values[node->out[i]].uses > 0)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "makes an output %d that is not built", i);
	if (node->outputs > node->op->most_outputs)
		node->outputs = node->op->most_outputs;
	/* any number of outputs: which of them are there is the operator's affair */
	if (node->op->most_outputs < FX_MAX_NODE_VALUES)
	{
		if (node->out[0] < 0)
			return fx_node_fail(err, FX_MALFORMED, node, "lacks its output");
		while (node->outputs > 1 && (node->out[node->outputs - 1] < 0 ||
									 model->values[node->out[node->outputs - 1]].uses == 0))
			node->outputs--;
	}
	if (node->op->check != NULL)
	{
		code = node->op->check(&loader, node, err);
		if (loader.code != FX_OK)
			return loader.code;
		if (code != FX_OK)
			return code;
	}
	for (size_t i = 0; i < source->n_attribute; i++)
	{
		char		shown[48];

		if (loader.read >> i & 1)
			continue;
		fx_printable(source->attribute[i]->name, shown, sizeof(shown));
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has the attribute \"%s\", which is not built", shown);
	}
	for (int i = 0; i < node->inputs; i++)
	{
		const fx_value *in = fx_in(model, node, i);

		if (in != NULL && in->constant && in->data == NULL)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "reads a weight of type %d, which is not built",
								in->declared);
	}
	return FX_OK;
}

/* Nodes whose operands are all constant are computed now, once for all plans. */
static fx_code
fold_constants(fx_model *model, fx_error *err)
{
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *node = &model->nodes[i];
		bool		constant = !node->dead && node->inputs > 0 && node->op->prepare == NULL;
		fx_code		code;

		for (int k = 0; k < node->inputs && constant; k++)
			constant = node->in[k] < 0 || model->values[node->in[k]].constant;
		if (!constant)
			continue;
		code = fx_evaluate(model, node, &model->heap, &model->folded_work, err);
		if (code != FX_OK)
			return code;
		for (int k = 0; k < node->outputs; k++)
			if (node->out[k] >= 0)
			{
				model->values[node->out[k]].constant = true;
				model->values[node->out[k]].producer = -1;
			}
		node->dead = true;
	}
	return FX_OK;
}

/* A weight, or the value of a Constant, of a type that is not read keeps no data: it cannot be handed out. */
static fx_code
check_outputs(const fx_model *model, fx_error *err)
{
	for (int i = 0; i < model->output_count; i++)
	{
		const fx_value *value = &model->values[model->outputs[i]];

		if (value->constant && value->data == NULL)
			return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
						   "output \"%.64s\" of the graph is a constant of type %d, which is not built",
						   value->name, value->declared);
	}
	return FX_OK;
}

/* The live nodes, in order, take the place of those of the file. */
static fx_code
check_nodes(fx_model *model, fx_heap *file, const OnnxFile__Graph *graph, const int *order, fx_error *err)
{
	fx_node    *kept = fx_heap_alloc_array(&model->heap, model->node_count, sizeof(fx_node));
	int			count = 0;

	if (kept == NULL)
		return fx_heap_fail(&model->heap, err);
	for (int i = 0; i < model->node_count; i++)
	{
		fx_node    *node = &model->nodes[order[i]];
		fx_code		code;

		if (node->dead)
			continue;
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted while a model was read");
		code = check_node(model, file, graph->node[order[i]], node, err);
		if (code != FX_OK)
			return code;
		if (node->dead)
			continue;			/* a constant, which is a value now */
		for (int k = 0; k < node->outputs; k++)
			if (node->out[k] >= 0)
				model->values[node->out[k]].producer = count;
		kept[count++] = *node;
	}
	fx_heap_release(&model->heap, model->nodes);
	model->nodes = kept;
	model->node_count = count;
	return FX_OK;
}

static fx_code
read_graph(fx_model *model, fx_heap *file, OnnxFile__Graph *graph, fx_error *err)
{
	fx_names	names;
	int		   *order;
	int			count;
	fx_code		code;

	if (graph->n_node > model->limits.max_nodes || graph->n_node > INT32_MAX / 2)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the model has %zu nodes, more than the limit of %zu",
					   graph->n_node, model->limits.max_nodes);
	if (graph->n_initializer > (graph->n_node + 1) * WEIGHTS_PER_NODE ||
		graph->n_input > (graph->n_node + 1) * WEIGHTS_PER_NODE ||
		graph->n_output > (graph->n_node + 1) * WEIGHTS_PER_NODE)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the model has more weights than its nodes can use");
	fx_names_init(&names, file);
	code = fx_read_weights(model, file, &names, graph, err);
	if (code == FX_OK)
		code = fx_read_inputs(model, &names, graph, err);
	if (code != FX_OK)
		return code;
	model->nodes = fx_heap_alloc_zero(&model->heap, (graph->n_node + 1) * sizeof(fx_node));
	order = fx_heap_alloc_array(file, graph->n_node + 1, sizeof(int));
	if (model->nodes == NULL || order == NULL)
		return fx_heap_fail(&model->heap, err);
	model->node_count = (int) graph->n_node;
	for (int i = 0; i < model->node_count && code == FX_OK; i++)
		code = fx_read_node_outputs(model, &names, graph->node[i], i, err);
	for (int i = 0; i < model->node_count && code == FX_OK; i++)
		code = fx_read_node_inputs(model, &names, graph->node[i], &model->nodes[i], err);
	if (code == FX_OK)
		code = fx_read_outputs(model, &names, graph, err);
	if (code == FX_OK)
		code = order_nodes(model, order, &count, file, err);
	if (code != FX_OK)
		return code;
	mark_dead(model, order);
	code = check_nodes(model, file, graph, order, err);
	if (code == FX_OK)
		code = check_outputs(model, err);
	if (code == FX_OK)
		code = fold_constants(model, err);
	if (code != FX_OK)
		return code;
	fx_count_uses(model);
	code = fx_fold_weights(model, err);
	fx_count_uses(model);
	fx_drop_unused_weights(model);
	return code;
}

fx_code
fx_model_load(const fx_env *env, const uint8_t *bytes, size_t length, const fx_model_limits *limits,
			  fx_model **result, fx_error *err)
{
	fx_model   *model;
	fx_heap		file;
	ProtobufCAllocator allocator;
	OnnxFile__Model *parsed;
	fx_code		code;

	*result = NULL;
	if (length > limits->max_bytes)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the model has %zu bytes, more than the limit of %zu",
					   length, limits->max_bytes);
	model = env->alloc(env->context, sizeof(fx_model));
	if (model == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "out of memory for a model");
	memset(model, 0, sizeof(*model));
	model->limits = *limits;
	model->budget.env = env;
	model->budget.limit = limits->max_memory;
	fx_heap_init(&model->heap, &model->budget);
	fx_heap_init(&model->plan_heap, &model->budget);
	fx_heap_init(&file, &model->budget);
	allocator.alloc = file.env.alloc;
	allocator.free = file.env.release;
	allocator.allocator_data = &file;
	parsed = onnx_file__model__unpack(&allocator, length, bytes);
	if (parsed == NULL && (model->budget.exceeded || model->budget.interrupted || model->budget.starved))
		code = fx_heap_fail(&file, err);
	else if (parsed == NULL || parsed->graph == NULL)
		code = fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "the bytes are not an ONNX model");
	else
	{
		code = fx_read_opset(model, parsed, err);
		if (code == FX_OK)
			code = read_graph(model, &file, parsed->graph, err);
	}
	fx_heap_clear(&file);
	if (code != FX_OK)
		fx_model_free(model);
	else
		*result = model;
	return code;
}

void
fx_model_free(fx_model *model)
{
	const fx_env *env;

	if (model == NULL)
		return;
	env = model->budget.env;
	fx_plan_free(model);
	fx_heap_clear(&model->heap);
	env->release(env->context, model);
}

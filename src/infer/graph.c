/*
 * graph.c - from the bytes of a file to a checked graph.
 *
 * Names become value numbers, nodes are ordered and checked, what no output
 * needs is dropped, what depends on constants alone is computed.
 */
#include <string.h>

#include "infer/names.h"
#include "infer/ops.h"

/* Weights outnumber nodes in every model, by a handful. */
#define WEIGHTS_PER_NODE 16

fx_code
fx_add_value(fx_model *model, const char *name, int *index, fx_error *err)
{
	fx_value   *value;

	if (model->value_count == model->value_room)
	{
		int			room = model->value_room * 2 + 64;
		fx_value   *grown = fx_heap_alloc_array(&model->heap, room, sizeof(fx_value));

		if (grown == NULL)
			return fx_heap_fail(&model->heap, err);
		if (model->value_count > 0)
			memcpy(grown, model->values, model->value_count * sizeof(fx_value));
		fx_heap_release(&model->heap, model->values);
		model->values = grown;
		model->value_room = room;
	}
	value = &model->values[model->value_count];
	memset(value, 0, sizeof(*value));
	value->name = name;
	value->producer = -1;
	*index = model->value_count++;
	return FX_OK;
}

/* The value of a name, made when it is new.  The name is copied. */
static fx_code
value_of(fx_model *model, fx_names *names, const char *name, int *index, bool *is_new, fx_error *err)
{
	size_t		length = name == NULL ? 0 : strlen(name);
	char	   *copy;
	fx_code		code;

	*is_new = false;
	if (length == 0)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "a value of the graph has no name");
	if (length > FX_MAX_NAME)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "a name has more than %d bytes", FX_MAX_NAME);
	*index = fx_names_find(names, model->values, name);
	if (*index >= 0)
		return FX_OK;
	copy = fx_heap_alloc(&model->heap, length + 1);
	if (copy == NULL)
		return fx_heap_fail(&model->heap, err);
	memcpy(copy, name, length + 1);
	code = fx_add_value(model, copy, index, err);
	*is_new = true;
	return code == FX_OK ? fx_names_add(names, model->values, *index, err) : code;
}

static fx_code
read_opset(fx_model *model, const OnnxFile__Model *file, fx_error *err)
{
	int64_t		version = 0;

	for (size_t i = 0; i < file->n_opset_import; i++)
	{
		const OnnxFile__OperatorSet *set = file->opset_import[i];

		if (set->domain == NULL || set->domain[0] == '\0' || strcmp(set->domain, "ai.onnx") == 0)
			version = set->version;
	}
	if (version < FX_LEAST_OPSET || version > FX_GREATEST_OPSET)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "the model is of opset %lld; %d to %d are read",
					   (long long) version, FX_LEAST_OPSET, FX_GREATEST_OPSET);
	model->opset = (int) version;
	return FX_OK;
}

static fx_code
read_weights(fx_model *model, fx_heap *file, fx_names *names, OnnxFile__Graph *graph, fx_error *err)
{
	for (size_t i = 0; i < graph->n_initializer; i++)
	{
		OnnxFile__Tensor *tensor = graph->initializer[i];
		char		shown[64];
		bool		is_new;
		int			index;
		fx_code		code;

		if (tensor->name == NULL || tensor->name[0] == '\0')
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "weight %zu has no name", i);
		code = value_of(model, names, tensor->name, &index, &is_new, err);
		if (code != FX_OK)
			return code;
		fx_printable(tensor->name, shown, sizeof(shown));
		if (!is_new)
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "weight \"%s\" is there twice", shown);
		code = fx_read_tensor(model, file, tensor, &model->values[index], err);
		if (code != FX_OK)
			return code;
	}
	return FX_OK;
}

/* Names that a caller sees are plain, so that they can be shown and matched anywhere. */
static fx_code
check_plain(const char *name, fx_error *err)
{
	if (name == NULL || name[0] == '\0')
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "an input or output of the graph has no name");
	for (; *name != '\0'; name++)
		if (*name < 0x20 || *name >= 0x7f)
			return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
						   "the name of an input or output of the graph is not plain ASCII");
	return FX_OK;
}

static fx_code
read_input(fx_model *model, const OnnxFile__ValueInfo *info, fx_value *value, fx_shape *shape, fx_error *err)
{
	const OnnxFile__TensorType *type = info->type != NULL ? info->type->tensor_type : NULL;

	if (type == NULL || type->shape == NULL)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "input \"%.64s\" declares no tensor shape", value->name);
	if (type->elem_type != FX_TYPE_FLOAT && type->elem_type != FX_TYPE_INT64)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "input \"%.64s\" is of type %d; float and int64 are read",
					   value->name, (int) type->elem_type);
	if (type->shape->n_dim > FX_MAX_RANK)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "input \"%.64s\" has more than %d dimensions",
					   value->name, FX_MAX_RANK);
	value->input = true;
	value->type = (fx_type) type->elem_type;
	shape->rank = (int) type->shape->n_dim;
	for (int i = 0; i < shape->rank; i++)
	{
		const OnnxFile__Dimension *dim = type->shape->dim[i];

		shape->dim[i] = dim->has_dim_value && dim->dim_value >= 0 ? dim->dim_value : -1;
		if (shape->dim[i] > FX_MAX_ELEMENTS)
			return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "input \"%.64s\" is too large", value->name);
	}
	return FX_OK;
}

/* Inputs that are weights as well (until IR 4 all weights are) are no inputs for a caller. */
static fx_code
read_inputs(fx_model *model, fx_names *names, const OnnxFile__Graph *graph, fx_error *err)
{
	model->inputs = fx_heap_alloc_array(&model->heap, graph->n_input, sizeof(int));
	model->input_shapes = fx_heap_alloc_array(&model->heap, graph->n_input, sizeof(fx_shape));
	model->planned_shapes = fx_heap_alloc_array(&model->heap, graph->n_input, sizeof(fx_shape));
	if (model->inputs == NULL || model->input_shapes == NULL || model->planned_shapes == NULL)
		return fx_heap_fail(&model->heap, err);
	for (size_t i = 0; i < graph->n_input; i++)
	{
		const OnnxFile__ValueInfo *info = graph->input[i];
		bool		is_new;
		int			index;
		fx_code		code;

		if (info->name != NULL && (index = fx_names_find(names, model->values, info->name)) >= 0 &&
			model->values[index].constant)
			continue;
		code = check_plain(info->name, err);
		if (code == FX_OK)
			code = value_of(model, names, info->name, &index, &is_new, err);
		if (code != FX_OK)
			return code;
		if (!is_new)
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "input \"%.64s\" is there twice", info->name);
		code = read_input(model, info, &model->values[index], &model->input_shapes[model->input_count], err);
		if (code != FX_OK)
			return code;
		model->inputs[model->input_count++] = index;
	}
	return FX_OK;
}

/* Operator and name (or, without one, the first output), for errors. */
static void
name_node(const OnnxFile__Node *source, fx_node *node)
{
	const char *own = source->name;
	char		op[32];
	char		shown[56];

	if ((own == NULL || own[0] == '\0') && source->n_output > 0)
		own = source->output[0];
	fx_printable(source->op_type, op, sizeof(op));
	fx_printable(own, shown, sizeof(shown));
	strcpy(node->name, op);
	strcat(node->name, " \"");
	strcat(node->name, shown);
	strcat(node->name, "\"");
}

/* Every name that a node makes must be new: one producer for each. */
static fx_code
read_node_outputs(fx_model *model, fx_names *names, const OnnxFile__Node *source, int number, fx_error *err)
{
	fx_node    *node = &model->nodes[number];

	name_node(source, node);
	if (source->n_input > FX_MAX_NODE_VALUES || source->n_output > FX_MAX_NODE_VALUES ||
		source->n_attribute > FX_MAX_ATTRIBUTES)
		return fx_node_fail(err, FX_LIMIT, node, "has too many operands, outputs or attributes");
	node->opset = model->opset;
	node->inputs = (int) source->n_input;
	node->outputs = (int) source->n_output;
	node->in = fx_heap_alloc_array(&model->heap, source->n_input, sizeof(int));
	node->out = fx_heap_alloc_array(&model->heap, source->n_output, sizeof(int));
	if (node->in == NULL || node->out == NULL)
		return fx_heap_fail(&model->heap, err);
	for (int i = 0; i < node->outputs; i++)
	{
		bool		is_new;
		fx_code		code;

		node->out[i] = -1;
		if (source->output[i][0] == '\0')
			continue;
		code = value_of(model, names, source->output[i], &node->out[i], &is_new, err);
		if (code != FX_OK)
			return code;
		if (!is_new)
			return fx_node_fail(err, FX_MALFORMED, node, "makes a value that has another producer");
		model->values[node->out[i]].producer = number;
	}
	return FX_OK;
}

static fx_code
read_node_inputs(fx_model *model, fx_names *names, const OnnxFile__Node *source, fx_node *node, fx_error *err)
{
	for (int i = 0; i < node->inputs; i++)
	{
		char		shown[56];

		node->in[i] = -1;
		if (source->input[i][0] == '\0')
			continue;
		node->in[i] = fx_names_find(names, model->values, source->input[i]);
		if (node->in[i] >= 0)
			continue;
		fx_printable(source->input[i], shown, sizeof(shown));
		return fx_node_fail(err, FX_MALFORMED, node, "reads \"%s\", which nothing makes", shown);
	}
	while (node->inputs > 0 && node->in[node->inputs - 1] < 0)
		node->inputs--;
	return FX_OK;
}

static fx_code
read_outputs(fx_model *model, fx_names *names, const OnnxFile__Graph *graph, fx_error *err)
{
	if (graph->n_output == 0)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "the graph has no output");
	model->outputs = fx_heap_alloc_array(&model->heap, graph->n_output, sizeof(int));
	if (model->outputs == NULL)
		return fx_heap_fail(&model->heap, err);
	for (size_t i = 0; i < graph->n_output; i++)
	{
		const char *name = graph->output[i]->name;
		fx_code		code = check_plain(name, err);
		int			index;

		if (code != FX_OK)
			return code;
		index = fx_names_find(names, model->values, name);
		if (index < 0)
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "output \"%.64s\" of the graph has no producer", name);
		if (model->values[index].output)
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "output \"%.64s\" of the graph is there twice", name);
		model->values[index].output = true;
		model->outputs[model->output_count++] = index;
	}
	return FX_OK;
}

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
	if (node->op->most_outputs == 1 && node->out[0] < 0)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks its output");
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

		if (in != NULL && in->constant && in->type != FX_TYPE_FLOAT && in->type != FX_TYPE_INT64)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "reads a weight of type %d; float and int64 are read",
								(int) in->type);
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
						   "output \"%.64s\" of the graph is a constant of type %d; float and int64 are read",
						   value->name, (int) value->type);
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
	code = read_weights(model, file, &names, graph, err);
	if (code == FX_OK)
		code = read_inputs(model, &names, graph, err);
	if (code != FX_OK)
		return code;
	model->nodes = fx_heap_alloc_zero(&model->heap, (graph->n_node + 1) * sizeof(fx_node));
	order = fx_heap_alloc_array(file, graph->n_node + 1, sizeof(int));
	if (model->nodes == NULL || order == NULL)
		return fx_heap_fail(&model->heap, err);
	model->node_count = (int) graph->n_node;
	for (int i = 0; i < model->node_count && code == FX_OK; i++)
		code = read_node_outputs(model, &names, graph->node[i], i, err);
	for (int i = 0; i < model->node_count && code == FX_OK; i++)
		code = read_node_inputs(model, &names, graph->node[i], &model->nodes[i], err);
	if (code == FX_OK)
		code = read_outputs(model, &names, graph, err);
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
		code = read_opset(model, parsed, err);
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

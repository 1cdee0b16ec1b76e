/*
 * graph_read.c - names, weights, inputs, nodes and outputs of a file, into
 * numbered values and nodes.
 */
#include <string.h>

#include "infer/names.h"
#include "infer/ops.h"

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

fx_code
fx_read_opset(fx_model *model, const OnnxFile__Model *file, fx_error *err)
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

fx_code
fx_read_weights(fx_model *model, fx_heap *file, fx_names *names, OnnxFile__Graph *graph, fx_error *err)
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
	if (!fx_held_as(type->elem_type, &value->type))
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION, "input \"%.64s\" is of type %d, which is not built",
					   value->name, (int) type->elem_type);
	if (type->shape->n_dim > FX_MAX_RANK)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "input \"%.64s\" has more than %d dimensions",
					   value->name, FX_MAX_RANK);
	value->input = true;
	value->declared = type->elem_type;
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
fx_code
fx_read_inputs(fx_model *model, fx_names *names, const OnnxFile__Graph *graph, fx_error *err)
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
fx_code
fx_read_node_outputs(fx_model *model, fx_names *names, const OnnxFile__Node *source, int number, fx_error *err)
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

fx_code
fx_read_node_inputs(fx_model *model, fx_names *names, const OnnxFile__Node *source, fx_node *node, fx_error *err)
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

fx_code
fx_read_outputs(fx_model *model, fx_names *names, const OnnxFile__Graph *graph, fx_error *err)
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

/*
 * run.c - running a plan, and what a caller may ask of a model.
 */
#include <string.h>

#include "infer/ops.h"

fx_code
fx_model_run(fx_model *model, fx_error *err)
{
	if (!model->planned)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the model has no plan");
	model->budget.starved = model->budget.exceeded = model->budget.interrupted = false;
	for (int s = 0; s < model->step_count; s++)
	{
		fx_node    *node = &model->nodes[model->steps[s]];
		fx_code		code;

		if (node->alias)
			continue;
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted before node %s", node->name);
		code = node->op->run(model, node, err);
		if (code != FX_OK)
			return code;
	}
	return FX_OK;
}

size_t
fx_model_memory(const fx_model *model)
{
	return sizeof(fx_model) + model->budget.held;
}

uint64_t
fx_model_operations(const fx_model *model)
{
	return model->operations;
}

int
fx_model_input_count(const fx_model *model)
{
	return model->input_count;
}

int
fx_model_output_count(const fx_model *model)
{
	return model->output_count;
}

static const fx_value *
value_at(const fx_model *model, const int *list, int count, int index)
{
	return index >= 0 && index < count ? &model->values[list[index]] : NULL;
}

const char *
fx_model_input_name(const fx_model *model, int index)
{
	const fx_value *value = value_at(model, model->inputs, model->input_count, index);

	return value != NULL ? value->name : NULL;
}

const char *
fx_model_output_name(const fx_model *model, int index)
{
	const fx_value *value = value_at(model, model->outputs, model->output_count, index);

	return value != NULL ? value->name : NULL;
}

int
fx_model_output_index(const fx_model *model, const char *name)
{
	for (int i = 0; i < model->output_count; i++)
		if (strcmp(fx_model_output_name(model, i), name) == 0)
			return i;
	return -1;
}

const fx_shape *
fx_model_input_shape(const fx_model *model, int index)
{
	return index >= 0 && index < model->input_count ? &model->input_shapes[index] : NULL;
}

fx_type
fx_model_input_type(const fx_model *model, int index)
{
	const fx_value *value = value_at(model, model->inputs, model->input_count, index);

	return value != NULL ? value->type : FX_TYPE_FLOAT;
}

void *
fx_model_input(fx_model *model, int index)
{
	const fx_value *value = value_at(model, model->inputs, model->input_count, index);

	return value != NULL && model->planned ? value->data : NULL;
}

const void *
fx_model_output(const fx_model *model, int index, fx_shape *shape, fx_type *type)
{
	const fx_value *value = value_at(model, model->outputs, model->output_count, index);

	if (value == NULL || !model->planned)
		return NULL;
	if (shape != NULL)
		*shape = value->shape;
	if (type != NULL)
		*type = value->type;
	return value->data;
}

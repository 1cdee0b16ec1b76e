/*
 * ops_constant.c - constants of the file, and changes of type.
 */
#include <string.h>

#include "infer/ops.h"

/* The value takes the node's place: nothing is left to run. */
static fx_code
check_constant(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_value   *out = fx_out(loader->model, node, 0);
	OnnxFile__Tensor *tensor = fx_attr_tensor(loader, "value");
	OnnxFile__Tensor made = ONNX_FILE__TENSOR__INIT;
	float		number;
	int64_t		integer;
	int64_t		count;

	if (loader->code != FX_OK)
		return loader->code;
	if (tensor == NULL)
	{
		tensor = &made;
		made.has_data_type = true;
		made.data_type = FX_TYPE_FLOAT;
		if (fx_attr_present(loader, "value_float"))
		{
			number = fx_attr_float(loader, "value_float", 0);
			made.n_float_data = 1;
			made.float_data = &number;
		}
		else if (fx_attr_present(loader, "value_int"))
		{
			integer = fx_attr_int(loader, "value_int", 0);
			made.data_type = FX_TYPE_INT64;
			made.n_int64_data = 1;
			made.int64_data = &integer;
		}
		else
		{
			/* a list is used where the parser put it */
			for (size_t i = 0; i < loader->source->n_attribute; i++)
			{
				OnnxFile__Attribute *a = loader->source->attribute[i];

				if (a->name == NULL)
					continue;
				if (strcmp(a->name, "value_floats") == 0)
				{
					fx_attr_ignore(loader, a->name);
					made.n_float_data = a->n_floats;
					made.float_data = a->floats;
					made.n_dims = 1;
				}
				else if (strcmp(a->name, "value_ints") == 0)
				{
					fx_attr_ignore(loader, a->name);
					made.data_type = FX_TYPE_INT64;
					made.n_int64_data = a->n_ints;
					made.int64_data = a->ints;
					made.n_dims = 1;
				}
			}
			if (made.n_dims == 0)
				return fx_loader_fail(loader, FX_UNSUPPORTED, "has no value of a kind that is built");
			count = (int64_t) (made.n_float_data + made.n_int64_data);
			made.dims = &count;
		}
	}
	loader->code = fx_read_tensor(loader->model, loader->file, tensor, out, loader->err);
	out->producer = -1;
	node->dead = true;
	return loader->code;
}

static fx_code
shape_never(fx_model *model, fx_node *node, fx_error *err)
{
	return fx_node_fail(err, FX_UNSUPPORTED, node, "cannot be computed");
}

static fx_code
check_constant_of_shape(fx_loader *loader, fx_node *node, fx_error *err)
{
	fx_value   *value = fx_params(loader, sizeof(fx_value));
	OnnxFile__Tensor *tensor = fx_attr_tensor(loader, "value");

	if (value == NULL || loader->code != FX_OK)
		return loader->code;
	value->type = FX_TYPE_FLOAT;
	if (tensor == NULL)
		return FX_OK;
	loader->code = fx_read_tensor(loader->model, loader->file, tensor, value, loader->err);
	if (loader->code == FX_OK && (value->count != 1 || value->data == NULL))
		fx_loader_fail(loader, FX_UNSUPPORTED, "has a value that is not one number");
	return loader->code;
}

static fx_code
shape_constant_of_shape(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *value = node->params;
	fx_shape	shape;
	fx_code		code = fx_known_ints(model, node, 0, shape.dim, FX_MAX_RANK, &shape.rank, err);

	return code != FX_OK ? code : fx_set_output(model, node, 0, value->type, &shape, err);
}

static fx_code
run_constant_of_shape(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *value = node->params;
	fx_value   *out = fx_out(model, node, 0);
	size_t		size = fx_type_size(out->type);

	for (size_t i = 0; i < out->count; i++)
	{
		if (value->data != NULL)
			memcpy((char *) out->data + i * size, value->data, size);
		else
			memset((char *) out->data + i * size, 0, size);
	}
	return FX_OK;
}

/* ---- types */

static fx_code
check_cast(fx_loader *loader, fx_node *node, fx_error *err)
{
	int64_t    *to = fx_params(loader, sizeof(int64_t));
	fx_type		held;

	if (to == NULL)
		return loader->code;
	*to = fx_attr_int(loader, "to", 0);
	if (*to < 0 || *to > INT32_MAX || !fx_held_as((int) *to, &held))
		fx_loader_fail(loader, FX_UNSUPPORTED, "casts to type %lld, which is not built", (long long) *to);
	return loader->code;
}

static fx_code
shape_cast(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *in = fx_in(model, node, 0);
	int			to = (int) *(const int64_t *) node->params;
	fx_shape	shape = in->shape;
	fx_type		held = FX_TYPE_FLOAT;
	fx_code		code;

	fx_held_as(to, &held);
	/* nothing changes where every number of the one type is one of the other */
	node->alias = in->type == held && (to == FX_ELEMENT_FLOAT || to == FX_ELEMENT_DOUBLE || to == FX_ELEMENT_INT64);
	node->work = in->count;
	code = fx_set_output(model, node, 0, held, &shape, err);
	fx_out(model, node, 0)->declared = to;
	return code;
}

static fx_code
run_cast(fx_model *model, fx_node *node, fx_error *err)
{
	fx_cut_to((int) *(const int64_t *) node->params, fx_in(model, node, 0), fx_out(model, node, 0));
	return FX_OK;
}

const fx_operator fx_ops_constant[] = {
	{"Constant", 0, 0, 1, false, check_constant, shape_never, NULL, NULL, NULL},
	{"ConstantOfShape", 1, 1, 1, false, check_constant_of_shape, shape_constant_of_shape, NULL, NULL,
	run_constant_of_shape},
	{"Cast", 1, 1, 1, false, check_cast, shape_cast, NULL, NULL, run_cast},
	{0}
};

/*
 * onnx_build.h - graphs in the parser's own structures, packed into bytes and
 * loaded: for tests of one operator or of a hostile file.
 */
#ifndef FX_TEST_ONNX_BUILD_H
#define FX_TEST_ONNX_BUILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"
#include "infer/onnx.pb-c.h"

#define MAX_NODES 600

/* ---- an environment that counts what is held and can say stop */

typedef struct meter
{
	long		blocks;
	long		calls;			/* of interrupted() */
	long		stop_at;		/* 0: never */
	long		fail_at;		/* this many allocations succeed; 0: all */
	long		requests;
} meter;

static void *
meter_alloc(void *context, size_t size)
{
	meter	   *m = context;
	void	   *p;

	if (m->fail_at > 0 && ++m->requests > m->fail_at)
		return NULL;
	if (posix_memalign(&p, 64, size) != 0)
		return NULL;
	m->blocks++;
	return p;
}

static void
meter_release(void *context, void *pointer)
{
	if (pointer != NULL)
		((meter *) context)->blocks--;
	free(pointer);
}

static bool
meter_interrupted(void *context)
{
	meter	   *m = context;

	return ++m->calls == m->stop_at;
}

static meter the_meter;
static const fx_env metered = {meter_alloc, meter_release, meter_interrupted, &the_meter};

/* ---- a graph in the parser's own structures; everything lives until reset() */

static OnnxFile__Node nodes[MAX_NODES];
static OnnxFile__Node *node_list[MAX_NODES];
static char *texts[MAX_NODES][12];
static char buffer[MAX_NODES][12][24];
static OnnxFile__Attribute attributes[16];
static OnnxFile__Attribute *attribute_list[16];
static OnnxFile__Tensor weights[16];
static OnnxFile__Tensor *weight_list[16];
static OnnxFile__ValueInfo input_info;
static OnnxFile__ValueInfo *input_list[1];
static OnnxFile__ValueInfo output_info;
static OnnxFile__ValueInfo *output_list[1];
static OnnxFile__Type input_type;
static OnnxFile__TensorType input_tensor;
static OnnxFile__Shape input_shape;
static OnnxFile__Dimension input_dims[8];
static OnnxFile__Dimension *input_dim_list[8];
static OnnxFile__Graph graph;
static OnnxFile__OperatorSet opset;
static OnnxFile__OperatorSet *opset_list[1];
static OnnxFile__Model file;
static const fx_model_limits usual = {1 << 20, 16 << 20, 1000, 1 << 24};

/* A graph from input "x" [-1, 2, 4, 4] to output "y" without nodes. */
static void
reset(void)
{
	onnx_file__graph__init(&graph);
	onnx_file__model__init(&file);
	onnx_file__operator_set__init(&opset);
	onnx_file__value_info__init(&input_info);
	onnx_file__value_info__init(&output_info);
	onnx_file__type__init(&input_type);
	onnx_file__tensor_type__init(&input_tensor);
	onnx_file__shape__init(&input_shape);
	opset.has_version = true;
	opset.version = 11;
	opset_list[0] = &opset;
	file.opset_import = opset_list;
	file.n_opset_import = 1;
	file.graph = &graph;
	for (int i = 0; i < 4; i++)
	{
		onnx_file__dimension__init(&input_dims[i]);
		input_dims[i].has_dim_value = i > 0;
		input_dims[i].dim_value = i == 1 ? 2 : 4;
		input_dim_list[i] = &input_dims[i];
	}
	input_shape.dim = input_dim_list;
	input_shape.n_dim = 4;
	input_tensor.shape = &input_shape;
	input_tensor.has_elem_type = true;
	input_tensor.elem_type = FX_TYPE_FLOAT;
	input_type.tensor_type = &input_tensor;
	input_info.type = &input_type;
	input_info.name = "x";
	output_info.name = "y";
	input_list[0] = &input_info;
	output_list[0] = &output_info;
	graph.input = input_list;
	graph.n_input = 1;
	graph.output = output_list;
	graph.n_output = 1;
	graph.node = node_list;
	graph.initializer = weight_list;
}

/* Another input "x": its declared type and shape. */
__attribute__((unused))
static void
set_input(int32_t type, const int64_t *dims, size_t rank)
{
	input_tensor.elem_type = type;
	input_shape.n_dim = rank;
	for (size_t i = 0; i < rank; i++)
	{
		onnx_file__dimension__init(&input_dims[i]);
		input_dims[i].has_dim_value = true;
		input_dims[i].dim_value = dims[i];
		input_dim_list[i] = &input_dims[i];
	}
}

/* names: inputs, then one output */
static OnnxFile__Node *
add_node(const char *op, int inputs, const char *const *names)
{
	size_t		n = graph.n_node++;

	onnx_file__node__init(&nodes[n]);
	for (int i = 0; i <= inputs; i++)
	{
		snprintf(buffer[n][i], sizeof(buffer[n][i]), "%s", names[i]);
		texts[n][i] = buffer[n][i];
	}
	snprintf(buffer[n][11], sizeof(buffer[n][11]), "%s", op);
	nodes[n].op_type = buffer[n][11];
	nodes[n].input = texts[n];
	nodes[n].n_input = (size_t) inputs;
	nodes[n].output = texts[n] + inputs;
	nodes[n].n_output = 1;
	node_list[n] = &nodes[n];
	return &nodes[n];
}

#define NODE1(op, a, out) add_node(op, 1, (const char *const[]) {a, out})
#define NODE2(op, a, b, out) add_node(op, 2, (const char *const[]) {a, b, out})
#define NODE3(op, a, b, c, out) add_node(op, 3, (const char *const[]) {a, b, c, out})

__attribute__((unused))
static OnnxFile__Tensor *
add_weight(const char *name, int32_t type, int64_t *dims, size_t rank, void *data, size_t bytes)
{
	OnnxFile__Tensor *w = &weights[graph.n_initializer];

	onnx_file__tensor__init(w);
	w->name = (char *) name;
	w->has_data_type = true;
	w->data_type = type;
	w->dims = dims;
	w->n_dims = rank;
	w->has_raw_data = true;
	w->raw_data.data = data;
	w->raw_data.len = bytes;
	weight_list[graph.n_initializer++] = w;
	return w;
}

/* The attribute in a slot; all slots up to the last one set are the node's. */
static OnnxFile__Attribute *
set_attribute(OnnxFile__Node *node, int slot, const char *name, int32_t type)
{
	OnnxFile__Attribute *a = &attributes[slot];

	onnx_file__attribute__init(a);
	a->name = (char *) name;
	a->has_type = true;
	a->type = type;
	attribute_list[slot] = a;
	node->attribute = attribute_list;
	node->n_attribute = (size_t) slot + 1;
	return a;
}

__attribute__((unused))
static void
set_ints(OnnxFile__Node *node, int slot, const char *name, int64_t *ints, size_t n)
{
	OnnxFile__Attribute *a = set_attribute(node, slot, name, 7);

	a->ints = ints;
	a->n_ints = n;
}

__attribute__((unused))
static void
set_int(OnnxFile__Node *node, int slot, const char *name, int64_t number)
{
	OnnxFile__Attribute *a = set_attribute(node, slot, name, 2);

	a->has_i = true;
	a->i = number;
}

__attribute__((unused))
static void
set_word(OnnxFile__Node *node, int slot, const char *name, const char *word)
{
	OnnxFile__Attribute *a = set_attribute(node, slot, name, 3);

	a->has_s = true;
	a->s.data = (uint8_t *) word;
	a->s.len = strlen(word);
}

static fx_code
load(const fx_model_limits *limits, fx_model **model, fx_error *err)
{
	size_t		length = onnx_file__model__get_packed_size(&file);
	uint8_t    *bytes = malloc(length);
	fx_code		code;

	onnx_file__model__pack(&file, bytes);
	memset(err, 0, sizeof(*err));
	code = fx_model_load(&metered, bytes, length, limits, model, err);
	free(bytes);
	return code;
}

/* Loads, plans for a batch, and says how far it came. */
__attribute__((unused))
static fx_code
load_plan(const fx_model_limits *limits, int64_t batch, fx_model **model, fx_error *err)
{
	fx_code		code = load(limits, model, err);
	fx_shape	shape;

	if (code != FX_OK)
		return code;
	shape = *fx_model_input_shape(*model, 0);
	for (int i = 0; i < shape.rank; i++)
		if (shape.dim[i] < 0)
			shape.dim[i] = batch;
	return fx_model_plan(*model, &shape, err);
}

#endif							/* FX_TEST_ONNX_BUILD_H */

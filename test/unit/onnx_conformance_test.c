/*
 * onnx_conformance_test.c - the ONNX project's own node tests.
 *
 * Each folder of $FACESNXT_DATA/onnx has a one-node model, inputs and the
 * right outputs.  A node whose operands must be known at plan time is run a
 * second way, with all inputs but the first as weights.  What is refused must
 * be on the list below, and what is on the list must be refused: an operator
 * neither comes nor goes unnoticed.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"
#include "infer/onnx.pb-c.h"
#include "tap.h"

#define MAX_TENSORS 16

/* Refused as unsupported; a star at the end stands for any ending. */
static const char *const refused[] = {
	/* operators and modes that no face model uses */
	"test_convtranspose*", "test_qlinearconv", "test_quantizelinear*", "test_dequantizelinear*",
	"test_gather_elements_*", "test_where_*", "test_equal*", "test_edge_pad", "test_reflect_pad",
	"test_averagepool_3d_default", "test_maxpool_3d_default",
	"test_resize_downsample_scales_cubic*", "test_resize_upsample_scales_cubic*",
	"test_resize_downsample_sizes_cubic", "test_resize_upsample_sizes_cubic", "test_resize_tf_crop_and_resize",
	/* later opsets read its fractional size another way */
	"test_resize_downsample_scales_linear_align_corners",
	/* second outputs: indices, masks */
	"test_maxpool_with_argmax_*", "test_dropout_default_mask*",
	/* types other than float and int64 */
	"test_cast_*", "test_clip_default_int8_*", "test_maxpool_2d_uint8", "test_pow_types_*",
	"test_max_float16", "test_max_float64", "test_max_int8", "test_max_int16", "test_max_int32", "test_max_uint*",
	"test_min_float16", "test_min_float64", "test_min_int8", "test_min_int16", "test_min_int32", "test_min_uint*",
	NULL
};

static bool
is_refused(const char *name)
{
	for (int i = 0; refused[i] != NULL; i++)
	{
		size_t		length = strlen(refused[i]);

		if (refused[i][length - 1] == '*' ? strncmp(name, refused[i], length - 1) == 0 : strcmp(name, refused[i]) == 0)
			return true;
	}
	return false;
}

static uint8_t *
slurp(const char *path, size_t *length)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *bytes = NULL;

	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0)
	{
		*length = (size_t) ftell(file);
		rewind(file);
		bytes = malloc(*length + 1);
		if (bytes != NULL && fread(bytes, 1, *length, file) != *length)
		{
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(file);
	return bytes;
}

static OnnxFile__Tensor *
read_tensor(const char *folder, const char *kind, int index)
{
	char		path[1100];
	size_t		length;
	uint8_t    *bytes;
	OnnxFile__Tensor *tensor;

	snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%d.pb", folder, kind, index);
	bytes = slurp(path, &length);
	if (bytes == NULL)
		return NULL;
	tensor = onnx_file__tensor__unpack(NULL, length, bytes);
	free(bytes);
	return tensor;
}

/* The tensor's numbers as bytes of its type; NULL when they are of no type that the runner has. */
static const void *
numbers(const OnnxFile__Tensor *tensor, size_t *bytes)
{
	size_t		size = tensor->data_type == FX_TYPE_FLOAT ? sizeof(float) : sizeof(int64_t);

	*bytes = size;
	for (size_t i = 0; i < tensor->n_dims; i++)
		*bytes *= (size_t) tensor->dims[i];
	if (tensor->data_type != FX_TYPE_FLOAT && tensor->data_type != FX_TYPE_INT64)
		return NULL;
	if (*bytes == 0)
		return "";
	if (tensor->has_raw_data)
		return tensor->raw_data.len == *bytes ? tensor->raw_data.data : NULL;
	return tensor->data_type == FX_TYPE_FLOAT ? (const void *) tensor->float_data : tensor->int64_data;
}

static bool
same_numbers(const OnnxFile__Tensor *expected, const void *data, const fx_shape *shape, fx_type type)
{
	size_t		bytes;
	const void *right = numbers(expected, &bytes);

	if (right == NULL || expected->data_type != (int) type || expected->n_dims != (size_t) shape->rank)
		return false;
	for (int i = 0; i < shape->rank; i++)
		if (shape->dim[i] != expected->dims[i])
			return false;
	if (type == FX_TYPE_INT64)
		return memcmp(data, right, bytes) == 0;
	for (size_t i = 0; i < bytes / sizeof(float); i++)
	{
		float		want = ((const float *) right)[i];
		float		have = ((const float *) data)[i];

		if (want == have || (isnan(want) && isnan(have)))
			continue;
		if (!(fabsf(want - have) <= 1e-5f + 1e-3f * fabsf(want)))
		{
			diag("element %zu is %g, not %g", i, (double) have, (double) want);
			return false;
		}
	}
	return true;
}

/* Loads, plans, runs and compares; *wrong is set when the numbers differ. */
static fx_code
run_model(const uint8_t *bytes, size_t length, OnnxFile__Tensor **inputs, const char *folder, bool *wrong,
		  fx_error *err)
{
	fx_model_limits limits = {1 << 20, 64 << 20, 100, 1 << 28};
	fx_shape	shapes[MAX_TENSORS];
	fx_model   *model;
	fx_code		code = fx_model_load(fx_env_malloc(), bytes, length, &limits, &model, err);

	if (code != FX_OK)
		return code;
	for (int i = 0; i < fx_model_input_count(model) && i < MAX_TENSORS; i++)
	{
		shapes[i].rank = (int) inputs[i]->n_dims;
		for (int d = 0; d < shapes[i].rank; d++)
			shapes[i].dim[d] = inputs[i]->dims[d];
	}
	code = fx_model_plan(model, shapes, err);
	for (int i = 0; i < fx_model_input_count(model) && code == FX_OK; i++)
	{
		size_t		size;
		const void *data = numbers(inputs[i], &size);

		if (size > 0)
			memcpy(fx_model_input(model, i), data, size);
	}
	if (code == FX_OK)
		code = fx_model_run(model, err);
	for (int i = 0; i < fx_model_output_count(model) && code == FX_OK; i++)
	{
		OnnxFile__Tensor *expected = read_tensor(folder, "output", i);
		fx_shape	shape;
		fx_type		type;
		const void *data = fx_model_output(model, i, &shape, &type);

		if (expected == NULL || !same_numbers(expected, data, &shape, type))
			*wrong = true;
		if (expected != NULL)
			onnx_file__tensor__free_unpacked(expected, NULL);
	}
	fx_model_free(model);
	return code;
}

/* The same model with all inputs but the first as weights. */
static uint8_t *
with_weights(const uint8_t *bytes, size_t length, OnnxFile__Tensor **inputs, size_t *out)
{
	OnnxFile__Model *model = onnx_file__model__unpack(NULL, length, bytes);
	OnnxFile__Graph *graph = model->graph;
	OnnxFile__Tensor *weights[MAX_TENSORS];
	OnnxFile__Tensor **old = graph->initializer;
	size_t		old_count = graph->n_initializer;
	size_t		old_inputs = graph->n_input;
	char	   *names[MAX_TENSORS];
	uint8_t    *packed;

	if (graph->n_input < 2 || graph->n_input > MAX_TENSORS || old_count != 0)
	{
		onnx_file__model__free_unpacked(model, NULL);
		return NULL;
	}
	for (size_t i = 1; i < graph->n_input; i++)
	{
		weights[i - 1] = inputs[i];
		names[i - 1] = inputs[i]->name;
		inputs[i]->name = graph->input[i]->name;
	}
	graph->initializer = weights;
	graph->n_initializer = old_inputs - 1;
	graph->n_input = 1;
	*out = onnx_file__model__get_packed_size(model);
	packed = malloc(*out);
	onnx_file__model__pack(model, packed);
	for (size_t i = 1; i < old_inputs; i++)
		inputs[i]->name = names[i - 1];
	graph->initializer = old;
	graph->n_initializer = old_count;
	graph->n_input = old_inputs;
	onnx_file__model__free_unpacked(model, NULL);
	return packed;
}

typedef struct tally
{
	int			passed;
	int			refused;
} tally;

static void
run_folder(const char *release, const char *folder, const char *name, tally *t)
{
	OnnxFile__Tensor *inputs[MAX_TENSORS];
	int			count = 0;
	char		path[1100];
	size_t		length;
	size_t		other_length;
	uint8_t    *bytes;
	uint8_t    *other;
	fx_error	err = {0};
	bool		wrong = false;
	bool		right;
	fx_code		code;

	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	bytes = slurp(path, &length);
	if (bytes == NULL)
		return;
	while (count < MAX_TENSORS && (inputs[count] = read_tensor(folder, "input", count)) != NULL)
		count++;
	code = run_model(bytes, length, inputs, folder, &wrong, &err);
	right = code == FX_OK && !wrong;
	other = with_weights(bytes, length, inputs, &other_length);
	if (other != NULL && (code == FX_OK || code == FX_UNSUPPORTED))
	{
		fx_error	other_err = {0};
		fx_code		other_code = run_model(other, other_length, inputs, folder, &wrong, &other_err);

		if (other_code != FX_UNSUPPORTED || code == FX_OK)
		{
			code = other_code;
			err = other_err;
			right = code == FX_OK && !wrong;
		}
	}
	if (is_refused(name))
	{
		ok(code == FX_UNSUPPORTED, "%s %s is refused", release, name);
		t->refused++;
	}
	else
	{
		if (!ok(right, "%s %s", release, name))
			diag("%s: code %d: %s", name, (int) code, code == FX_OK ? "numbers differ" : err.detail);
		t->passed += right;
	}
	free(other);
	free(bytes);
	for (int i = 0; i < count; i++)
		onnx_file__tensor__free_unpacked(inputs[i], NULL);
}

static int
only_tests(const struct dirent *entry)
{
	return strncmp(entry->d_name, "test_", 5) == 0;
}

int
main(void)
{
	static const char *const releases[] = {"backend-node-v1.3.0", "backend-node-v1.8.1"};
	const char *data = getenv("FACESNXT_DATA");
	tally		t = {0, 0};

	if (data == NULL)
		data = "../shared/data";
	for (int r = 0; r < 2; r++)
	{
		char		folder[512];
		struct dirent **entries;
		int			count;

		snprintf(folder, sizeof(folder), "%s/onnx/%s", data, releases[r]);
		count = scandir(folder, &entries, only_tests, alphasort);
		if (count < 0)
		{
			skip(1, "no node tests: set FACESNXT_DATA to the folder of test data");
			continue;
		}
		for (int i = 0; i < count; i++)
		{
			char		path[1024];

			snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
			run_folder(releases[r], path, entries[i]->d_name, &t);
			free(entries[i]);
		}
		free(entries);
	}
	diag("%d node tests passed, %d refused as expected", t.passed, t.refused);
	return done_testing();
}

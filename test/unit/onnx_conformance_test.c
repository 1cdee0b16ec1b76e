/*
 * onnx_conformance_test.c - the ONNX project's own node tests.
 *
 * Each folder of $FACESNXT_DATA/onnx has a one-node model, inputs and the
 * right outputs.  A node whose operands must be known at plan time is run a
 * second way, with all inputs but the first as weights.  What is refused must
 * be on the list below with its reason, and what is on the list must be
 * refused: an operator neither comes nor goes unnoticed.  The table at the end
 * is what `make conformance` prints.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"
#include "infer/onnx.pb-c.h"
#include "tap.h"

#define MAX_TENSORS 16

/* What does not apply, and why; a star at the end stands for any ending. */
static const struct
{
	const char *name;
	const char *why;
}			refused[] = {
	{"test_averagepool_3d_default", "three spatial dimensions: a picture has two"},
	{"test_maxpool_3d_default", "three spatial dimensions: a picture has two"},
	{"test_convtranspose_3d", "three spatial dimensions: a picture has two"},
	{"test_resize_downsample_scales_cubic*", "cubic: no face model resizes so"},
	{"test_resize_upsample_scales_cubic*", "cubic: no face model resizes so"},
	{"test_resize_downsample_sizes_cubic", "cubic: no face model resizes so"},
	{"test_resize_upsample_sizes_cubic", "cubic: no face model resizes so"},
	{"test_resize_tf_crop_and_resize", "crops while it resizes: no face model does"},
	{"test_cast_FLOAT_to_STRING", "a tensor of strings"},
	{"test_cast_STRING_to_FLOAT", "a tensor of strings"},
	{NULL, NULL}
};

/* NULL: it applies */
static const char *
why_refused(const char *name)
{
	for (int i = 0; refused[i].name != NULL; i++)
	{
		const char *pattern = refused[i].name;
		size_t		length = strlen(pattern);

		if (pattern[length - 1] == '*' ? strncmp(name, pattern, length - 1) == 0 : strcmp(name, pattern) == 0)
			return refused[i].why;
	}
	return NULL;
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

/* Files keep bfloat16 as the 16-bit integers of its bits; the graph says what they are. */
static void
declare(OnnxFile__Tensor *tensor, OnnxFile__ValueInfo **infos, size_t count, size_t i)
{
	if (tensor != NULL && i < count && infos[i]->type != NULL && infos[i]->type->tensor_type != NULL &&
		infos[i]->type->tensor_type->elem_type == 16 && tensor->data_type == 4)
		tensor->data_type = 16;
}

static float
half(uint16_t bits)
{
	double		fraction = bits & 0x3ff;
	int			exponent = bits >> 10 & 0x1f;
	double		value = exponent == 0 ? ldexp(fraction, -24) : exponent < 31 ? ldexp(fraction + 1024, exponent - 25)
		: fraction == 0 ? (double) INFINITY : (double) NAN;

	return (float) (bits & 0x8000 ? -value : value);
}

/* Element i of a tensor as the number it is, by the table of TensorProto.DataType. */
static bool
element(const OnnxFile__Tensor *t, size_t i, double *real, int64_t *whole, bool *is_whole)
{
	const uint8_t *raw = t->has_raw_data ? t->raw_data.data : NULL;
	float		f;
	double		d;
	uint16_t	h;
	int32_t		w;
	uint32_t	u;

	*is_whole = true;
#define RAW(to) memcpy(&(to), raw + i * sizeof(to), sizeof(to))
	switch (t->data_type)
	{
		case 1:
			if (raw != NULL)
				RAW(f);
			else
				f = t->float_data[i];
			*real = (double) f;
			*is_whole = false;
			return true;
		case 2:
		case 3:
			h = raw != NULL ? raw[i] : (uint16_t) t->int32_data[i];
			*real = t->data_type == 3 ? (int8_t) h : (uint8_t) h;
			*is_whole = false;
			return true;
		case 4:
		case 5:
			if (raw != NULL)
				RAW(h);
			else
				h = (uint16_t) t->int32_data[i];
			*whole = t->data_type == 5 ? (int16_t) h : h;
			return true;
		case 6:
			if (raw != NULL)
				RAW(w);
			else
				w = t->int32_data[i];
			*whole = w;
			return true;
		case 7:
		case 13:
			if (raw != NULL)
				RAW(*whole);
			else
				*whole = t->data_type == 7 ? t->int64_data[i] : (int64_t) t->uint64_data[i];
			return true;
		case 9:
			*whole = raw != NULL ? raw[i] : t->int32_data[i];
			return true;
		case 10:
		case 16:
			if (raw != NULL)
				RAW(h);
			else
				h = (uint16_t) t->int32_data[i];
			u = (uint32_t) h << 16;
			memcpy(&f, &u, sizeof(f));
			*real = (double) (t->data_type == 10 ? half(h) : f);
			*is_whole = false;
			return true;
		case 11:
			if (raw != NULL)
				RAW(d);
			else
				d = t->double_data[i];
			*real = d;
			*is_whole = false;
			return true;
		case 12:
			if (raw != NULL)
				RAW(u);
			else
				u = (uint32_t) t->uint64_data[i];
			*whole = u;
			return true;
		default:
			return false;
	}
#undef RAW
}

static size_t
elements(const OnnxFile__Tensor *tensor)
{
	size_t		count = 1;

	for (size_t i = 0; i < tensor->n_dims; i++)
		count *= (size_t) tensor->dims[i];
	return count;
}

/* What a caller writes into an input: floats or int64. */
static bool
fill_input(const OnnxFile__Tensor *tensor, void *to)
{
	for (size_t i = 0; i < elements(tensor); i++)
	{
		double		real = 0;
		int64_t		whole = 0;
		bool		is_whole;

		if (!element(tensor, i, &real, &whole, &is_whole))
			return false;
		if (is_whole)
			((int64_t *) to)[i] = whole;
		else
			((float *) to)[i] = (float) real;
	}
	return true;
}

static bool
same_numbers(const OnnxFile__Tensor *expected, const void *data, const fx_shape *shape, fx_type type)
{
	/* half and 8 bits are to be met exactly; bfloat16 was cut off in these releases, where later ones round it */
	bool		exact = expected->data_type != 1 && expected->data_type != 11 && expected->data_type != 16;
	double		bound = expected->data_type == 16 ? 1.0 / 128 : 1e-3;

	if (expected->n_dims != (size_t) shape->rank)
		return false;
	for (int i = 0; i < shape->rank; i++)
		if (shape->dim[i] != expected->dims[i])
			return false;
	for (size_t i = 0; i < elements(expected); i++)
	{
		double		want = 0;
		double		have;
		int64_t		whole = 0;
		bool		is_whole;

		if (!element(expected, i, &want, &whole, &is_whole) || is_whole != (type == FX_TYPE_INT64))
			return false;
		if (is_whole)
		{
			if (((const int64_t *) data)[i] == whole)
				continue;
			diag("element %zu is %lld, not %lld", i, (long long) ((const int64_t *) data)[i], (long long) whole);
			return false;
		}
		have = (double) ((const float *) data)[i];
		if (want == have || (isnan(want) && isnan(have)))
			continue;
		if (exact || !(fabs(want - have) <= 1e-5 + bound * fabs(want)))
		{
			diag("element %zu is %g, not %g", i, have, want);
			return false;
		}
	}
	return true;
}

/* Loads, plans, runs and compares; *wrong is set when the numbers differ. */
static fx_code
run_model(const uint8_t *bytes, size_t length, OnnxFile__Tensor **inputs, const char *folder,
		  const OnnxFile__Graph *graph, bool *wrong, fx_error *err)
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
		if (!fill_input(inputs[i], fx_model_input(model, i)))
			code = FX_MALFORMED;
	if (code == FX_OK)
		code = fx_model_run(model, err);
	for (int i = 0; i < fx_model_output_count(model) && code == FX_OK; i++)
	{
		OnnxFile__Tensor *expected = read_tensor(folder, "output", i);
		fx_shape	shape;
		fx_type		type;
		const void *data = fx_model_output(model, i, &shape, &type);

		declare(expected, graph->output, graph->n_output, (size_t) i);
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

/* What came of the tests of one operator. */
typedef struct row
{
	char		operator[40];
	int			passed;
	int			refused;
	int			failed;
} row;

#define MAX_ROWS 128

static row	table[MAX_ROWS];
static int	rows;

typedef struct omission
{
	char		name[256];
	char		operator[40];
	const char *why;
} omission;

static omission omissions[64];
static int	omitted;

static row *
row_of(const char *operator)
{
	int			at = 0;

	while (at < rows && strcmp(table[at].operator, operator) < 0)
		at++;
	if (at < rows && strcmp(table[at].operator, operator) == 0)
		return &table[at];
	if (rows == MAX_ROWS)
		return &table[MAX_ROWS - 1];
	memmove(&table[at + 1], &table[at], (size_t) (rows - at) * sizeof(row));
	memset(&table[at], 0, sizeof(row));
	snprintf(table[at].operator, sizeof(table[at].operator), "%s", operator);
	rows++;
	return &table[at];
}

static void
run_folder(const char *release, const char *folder, const char *name)
{
	OnnxFile__Tensor *inputs[MAX_TENSORS];
	int			count = 0;
	char		path[1100];
	const char *operator;
	OnnxFile__Model *file;
	size_t		length;
	size_t		other_length;
	uint8_t    *bytes;
	uint8_t    *other;
	fx_error	err = {0};
	bool		wrong = false;
	bool		right;
	fx_code		code;
	const char *why = why_refused(name);
	row		   *r;

	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	bytes = slurp(path, &length);
	if (bytes == NULL)
		return;
	file = onnx_file__model__unpack(NULL, length, bytes);
	if (!ok(file != NULL && file->graph != NULL && file->graph->n_node > 0, "%s %s is a model", release, name))
		return;
	/* several nodes are an operator written out in others */
	operator = file->graph->n_node > 1 ? "(several nodes)" : file->graph->node[0]->op_type;
	r = row_of(operator);
	while (count < MAX_TENSORS && (inputs[count] = read_tensor(folder, "input", count)) != NULL)
	{
		declare(inputs[count], file->graph->input, file->graph->n_input, (size_t) count);
		count++;
	}
	code = run_model(bytes, length, inputs, folder, file->graph, &wrong, &err);
	right = code == FX_OK && !wrong;
	other = with_weights(bytes, length, inputs, &other_length);
	if (other != NULL && (code == FX_OK || code == FX_UNSUPPORTED))
	{
		fx_error	other_err = {0};
		fx_code		other_code = run_model(other, other_length, inputs, folder, file->graph, &wrong, &other_err);

		if (other_code != FX_UNSUPPORTED || code == FX_OK)
		{
			code = other_code;
			err = other_err;
			right = code == FX_OK && !wrong;
		}
	}
	if (why != NULL)
	{
		if (!ok(code == FX_UNSUPPORTED, "%s %s is refused", release, name))
			diag("%s: code %d", name, (int) code);
		r->refused += code == FX_UNSUPPORTED;
		r->failed += code != FX_UNSUPPORTED;
		if (omitted < (int) (sizeof(omissions) / sizeof(omissions[0])))
		{
			snprintf(omissions[omitted].name, sizeof(omissions[omitted].name), "%s", name);
			snprintf(omissions[omitted].operator, sizeof(omissions[omitted].operator), "%s", operator);
			omissions[omitted++].why = why;
		}
	}
	else
	{
		if (!ok(right, "%s %s", release, name))
			diag("%s: code %d: %s", name, (int) code, code == FX_OK ? "numbers differ" : err.detail);
		r->passed += right;
		r->failed += !right;
	}
	onnx_file__model__free_unpacked(file, NULL);
	free(other);
	free(bytes);
	for (int i = 0; i < count; i++)
		onnx_file__tensor__free_unpacked(inputs[i], NULL);
}

/* For `make conformance`: lines of TAP that no harness reads. */
static void
print_table(void)
{
	row			all = {"all", 0, 0, 0};

	printf("# %-24s %8s %15s %8s\n", "operator", "passed", "not applicable", "failed");
	for (int i = 0; i < rows; i++)
	{
		printf("# %-24s %8d %15d %8d\n", table[i].operator, table[i].passed, table[i].refused, table[i].failed);
		all.passed += table[i].passed;
		all.refused += table[i].refused;
		all.failed += table[i].failed;
	}
	printf("# %-24s %8d %15d %8d\n", all.operator, all.passed, all.refused, all.failed);
	for (int i = 0; i < omitted; i++)
		printf("# not applicable: %s %s: %s\n", omissions[i].operator, omissions[i].name, omissions[i].why);
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
			run_folder(releases[r], path, entries[i]->d_name);
			free(entries[i]);
		}
		free(entries);
	}
	print_table();
	return done_testing();
}

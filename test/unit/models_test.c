/*
 * models_test.c - every model of the test data loads, plans and runs.
 *
 * Numbers are compared with OpenCV's by test/check/compare_opencv.py; here
 * stand the facts that need no second implementation.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"
#include "tap.h"

typedef struct subject
{
	const char *file;
	int			height;
	int			width;
	int			outputs;
	const char *output;			/* one of them */
	size_t		elements;		/* of that one, for one image */
} subject;

static const subject subjects[] = {
	{"face_detection_yunet_2023mar.onnx", 640, 640, 12, "kps_8", 64000},
	{"mobilefacenet.facegate.onnx", 112, 112, 1, "output0", 128},
	{"mobilefacenet.kennethwang.onnx", 112, 112, 1, "reshape2_0.tmp_0", 128},
	{"scrfd_2.5g_kps.onnx", 640, 640, 9, "out0", 12800},
	{"scrfd_500m_kps.onnx", 640, 640, 9, "out6", 128000},
	{"version-RFB-320.onnx", 240, 320, 2, "boxes", 17680},
	{"yunet_n_320_320.onnx", 320, 320, 12, "cls_8", 1600},
	{"yunet_n_dynamic.onnx", 320, 320, 12, "bbox_16", 1600},
};

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

static fx_shape
image_shape(int64_t batch, int64_t height, int64_t width)
{
	fx_shape	shape = {4, {batch, 3, height, width}};

	return shape;
}

/* The same pseudo-random pixels for the same seed. */
static void
fill(float *input, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++)
	{
		seed = seed * 1664525u + 1013904223u;
		input[i] = (float) (seed >> 8) / (float) (1 << 23) - 1;
	}
}

static fx_model *
load(const char *folder, const char *file)
{
	fx_model_limits limits = {64 << 20, (size_t) 1 << 30, 10000, UINT64_C(1) << 36};
	char		path[1024];
	size_t		length;
	uint8_t    *bytes;
	fx_model   *model = NULL;
	fx_error	err = {0};

	snprintf(path, sizeof(path), "%s/models/%s", folder, file);
	bytes = slurp(path, &length);
	if (bytes == NULL)
		return NULL;
	ok(fx_model_load(fx_env_malloc(), bytes, length, &limits, &model, &err) == FX_OK, "%s loads", file);
	if (model == NULL)
		diag("%s", err.detail);
	free(bytes);
	return model;
}

static size_t
elements(const fx_shape *shape)
{
	size_t		count = 1;

	for (int i = 0; i < shape->rank; i++)
		count *= (size_t) shape->dim[i];
	return count;
}

static bool
all_finite(const float *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isfinite(numbers[i]))
			return false;
	return true;
}

static void
test_subject(const char *folder, const subject *s)
{
	fx_model   *model = load(folder, s->file);
	fx_shape	input = image_shape(1, s->height, s->width);
	fx_shape	shape;
	fx_type		type;
	fx_error	err = {0};
	int			index;
	const float *result;
	float	   *first;
	size_t		memory;

	if (model == NULL)
		return;
	index = fx_model_output_index(model, s->output);
	ok(fx_model_output_count(model) == s->outputs && index >= 0, "%s has its %d outputs", s->file, s->outputs);
	ok(fx_model_plan(model, &input, &err) == FX_OK, "%s is planned", s->file);
	memory = fx_model_memory(model);
	fill(fx_model_input(model, 0), elements(&input), 1);
	if (!ok(fx_model_run(model, &err) == FX_OK, "%s runs", s->file))
		diag("%s", err.detail);
	result = fx_model_output(model, index, &shape, &type);
	ok(type == FX_TYPE_FLOAT && elements(&shape) == s->elements && all_finite(result, s->elements),
	   "%s makes %zu finite numbers in %s", s->file, s->elements, s->output);
	first = malloc(s->elements * sizeof(float));
	memcpy(first, result, s->elements * sizeof(float));
	/* the input is still there: a run does not use its buffer for anything else */
	ok(fx_model_run(model, &err) == FX_OK &&
	   memcmp(first, fx_model_output(model, index, &shape, &type), s->elements * sizeof(float)) == 0,
	   "%s: a second run equals the first", s->file);
	ok(fx_model_memory(model) == memory, "%s: running takes no memory", s->file);
	free(first);
	fx_model_free(model);
}

/* Two images at once give what each gives alone. */
static void
test_batch(const char *folder)
{
	fx_model   *model = load(folder, "mobilefacenet.kennethwang.onnx");
	fx_shape	one = image_shape(1, 112, 112);
	fx_shape	two = image_shape(2, 112, 112);
	fx_error	err = {0};
	float		alone[2][128];
	const float *both;
	double		worst = 0;
	size_t		count = elements(&one);

	if (model == NULL)
		return;
	for (uint32_t i = 0; i < 2; i++)
	{
		ok(fx_model_plan(model, &one, &err) == FX_OK, "batch of 1 is planned");
		fill(fx_model_input(model, 0), count, i + 7);
		ok(fx_model_run(model, &err) == FX_OK, "batch of 1 runs");
		memcpy(alone[i], fx_model_output(model, 0, NULL, NULL), sizeof(alone[i]));
	}
	ok(fx_model_plan(model, &two, &err) == FX_OK, "batch of 2 is planned");
	for (uint32_t i = 0; i < 2; i++)
		fill((float *) fx_model_input(model, 0) + i * count, count, i + 7);
	ok(fx_model_run(model, &err) == FX_OK, "batch of 2 runs");
	both = fx_model_output(model, 0, NULL, NULL);
	for (int i = 0; i < 256; i++)
		worst = fmax(worst, fabs(both[i] - alone[i / 128][i % 128]));
	ok(worst < 1e-5 && memcmp(alone[0], alone[1], sizeof(alone[0])) != 0,
	   "a batch of 2 gives what each image gives alone (%g)", worst);
	fx_model_free(model);
}

/* Another size, and back: the same numbers and the same memory. */
static void
test_replan(const char *folder)
{
	fx_model   *model = load(folder, "yunet_n_dynamic.onnx");
	fx_shape	small = image_shape(1, 320, 320);
	fx_shape	large = image_shape(1, 480, 640);
	fx_shape	shape;
	fx_error	err = {0};
	float	   *first;
	size_t		memory;
	int			index;

	if (model == NULL)
		return;
	index = fx_model_output_index(model, "obj_8");
	ok(fx_model_plan(model, &small, &err) == FX_OK, "320x320 is planned");
	memory = fx_model_memory(model);
	fill(fx_model_input(model, 0), elements(&small), 3);
	ok(fx_model_run(model, &err) == FX_OK, "320x320 runs");
	first = malloc(1600 * sizeof(float));
	memcpy(first, fx_model_output(model, index, &shape, NULL), 1600 * sizeof(float));
	ok(fx_model_plan(model, &large, &err) == FX_OK && fx_model_memory(model) > memory, "480x640 is planned anew");
	fill(fx_model_input(model, 0), elements(&large), 3);
	ok(fx_model_run(model, &err) == FX_OK, "480x640 runs");
	fx_model_output(model, index, &shape, NULL);
	ok(shape.rank == 3 && shape.dim[0] == 1 && shape.dim[1] == 4800 && shape.dim[2] == 1,
	   "480x640 has 4800 cells at stride 8");
	ok(fx_model_plan(model, &small, &err) == FX_OK && fx_model_memory(model) == memory,
	   "320x320 again holds what it held before");
	fill(fx_model_input(model, 0), elements(&small), 3);
	ok(fx_model_run(model, &err) == FX_OK &&
	   memcmp(first, fx_model_output(model, index, NULL, NULL), 1600 * sizeof(float)) == 0,
	   "320x320 again gives the same numbers");
	free(first);
	fx_model_free(model);
}

int
main(void)
{
	const char *folder = getenv("FACESNXT_DATA");
	char		path[1024];
	size_t		length;
	uint8_t    *probe;

	if (folder == NULL)
		folder = "../shared/data";
	snprintf(path, sizeof(path), "%s/models/%s", folder, subjects[0].file);
	probe = slurp(path, &length);
	if (probe == NULL)
	{
		skip(1, "no models: set FACESNXT_DATA to the folder of test data");
		return done_testing();
	}
	free(probe);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		test_subject(folder, &subjects[i]);
	test_batch(folder);
	test_replan(folder);
	return done_testing();
}

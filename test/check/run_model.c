/*
 * run_model.c - runs one model on raw floats, for comparisons by scripts.
 *
 *   run_model MODEL.onnx INPUT.f32 OUTPUT.f32 [DIM...]
 *
 * INPUT has the numbers of the first input (float32, row-major).  DIM... is
 * its shape; without it the declared one is taken, with 1 for a free
 * dimension.  OUTPUT receives all float outputs one after the other; their
 * names and shapes are printed, one per line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"

static uint8_t *
slurp(const char *path, size_t *length)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *bytes;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
	{
		perror(path);
		exit(2);
	}
	*length = (size_t) ftell(file);
	rewind(file);
	bytes = malloc(*length + 1);
	if (bytes == NULL || fread(bytes, 1, *length, file) != *length)
	{
		perror(path);
		exit(2);
	}
	fclose(file);
	return bytes;
}

int
main(int argc, char **argv)
{
	fx_model_limits limits = {1 << 30, (size_t) 4 << 30, 100000, UINT64_C(1) << 45};
	fx_error	err = {0};
	fx_model   *model;
	fx_shape	shape;
	uint8_t    *bytes;
	float	   *input;
	size_t		length;
	size_t		count = 1;
	FILE	   *out;

	if (argc < 4)
	{
		fprintf(stderr, "usage: run_model MODEL.onnx INPUT.f32 OUTPUT.f32 [DIM...]\n");
		return 2;
	}
	bytes = slurp(argv[1], &length);
	if (fx_model_load(fx_env_malloc(), bytes, length, &limits, &model, &err) != FX_OK)
	{
		fprintf(stderr, "load: %s\n", err.detail);
		return 1;
	}
	free(bytes);
	shape = *fx_model_input_shape(model, 0);
	if (argc > 4)
		shape.rank = argc - 4 < FX_MAX_RANK ? argc - 4 : FX_MAX_RANK;
	for (int i = 0; i < shape.rank; i++)
	{
		if (argc > 4)
			shape.dim[i] = atoll(argv[4 + i]);
		else if (shape.dim[i] < 0)
			shape.dim[i] = 1;
		count *= (size_t) shape.dim[i];
	}
	if (fx_model_plan(model, &shape, &err) != FX_OK)
	{
		fprintf(stderr, "plan: %s\n", err.detail);
		return 1;
	}
	input = (float *) slurp(argv[2], &length);
	if (length != count * sizeof(float))
	{
		fprintf(stderr, "%s has %zu bytes, not %zu\n", argv[2], length, count * sizeof(float));
		return 2;
	}
	memcpy(fx_model_input(model, 0), input, length);
	free(input);
	if (fx_model_run(model, &err) != FX_OK)
	{
		fprintf(stderr, "run: %s\n", err.detail);
		return 1;
	}
	out = fopen(argv[3], "wb");
	if (out == NULL)
	{
		perror(argv[3]);
		return 2;
	}
	for (int i = 0; i < fx_model_output_count(model); i++)
	{
		fx_type		type;
		const void *data = fx_model_output(model, i, &shape, &type);

		if (type != FX_TYPE_FLOAT)
			continue;
		printf("%s", fx_model_output_name(model, i));
		count = 1;
		for (int d = 0; d < shape.rank; d++)
		{
			printf(" %lld", (long long) shape.dim[d]);
			count *= (size_t) shape.dim[d];
		}
		printf("\n");
		fwrite(data, sizeof(float), count, out);
	}
	fclose(out);
	fprintf(stderr, "memory %zu operations %llu\n", fx_model_memory(model),
			(unsigned long long) fx_model_operations(model));
	fx_model_free(model);
	return 0;
}

/*
 * onnx_fuzz.c - any bytes as a model: load, plan twice, run.
 *
 * Limits are tight, so that an input that is merely large costs nothing.
 * Seeds: the node tests' model.onnx and the smaller detectors.
 */
#include <stdlib.h>
#include <string.h>

#include "infer/infer.h"

#define MAX_INPUTS 16

extern volatile uint8_t seen;
volatile uint8_t seen;			/* keeps the reads of outputs from being optimised away */

int			LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Declared shapes, a free dimension being `free_dim`; then plan, fill and run. */
static void
plan_and_run(fx_model *model, int64_t free_dim)
{
	fx_shape	shapes[MAX_INPUTS];
	fx_error	err;
	int			inputs = fx_model_input_count(model);

	if (inputs > MAX_INPUTS)
		return;
	for (int i = 0; i < inputs; i++)
	{
		shapes[i] = *fx_model_input_shape(model, i);
		for (int d = 0; d < shapes[i].rank; d++)
			if (shapes[i].dim[d] < 0)
				shapes[i].dim[d] = free_dim;
	}
	if (fx_model_plan(model, shapes, &err) != FX_OK)
		return;
	for (int i = 0; i < inputs; i++)
	{
		size_t		count = 1;

		for (int d = 0; d < shapes[i].rank; d++)
			count *= (size_t) shapes[i].dim[d];
		for (size_t e = 0; e < count; e++)
		{
			if (fx_model_input_type(model, i) == FX_TYPE_FLOAT)
				((float *) fx_model_input(model, i))[e] = (float) (e % 7) - 3;
			else
				((int64_t *) fx_model_input(model, i))[e] = (int64_t) (e % 3) - 1;
		}
	}
	for (int run = 0; run < 2; run++)
		if (fx_model_run(model, &err) != FX_OK)
			return;
	/* every byte that a caller may read is there */
	for (int i = 0; i < fx_model_output_count(model); i++)
	{
		fx_shape	shape;
		fx_type		type;
		const uint8_t *data = fx_model_output(model, i, &shape, &type);
		size_t		size = type == FX_TYPE_FLOAT ? sizeof(float) : sizeof(int64_t);

		for (int d = 0; d < shape.rank; d++)
			size *= (size_t) shape.dim[d];
		for (size_t e = 0; e < size; e++)
			seen ^= data[e];
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const fx_model_limits limits = {1 << 20, 8 << 20, 400, 1 << 22};
	fx_model   *model;
	fx_error	err;

	if (fx_model_load(fx_env_malloc(), bytes, length, &limits, &model, &err) != FX_OK)
		return 0;
	plan_and_run(model, 1);
	plan_and_run(model, 6);
	fx_model_free(model);
	return 0;
}

/*
 * onnx_run.h - runs a graph of onnx_build.h on the numbers of x, and compares
 * what comes out with want, or looks for a refusal.
 */
#ifndef FX_TEST_ONNX_RUN_H
#define FX_TEST_ONNX_RUN_H

#include <math.h>

#include "onnx_build.h"
#include "tap.h"

static uint64_t state = 20250801;

__attribute__((unused))
static int
between(int low, int high)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return low + (int) ((state >> 33) % (uint64_t) (high - low + 1));
}

__attribute__((unused))
static float
uniform(void)
{
	return (float) between(-1000000, 1000000) * 1e-6f;
}

/* A free dimension is one. */
__attribute__((unused))
static size_t
product(const int64_t *dims, size_t rank)
{
	size_t		count = 1;

	for (size_t i = 0; i < rank; i++)
		count *= dims[i] < 0 ? 1 : (size_t) dims[i];
	return count;
}

/* ---- one run of the graph that was built */

typedef struct outcome
{
	fx_model   *model;
	fx_code		code;
	fx_error	err;
	fx_shape	shape;
	fx_type		type;
	const float *y;
	const int64_t *whole;
	size_t		count;
} outcome;

__attribute__((unused))
static outcome
run(const float *x)
{
	outcome		o = {0};

	o.code = load_plan(&usual, 1, &o.model, &o.err);
	if (o.code == FX_OK)
	{
		const fx_shape *shape = fx_model_input_shape(o.model, 0);

		memcpy(fx_model_input(o.model, 0), x, product(shape->dim, (size_t) shape->rank) * sizeof(float));
		o.code = fx_model_run(o.model, &o.err);
	}
	if (o.code != FX_OK)
	{
		diag("code %d: %s", (int) o.code, o.err.detail);
		return o;
	}
	o.y = fx_model_output(o.model, 0, &o.shape, &o.type);
	o.whole = (const int64_t *) o.y;
	o.count = product(o.shape.dim, (size_t) o.shape.rank);
	return o;
}

__attribute__((unused))
static bool
near(const outcome *o, const double *want, size_t count)
{
	if (o->code != FX_OK || o->count != count || o->type != FX_TYPE_FLOAT)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!(fabs((double) o->y[i] - want[i]) <= 1e-5 + 1e-5 * fabs(want[i])))
		{
			diag("element %zu is %g, not %g", i, (double) o->y[i], want[i]);
			return false;
		}
	return true;
}

__attribute__((unused))
static bool
has_shape(const outcome *o, int rank, const int64_t *dims)
{
	bool		same = o->code == FX_OK && o->shape.rank == rank;

	for (int i = 0; same && i < rank; i++)
		same = o->shape.dim[i] == dims[i];
	return same;
}

/* What was built is refused by name of operator and node, with the word. */
__attribute__((unused))
static void
refuse(fx_code wanted, const char *word, const char *what)
{
	fx_model   *model = NULL;
	fx_error	err = {0};
	fx_code		code = load_plan(&usual, 1, &model, &err);
	char		who[64];

	snprintf(who, sizeof(who), "%s \"%s\"", nodes[0].op_type, nodes[0].output[0]);
	if (code == FX_OK)
	{
		const fx_shape *shape = fx_model_input_shape(model, 0);

		memset(fx_model_input(model, 0), 0, product(shape->dim, (size_t) shape->rank) * sizeof(float));
		code = fx_model_run(model, &err);
	}
	if (!ok(code == wanted && strstr(err.detail, word) != NULL && strstr(err.detail, who) != NULL, "%s", what))
		diag("code %d: %s", (int) code, err.detail);
	fx_model_free(model);
}

static float x[4096];
__attribute__((unused)) static float numbers[4096];
static double want[65536];

__attribute__((unused))
static void
fill(float *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = uniform();
}

#endif							/* FX_TEST_ONNX_RUN_H */

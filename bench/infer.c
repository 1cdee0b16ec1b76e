/*
 * infer.c - milliseconds per run of each model given.
 *
 *   infer [-r RUNS] [-s HxW] MODEL.onnx...
 *
 * Prints per model the median over runs after a warm-up, the multiply-adds
 * of one run, the memory held, and the peak of the process.  A free batch is 1; free sides are those
 * of -s (320x320).
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "infer/infer.h"
#include "tool/file.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Megabytes that this program has held at most; 0 where the kernel does not say. */
static double
peak(void)
{
	FILE	   *file = fopen("/proc/self/status", "r");
	char		line[256];
	long		kilobytes = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return (double) kilobytes / 1024;
}

static int
measure(const char *path, int runs, int height, int width)
{
	fx_model_limits limits = {1 << 30, (size_t) 4 << 30, 100000, UINT64_C(1) << 45};
	const char *name = strrchr(path, '/');
	fx_error	err = {0};
	fx_model   *model;
	fx_shape	shape;
	size_t		length;
	uint8_t    *bytes = slurp(path, &length);
	size_t		count = 1;
	double	   *times = malloc((size_t) runs * sizeof(double));
	float	   *input;

	if (times == NULL)
		die("runs", "are too many for the memory");
	if (fx_model_load(fx_env_malloc(), bytes, length, &limits, &model, &err) != FX_OK)
		die(path, err.detail);
	free(bytes);
	shape = *fx_model_input_shape(model, 0);
	for (int i = 0; i < shape.rank; i++)
	{
		if (shape.dim[i] < 0)
			shape.dim[i] = i == 2 ? height : i == 3 ? width : 1;
		count *= (size_t) shape.dim[i];
	}
	if (fx_model_plan(model, &shape, &err) != FX_OK)
	{
		fprintf(stderr, "%s: %s\n", path, err.detail);
		return 1;
	}
	input = fx_model_input(model, 0);
	srand(1);
	for (size_t i = 0; i < count; i++)
		input[i] = (float) rand() / (float) RAND_MAX - 0.5f;
	for (int i = -3; i < runs; i++)
	{
		double		start = now();

		if (fx_model_run(model, &err) != FX_OK)
		{
			fprintf(stderr, "%s: %s\n", path, err.detail);
			return 1;
		}
		if (i >= 0)
			times[i] = now() - start;
	}
	qsort(times, (size_t) runs, sizeof(double), compare);
	printf("%s\t%.3f ms\t%.1f M multiply-adds\t%.1f MB\tpeak %.1f MB\n",
		   name != NULL ? name + 1 : path, times[runs / 2],
		   (double) fx_model_operations(model) / 1e6, (double) fx_model_memory(model) / 1e6, peak());
	free(times);
	fx_model_free(model);
	return 0;
}

/* Without names: all models of the test data, or a line that says there are none. */
static int
measure_all(int runs, int height, int width)
{
	const char *data = getenv("FACESNXT_DATA");
	char		pattern[4096];
	glob_t		found;
	int			failed = 0;

	snprintf(pattern, sizeof(pattern), "%s/models/*.onnx", data != NULL ? data : "../shared/data");
	if (glob(pattern, 0, NULL, &found) != 0)
	{
		printf("left out: there are no models at %s\n", pattern);
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		failed |= measure(found.gl_pathv[i], runs, height, width);
	globfree(&found);
	return failed;
}

int
main(int argc, char **argv)
{
	int			runs = 21;
	int			height = 320;
	int			width = 320;
	int			failed = 0;
	bool		named = false;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "-r") == 0 && i + 1 < argc)
			runs = atoi(argv[++i]) > 0 ? atoi(argv[i]) : 1;
		else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc && sscanf(argv[i + 1], "%dx%d", &height, &width) == 2)
			i++;
		else
		{
			failed |= measure(argv[i], runs, height, width);
			named = true;
		}
	}
	return named ? failed : measure_all(runs, height, width);
}

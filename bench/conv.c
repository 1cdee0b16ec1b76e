/*
 * conv.c - milliseconds and GFLOP/s of every convolution of the face models.
 *
 *	conv [-t TIER] [-p PATH] [-r RUNS] [-s] [MODEL]
 *
 * TIER: scalar, neon, avx2, avx512 (default: the best here); PATH: a number of
 * fx_conv_path, used where it fits; -s prints the totals only.  Medians of
 * RUNS runs of each layer, each on its own buffers.  A model's total is the
 * sum of its layers' medians times how often each occurs, next to which the
 * same sum is printed for the path of cblas_sgemm alone.
 */

#include "infer/conv_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* times, in channels, out channels, groups, kernel, stride, dilation, padding, in_h, in_w */
typedef struct layer
{
	short		times;
	short		in;
	short		out;
	short		groups;
	short		kernel;
	short		stride;
	short		dilation;
	short		pad;
	short		in_h;
	short		in_w;
} layer;

typedef struct model
{
	const char *name;
	const layer *layers;
} model;

static const layer facegate[] = {
	{1, 3, 64, 1, 3, 2, 1, 1, 112, 112}, {1, 64, 64, 64, 3, 1, 1, 1, 56, 56},
	{1, 64, 64, 1, 1, 1, 1, 0, 56, 56}, {1, 64, 128, 1, 1, 1, 1, 0, 56, 56},
	{1, 128, 128, 128, 3, 2, 1, 1, 56, 56}, {5, 128, 64, 1, 1, 1, 1, 0, 28, 28},
	{4, 64, 128, 1, 1, 1, 1, 0, 28, 28}, {4, 128, 128, 128, 3, 1, 1, 1, 28, 28},
	{1, 64, 256, 1, 1, 1, 1, 0, 28, 28}, {1, 256, 256, 256, 3, 2, 1, 1, 28, 28},
	{7, 256, 128, 1, 1, 1, 1, 0, 14, 14}, {6, 128, 256, 1, 1, 1, 1, 0, 14, 14},
	{6, 256, 256, 256, 3, 1, 1, 1, 14, 14}, {1, 128, 512, 1, 1, 1, 1, 0, 14, 14},
	{1, 512, 512, 512, 3, 2, 1, 1, 14, 14}, {1, 512, 128, 1, 1, 1, 1, 0, 7, 7},
	{2, 128, 256, 1, 1, 1, 1, 0, 7, 7}, {2, 256, 256, 256, 3, 1, 1, 1, 7, 7},
	{2, 256, 128, 1, 1, 1, 1, 0, 7, 7}, {1, 128, 512, 1, 1, 1, 1, 0, 7, 7},
	{1, 512, 512, 512, 7, 1, 1, 0, 7, 7}, {1, 512, 128, 1, 1, 1, 1, 0, 1, 1},
	{0}
};

static const layer kennethwang[] = {
	{1, 3, 64, 1, 3, 2, 1, 1, 112, 112}, {1, 64, 64, 64, 3, 1, 1, 1, 56, 56},
	{1, 64, 128, 1, 1, 1, 1, 0, 56, 56}, {1, 128, 128, 128, 3, 2, 1, 1, 56, 56},
	{5, 128, 64, 1, 1, 1, 1, 0, 28, 28}, {4, 64, 128, 1, 1, 1, 1, 0, 28, 28},
	{4, 128, 128, 128, 3, 1, 1, 1, 28, 28}, {1, 64, 256, 1, 1, 1, 1, 0, 28, 28},
	{1, 256, 256, 256, 3, 2, 1, 1, 28, 28}, {7, 256, 128, 1, 1, 1, 1, 0, 14, 14},
	{6, 128, 256, 1, 1, 1, 1, 0, 14, 14}, {6, 256, 256, 256, 3, 1, 1, 1, 14, 14},
	{1, 128, 512, 1, 1, 1, 1, 0, 14, 14}, {1, 512, 512, 512, 3, 2, 1, 1, 14, 14},
	{1, 512, 128, 1, 1, 1, 1, 0, 7, 7}, {2, 128, 256, 1, 1, 1, 1, 0, 7, 7},
	{2, 256, 256, 256, 3, 1, 1, 1, 7, 7}, {2, 256, 128, 1, 1, 1, 1, 0, 7, 7},
	{1, 128, 512, 1, 1, 1, 1, 0, 7, 7}, {1, 512, 512, 512, 7, 1, 1, 0, 7, 7},
	{1, 512, 128, 1, 1, 1, 1, 0, 1, 1},
	{0}
};

static const layer yunet[] = {
	{1, 3, 16, 1, 3, 2, 1, 1, 320, 320}, {1, 16, 16, 1, 1, 1, 1, 0, 160, 160},
	{1, 16, 16, 16, 3, 1, 1, 1, 160, 160}, {1, 16, 16, 1, 1, 1, 1, 0, 80, 80},
	{1, 16, 16, 16, 3, 1, 1, 1, 80, 80}, {1, 16, 64, 1, 1, 1, 1, 0, 80, 80},
	{3, 64, 64, 64, 3, 1, 1, 1, 80, 80}, {2, 64, 64, 1, 1, 1, 1, 0, 80, 80},
	{4, 64, 64, 1, 1, 1, 1, 0, 40, 40}, {4, 64, 64, 64, 3, 1, 1, 1, 40, 40},
	{4, 64, 64, 1, 1, 1, 1, 0, 20, 20}, {4, 64, 64, 64, 3, 1, 1, 1, 20, 20},
	{4, 64, 64, 1, 1, 1, 1, 0, 10, 10}, {4, 64, 64, 64, 3, 1, 1, 1, 10, 10},
	{2, 64, 1, 1, 1, 1, 1, 0, 40, 40}, {2, 1, 1, 1, 3, 1, 1, 1, 40, 40}, {2, 64, 1, 1, 1, 1, 1, 0, 20, 20},
	{2, 1, 1, 1, 3, 1, 1, 1, 20, 20}, {2, 64, 1, 1, 1, 1, 1, 0, 10, 10}, {2, 1, 1, 1, 3, 1, 1, 1, 10, 10},
	{1, 64, 4, 1, 1, 1, 1, 0, 40, 40}, {1, 4, 4, 4, 3, 1, 1, 1, 40, 40}, {1, 64, 4, 1, 1, 1, 1, 0, 20, 20},
	{1, 4, 4, 4, 3, 1, 1, 1, 20, 20}, {1, 64, 4, 1, 1, 1, 1, 0, 10, 10}, {1, 4, 4, 4, 3, 1, 1, 1, 10, 10},
	{1, 64, 10, 1, 1, 1, 1, 0, 40, 40}, {1, 10, 10, 10, 3, 1, 1, 1, 40, 40},
	{1, 64, 10, 1, 1, 1, 1, 0, 20, 20}, {1, 10, 10, 10, 3, 1, 1, 1, 20, 20},
	{1, 64, 10, 1, 1, 1, 1, 0, 10, 10}, {1, 10, 10, 10, 3, 1, 1, 1, 10, 10},
	{0}
};

static const layer yunet2023[] = {
	{1, 3, 16, 1, 3, 2, 1, 1, 320, 320}, {1, 16, 16, 1, 1, 1, 1, 0, 160, 160},
	{1, 16, 16, 16, 3, 1, 1, 1, 160, 160}, {1, 16, 16, 1, 1, 1, 1, 0, 80, 80},
	{1, 16, 16, 16, 3, 1, 1, 1, 80, 80}, {1, 16, 32, 1, 1, 1, 1, 0, 80, 80},
	{2, 32, 32, 32, 3, 1, 1, 1, 80, 80}, {1, 32, 32, 1, 1, 1, 1, 0, 80, 80},
	{1, 32, 64, 1, 1, 1, 1, 0, 80, 80}, {1, 64, 64, 64, 3, 1, 1, 1, 80, 80},
	{3, 64, 64, 1, 1, 1, 1, 0, 40, 40}, {3, 64, 64, 64, 3, 1, 1, 1, 40, 40},
	{3, 64, 64, 1, 1, 1, 1, 0, 20, 20}, {3, 64, 64, 64, 3, 1, 1, 1, 20, 20},
	{3, 64, 64, 1, 1, 1, 1, 0, 10, 10}, {3, 64, 64, 64, 3, 1, 1, 1, 10, 10},
	{2, 64, 1, 1, 1, 1, 1, 0, 40, 40}, {2, 1, 1, 1, 3, 1, 1, 1, 40, 40}, {2, 64, 1, 1, 1, 1, 1, 0, 20, 20},
	{2, 1, 1, 1, 3, 1, 1, 1, 20, 20}, {2, 64, 1, 1, 1, 1, 1, 0, 10, 10}, {2, 1, 1, 1, 3, 1, 1, 1, 10, 10},
	{1, 64, 4, 1, 1, 1, 1, 0, 40, 40}, {1, 4, 4, 4, 3, 1, 1, 1, 40, 40}, {1, 64, 4, 1, 1, 1, 1, 0, 20, 20},
	{1, 4, 4, 4, 3, 1, 1, 1, 20, 20}, {1, 64, 4, 1, 1, 1, 1, 0, 10, 10}, {1, 4, 4, 4, 3, 1, 1, 1, 10, 10},
	{1, 64, 10, 1, 1, 1, 1, 0, 40, 40}, {1, 10, 10, 10, 3, 1, 1, 1, 40, 40},
	{1, 64, 10, 1, 1, 1, 1, 0, 20, 20}, {1, 10, 10, 10, 3, 1, 1, 1, 20, 20},
	{1, 64, 10, 1, 1, 1, 1, 0, 10, 10}, {1, 10, 10, 10, 3, 1, 1, 1, 10, 10},
	{0}
};

static const layer scrfd500[] = {
	{1, 3, 16, 1, 3, 2, 1, 1, 640, 640}, {1, 16, 16, 16, 3, 1, 1, 1, 320, 320},
	{1, 16, 16, 1, 1, 1, 1, 0, 320, 320}, {1, 16, 16, 16, 3, 2, 1, 1, 320, 320},
	{1, 16, 40, 1, 1, 1, 1, 0, 160, 160}, {1, 40, 40, 40, 3, 1, 1, 1, 160, 160},
	{1, 40, 40, 1, 1, 1, 1, 0, 160, 160}, {1, 40, 40, 40, 3, 2, 1, 1, 160, 160},
	{1, 40, 72, 1, 1, 1, 1, 0, 80, 80}, {2, 72, 72, 72, 3, 1, 1, 1, 80, 80},
	{2, 72, 72, 1, 1, 1, 1, 0, 80, 80}, {1, 72, 72, 72, 3, 2, 1, 1, 80, 80},
	{1, 72, 152, 1, 1, 1, 1, 0, 40, 40}, {1, 152, 152, 152, 3, 1, 1, 1, 40, 40},
	{1, 152, 152, 1, 1, 1, 1, 0, 40, 40}, {1, 152, 152, 152, 3, 2, 1, 1, 40, 40},
	{1, 152, 288, 1, 1, 1, 1, 0, 20, 20}, {5, 288, 288, 288, 3, 1, 1, 1, 20, 20},
	{5, 288, 288, 1, 1, 1, 1, 0, 20, 20}, {1, 72, 16, 1, 1, 1, 1, 0, 80, 80},
	{1, 152, 16, 1, 1, 1, 1, 0, 40, 40}, {1, 288, 16, 1, 1, 1, 1, 0, 20, 20},
	{1, 16, 16, 1, 3, 1, 1, 1, 80, 80}, {2, 16, 16, 1, 3, 1, 1, 1, 40, 40},
	{1, 16, 16, 1, 3, 1, 1, 1, 20, 20}, {1, 16, 16, 1, 3, 2, 1, 1, 80, 80},
	{1, 16, 16, 1, 3, 2, 1, 1, 40, 40}, {1, 16, 16, 1, 3, 1, 1, 1, 20, 20},
	{1, 16, 16, 16, 3, 1, 1, 1, 80, 80}, {1, 16, 64, 1, 1, 1, 1, 0, 80, 80},
	{1, 64, 64, 64, 3, 1, 1, 1, 80, 80}, {1, 64, 64, 1, 1, 1, 1, 0, 80, 80},
	{1, 64, 2, 1, 3, 1, 1, 1, 80, 80}, {1, 64, 8, 1, 3, 1, 1, 1, 80, 80},
	{1, 64, 20, 1, 3, 1, 1, 1, 80, 80}, {1, 16, 16, 16, 3, 1, 1, 1, 40, 40},
	{1, 16, 64, 1, 1, 1, 1, 0, 40, 40}, {1, 64, 64, 64, 3, 1, 1, 1, 40, 40},
	{1, 64, 64, 1, 1, 1, 1, 0, 40, 40}, {1, 64, 2, 1, 3, 1, 1, 1, 40, 40},
	{1, 64, 8, 1, 3, 1, 1, 1, 40, 40}, {1, 64, 20, 1, 3, 1, 1, 1, 40, 40},
	{1, 16, 16, 16, 3, 1, 1, 1, 20, 20}, {1, 16, 64, 1, 1, 1, 1, 0, 20, 20},
	{1, 64, 64, 64, 3, 1, 1, 1, 20, 20}, {1, 64, 64, 1, 1, 1, 1, 0, 20, 20},
	{1, 64, 2, 1, 3, 1, 1, 1, 20, 20}, {1, 64, 8, 1, 3, 1, 1, 1, 20, 20},
	{1, 64, 20, 1, 3, 1, 1, 1, 20, 20},
	{0}
};

static const layer scrfd2500[] = {
	{1, 3, 12, 1, 3, 2, 1, 1, 640, 640}, {1, 12, 12, 1, 3, 1, 1, 1, 320, 320},
	{1, 12, 24, 1, 3, 1, 1, 1, 320, 320}, {6, 24, 24, 1, 3, 1, 1, 1, 160, 160},
	{1, 24, 48, 1, 3, 2, 1, 1, 160, 160}, {9, 48, 48, 1, 3, 1, 1, 1, 80, 80},
	{1, 24, 48, 1, 1, 1, 1, 0, 80, 80}, {1, 48, 48, 1, 3, 2, 1, 1, 80, 80},
	{5, 48, 48, 1, 3, 1, 1, 1, 40, 40}, {1, 48, 48, 1, 1, 1, 1, 0, 40, 40},
	{1, 48, 80, 1, 3, 2, 1, 1, 40, 40}, {3, 80, 80, 1, 3, 1, 1, 1, 20, 20},
	{1, 48, 80, 1, 1, 1, 1, 0, 20, 20}, {1, 48, 24, 1, 1, 1, 1, 0, 80, 80},
	{1, 48, 24, 1, 1, 1, 1, 0, 40, 40}, {1, 80, 24, 1, 1, 1, 1, 0, 20, 20},
	{1, 24, 24, 1, 3, 1, 1, 1, 80, 80}, {2, 24, 24, 1, 3, 1, 1, 1, 40, 40},
	{1, 24, 24, 1, 3, 1, 1, 1, 20, 20}, {1, 24, 24, 1, 3, 2, 1, 1, 80, 80},
	{1, 24, 24, 1, 3, 2, 1, 1, 40, 40}, {1, 24, 24, 1, 3, 1, 1, 1, 20, 20},
	{1, 24, 64, 1, 3, 1, 1, 1, 80, 80}, {1, 64, 64, 1, 3, 1, 1, 1, 80, 80},
	{1, 64, 2, 1, 3, 1, 1, 1, 80, 80}, {1, 64, 8, 1, 3, 1, 1, 1, 80, 80},
	{1, 64, 20, 1, 3, 1, 1, 1, 80, 80}, {1, 24, 64, 1, 3, 1, 1, 1, 40, 40},
	{1, 64, 64, 1, 3, 1, 1, 1, 40, 40}, {1, 64, 2, 1, 3, 1, 1, 1, 40, 40},
	{1, 64, 8, 1, 3, 1, 1, 1, 40, 40}, {1, 64, 20, 1, 3, 1, 1, 1, 40, 40},
	{1, 24, 64, 1, 3, 1, 1, 1, 20, 20}, {1, 64, 64, 1, 3, 1, 1, 1, 20, 20},
	{1, 64, 2, 1, 3, 1, 1, 1, 20, 20}, {1, 64, 8, 1, 3, 1, 1, 1, 20, 20},
	{1, 64, 20, 1, 3, 1, 1, 1, 20, 20},
	{0}
};

static const layer rfb[] = {
	{1, 3, 16, 1, 3, 2, 1, 1, 240, 320}, {1, 16, 16, 16, 3, 1, 1, 1, 120, 160},
	{1, 16, 32, 1, 1, 1, 1, 0, 120, 160}, {1, 32, 32, 32, 3, 2, 1, 1, 120, 160},
	{2, 32, 32, 1, 1, 1, 1, 0, 60, 80}, {1, 32, 32, 32, 3, 1, 1, 1, 60, 80},
	{1, 32, 32, 32, 3, 2, 1, 1, 60, 80}, {1, 32, 64, 1, 1, 1, 1, 0, 30, 40},
	{2, 64, 64, 64, 3, 1, 1, 1, 30, 40}, {3, 64, 64, 1, 1, 1, 1, 0, 30, 40},
	{3, 64, 8, 1, 1, 1, 1, 0, 30, 40}, {2, 8, 16, 1, 3, 1, 1, 1, 30, 40},
	{1, 16, 16, 1, 3, 1, 2, 2, 30, 40}, {1, 16, 16, 1, 3, 1, 3, 3, 30, 40},
	{1, 8, 12, 1, 3, 1, 1, 1, 30, 40}, {1, 12, 16, 1, 3, 1, 1, 1, 30, 40},
	{1, 16, 16, 1, 3, 1, 5, 5, 30, 40}, {1, 48, 64, 1, 1, 1, 1, 0, 30, 40},
	{2, 64, 64, 64, 3, 1, 1, 1, 30, 40}, {1, 64, 6, 1, 1, 1, 1, 0, 30, 40},
	{1, 64, 12, 1, 1, 1, 1, 0, 30, 40}, {1, 64, 64, 64, 3, 2, 1, 1, 30, 40},
	{1, 64, 128, 1, 1, 1, 1, 0, 15, 20}, {2, 128, 128, 128, 3, 1, 1, 1, 15, 20},
	{2, 128, 128, 1, 1, 1, 1, 0, 15, 20}, {2, 128, 128, 128, 3, 1, 1, 1, 15, 20},
	{1, 128, 4, 1, 1, 1, 1, 0, 15, 20}, {1, 128, 8, 1, 1, 1, 1, 0, 15, 20},
	{1, 128, 128, 128, 3, 2, 1, 1, 15, 20}, {1, 128, 256, 1, 1, 1, 1, 0, 8, 10},
	{1, 256, 256, 256, 3, 1, 1, 1, 8, 10}, {1, 256, 256, 1, 1, 1, 1, 0, 8, 10},
	{2, 256, 256, 256, 3, 1, 1, 1, 8, 10}, {1, 256, 4, 1, 1, 1, 1, 0, 8, 10},
	{1, 256, 8, 1, 1, 1, 1, 0, 8, 10}, {1, 256, 64, 1, 1, 1, 1, 0, 8, 10},
	{1, 64, 64, 64, 3, 2, 1, 1, 8, 10}, {1, 64, 256, 1, 1, 1, 1, 0, 4, 5},
	{1, 256, 6, 1, 3, 1, 1, 1, 4, 5}, {1, 256, 12, 1, 3, 1, 1, 1, 4, 5},
	{0}
};

static const model models[] = {
	{"mobilefacenet.facegate.onnx", facegate},
	{"mobilefacenet.kennethwang.onnx", kennethwang},
	{"yunet_n_320_320.onnx", yunet},
	{"face_detection_yunet_2023mar.onnx", yunet2023},
	{"scrfd_500m_kps.onnx", scrfd500},
	{"scrfd_2.5g_kps.onnx", scrfd2500},
	{"version-RFB-320.onnx", rfb},
};

static int	runs = 15;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static int
by_value(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static float *
filled(size_t count)
{
	float	   *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + 64);

	for (size_t i = 0; i < count; i++)
		values[i] = (float) ((i * 7919) % 1000) * 0.002f - 1.0f;
	return values;
}

static void
spec_of(const layer *l, fx_conv_spec *s)
{
	memset(s, 0, sizeof(*s));
	s->in_channels = l->in;
	s->out_channels = l->out;
	s->groups = l->groups;
	s->kernel_h = s->kernel_w = l->kernel;
	s->stride_h = s->stride_w = l->stride;
	s->dilation_h = s->dilation_w = l->dilation;
	s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = l->pad;
	s->in_h = l->in_h;
	s->in_w = l->in_w;
	s->out_h = (l->in_h + 2 * l->pad - l->dilation * (l->kernel - 1) - 1) / l->stride + 1;
	s->out_w = (l->in_w + 2 * l->pad - l->dilation * (l->kernel - 1) - 1) / l->stride + 1;
	s->activation = FX_ACT_RELU;
}

/* The median milliseconds of one layer; *taken is the path. */
static double
measure(const layer *l, fx_conv_path path, fx_tier tier, fx_conv_path *taken)
{
	const fx_env *env = fx_env_malloc();
	fx_conv_spec s;
	fx_conv    *conv;
	fx_error	err;
	float	   *weights = filled((size_t) l->out * (l->in / l->groups) * l->kernel * l->kernel);
	float	   *bias = filled(l->out);
	float	   *input = filled((size_t) l->in * l->in_h * l->in_w);
	float	   *output;
	float	   *workspace;
	double	   *ms = malloc(runs * sizeof(double));
	double		median;

	spec_of(l, &s);
	output = filled((size_t) s.out_channels * s.out_h * s.out_w);
	if (fx_conv_prepare_as(env, &s, weights, bias, NULL, path, tier, &conv, &err) != FX_OK &&
		fx_conv_prepare_as(env, &s, weights, bias, NULL, FX_PATH_AUTO, tier, &conv, &err) != FX_OK)
	{
		fprintf(stderr, "conv: %s\n", err.detail);
		exit(1);
	}
	*taken = conv->path;
	workspace = filled(fx_conv_workspace(conv));
	for (int i = 0; i < 2; i++)
		fx_conv_run(conv, input, NULL, output, workspace);
	for (int i = 0; i < runs; i++)
	{
		double		start = now();

		fx_conv_run(conv, input, NULL, output, workspace);
		ms[i] = now() - start;
	}
	qsort(ms, runs, sizeof(double), by_value);
	median = ms[runs / 2];
	fx_conv_free(env, conv);
	free(weights);
	free(bias);
	free(input);
	free(output);
	free(workspace);
	free(ms);
	return median;
}

static double
gflop(const layer *l)
{
	fx_conv_spec s;

	spec_of(l, &s);
	return 2e-9 * s.out_channels * s.out_h * s.out_w * (l->in / l->groups) * l->kernel * l->kernel;
}

int
main(int argc, char **argv)
{
	static const char *const tiers[] = {"auto", "scalar", "neon", "avx2", "avx512"};
	static const char *const paths[] = {"auto", "sgemm", "depthwise", "plane", "dot", "product"};
	fx_tier		tier = FX_TIER_AUTO;
	fx_conv_path path = FX_PATH_AUTO;
	bool		totals_only = false;
	int			option;

	while ((option = getopt(argc, argv, "t:p:r:s")) != -1)
		switch (option)
		{
			case 't':
				for (int i = 0; i < 5; i++)
					if (strcmp(optarg, tiers[i]) == 0)
						tier = (fx_tier) i;
				break;
			case 'p':
				path = (fx_conv_path) atoi(optarg);
				break;
			case 'r':
				runs = atoi(optarg) > 0 ? atoi(optarg) : 1;
				break;
			case 's':
				totals_only = true;
				break;
			default:
				fprintf(stderr, "usage: conv [-t TIER] [-p PATH] [-r RUNS] [-s] [MODEL]\n");
				return 2;
		}
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
	{
		const model *m = &models[i];
		double		total = 0;
		double		base = 0;
		double		work = 0;

		if (optind < argc && strstr(m->name, argv[optind]) == NULL)
			continue;
		if (!totals_only)
			printf("\n%s\n  n    in   out    g k s d   height  width      ms  GFLOP/s  of total ms  sgemm ms  path\n",
				   m->name);
		for (const layer *l = m->layers; l->times > 0; l++)
		{
			fx_conv_path taken;
			fx_conv_path other;
			double		ms = measure(l, path, tier, &taken);
			double		sgemm = measure(l, l->groups == 1 ? FX_PATH_SGEMM : FX_PATH_DEPTHWISE, tier, &other);

			total += ms * l->times;
			base += sgemm * l->times;
			work += gflop(l) * l->times;
			if (!totals_only)
				printf("%3d %5d %5d %4d %d %d %d   %6d %6d %7.3f %8.1f %12.3f %9.3f  %s\n", l->times, l->in, l->out,
					   l->groups, l->kernel, l->stride, l->dilation, l->in_h, l->in_w, ms, gflop(l) / ms * 1e3,
					   ms * l->times, sgemm, paths[taken]);
		}
		printf("%-36s %8.3f ms, %6.1f GFLOP/s; sgemm and plain depthwise %8.3f ms, ratio %.2f\n",
			   m->name, total, work / total * 1e3, base, base / total);
	}
	return 0;
}

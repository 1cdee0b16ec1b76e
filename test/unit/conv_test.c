/*
 * conv_test.c - every path and tier of the convolution against a naive one in
 * double precision.
 *
 * Bound: an output differs from the naive one by at most BOUND times the sum
 * of the absolute values of all its terms (products, bias, addend).
 */
#include "infer/conv_internal.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BOUND 2e-6

static const char *const path_name[] = {"auto", "sgemm", "depthwise", "plane", "dot", "product"};
static const char *const tier_name[] = {"auto", "scalar", "neon", "avx2", "avx512"};

#define PATHS (sizeof(path_name) / sizeof(path_name[0]))
#define TIERS (sizeof(tier_name) / sizeof(tier_name[0]))

/* Allocations of the exact size, so that the address sanitizer sees the first byte past them. */
static void *
exact_alloc(void *context, size_t size)
{
	void	   *pointer = NULL;

	(void) context;
	return posix_memalign(&pointer, 64, size) == 0 ? pointer : NULL;
}

static void
exact_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

static bool
never(void *context)
{
	(void) context;
	return false;
}

static const fx_env env = {exact_alloc, exact_release, never, NULL};

static uint64_t state = 20250301;

static uint32_t
next(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t) (state >> 33);
}

static int
between(int low, int high)
{
	return low + (int) (next() % (uint32_t) (high - low + 1));
}

static float
uniform(void)
{
	return (float) ((int) (next() % 2000001) - 1000000) * 1e-6f;
}

static float *
random_floats(size_t count)
{
	float	   *values = malloc(count * sizeof(float));

	for (size_t i = 0; i < count; i++)
		values[i] = uniform();
	return values;
}

static float *
nan_floats(size_t count)
{
	float	   *values = malloc(count > 0 ? count * sizeof(float) : 1);

	for (size_t i = 0; i < count; i++)
		values[i] = NAN;
	return values;
}

static double
activate(const fx_conv_spec *s, const float *slope, int channel, double value)
{
	switch (s->activation)
	{
		case FX_ACT_RELU:
			return value < 0 ? 0 : value;
		case FX_ACT_PRELU:
			return value < 0 ? value * slope[channel] : value;
		case FX_ACT_LEAKY:
			return value < 0 ? value * s->low : value;
		case FX_ACT_CLIP:
			return value < s->low ? s->low : value > s->high ? s->high : value;
		default:
			return value;
	}
}

/* want[] and the magnitude of its terms, by the definition. */
static void
naive(const fx_conv_spec *s, const float *weights, const float *bias, const float *slope,
	  const float *input, const float *addend, double *want, double *magnitude)
{
	int			group_in = s->in_channels / s->groups;
	int			group_out = s->out_channels / s->groups;

	for (int m = 0; m < s->out_channels; m++)
		for (int y = 0; y < s->out_h; y++)
			for (int x = 0; x < s->out_w; x++)
			{
				size_t		at = ((size_t) m * s->out_h + y) * s->out_w + x;
				double		sum = bias != NULL ? bias[m] : 0;
				double		size = fabs(sum);

				if (addend != NULL)
				{
					sum += addend[at];
					size += fabs(addend[at]);
				}
				for (int c = 0; c < group_in; c++)
					for (int ky = 0; ky < s->kernel_h; ky++)
						for (int kx = 0; kx < s->kernel_w; kx++)
						{
							int			in_y = y * s->stride_h - s->pad_top + ky * s->dilation_h;
							int			in_x = x * s->stride_w - s->pad_left + kx * s->dilation_w;
							size_t		plane = (size_t) (m / group_out * group_in + c);
							double		term;

							if (in_y < 0 || in_y >= s->in_h || in_x < 0 || in_x >= s->in_w)
								continue;
							term = (double) input[(plane * s->in_h + in_y) * s->in_w + in_x] *
								weights[(((size_t) m * group_in + c) * s->kernel_h + ky) * s->kernel_w + kx];
							sum += term;
							size += fabs(term);
						}
				want[at] = activate(s, slope, m, sum);
				magnitude[at] = size;
			}
}

static void
describe(const fx_conv_spec *s, const char *path, const char *tier)
{
	diag("%s/%s: %d->%d channels, %d groups, kernel %dx%d stride %dx%d dilation %dx%d pad %d,%d,%d,%d, "
		 "%dx%d -> %dx%d, activation %d", path, tier, s->in_channels, s->out_channels, s->groups,
		 s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w,
		 s->pad_top, s->pad_left, s->pad_bottom, s->pad_right, s->in_h, s->in_w, s->out_h, s->out_w,
		 (int) s->activation);
}

typedef struct tally
{
	int			runs;
	int			failed;
	double		worst;
} tally;

static tally tallies[PATHS][TIERS];

/* Where the addend is in a run. */
enum
{
	NO_ADDEND, APART, IN_PLACE, ADDENDS
};

/* One run on one path and tier; the result is counted in tallies. */
static void
run_one(const fx_conv_spec *s, const float *weights, const float *bias, const float *slope,
		const float *input, const float *addend, int kind, fx_conv_path path, fx_tier tier,
		const double *want, const double *magnitude)
{
	size_t		count = (size_t) s->out_channels * s->out_h * s->out_w;
	size_t		shift = next() % 2;
	float	   *block = nan_floats(count + shift);
	float	   *output = block + shift;
	float	   *workspace;
	fx_conv    *conv;
	fx_error	err;
	fx_code		code;
	tally	   *t = &tallies[path][tier];
	double		worst = 0;

	code = fx_conv_prepare_as(&env, s, weights, bias, slope, path, tier, &conv, &err);
	if (code == FX_UNSUPPORTED)
	{
		free(block);
		return;
	}
	t->runs++;
	if (code != FX_OK)
	{
		t->failed++;
		describe(s, path_name[path], tier_name[tier]);
		diag("prepare failed: %s", err.detail);
		free(block);
		return;
	}
	workspace = nan_floats(fx_conv_workspace(conv));
	if (kind == IN_PLACE)
		memcpy(output, addend, count * sizeof(float));
	fx_conv_run(conv, input, kind == NO_ADDEND ? NULL : kind == IN_PLACE ? output : addend, output, workspace);
	for (size_t i = 0; i < count; i++)
	{
		double		error = fabs(output[i] - want[i]) / (magnitude[i] + 1e-30);

		if (!(error <= worst))
			worst = error;
	}
	if (worst > t->worst)
		t->worst = worst;
	if (!(worst <= BOUND))
	{
		if (t->failed++ < 3)
		{
			describe(s, path_name[path], tier_name[tier]);
			diag("addend %d, bias %d: error %g", kind, bias != NULL, worst);
		}
	}
	free(workspace);
	fx_conv_free(&env, conv);
	free(block);
}

/* Every path and tier on one spec. */
static void
run_spec(const fx_conv_spec *s, int kind, bool with_bias)
{
	size_t		out = (size_t) s->out_channels * s->out_h * s->out_w;
	float	   *input = random_floats((size_t) s->in_channels * s->in_h * s->in_w);
	float	   *weights = random_floats((size_t) s->out_channels * (s->in_channels / s->groups) *
										s->kernel_h * s->kernel_w);
	float	   *bias = with_bias ? random_floats(s->out_channels) : NULL;
	float	   *slope = s->activation == FX_ACT_PRELU ? random_floats(s->out_channels) : NULL;
	float	   *addend = kind == NO_ADDEND ? NULL : random_floats(out);
	double	   *want = malloc(out * sizeof(double));
	double	   *magnitude = malloc(out * sizeof(double));

	naive(s, weights, bias, slope, input, addend, want, magnitude);
	for (size_t path = 0; path < PATHS; path++)
		for (size_t tier = 0; tier < TIERS; tier++)
			run_one(s, weights, bias, slope, input, addend, kind, (fx_conv_path) path, (fx_tier) tier,
					want, magnitude);
	free(input);
	free(weights);
	free(bias);
	free(slope);
	free(addend);
	free(want);
	free(magnitude);
}

static int
axis_length(int in, int before, int after, int kernel, int stride, int dilation)
{
	int			span = in + before + after - (dilation * (kernel - 1) + 1);

	return span < 0 ? 0 : span / stride + 1;
}

static void
set_activation(fx_conv_spec *s)
{
	s->activation = (fx_activation) between(0, 4);
	s->low = s->activation == FX_ACT_LEAKY ? 0.1f : -0.3f;
	s->high = 0.8f;
}

/* A small random convolution; half of them of the kinds that have a path of their own. */
static void
random_spec(fx_conv_spec *s)
{
	do
	{
		int			kind = between(0, 7);
		int			scale = between(1, 4);

		memset(s, 0, sizeof(*s));
		s->groups = kind == 0 ? between(2, 4) : kind <= 2 ? between(1, 20) : 1;
		s->in_channels = s->groups * (kind == 1 || kind == 2 ? 1 : between(1, 9));
		s->out_channels = s->groups * (kind == 1 ? 1 : kind == 0 || kind == 2 ? between(1, 3) : between(1, 35));
		s->kernel_h = kind == 3 || kind == 4 ? 1 : between(1, 5);
		s->kernel_w = kind == 3 || kind == 4 ? 1 : between(1, 5);
		if (kind != 3 && next() % 2)
			s->kernel_h = s->kernel_w = 3;
		s->stride_h = kind == 4 ? 1 : between(1, 3);
		s->stride_w = kind == 4 || next() % 2 ? s->stride_h : between(1, 3);
		s->dilation_h = next() % 3 ? 1 : between(1, 3);
		s->dilation_w = next() % 3 ? s->dilation_h : between(1, 3);
		s->pad_top = kind == 4 ? 0 : between(0, 3);
		s->pad_left = kind == 4 ? 0 : between(0, 3);
		s->pad_bottom = kind == 4 ? 0 : between(0, 3);
		s->pad_right = kind == 4 ? 0 : between(0, 3);
		if (next() % 4 == 0 && kind != 4)
			s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = 1;
		s->in_h = between(1, 5 * scale);
		s->in_w = between(1, 10 * scale);
		s->out_h = axis_length(s->in_h, s->pad_top, s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h);
		s->out_w = axis_length(s->in_w, s->pad_left, s->pad_right, s->kernel_w, s->stride_w, s->dilation_w);
	} while (s->out_h <= 0 || s->out_w <= 0);
	set_activation(s);
	if (next() % 16 == 0)
	{
		/* the kernel covers the input */
		s->kernel_h = s->in_h;
		s->kernel_w = s->in_w;
		s->dilation_h = s->dilation_w = 1;
		s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = 0;
		s->out_h = s->out_w = 1;
	}
	else if (next() % 16 == 0)
	{
		/* wide and deep enough for the product's panel */
		s->groups = 1;
		s->in_channels = between(20, 70);
		s->out_channels = between(32, 70);
	}
}

/*
 * The distinct convolutions of MobileFaceNet, YuNet-n, SCRFD and UltraFace:
 * in, out, groups, kernel, stride, dilation (and padding, with 3x3), in_h, in_w.
 */
static const short real[][8] = {
	{3, 64, 1, 3, 2, 1, 112, 112}, {64, 64, 64, 3, 1, 1, 56, 56}, {64, 64, 1, 1, 1, 1, 56, 56},
	{64, 128, 1, 1, 1, 1, 56, 56}, {128, 128, 128, 3, 2, 1, 56, 56}, {128, 64, 1, 1, 1, 1, 28, 28},
	{128, 128, 128, 3, 1, 1, 28, 28}, {64, 256, 1, 1, 1, 1, 28, 28}, {256, 256, 256, 3, 2, 1, 28, 28},
	{256, 128, 1, 1, 1, 1, 14, 14}, {256, 256, 256, 3, 1, 1, 14, 14}, {128, 512, 1, 1, 1, 1, 14, 14},
	{512, 512, 512, 3, 2, 1, 14, 14}, {512, 128, 1, 1, 1, 1, 7, 7}, {128, 256, 1, 1, 1, 1, 7, 7},
	{256, 256, 256, 3, 1, 1, 7, 7}, {128, 512, 1, 1, 1, 1, 7, 7}, {512, 512, 512, 7, 1, 1, 7, 7},
	{512, 128, 1, 1, 1, 1, 1, 1}, {3, 16, 1, 3, 2, 1, 320, 320}, {16, 16, 1, 1, 1, 1, 160, 160},
	{16, 16, 16, 3, 1, 1, 160, 160}, {64, 64, 64, 3, 1, 1, 40, 40}, {64, 64, 1, 1, 1, 1, 20, 20},
	{64, 1, 1, 1, 1, 1, 40, 40}, {1, 1, 1, 3, 1, 1, 40, 40}, {64, 10, 1, 1, 1, 1, 20, 20},
	{10, 10, 10, 3, 1, 1, 10, 10}, {64, 4, 1, 1, 1, 1, 10, 10}, {12, 12, 1, 3, 1, 1, 320, 320},
	{48, 48, 1, 3, 1, 1, 80, 80}, {48, 48, 1, 3, 2, 1, 80, 80}, {80, 80, 1, 3, 1, 1, 20, 20},
	{24, 64, 1, 3, 1, 1, 40, 40}, {64, 2, 1, 3, 1, 1, 80, 80}, {64, 20, 1, 3, 1, 1, 40, 40},
	{64, 8, 1, 3, 1, 1, 20, 20}, {16, 16, 16, 3, 2, 1, 320, 320}, {40, 40, 40, 3, 2, 1, 160, 160},
	{16, 40, 1, 1, 1, 1, 160, 160}, {72, 152, 1, 1, 1, 1, 40, 40}, {152, 152, 152, 3, 2, 1, 40, 40},
	{288, 288, 1, 1, 1, 1, 20, 20}, {288, 288, 288, 3, 1, 1, 20, 20}, {16, 16, 1, 3, 2, 1, 80, 80},
	{3, 16, 1, 3, 2, 1, 240, 320}, {16, 16, 1, 3, 1, 2, 30, 40}, {16, 16, 1, 3, 1, 3, 30, 40},
	{16, 16, 1, 3, 1, 5, 30, 40}, {8, 12, 1, 3, 1, 1, 30, 40}, {128, 128, 128, 3, 2, 1, 15, 20},
	{48, 8, 1, 3, 1, 4, 60, 70}, {256, 6, 1, 3, 1, 1, 4, 5}, {64, 256, 1, 1, 1, 1, 4, 5}, {64, 64, 64, 3, 2, 1, 8, 10},
};

static void
real_spec(fx_conv_spec *s, const short *r)
{
	memset(s, 0, sizeof(*s));
	s->in_channels = r[0];
	s->out_channels = r[1];
	s->groups = r[2];
	s->kernel_h = s->kernel_w = r[3];
	s->stride_h = s->stride_w = r[4];
	s->dilation_h = s->dilation_w = r[5];
	s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = r[3] == 3 ? r[5] : 0;
	s->in_h = r[6];
	s->in_w = r[7];
	s->out_h = axis_length(s->in_h, s->pad_top, s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h);
	s->out_w = axis_length(s->in_w, s->pad_left, s->pad_right, s->kernel_w, s->stride_w, s->dilation_w);
	set_activation(s);
}

static void
report(const char *what)
{
	for (size_t path = 0; path < PATHS; path++)
		for (size_t tier = 0; tier < TIERS; tier++)
		{
			tally	   *t = &tallies[path][tier];

			if (t->runs > 0)
				ok(t->failed == 0, "%s, path %s, tier %s: %d runs, worst error %.2g of %.2g",
				   what, path_name[path], tier_name[tier], t->runs, t->worst, BOUND);
		}
	memset(tallies, 0, sizeof(tallies));
}

/* A spec that must be refused with this code, and why. */
static void
refused(const fx_conv_spec *s, const float *slope, fx_code code, const char *why)
{
	float		weight = 1;
	fx_conv    *conv = NULL;
	fx_error	err = {FX_OK, 0, ""};

	ok(fx_conv_prepare(&env, s, &weight, NULL, slope, &conv, &err) == code && conv == NULL &&
	   err.code == code && err.detail[0] != '\0', "refused: %s", why);
}

static void
test_refusals(void)
{
	fx_conv_spec good = {4, 4, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 5, 5, 5, 5, FX_ACT_NONE, 0, 0};
	fx_conv_spec s;

#define REFUSED(code, why, ...) do { s = good; __VA_ARGS__; refused(&s, NULL, code, why); } while (0)
	REFUSED(FX_MISMATCH, "no groups", s.groups = 0);
	REFUSED(FX_MISMATCH, "groups do not divide", s.groups = 3);
	REFUSED(FX_MISMATCH, "no channels", s.in_channels = 0);
	REFUSED(FX_MISMATCH, "negative channels", s.out_channels = -4);
	REFUSED(FX_MISMATCH, "no kernel", s.kernel_w = 0);
	REFUSED(FX_MISMATCH, "no stride", s.stride_h = 0);
	REFUSED(FX_MISMATCH, "no dilation", s.dilation_w = 0);
	REFUSED(FX_MISMATCH, "negative padding", s.pad_right = -1);
	REFUSED(FX_MISMATCH, "wrong output height", s.out_h = 6);
	REFUSED(FX_MISMATCH, "wrong output width", s.out_w = 4);
	REFUSED(FX_MISMATCH, "kernel beyond the input", s.dilation_h = 2147483647);
	REFUSED(FX_MISMATCH, "PRelu without slopes", s.activation = FX_ACT_PRELU);
	REFUSED(FX_MISMATCH, "NaN bound", s.activation = FX_ACT_CLIP; s.high = NAN);
	REFUSED(FX_MISMATCH, "unknown activation", s.activation = (fx_activation) 17);
	REFUSED(FX_LIMIT, "output of 2^62 elements", s.pad_top = s.pad_left = 2147483600;
			s.out_h = s.out_w = 2147483604);
	REFUSED(FX_LIMIT, "input of 2^62 elements", s.in_h = s.in_w = 2147483600;
			s.out_h = s.out_w = 2147483600);
	REFUSED(FX_LIMIT, "2^31 kernel elements", s.kernel_h = s.kernel_w = 46341;
			s.pad_top = s.pad_left = 46341; s.out_h = s.out_w = 5 + 46341 + 1 - 46341 + 1);
#undef REFUSED
}

int
main(void)
{
	fx_conv_spec s;

	test_refusals();
	for (int i = 0; i < 2000; i++)
	{
		random_spec(&s);
		run_spec(&s, between(0, ADDENDS - 1), next() % 4 != 0);
	}
	report("random");
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
	{
		real_spec(&s, real[i]);
		run_spec(&s, (int) (i % ADDENDS), true);
	}
	report("model layers");
	return done_testing();
}

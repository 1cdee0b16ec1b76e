/*
 * enhance_test.c - every enhancement against a slow, obvious version; bounds,
 * failing memory and interrupts; the perceptual hash; thumbnails.
 */
#include <math.h>

#include "image/enhance.h"
#include "photo.h"
#include "tap.h"

static uint32_t state = 2463534242u;

static double
uniform(double low, double high)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return low + (high - low) * state / 4294967296.0;
}

/* Patches of colour with noise, in rows of some more bytes. */
static fx_image
make(int width, int height)
{
	fx_image	image;

	if (fx_image_create(fx_env_malloc(), width + 3, height, &image, NULL) != FX_OK)
		abort();
	image.width = width;
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < 3; c++)
				image.pixels[(size_t) y * image.stride + 3 * x + c] =
					(uint8_t) ((x / 7 * 37 + y / 5 * 61 + c * 80 + (int) uniform(0, 40)) % 256);
	return image;
}

static void
drop(fx_image *image)
{
	fx_image_free(fx_env_malloc(), image);
}

/* A pixel; outside of the picture its border goes on. */
static const uint8_t *
at(const fx_image *image, int x, int y)
{
	x = x < 0 ? 0 : x >= image->width ? image->width - 1 : x;
	y = y < 0 ? 0 : y >= image->height ? image->height - 1 : y;
	return image->pixels + (size_t) y * image->stride + 3 * (size_t) x;
}

static int
gray(const uint8_t *p)
{
	return (int) floor((19595.0 * p[0] + 38470.0 * p[1] + 7471.0 * p[2]) / 65536 + 0.5);
}

static double
clip(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

static int
by_value(const void *a, const void *b)
{
	return *(const uint8_t *) a - *(const uint8_t *) b;
}

/* What one level of one pixel becomes, by the words of enhance.h. */
static double
slow(const fx_image *from, fx_operation operation, const double *p, const fx_image *to, int x, int y, int c)
{
	const uint8_t *q = at(from, x, y);
	double		sum = 0;
	double		weights = 0;

	switch (operation)
	{
		case FX_CROP_TO:
			return at(from, x + (int) p[0], y + (int) p[1])[c];
		case FX_MIRROR:
			return at(from, from->width - 1 - x, y)[c];
		case FX_BRIGHTNESS:
			return clip(q[c] + p[0]);
		case FX_CONTRAST:
			return clip(128 + (q[c] - 128) * p[0]);
		case FX_GAMMA:
			return 255 * pow(q[c] / 255.0, 1 / p[0]);
		case FX_EQUALISE:
			{
				double		below = 0;
				double		least = 0;
				double		all = (double) from->width * from->height;
				int			darkest = 255;

				for (int i = 0; i < from->height; i++)
					for (int j = 0; j < from->width; j++)
						darkest = gray(at(from, j, i)) < darkest ? gray(at(from, j, i)) : darkest;
				for (int i = 0; i < from->height; i++)
					for (int j = 0; j < from->width; j++)
					{
						below += gray(at(from, j, i)) <= gray(q);
						least += gray(at(from, j, i)) == darkest;
					}
				return all == least ? q[c] : clip(q[c] + floor(255 * (below - least) / (all - least) + 0.5) - gray(q));
			}
		case FX_SHARPEN:
			for (int i = -(int) (4 * p[1] + 1); i <= 4 * p[1] + 1; i++)
				for (int j = -(int) (4 * p[1] + 1); j <= 4 * p[1] + 1; j++)
				{
					double		w = exp(-0.5 * (i * i + j * j) / (p[1] * p[1]));

					sum += w * at(from, x + j, y + i)[c];
					weights += w;
				}
			return clip(q[c] + p[0] * (q[c] - sum / weights));
		case FX_DENOISE:
			{
				uint8_t		all[121] = {0};
				int			n = 0;

				for (int i = -(int) p[0]; i <= (int) p[0]; i++)
					for (int j = -(int) p[0]; j <= (int) p[0]; j++)
						all[n++] = at(from, x + j, y + i)[c];
				qsort(all, (size_t) n, 1, by_value);
				return all[n / 2];
			}
		case FX_ROTATE:
			{
				double		s = sin(p[0] * M_PI / 180);
				double		k = cos(p[0] * M_PI / 180);
				double		dx = x - (to->width - 1) / 2.0;
				double		dy = y - (to->height - 1) / 2.0;
				double		fx = k * dx + s * dy + (from->width - 1) / 2.0;
				double		fy = -s * dx + k * dy + (from->height - 1) / 2.0;

				for (int i = 0; i < 2; i++)
					for (int j = 0; j < 2; j++)
					{
						int			px = (int) floor(fx) + j;
						int			py = (int) floor(fy) + i;

						if (px >= 0 && py >= 0 && px < from->width && py < from->height)
							sum += (1 - fabs(fx - px)) * (1 - fabs(fy - py)) * at(from, px, py)[c];
					}
				return sum;
			}
		case FX_OPERATIONS:
			break;
	}
	return NAN;
}

static const struct
{
	fx_operation operation;
	double		p[FX_PARAMETERS];
	int			width;			/* of the result of 47 x 29 pixels */
	int			height;
	double		most;			/* the levels may differ by */
}			cases[] = {
	{FX_CROP_TO, {0, 0, 47, 29}, 47, 29, 0}, {FX_CROP_TO, {5, 7, 20, 3}, 20, 3, 0}, {FX_CROP_TO, {46, 28, 1, 1}, 1,
		1, 0},
	{FX_MIRROR, {0}, 47, 29, 0},
	{FX_BRIGHTNESS, {30.4}, 47, 29, 0.5001}, {FX_BRIGHTNESS, {-255}, 47, 29, 0}, {FX_BRIGHTNESS, {0}, 47, 29, 0},
	{FX_CONTRAST, {1.5}, 47, 29, 0.5001}, {FX_CONTRAST, {0}, 47, 29, 0}, {FX_CONTRAST, {1}, 47, 29, 0},
	{FX_GAMMA, {2.2}, 47, 29, 0.5001}, {FX_GAMMA, {0.45}, 47, 29, 0.5001}, {FX_GAMMA, {1}, 47, 29, 1e-6},
	{FX_EQUALISE, {0}, 47, 29, 0},
	{FX_SHARPEN, {1, 1}, 47, 29, 1.0}, {FX_SHARPEN, {0, 2}, 47, 29, 0}, {FX_SHARPEN, {2.5, 3.7}, 47, 29, 1.0},
	{FX_DENOISE, {1}, 47, 29, 0}, {FX_DENOISE, {2}, 47, 29, 0}, {FX_DENOISE, {5}, 47, 29, 0},
	{FX_ROTATE, {0}, 47, 29, 0}, {FX_ROTATE, {90}, 29, 47, 1e-9}, {FX_ROTATE, {-90}, 29, 47, 1e-9}, {FX_ROTATE,
		{180}, 47, 29, 1e-9},
	{FX_ROTATE, {-360}, 47, 29, 1e-9}, {FX_ROTATE, {30}, 56, 49, 9}, {FX_ROTATE, {-101.5}, 38, 52, 9},
};

#define CASES ((int) (sizeof(cases) / sizeof(*cases)))

static void
test_operations(void)
{
	fx_image	from = make(47, 29);

	for (int k = 0; k < CASES; k++)
	{
		fx_image	to;
		fx_error	err = {0};
		double		most = 0;
		fx_code		code = fx_enhance(fx_env_malloc(), &from, cases[k].operation, cases[k].p, 100000, &to, &err);

		for (int y = 0; code == FX_OK && y < to.height; y++)
			for (int x = 0; x < to.width; x++)
				for (int c = 0; c < 3; c++)
					most = fmax(most, fabs(at(&to, x, y)[c] - slow(&from, cases[k].operation, cases[k].p, &to, x, y,
						c)));
		/* turning is done in steps of 1/32 pixel, and colours change by up to 255 from one to the next */
		ok(code == FX_OK && to.width == cases[k].width && to.height == cases[k].height && most <= cases[k].most,
		   "%s %g %g %g %g: %d x %d, off by %.2f levels %s", fx_operation_name(cases[k].operation), cases[k].p[0],
			cases[k].p[1],
		   cases[k].p[2], cases[k].p[3], to.width, to.height, most, err.detail);
		drop(&to);
	}
	drop(&from);
}

static void
test_bounds(void)
{
	static const struct
	{
		fx_operation operation;
		double		p[FX_PARAMETERS];
		fx_code		code;
	}			wrong[] = {
		{FX_CROP_TO, {0, 0, 48, 29}, FX_RANGE}, {FX_CROP_TO, {-1, 0, 4, 4}, FX_RANGE}, {FX_CROP_TO, {0, 0, 0, 4},
			FX_RANGE},
		{FX_CROP_TO, {0.5, 0, 4, 4}, FX_RANGE}, {FX_CROP_TO, {1e6, 1e6, 1e6, 1e6}, FX_RANGE}, {FX_CROP_TO, {NAN, 0,
			4, 4}, FX_RANGE},
		{FX_ROTATE, {361}, FX_RANGE}, {FX_ROTATE, {NAN}, FX_RANGE}, {FX_ROTATE, {45}, FX_LIMIT}, {FX_BRIGHTNESS,
			{256}, FX_RANGE},
		{FX_CONTRAST, {-1}, FX_RANGE}, {FX_GAMMA, {0}, FX_RANGE}, {FX_GAMMA, {INFINITY}, FX_RANGE}, {FX_SHARPEN, {1,
			0}, FX_RANGE},
		{FX_SHARPEN, {6, 1}, FX_RANGE}, {FX_DENOISE, {6}, FX_RANGE}, {FX_DENOISE, {1.5}, FX_RANGE}, {FX_OPERATIONS,
			{0}, FX_RANGE},
	};
	fx_image	from = make(47, 29);
	fx_image	to;

	for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++)
	{
		ledger		l;
		fx_env		env = ledger_env(&l);
		fx_error	err = {0};

		ok(fx_enhance(&env, &from, wrong[k].operation, wrong[k].p, 2000, &to, &err) == wrong[k].code
			&& l.allocations == 0 &&
		   to.pixels == NULL && err.detail[0] != '\0', "refused: %s", err.detail);
	}
	drop(&from);
}

static void
test_failures(void)
{
	fx_image	from = make(47, 29);
	fx_image	to;

	for (int k = 0; k < CASES; k++)
	{
		ledger		l;
		fx_env		env = ledger_env(&l);
		fx_error	err = {0};
		size_t		allocations;
		size_t		questions;
		bool		clean;

		clean = fx_enhance(&env, &from, cases[k].operation, cases[k].p, 100000, &to, &err) == FX_OK && l.live == 1;
		env.release(env.context, to.pixels);
		allocations = l.allocations;
		questions = l.questions;
		for (size_t i = 1; i <= allocations; i++)
		{
			env = ledger_env(&l);
			l.fail_at = i;
			clean &= fx_enhance(&env, &from, cases[k].operation, cases[k].p, 100000, &to, &err) == FX_NO_MEMORY
				&& l.live == 0;
		}
		for (size_t i = 1; i <= questions; i++)
		{
			env = ledger_env(&l);
			l.interrupt_at = i;
			clean &= fx_enhance(&env, &from, cases[k].operation, cases[k].p, 100000, &to, &err) == FX_INTERRUPTED
				&& l.live == 0;
		}
		ok(clean, "%s: nothing is left behind by failure at %zu allocations and %zu questions",
		   fx_operation_name(cases[k].operation), allocations, questions);
	}
	drop(&from);
}

/* ---- the hash */

static int
apart(uint64_t a, uint64_t b)
{
	return __builtin_popcountll(a ^ b);
}

/* Bits by the definition: each cosine summed over all 32 x 32 cells of a picture of that size. */
static uint64_t
slow_hash(const fx_image *image)
{
	double		value[64];
	uint64_t	hash = 0;

	for (int i = 0; i < 64; i++)
	{
		value[i] = 0;
		for (int y = 0; y < 32; y++)
			for (int x = 0; x < 32; x++)
			{
				const uint8_t *p = at(image, x, y);

				value[i] += (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) *
					cos((2 * x + 1) * (i % 8) * M_PI / 64) * cos((2 * y + 1) * (i / 8) * M_PI / 64);
			}
	}
	for (int i = 1; i < 64; i++)
	{
		int			less = 0;

		for (int k = 1; k < 64; k++)
			less += value[k] < value[i];
		if (less > 31)
			hash |= (uint64_t) 1 << i;
	}
	return hash;
}

/* A picture of few waves, so that its copies have its slow cosines. */
static fx_image
waves(int width, int height, int seed)
{
	fx_image	image = make(width, height);

	state = 12345u + 7919u * (uint32_t) seed;
	for (int i = 0; i < 20; i++)
		uniform(0, 1);
	for (int k = 0; k < 8; k++)
	{
		double		a = uniform(0.3, 4);
		double		b = uniform(0.3, 4);
		double		shift = uniform(0, 6);

		for (int y = 0; y < height; y++)
			for (int x = 0; x < width; x++)
				for (int c = 0; c < 3; c++)
				{
					uint8_t    *p = image.pixels + (size_t) y * image.stride + 3 * x + c;
					double		v = (k == 0 ? 128
						: *p) + 25 * cos(a * M_PI * x / width + b * M_PI * y / height + shift);

					*p = (uint8_t) clip(v);
				}
	}
	return image;
}

static void
test_hash(void)
{
	int			like = 0;
	int			unlike = 64;
	uint64_t	other = 0;
	fx_image	exact = make(32, 32);
	fx_image	even = make(50, 40);

	ok(fx_perceptual_hash(&exact) == slow_hash(&exact), "the hash is what its definition says");
	memset(even.pixels, 99, even.stride * 40);
	ok(fx_perceptual_hash(&even) == 0, "an even picture has no bits");
	drop(&exact);
	drop(&even);
	for (int seed = 0; seed < 12; seed++)
	{
		fx_image	image = waves(320, 240, seed);
		fx_image	small = make(150, 111);
		fx_image	brighter;
		fx_image	back;
		uint8_t    *bytes;
		size_t		length;
		uint64_t	hash = fx_perceptual_hash(&image);

		fx_resize_bilinear(fx_env_malloc(), &image, &small, NULL);
		like = fmax(like, apart(hash, fx_perceptual_hash(&small)));
		fx_enhance(fx_env_malloc(), &image, FX_BRIGHTNESS, (double[FX_PARAMETERS]) {20}, 1000000, &brighter, NULL);
		like = fmax(like, apart(hash, fx_perceptual_hash(&brighter)));
		fx_jpeg_encode(fx_env_malloc(), &image, 30, &bytes, &length, NULL);
		fx_jpeg_decode(fx_env_malloc(), bytes, length, &wide, &back, NULL);
		like = fmax(like, apart(hash, fx_perceptual_hash(&back)));
		if (seed > 0)
			unlike = fmin(unlike, apart(hash, other));
		other = hash;
		fx_env_malloc()->release(NULL, bytes);
		drop(&image);
		drop(&small);
		drop(&brighter);
		drop(&back);
	}
	ok(like <= 6, "copies, smaller, brighter or compressed, differ in %d bits at most", like);
	ok(unlike >= 12, "other pictures in %d at least", unlike);
}

/* ---- thumbnails */

static void
test_thumbnails(void)
{
	static const int sizes[][5] = {{640, 480, 100, 100, 75}, {480, 640, 100, 75, 100}, {640, 480, 640, 640, 480},
		{640, 480, 2000, 640, 480},
		{640, 480, 639, 639, 479}, {1999, 300, 33, 33, 5}, {300, 300, 1, 1, 1}, {1600, 1200, 40, 40, 30}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
	{
		fx_image	image = waves(sizes[i][0], sizes[i][1], 3);
		fx_image	small;
		uint8_t    *bytes;
		size_t		length;
		double		most = 0;
		ledger		l;
		fx_env		env = ledger_env(&l);
		fx_error	err = {0};

		if (fx_jpeg_encode(fx_env_malloc(), &image, 95, &bytes, &length, NULL) != FX_OK)
			abort();
		ok(fx_jpeg_thumbnail(&env, bytes, length, &wide, sizes[i][2], &small, &err) == FX_OK && small.width ==
			sizes[i][3] &&
		   small.height == sizes[i][4], "%d x %d in %d pixels: %d x %d %s", sizes[i][0], sizes[i][1], sizes[i][2],
			small.width,
		   small.height, err.detail);
		/* each pixel is near the mean of those that it stands for */
		for (int y = 0; y < small.height; y++)
			for (int x = 0; x < small.width; x++)
			{
				double		sum = 0;
				int			n = 0;

				for (int py = y * image.height / small.height; py < (y + 1) * image.height / small.height || n ==
					0; py++)
					for (int px = x * image.width / small.width; px < (x + 1) * image.width / small.width || n ==
						0; px++, n++)
						sum += at(&image, px, py)[1];
				most = fmax(most, fabs(sum / n - at(&small, x, y)[1]));
			}
		ok(most < 12, "and shows the same: off by %.1f levels", most);
		ok(l.live == 1 && l.largest <= (size_t) 3 * sizes[i][0] * sizes[i][1] &&
		   (sizes[i][2] * 8 > sizes[i][0] || l.largest <= (size_t) 3 * sizes[i][0] * sizes[i][1] / 32),
		   "no more than what it needs is held: %zu bytes", l.largest);
		drop(&small);
		for (size_t k = 1; k <= 6; k++)
		{
			env = ledger_env(&l);
			l.fail_at = k;
			if (fx_jpeg_thumbnail(&env, bytes, length, &wide, sizes[i][2], &small, &err) == FX_OK)
				drop(&small);
			else if (l.live != 0)
				ok(false, "memory that fails leaves nothing behind");
		}
		fx_env_malloc()->release(NULL, bytes);
		drop(&image);
	}
}

typedef struct told
{
	size_t		pictures;
	size_t		errors;
	size_t		wrong;
} told;

/* Each file of the corpora: a picture of the size asked for, or an error with words; what decodes gives a thumbnail. */
static void
visit(const char *path, void *context)
{
	static const fx_jpeg_limits limits = {16 << 20, 20000000, 100, 128 << 20};
	told	   *t = context;
	size_t		length;
	uint8_t    *bytes = read_whole(path, &length);
	fx_image	small;
	fx_image	whole;
	fx_error	err = {0};
	fx_code		code = fx_jpeg_thumbnail(fx_env_malloc(), bytes, length, &limits, 96, &small, &err);

	if (code == FX_OK)
	{
		t->pictures++;
		t->wrong += small.width > 96 || small.height > 96;
	}
	else
	{
		t->errors++;
		t->wrong += err.detail[0] == '\0' || small.pixels != NULL;
	}
	if (fx_jpeg_decode(fx_env_malloc(), bytes, length, &limits, &whole, NULL) == FX_OK && code != FX_OK)
	{
		diag("%s decodes, and has no thumbnail: %s", path, err.detail);
		t->wrong++;
	}
	drop(&whole);
	drop(&small);
	free(bytes);
}

static void
test_corpora(void)
{
	told		t = {0};

	if (each_file(data_path("jpeg"), visit, &t) == 0)
	{
		skip(1, "the corpora of the test data are not there");
		return;
	}
	ok(t.wrong == 0 && t.pictures > 100 && t.errors > 20, "corpora: %zu thumbnails, %zu errors, %zu wrong",
		t.pictures, t.errors, t.wrong);
}

int
main(void)
{
	test_operations();
	test_bounds();
	test_failures();
	test_hash();
	test_thumbnails();
	test_corpora();
	return done_testing();
}

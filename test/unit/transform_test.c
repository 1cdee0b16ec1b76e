/*
 * transform_test.c - turning, scaling, warping and similarity against slow,
 * obvious versions in floating point.
 */
#include <math.h>

#include "photo.h"
#include "tap.h"

static uint32_t state = 2463534242u;

static uint32_t
random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static double
uniform(double low, double high)
{
	return low + (high - low) * random_bits() / 4294967296.0;
}

static fx_image
make(int width, int height)
{
	fx_image	image;

	if (fx_image_create(fx_env_malloc(), width, height, &image, NULL) != FX_OK)
		abort();
	for (size_t i = 0; i < image.stride * (size_t) height; i++)
		image.pixels[i] = (uint8_t) (random_bits() >> 24);
	return image;
}

static void
drop(fx_image *image)
{
	fx_image_free(fx_env_malloc(), image);
}

static uint8_t *
pixel(const fx_image *image, int x, int y)
{
	return image->pixels + (size_t) y * image->stride + 3 * (size_t) x;
}

/* A colour at an exact place; outside: the border, or black. */
static double
sample(const fx_image *image, double x, double y, int c, bool border)
{
	double		sum = 0;

	for (int dy = 0; dy < 2; dy++)
		for (int dx = 0; dx < 2; dx++)
		{
			int			px = (int) floor(x) + dx;
			int			py = (int) floor(y) + dy;
			double		w = (1 - fabs(x - px)) * (1 - fabs(y - py));

			if (border)
			{
				px = px < 0 ? 0 : px >= image->width ? image->width - 1 : px;
				py = py < 0 ? 0 : py >= image->height ? image->height - 1 : py;
			}
			else if (px < 0 || py < 0 || px >= image->width || py >= image->height)
				continue;
			sum += w * pixel(image, px, py)[c];
		}
	return sum;
}

static void
test_turn(void)
{
	static const char *const names[] = {"", "as it is", "mirrored", "by 180 degrees", "upside down",
		"transposed",
	"clockwise", "transversed", "counter-clockwise"};

	for (int o = 1; o <= 8; o++)
	{
		fx_image	from = make(37, 23);
		fx_image	to = make(o < 5 ? 37 : 23, o < 5 ? 23 : 37);
		bool		same = true;

		for (int y = 0; y < from.height; y += 5)
			fx_turn_rows(pixel(&from, 0, y), from.stride, from.width, from.height, y,
						 from.height - y < 5 ? from.height - y : 5, o, &to);
		for (int y = 0; y < from.height; y++)
			for (int x = 0; x < from.width; x++)
			{
				int			right = from.width - 1 - x;
				int			below = from.height - 1 - y;
				/* where the stored pixel stands in the upright picture, by the Exif standard's table */
				const int	place[9][2] = {{0, 0}, {x, y}, {right, y}, {right, below}, {x, below},
				{y, x}, {below, x}, {below, right}, {y, right}};

				if (memcmp(pixel(&from, x, y), pixel(&to, place[o][0], place[o][1]), 3) != 0)
					same = false;
			}
		ok(same, "orientation %d turns %s", o, names[o]);
		drop(&from);
		drop(&to);
	}
}

static void
test_resize(void)
{
	static const int sizes[][4] = {{250, 250, 320, 320}, {250, 250, 640, 640}, {640, 480, 320, 240},
		{100, 60, 50, 30},
	{1, 1, 40, 30}, {500, 3, 7, 200}, {3, 500, 200, 7}, {33, 17, 33, 17}, {640, 480, 1, 1}, {2, 2, 1, 1},
		{97, 131, 61, 203},
	{50, 50, 100, 100}, {17, 9, 16, 8}};
	ledger		l;
	fx_env		env = ledger_env(&l);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		fx_image	from = make(sizes[i][0], sizes[i][1]);
		fx_image	to = make(sizes[i][2], sizes[i][3]);
		double		worst = 0;
		fx_code		code = fx_resize_bilinear(&env, &from, &to, NULL);

		for (int y = 0; y < to.height; y++)
			for (int x = 0; x < to.width; x++)
				for (int c = 0; c < 3; c++)
				{
					double		sx = (x + 0.5) * from.width / to.width - 0.5;
					double		sy = (y + 0.5) * from.height / to.height - 0.5;
					double		d = fabs(sample(&from, sx, sy, c, true) - pixel(&to, x, y)[c]);

					worst = fmax(worst, d);
				}
		/* 11-bit weights: half a level of rounding, and a quarter at most of what the weights lose */
		ok(code == FX_OK && worst <= 1.0, "%d x %d to %d x %d: within one level (%.3f)",
		   from.width, from.height, to.width, to.height, worst);
		drop(&from);
		drop(&to);
	}
	{
		fx_image	from = make(64, 64);
		fx_image	to = make(64, 64);

		fx_resize_bilinear(&env, &from, &to, NULL);
		ok(memcmp(from.pixels, to.pixels, from.stride * 64) == 0, "the same size changes nothing");
		l.fail_at = l.allocations + 1;
		ok(fx_resize_bilinear(&env, &from, &to, NULL) == FX_NO_MEMORY, "no memory is said");
		l.interrupt_at = 1;
		ok(fx_resize_bilinear(&env, &from, &to, NULL) == FX_INTERRUPTED, "scaling can be interrupted");
		ok(l.live == 0, "scaling releases all it takes");
		from.width = 0;
		ok(fx_resize_bilinear(&env, &from, &to, NULL) == FX_MISMATCH, "an empty picture is refused");
		drop(&from);
		drop(&to);
	}
}

static void
test_warp(void)
{
	double		worst = 0;
	fx_code		code = FX_OK;
	fx_image	from = make(120, 90);
	fx_image	to = make(112, 112);
	ledger		l;
	fx_env		env = ledger_env(&l);

	/* a smooth picture: a position is rounded to 1/32 pixel, which on noise would be many levels */
	for (int y = 0; y < from.height; y++)
		for (int x = 0; x < from.width; x++)
			for (int c = 0; c < 3; c++)
				pixel(&from, x, y)[c] = (uint8_t) (128 + 60 * sin(x / (9.0 + c)) + 60 * cos(y / 11.0));
	for (int i = 0; i < 40 && code == FX_OK; i++)
	{
		double		angle = uniform(-3.2, 3.2);
		double		scale = uniform(0.4, 3);
		double		a = scale * cos(angle);
		double		b = scale * sin(angle);
		double		m[6] = {a, -b, uniform(-40, 140), b, a, uniform(-40, 140)};

		code = fx_warp_affine(&env, &from, m, &to, NULL);
		for (int y = 0; y < to.height; y++)
			for (int x = 0; x < to.width; x++)
			{
				double		dx = x - m[2];
				double		dy = y - m[5];
				double		sx = (a * dx + b * dy) / (a * a + b * b);
				double		sy = (-b * dx + a * dy) / (a * a + b * b);

				/* at the border a rounded position may see black or not */
				if (fmin(fabs(sx), fabs(sx - from.width)) < 1.1 ||
					fmin(fabs(sy), fabs(sy - from.height)) < 1.1)
					continue;
				for (int c = 0; c < 3; c++)
					worst = fmax(worst, fabs(sample(&from, sx, sy, c, false) - pixel(&to, x, y)[c]));
			}
	}
	ok(code == FX_OK && worst <= 1.5, "40 warps within 1.5 levels of exact bilinear sampling (%.3f)", worst);
	{
		double		same[6] = {1, 0, 0, 0, 1, 0};
		double		away[6] = {1, 0, 1e300, 0, 1, -1e300};
		double		flat[6] = {1, 2, 0, 2, 4, 0};
		double		nan_[6] = {1, 0, NAN, 0, 1, 0};
		double		tiny[6] = {1e-200, 0, 0, 0, 1e-200, 0};
		bool		black = true;
		bool		copied = true;

		fx_warp_affine(&env, &from, same, &to, NULL);
		for (int y = 0; y < 90; y++)
			copied = copied && memcmp(pixel(&to, 0, y), pixel(&from, 0, y), 112 * 3) == 0;
		ok(copied, "the identity copies");
		for (int i = 0; i < 112 * 3; i++)
			copied = copied && pixel(&to, 0, 100)[i] == 0;
		ok(copied, "below the picture it is black");
		ok(fx_warp_affine(&env, &from, away, &to, NULL) == FX_OK, "a transform far away is no error");
		for (size_t i = 0; i < to.stride * 112; i++)
			black = black && to.pixels[i] == 0;
		ok(black, "and gives black");
		ok(fx_warp_affine(&env, &from, flat, &to, NULL) == FX_RANGE, "a singular transform is refused");
		ok(fx_warp_affine(&env, &from, nan_, &to, NULL) == FX_RANGE, "NaN is refused");
		ok(fx_warp_affine(&env, &from, tiny, &to, NULL) == FX_RANGE, "an inverse that overflows is refused");
		l.interrupt_at = 1;
		ok(fx_warp_affine(&env, &from, same, &to, NULL) == FX_INTERRUPTED, "warping can be interrupted");
		l.fail_at = l.allocations + 1;
		ok(fx_warp_affine(&env, &from, same, &to, NULL) == FX_NO_MEMORY, "no memory to warp is said");
		ok(l.live == 0, "warping releases all it takes");
		from.width = 0;
		ok(fx_warp_affine(&env, &from, same, &to, NULL) == FX_MISMATCH, "an empty picture is refused");
	}
	drop(&from);
	drop(&to);
}

/* The sum of squared distances after a transform. */
static double
residual(const double *m, const double *s, const double *d, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		double		x = m[0] * s[2 * i] + m[1] * s[2 * i + 1] + m[2] - d[2 * i];
		double		y = m[3] * s[2 * i] + m[4] * s[2 * i + 1] + m[5] - d[2 * i + 1];

		sum += x * x + y * y;
	}
	return sum;
}

static void
test_similarity(void)
{
	double		worst = 0;
	bool		least = true;
	double		s[10];
	double		d[10];
	double		m[6];

	for (int k = 0; k < 500; k++)
	{
		double		angle = uniform(-M_PI, M_PI);
		double		scale = uniform(0.05, 20);
		double		known[6] = {scale * cos(angle), -scale * sin(angle), uniform(-500, 500),
		scale * sin(angle), scale * cos(angle), uniform(-500, 500)};

		for (int i = 0; i < 5; i++)
		{
			s[2 * i] = uniform(0, 300);
			s[2 * i + 1] = uniform(0, 300);
			d[2 * i] = known[0] * s[2 * i] + known[1] * s[2 * i + 1] + known[2];
			d[2 * i + 1] = known[3] * s[2 * i] + known[4] * s[2 * i + 1] + known[5];
		}
		fx_similarity_transform(s, d, 5, m, NULL);
		for (int i = 0; i < 6; i++)
			worst = fmax(worst, fabs(m[i] - known[i]) / (1 + fabs(known[i])));
		/* with noise, no neighbouring similarity transform is better */
		for (int i = 0; i < 10; i++)
			d[i] += uniform(-5, 5);
		fx_similarity_transform(s, d, 5, m, NULL);
		for (int i = 0; i < 20; i++)
		{
			double		da = uniform(-1e-3, 1e-3);
			double		db = uniform(-1e-3, 1e-3);
			double		other[6] = {m[0] + da, m[1] - db, m[2] + uniform(-0.1, 0.1),
			m[3] + db, m[4] + da, m[5] + uniform(-0.1, 0.1)};

			least = least && residual(m, s, d, 5) <= residual(other, s, d, 5) + 1e-9;
		}
	}
	ok(worst < 1e-9, "500 known similarity transforms are recovered (worst relative error %g)", worst);
	ok(least, "with noise the transform is the least-squares one");

	for (int i = 0; i < 10; i++)
		d[i] = uniform(0, 112);
	for (int i = 0; i < 5; i++)
	{
		s[2 * i] = 100;
		s[2 * i + 1] = 70.3;
	}
	ok(fx_similarity_transform(s, d, 5, m, NULL) == FX_MISMATCH, "coinciding points are refused");
	s[0] = NAN;
	ok(fx_similarity_transform(s, d, 5, m, NULL) == FX_RANGE, "NaN is refused");
	s[0] = INFINITY;
	ok(fx_similarity_transform(s, d, 5, m, NULL) == FX_RANGE, "an infinity is refused");
	ok(fx_similarity_transform(s, d, 1, m, NULL) == FX_MISMATCH, "one point is not enough");
}

int
main(void)
{
	fx_image	image;

	test_turn();
	test_resize();
	test_warp();
	test_similarity();
	ok(fx_image_create(fx_env_malloc(), 0, 5, &image, NULL) == FX_MISMATCH,
	   "an image without width is refused");
	ok(fx_image_create(fx_env_malloc(), -1, 5, &image, NULL) == FX_MISMATCH, "a negative width is refused");
	return done_testing();
}

/*
 * enhance.c - crop, rotate, mirror, brightness, contrast, gamma,
 * equalisation, sharpening, denoising.
 *
 * Levels are taken as they are stored (sRGB); results are rounded to the
 * nearest level and clipped.
 */
#include "image/enhance.h"

#include <math.h>
#include <string.h>

#define INTERRUPT_ROWS 16
#define MOST_TAPS 61			/* of a Gaussian: three deviations of 20 pixels to each side fit */
#define TOLERANCE 1e-9

static const struct
{
	const char *name;
	const char *parameter[FX_PARAMETERS + 1];
	double		least[FX_PARAMETERS];
	double		most[FX_PARAMETERS];
}			list[FX_OPERATIONS] = {
	[FX_CROP_TO] = {"crop", {"x", "y", "width", "height"}, {0, 0, 1, 1}, {1e6, 1e6, 1e6, 1e6}},
	[FX_ROTATE] = {"rotate", {"degrees"}, {-360}, {360}},
	[FX_MIRROR] = {"mirror", {NULL}, {0}, {0}},
	[FX_BRIGHTNESS] = {"brightness", {"add"}, {-255}, {255}},
	[FX_CONTRAST] = {"contrast", {"factor"}, {0}, {10}},
	[FX_GAMMA] = {"gamma", {"gamma"}, {0.1}, {10}},
	[FX_EQUALISE] = {"equalise", {NULL}, {0}, {0}},
	[FX_SHARPEN] = {"sharpen", {"amount", "radius"}, {0, 0.3}, {5, 20}},
	[FX_DENOISE] = {"denoise", {"radius"}, {1}, {5}},
};

const char *
fx_operation_name(fx_operation operation)
{
	return list[operation].name;
}

const char *const *
fx_operation_parameters(fx_operation operation)
{
	return list[operation].parameter;
}

static fx_code
interrupted(fx_error *err)
{
	return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "work on a photograph was interrupted");
}

static bool
stop_at(const fx_env *env, int y)
{
	return y % INTERRUPT_ROWS == 0 && env->interrupted(env->context);
}

static uint8_t *
row_of(const fx_image *image, int y)
{
	return image->pixels + (size_t) y * image->stride;
}

static uint8_t
level(double v)
{
	return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t) (v + 0.5);
}

static int
luma(const uint8_t *rgb)
{
	return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
}

/* ---- geometry */

static fx_code
crop(const fx_env *env, const fx_image *from, const double *p, fx_image *to, fx_error *err)
{
	int			x = (int) p[0];
	int			y = (int) p[1];
	int			width = (int) p[2];
	int			height = (int) p[3];
	fx_code		code;

	if (x + width > from->width || y + height > from->height)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "%d x %d pixels at (%d, %d) are not all in a picture of %d x %d",
					   width, height, x, y, from->width, from->height);
	code = fx_image_create(env, width, height, to, err);
	for (int i = 0; code == FX_OK && i < height; i++)
		memcpy(row_of(to, i), row_of(from, y + i) + 3 * (size_t) x, 3 * (size_t) width);
	return code;
}

/* By an Exif orientation: quarter turns and mirroring move pixels and change none. */
static fx_code
turn(const fx_env *env, const fx_image *from, int orientation, fx_image *to, fx_error *err)
{
	bool		sideways = orientation >= 5;
	fx_code		code = fx_image_create(env, sideways ? from->height : from->width,
									   sideways ? from->width : from->height, to, err);

	if (code == FX_OK)
		fx_turn_rows(from->pixels, from->stride, from->width, from->height, 0, from->height, orientation, to);
	return code;
}

static fx_code
rotate(const fx_env *env, const fx_image *from, double degrees, uint64_t max_pixels, fx_image *to, fx_error *err)
{
	static const int quarter[4] = {1, 6, 3, 8};
	double		turns = degrees / 90;
	double		c = cos(degrees * M_PI / 180);
	double		s = sin(degrees * M_PI / 180);
	double		width = ceil(fabs(c) * from->width + fabs(s) * from->height - TOLERANCE);
	double		height = ceil(fabs(s) * from->width + fabs(c) * from->height - TOLERANCE);
	double		forward[6] = {c, -s, 0, s, c, 0};
	fx_code		code;

	if (fabs(turns - rint(turns)) < TOLERANCE)
		return turn(env, from, quarter[((int) rint(turns) % 4 + 4) % 4], to, err);
	if (width * height > max_pixels || width > INT32_MAX || height > INT32_MAX)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
					   "turned, the picture has %.0f x %.0f pixels, more than %llu in all",
					   width, height, (unsigned long long) max_pixels);
	/* the middle stays the middle */
	forward[2] = (width - 1) / 2 - c * (from->width - 1) / 2 + s * (from->height - 1) / 2;
	forward[5] = (height - 1) / 2 - s * (from->width - 1) / 2 - c * (from->height - 1) / 2;
	code = fx_image_create(env, (int) width, (int) height, to, err);
	return code == FX_OK ? fx_warp_affine(env, from, forward, to, err) : code;
}

/* ---- levels */

static fx_code
by_table(const fx_env *env, const fx_image *from, const uint8_t table[256], fx_image *to, fx_error *err)
{
	fx_code		code = fx_image_create(env, from->width, from->height, to, err);

	for (int y = 0; code == FX_OK && y < from->height; y++)
	{
		const uint8_t *p = row_of(from, y);
		uint8_t    *q = row_of(to, y);

		if (stop_at(env, y))
			return interrupted(err);
		for (int x = 0; x < 3 * from->width; x++)
			q[x] = table[p[x]];
	}
	return code;
}

static void
fill_table(fx_operation operation, double p, uint8_t table[256])
{
	for (int i = 0; i < 256; i++)
		table[i] = level(operation == FX_BRIGHTNESS ? i + p
						 : operation == FX_CONTRAST ? 128 + (i - 128) * p : 255 * pow(i / 255.0, 1 / p));
}

/*
 * A level of luma becomes the share of pixels at or below it, stretched so
 * that the lowest one in use becomes black; red, green and blue move by as
 * much as luma does, so that colour differences stay.
 */
static fx_code
equalise(const fx_env *env, const fx_image *from, fx_image *to, fx_error *err)
{
	uint64_t	count[256] = {0};
	int			moved[256];
	uint64_t	below = 0;
	uint64_t	lowest = 0;
	uint64_t	all = (uint64_t) from->width * from->height;
	fx_code		code;

	for (int y = 0; y < from->height; y++)
	{
		const uint8_t *p = row_of(from, y);

		if (stop_at(env, y))
			return interrupted(err);
		for (int x = 0; x < from->width; x++, p += 3)
			count[luma(p)]++;
	}
	for (int i = 0; i < 256; i++)
	{
		below += count[i];
		if (lowest == 0)
			lowest = below;
		/* one level alone stays as it is */
		moved[i] = all == lowest || below < lowest ? 0
			: (int) level(255.0 * (double) (below - lowest) / (double) (all - lowest)) - i;
	}
	code = fx_image_create(env, from->width, from->height, to, err);
	for (int y = 0; code == FX_OK && y < from->height; y++)
	{
		const uint8_t *p = row_of(from, y);
		uint8_t    *q = row_of(to, y);

		if (stop_at(env, y))
			return interrupted(err);
		for (int x = 0; x < from->width; x++, p += 3, q += 3)
		{
			int			by = moved[luma(p)];

			for (int c = 0; c < 3; c++)
			{
				int			v = p[c] + by;

				q[c] = (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v);
			}
		}
	}
	return code;
}

/* ---- neighbourhoods; outside of the picture its border goes on */

static int
inside(int v, int size)
{
	return v < 0 ? 0 : v >= size ? size - 1 : v;
}

/* Half the taps of a Gaussian, from its middle on; their sum on both sides is 1. */
static int
gaussian(double radius, float taps[MOST_TAPS + 1])
{
	int			reach = (int) ceil(3 * radius);
	double		sum = 0;

	if (reach > MOST_TAPS)
		reach = MOST_TAPS;
	for (int i = -reach; i <= reach; i++)
		sum += exp(-0.5 * i * i / (radius * radius));
	for (int i = 0; i <= reach; i++)
		taps[i] = (float) (exp(-0.5 * i * i / (radius * radius)) / sum);
	return reach;
}

/* One row of a Gaussian along x. */
static void
smooth_row(const uint8_t *from, int width, const float *taps, int reach, float *to)
{
	for (int x = 0; x < width; x++)
		for (int c = 0; c < 3; c++)
		{
			float		sum = taps[0] * from[3 * x + c];

			for (int k = 1; k <= reach; k++)
				sum += taps[k] * (from[3 * (size_t) inside(x - k, width) + c] +
								  from[3 * (size_t) inside(x + k, width) + c]);
			to[3 * x + c] = sum;
		}
}

static fx_code
sharpen(const fx_env *env, const fx_image *from, double amount, double radius, fx_image *to, fx_error *err)
{
	float		taps[MOST_TAPS + 1] = {0};
	int			reach = gaussian(radius, taps);
	int			held = 2 * reach + 1;	/* smoothed rows, each in its place modulo this */
	size_t		wide = 3 * (size_t) from->width;
	size_t		size;
	float	   *rows;
	int			next = 0;		/* row that is smoothed next */
	fx_code		code;

	if (!fx_mul_size(wide * sizeof(float), (size_t) held, &size) || (rows = env->alloc(env->context, size)) == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to sharpen a photograph");
	code = fx_image_create(env, from->width, from->height, to, err);
	for (int y = 0; code == FX_OK && y < from->height; y++)
	{
		const uint8_t *p = row_of(from, y);
		uint8_t    *q = row_of(to, y);

		if (env->interrupted(env->context))
		{
			code = interrupted(err);
			break;
		}
		for (; next < from->height && next <= y + reach; next++)
			smooth_row(row_of(from, next), from->width, taps, reach, rows + (size_t) (next % held) * wide);
		for (size_t i = 0; i < wide; i++)
		{
			float		sum = 0;

			for (int k = -reach; k <= reach; k++)
				sum += taps[k < 0 ? -k : k] * rows[(size_t) (inside(y + k, from->height) % held) * wide + i];
			q[i] = level(p[i] + amount * (p[i] - sum));
		}
	}
	env->release(env->context, rows);
	return code;
}

/* The median of a square that moves along a row: a histogram gains a column and loses one. */
static fx_code
denoise(const fx_env *env, const fx_image *from, int radius, fx_image *to, fx_error *err)
{
	int			half = (2 * radius + 1) * (2 * radius + 1) / 2;
	fx_code		code = fx_image_create(env, from->width, from->height, to, err);

	for (int y = 0; code == FX_OK && y < from->height; y++)
	{
		if (env->interrupted(env->context))
			return interrupted(err);
		for (int c = 0; c < 3; c++)
		{
			uint16_t	count[256] = {0};
			int			median = 0;
			int			below = 0;	/* how many are less than it */

			for (int x = -radius; x < from->width + radius; x++)
			{
				size_t		gain = 3 * (size_t) inside(x, from->width) + c;
				size_t		lose = 3 * (size_t) inside(x - 2 * radius - 1, from->width) + c;

				for (int k = -radius; k <= radius; k++)
				{
					const uint8_t *p = row_of(from, inside(y + k, from->height));

					count[p[gain]]++;
					below += p[gain] < median;
					if (x > radius)
					{
						count[p[lose]]--;
						below -= p[lose] < median;
					}
				}
				if (x < radius)
					continue;
				while (below > half)
					below -= count[--median];
				while (below + count[median] <= half)
					below += count[median++];
				row_of(to, y)[3 * (size_t) (x - radius) + c] = (uint8_t) median;
			}
		}
	}
	return code;
}

static fx_code
perform(const fx_env *env, const fx_image *from, fx_operation operation, const double *p, uint64_t max_pixels,
		fx_image *to, fx_error *err)
{
	uint8_t		table[256];

	switch (operation)
	{
		case FX_CROP_TO:
			return crop(env, from, p, to, err);
		case FX_ROTATE:
			return rotate(env, from, p[0], max_pixels, to, err);
		case FX_MIRROR:
			return turn(env, from, 2, to, err);
		case FX_BRIGHTNESS:
		case FX_CONTRAST:
		case FX_GAMMA:
			fill_table(operation, p[0], table);
			return by_table(env, from, table, to, err);
		case FX_EQUALISE:
			return equalise(env, from, to, err);
		case FX_SHARPEN:
			return sharpen(env, from, p[0], p[1], to, err);
		case FX_DENOISE:
			return denoise(env, from, (int) p[0], to, err);
		case FX_OPERATIONS:
			break;
	}
	return fx_fail(err, FX_RANGE, FX_NO_POSITION, "there is no such operation");
}

fx_code
fx_enhance(const fx_env *env, const fx_image *from, fx_operation operation, const double parameter[FX_PARAMETERS],
		   uint64_t max_pixels, fx_image *to, fx_error *err)
{
	bool		whole = operation == FX_CROP_TO || operation == FX_DENOISE;
	fx_code		code;

	memset(to, 0, sizeof(*to));
	if (from->width <= 0 || from->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture cannot be enhanced");
	for (int i = 0; operation < FX_OPERATIONS && list[operation].parameter[i] != NULL; i++)
		if (!(parameter[i] >= list[operation].least[i] && parameter[i] <= list[operation].most[i]) ||
			(whole && parameter[i] != rint(parameter[i])))
			return fx_fail(err, FX_RANGE, FX_NO_POSITION, "\"%s\" of \"%s\" is %s%g to %g, not %g",
						   list[operation].parameter[i], list[operation].name, whole ? "a whole number, " : "",
						   list[operation].least[i], list[operation].most[i], parameter[i]);
	code = perform(env, from, operation, parameter, max_pixels, to, err);
	if (code != FX_OK)
		fx_image_free(env, to);
	return code;
}

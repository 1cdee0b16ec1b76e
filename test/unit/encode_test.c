/*
 * encode_test.c - encoding: what comes back from the decoder, what a file
 * holds beside the picture, and every failure on the way.
 */
#include <math.h>

#include "photo.h"
#include "tap.h"

static uint32_t state = 88172645u;

static uint8_t
random_byte(void)
{
	state = state * 1664525u + 1013904223u;
	return (uint8_t) (state >> 24);
}

/* A picture of width x height in rows of some more bytes: smooth, or noise. */
static fx_image
make(int width, int height, bool noise)
{
	fx_image	image;

	if (fx_image_create(fx_env_malloc(), width + 5, height, &image, NULL) != FX_OK)
		abort();
	image.width = width;
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < 3; c++)
				image.pixels[(size_t) y * image.stride + 3 * x + c] = noise ? random_byte()
					: (uint8_t) (128 + 60 * sin((x + 20 * c) / 40.0) + 60 * cos(y / 33.0));
	return image;
}

/* The mean difference of two pictures of one size, in levels. */
static double
difference(const fx_image *a, const fx_image *b)
{
	double		sum = 0;

	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < 3 * a->width; x++)
			sum += abs(a->pixels[(size_t) y * a->stride + x] - b->pixels[(size_t) y * b->stride + x]);
	return sum / (3.0 * a->width * a->height);
}

/* Encodes and decodes; returns the length of the file, and in *apart how far the pixels are off. */
static size_t
round_trip(const fx_image *image, int quality, double *apart)
{
	uint8_t    *bytes;
	size_t		length;
	fx_image	back = {0};

	*apart = INFINITY;
	if (fx_jpeg_encode(fx_env_malloc(), image, quality, &bytes, &length, NULL) != FX_OK)
		return 0;
	if (fx_jpeg_decode(fx_env_malloc(), bytes, length, &wide, &back, NULL) == FX_OK &&
		back.width == image->width && back.height == image->height)
		*apart = difference(image, &back);
	fx_image_free(fx_env_malloc(), &back);
	fx_env_malloc()->release(NULL, bytes);
	return length;
}

/* Whether tables, frame and scan are all that stands before the picture, behind JFIF's own header. */
static bool
nothing_else(const uint8_t *bytes, size_t length)
{
	size_t		at = 2;

	while (at + 4 <= length)
	{
		uint8_t		marker = bytes[at + 1];

		if (bytes[at] != 0xFF)
			return false;
		if (marker == 0xDA)
			return true;
		if (marker == 0xE0 ? bytes[at + 3] != 16 : marker != 0xDB && marker != 0xC0 && marker != 0xC4)
			return false;
		at += 2 + ((size_t) bytes[at + 2] << 8 | bytes[at + 3]);
	}
	return false;
}

static void
test_pictures(void)
{
	static const int sizes[][2] = {{1, 1}, {8, 8}, {17, 3}, {3, 17}, {640, 480}, {113, 257}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
	{
		fx_image	image = make(sizes[i][0], sizes[i][1], false);
		double		fine;
		double		coarse;
		size_t		large = round_trip(&image, 95, &fine);
		size_t		small = round_trip(&image, 40, &coarse);

		ok(fine < 1.5, "%d x %d at 95: off by %.2f levels", image.width, image.height, fine);
		ok(coarse < 8 && small > 0 && small <= large, "at 40: off by %.2f, %zu bytes instead of %zu",
		   coarse, small, large);
		fx_image_free(fx_env_malloc(), &image);
	}
}

static void
test_noise(void)
{
	fx_image	image = make(300, 200, true);
	double		apart;
	size_t		length = round_trip(&image, 100, &apart);

	/* the first buffer holds a quarter of a byte a pixel */
	ok(length > 4 * (300 * 200 / 4 + 4096) && apart < 2, "noise outgrows its buffer: %zu bytes, off by %.2f",
	   length, apart);
	fx_image_free(fx_env_malloc(), &image);
}

static void
test_metadata(void)
{
	fx_image	image = make(64, 48, false);
	uint8_t    *bytes = NULL;
	size_t		length = 0;

	ok(fx_jpeg_encode(fx_env_malloc(), &image, 85, &bytes, &length, NULL) == FX_OK &&
	   nothing_else(bytes, length), "a file has no segment that is not its picture's");
	ok(fx_still_kind(bytes, length) == FX_STILL_JPEG && fx_exif_orientation(bytes, length) == 1,
	   "it is one upright picture");
	fx_env_malloc()->release(NULL, bytes);
	fx_image_free(fx_env_malloc(), &image);
}

static void
test_failures(void)
{
	fx_image	image = make(300, 200, true);
	fx_image	wide_one = image;
	ledger		l;
	fx_env		env = ledger_env(&l);
	uint8_t    *bytes;
	size_t		length;
	fx_error	err = {0};
	size_t		allocations;
	size_t		questions;
	bool		clean = true;

	ok(fx_jpeg_encode(&env, &image, 0, &bytes, &length, &err) == FX_RANGE &&
	   fx_jpeg_encode(&env, &image, 101, &bytes, &length, &err) == FX_RANGE && err.detail[0] != '\0',
	   "quality 0 and 101 are refused");
	wide_one.width = 65501;
	ok(fx_jpeg_encode(&env, &wide_one, 90, &bytes, &length, &err) == FX_LIMIT, "65501 pixels a side are refused");
	wide_one.width = 0;
	ok(fx_jpeg_encode(&env, &wide_one, 90, &bytes, &length, &err) == FX_MISMATCH, "an empty picture is refused");
	ok(l.allocations == 0, "and nothing was allocated");

	ok(fx_jpeg_encode(&env, &image, 100, &bytes, &length, &err) == FX_OK && l.live == 1, "one block is handed over");
	env.release(env.context, bytes);
	allocations = l.allocations;
	questions = l.questions;
	for (size_t i = 1; i <= allocations; i++)
	{
		env = ledger_env(&l);
		l.fail_at = i;
		clean &= fx_jpeg_encode(&env, &image, 100, &bytes, &length, &err) == FX_NO_MEMORY && l.live == 0 &&
			bytes == NULL;
	}
	ok(clean && allocations > 2, "memory that fails at each of %zu allocations leaves nothing behind", allocations);
	clean = true;
	for (size_t i = 1; i <= questions; i++)
	{
		env = ledger_env(&l);
		l.interrupt_at = i;
		clean &= fx_jpeg_encode(&env, &image, 100, &bytes, &length, &err) == FX_INTERRUPTED && l.live == 0;
	}
	ok(clean && questions >= 200 / 16, "and so does an interrupt at each of %zu questions", questions);
	fx_image_free(fx_env_malloc(), &image);
}

int
main(void)
{
	test_pictures();
	test_noise();
	test_metadata();
	test_failures();
	return done_testing();
}

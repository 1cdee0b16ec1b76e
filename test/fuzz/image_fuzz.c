/*
 * image_fuzz.c - hostile bytes into what is made from photographs: a JPEG,
 * whose last bytes choose an operation and landmarks.  No finding of a
 * sanitizer, no memory left behind, results within their limits, and what is
 * encoded decodes to the same size without metadata.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "counted.h"
#include "image/enhance.h"
#include "quality/quality.h"

#define CHOICE 64

static const fx_jpeg_limits limits = {1 << 18, 1 << 18, 12, 24 << 20};

static void
check(bool fact)
{
	if (!fact)
		abort();
}

/* There and back: the same size, and nothing that Exif would be read from. */
static void
encode(const fx_image *image, int quality)
{
	static const fx_jpeg_limits wide = {1 << 26, 1 << 26, 12, 1 << 28};
	fx_image	back;
	uint8_t    *bytes;
	size_t		length;

	check(fx_jpeg_encode(&env, image, quality, &bytes, &length, NULL) == FX_OK);
	check(fx_exif_orientation(bytes, length) == 1 && fx_still_kind(bytes, length) == FX_STILL_JPEG);
	check(fx_jpeg_decode(&env, bytes, length, &wide, &back, NULL) == FX_OK);
	check(back.width == image->width && back.height == image->height);
	fx_image_free(&env, &back);
	env.release(env.context, bytes);
}

static void
assess(const fx_image *image, const uint8_t *choice)
{
	fx_face		face = {0, 0, 10, 10, 0.9f, true, {{0}}};
	fx_measurement m[FX_MEASURES];
	fx_error	err = {FX_OK, 0, ""};
	fx_code		code;

	memcpy(face.landmark, choice, sizeof(face.landmark));
	/* half of the time in the picture */
	if (choice[40] & 1)
		for (int i = 0; i < 2 * FX_LANDMARKS; i++)
			face.landmark[i / 2][i % 2] = (float) choice[4 * i] * (float) (i % 2 ? image->height : image->width) / 255;
	code = fx_assess(&env, image, &face, 1, 0, m, &err);
	check(code == FX_OK || (err.code == code && err.detail[0] != '\0'));
	for (int i = 0; i < FX_MEASURES; i++)
		check(!m[i].known || (m[i].component >= 0 && m[i].component <= 100));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fx_image	image;
	fx_image	made;
	fx_image	small;
	double		parameter[FX_PARAMETERS];
	fx_error	err = {FX_OK, 0, ""};
	const uint8_t *choice;
	int			side;

	if (size < CHOICE)
		return 0;
	choice = data + size - CHOICE;
	memcpy(parameter, choice, sizeof(parameter));
	if (choice[41] & 1)			/* half of the time numbers that may be meant */
		for (int i = 0; i < FX_PARAMETERS; i++)
			parameter[i] = choice[i] / 8;
	side = choice[42] + 1;
	if (fx_jpeg_decode(&env, data, size, &limits, &image, NULL) == FX_OK)
	{
		fx_code		code = fx_enhance(&env, &image, (fx_operation) (choice[43] % (FX_OPERATIONS + 1)), parameter,
									  limits.max_pixels, &made, &err);

		if (code == FX_OK)
		{
			check((uint64_t) made.width * made.height <= limits.max_pixels);
			encode(&made, choice[44] % 100 + 1);
		}
		else
			check(made.pixels == NULL && err.code == code && err.detail[0] != '\0');
		fx_image_free(&env, &made);
		check((fx_perceptual_hash(&image) & 1) == 0);
		assess(&image, choice);
		check(fx_jpeg_thumbnail(&env, data, size, &limits, side, &small, &err) == FX_OK);
		check(small.width <= side && small.height <= side);
		fx_image_free(&env, &small);
	}
	else if (fx_jpeg_thumbnail(&env, data, size, &limits, side, &small, &err) == FX_OK)
		fx_image_free(&env, &small);	/* less memory is enough for less of it */
	fx_image_free(&env, &image);
	check(live == 0);
	return 0;
}

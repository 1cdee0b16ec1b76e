/*
 * thumbnail.c - a small picture of a photograph, for people to look at.
 */
#include "image/image.h"

#include <string.h>

/* side * to / from, rounded, at least 1. */
static int
in_proportion(int side, int to, int from)
{
	int64_t		v = ((int64_t) side * to * 2 + from) / (2 * (int64_t) from);

	return v > 0 ? (int) v : 1;
}

static int
longer_side(const fx_image *image)
{
	return image->width > image->height ? image->width : image->height;
}

/*
 * Scaling looks at four neighbours, so it goes down by no more than two at a
 * time; all but the last step of a very large photograph are halvings.
 */
fx_code
fx_jpeg_thumbnail(const fx_env *env, const uint8_t *bytes, size_t length, const fx_jpeg_limits *limits,
				  int max_side, fx_image *image, fx_error *err)
{
	fx_code		code;

	memset(image, 0, sizeof(*image));
	if (max_side < 1)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a picture of at most %d pixels is not possible", max_side);
	code = fx_jpeg_decode_reduced(env, bytes, length, limits, max_side, image, err);
	while (code == FX_OK && longer_side(image) > max_side)
	{
		int			longer = longer_side(image);
		int			side = longer / 2 > max_side ? longer / 2 : max_side;
		fx_image	small;

		code = fx_image_create(env, in_proportion(image->width, side, longer),
							   in_proportion(image->height, side, longer), &small, err);
		if (code == FX_OK)
			code = fx_resize_bilinear(env, image, &small, err);
		fx_image_free(env, image);
		if (code == FX_OK)
			*image = small;
		else
			fx_image_free(env, &small);
	}
	return code;
}

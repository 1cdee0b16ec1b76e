/*
 * place.c - pictures on pictures: parts, scaling, windows around a face.
 */
#include "draw/draw.h"

#include <math.h>
#include <string.h>

fx_image
fx_part(const fx_image *of, fx_box box)
{
	fx_image	part = *of;
	int64_t		left = box.x < 0 ? 0 : box.x;
	int64_t		top = box.y < 0 ? 0 : box.y;
	int64_t		right = (int64_t) box.x + box.width;
	int64_t		bottom = (int64_t) box.y + box.height;

	right = right > of->width ? of->width : right;
	bottom = bottom > of->height ? of->height : bottom;
	part.width = left < right ? (int) (right - left) : 0;
	part.height = top < bottom ? (int) (bottom - top) : 0;
	if (part.width == 0 || part.height == 0)
		part.width = part.height = 0;
	else
		part.pixels = of->pixels + (size_t) top * of->stride + (size_t) left * 3;
	return part;
}

fx_box
fx_fit(fx_box within, int width, int height)
{
	fx_box		box = within;

	if (width <= 0 || height <= 0 || within.width <= 0 || within.height <= 0)
		return (fx_box) {within.x, within.y, 0, 0};
	if ((int64_t) width * within.height > (int64_t) height * within.width)
		box.height = (int) ((int64_t) within.width * height / width);
	else
		box.width = (int) ((int64_t) within.height * width / height);
	box.width = box.width < 1 ? 1 : box.width;
	box.height = box.height < 1 ? 1 : box.height;
	box.x += (within.width - box.width) / 2;
	box.y += (within.height - box.height) / 2;
	return box;
}

/*
 * Halves a picture as often as it stays at least this large, each time to the
 * mean of four pixels; an odd last row or column is dropped.  *to is a picture of
 * its own (release it) or, when nothing was halved, the one given.
 */
static fx_code
halve_down(const fx_env *env, const fx_image *from, double width, double height, fx_image *to, fx_image *own,
		   fx_error *err)
{
	fx_code		code = FX_OK;

	*to = *from;
	memset(own, 0, sizeof(*own));
	while (code == FX_OK && to->width / 2 >= width && to->height / 2 >= height && to->width >= 2 && to->height >= 2)
	{
		fx_image	even = fx_part(to, (fx_box) {0, 0, to->width & ~1, to->height & ~1});
		fx_image	half;

		code = fx_image_create(env, even.width / 2, even.height / 2, &half, err);
		if (code == FX_OK)
			code = fx_resize_bilinear(env, &even, &half, err);
		fx_image_free(env, own);
		*own = *to = half;
	}
	if (code != FX_OK)
		fx_image_free(env, own);
	return code;
}

fx_code
fx_place(const fx_env *env, fx_image *on, fx_box box, const fx_image *picture, fx_error *err)
{
	fx_image	small;
	fx_image	own;
	fx_image	scaled;
	fx_code		code;

	if (box.width <= 0 || box.height <= 0)
		return FX_OK;
	if (picture->width <= 0 || picture->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture cannot be drawn");
	code = halve_down(env, picture, box.width, box.height, &small, &own, err);
	if (code != FX_OK)
		return code;
	code = fx_image_create(env, box.width, box.height, &scaled, err);
	if (code == FX_OK)
		code = fx_resize_bilinear(env, &small, &scaled, err);
	if (code == FX_OK)
	{
		fx_image	target = fx_part(on, box);
		int			left = box.x < 0 ? -box.x : 0;
		int			top = box.y < 0 ? -box.y : 0;

		for (int y = 0; y < target.height; y++)
			memcpy(target.pixels + (size_t) y * target.stride,
				   scaled.pixels + (size_t) (y + top) * scaled.stride + (size_t) left * 3, (size_t) target.width * 3);
	}
	fx_image_free(env, &scaled);
	fx_image_free(env, &own);
	return code;
}

/* Moves a stretch into 0..most; it is not longer than that. */
static double
moved(double from, double length, double most)
{
	return from < 0 ? 0 : from + length > most ? most - length : from;
}

fx_box
fx_portrait_window(int photo_width, int photo_height, const double face[4], double share,
				   int width, int height, bool beyond)
{
	double		w;
	double		h;
	double		x;
	double		y;

	for (int i = 0; i < 4; i++)
		if (!isfinite(face[i]) || fabs(face[i]) > 1e6)
			return (fx_box) {0, 0, photo_width, photo_height};
	if (!(face[2] >= 1) || !(face[3] >= 1) || !(share > 0) || width <= 0 || height <= 0)
		return (fx_box) {0, 0, photo_width, photo_height};
	h = face[3] / share;
	w = h * width / height;
	/* hair takes more room above a face than the neck below it */
	x = face[0] + face[2] / 2 - w / 2;
	y = face[1] + face[3] / 2 - h * 0.49;
	if (!beyond)
	{
		if (w >= photo_width || h >= photo_height)
			return (fx_box) {0, 0, photo_width, photo_height};
		x = moved(x, w, photo_width);
		y = moved(y, h, photo_height);
	}
	return (fx_box) {(int) lrint(x), (int) lrint(y), (int) fmax(lrint(w), 1), (int) fmax(lrint(h), 1)};
}

fx_code
fx_warp_smooth(const fx_env *env, const fx_image *from, const double forward[6], fx_image *to, fx_error *err)
{
	double		scale = hypot(forward[0], forward[3]);
	fx_image	small;
	fx_image	own;
	double		m[6];
	fx_code		code;

	if (!isfinite(scale) || !(scale > 0))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a transform has no finite scale");
	code = halve_down(env, from, from->width * scale, from->height * scale, &small, &own, err);
	if (code != FX_OK)
		return code;
	/* a halved picture's pixel i covers 2i and 2i+1: centres, not corners, correspond */
	memcpy(m, forward, sizeof(m));
	for (int width = from->width; width > small.width; width /= 2)
	{
		m[2] += (m[0] + m[1]) / 2;
		m[5] += (m[3] + m[4]) / 2;
		m[0] *= 2;
		m[1] *= 2;
		m[3] *= 2;
		m[4] *= 2;
	}
	code = fx_warp_affine(env, &small, m, to, err);
	fx_image_free(env, &own);
	return code;
}

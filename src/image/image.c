/*
 * image.c - making and releasing pixel arrays.
 */
#include "image/image.h"

#include <limits.h>

/*
 * Makes an image whose rows are dense; the pixels are not initialised.
 * FX_LIMIT when it cannot be addressed.
 */
fx_code
fx_image_create(const fx_env *env, int width, int height, fx_image *image, fx_error *err)
{
	size_t		stride;
	size_t		size;

	image->pixels = NULL;
	image->width = image->height = 0;
	image->stride = 0;
	if (width <= 0 || height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "an image of %d x %d pixels is not possible", width, height);
	if (!fx_mul_size((size_t) width, 3, &stride) || !fx_mul_size(stride, (size_t) height, &size) ||
		size > PTRDIFF_MAX)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
					   "an image of %d x %d pixels is too large", width, height);
	image->pixels = env->alloc(env->context, size);
	if (image->pixels == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION,
					   "no memory for an image of %d x %d pixels", width, height);
	image->width = width;
	image->height = height;
	image->stride = stride;
	return FX_OK;
}

/* Releases the pixels; harmless on an image that has none. */
void
fx_image_free(const fx_env *env, fx_image *image)
{
	env->release(env->context, image->pixels);
	image->pixels = NULL;
	image->width = image->height = 0;
	image->stride = 0;
}

/*
 * jpeg_fuzz.c - hostile bytes into the JPEG decoder under tight limits: no
 * finding of a sanitizer, no memory left behind, and a result that does not
 * contradict itself.
 */
#include <stdlib.h>

#include "counted.h"
#include "image/image.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const fx_jpeg_limits limits = {1 << 18, 1 << 20, 12, 24 << 20};
	fx_image	image;
	fx_error	err = {FX_OK, 0, ""};
	fx_code		code = fx_jpeg_decode(&env, data, size, &limits, &image, &err);
	int			orientation = fx_exif_orientation(data, size);

	if (orientation < 1 || orientation > 8)
		abort();
	if (code == FX_OK)
	{
		unsigned	sum = 0;

		/* every pixel exists */
		if ((uint64_t) image.width * image.height > limits.max_pixels)
			abort();
		for (int y = 0; y < image.height; y++)
			for (int x = 0; x < 3 * image.width; x++)
				sum += image.pixels[(size_t) y * image.stride + x];
		__asm__ volatile("" : : "r"(sum));
	}
	else if (image.pixels != NULL || err.code != code || err.detail[0] == '\0')
		abort();
	fx_image_free(&env, &image);
	if (live != 0)
		abort();
	return 0;
}

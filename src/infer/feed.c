/*
 * feed.c - pixels into the input of a network: planes, channel order, mean, scale.
 */
#include "infer/head.h"

#include <math.h>

#define CHANNELS 3

static fx_code
check_input(const fx_network *network, fx_error *err)
{
	const fx_shape *shape;

	if (fx_model_input_count(network->model) != 1)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "a face model has one input, this one has %d",
					   fx_model_input_count(network->model));
	if (fx_model_input_type(network->model, 0) != FX_TYPE_FLOAT)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "input \"%s\" is not of floats",
					   fx_model_input_name(network->model, 0));
	shape = fx_model_input_shape(network->model, 0);
	if (shape->rank != 4 || (shape->dim[0] != 1 && shape->dim[0] != -1) ||
		(shape->dim[1] != CHANNELS && shape->dim[1] != -1))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "input \"%s\" is not one picture of three channels (NCHW)",
					   fx_model_input_name(network->model, 0));
	for (int i = 0; i < CHANNELS; i++)
		if (!isfinite(network->mean[i]))
			return fx_fail(err, FX_RANGE, FX_NO_POSITION, "the mean of a channel is not finite");
	if (!isfinite(network->scale))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "the scale of the input is not finite");
	return FX_OK;
}

void
fx_feed_declared(const fx_network *network, int *width, int *height)
{
	const fx_shape *shape;

	*width = *height = 0;
	if (fx_model_input_count(network->model) < 1)
		return;
	shape = fx_model_input_shape(network->model, 0);
	if (shape->rank != 4)
		return;
	if (shape->dim[2] > 0 && shape->dim[2] <= INT32_MAX)
		*height = (int) shape->dim[2];
	if (shape->dim[3] > 0 && shape->dim[3] <= INT32_MAX)
		*width = (int) shape->dim[3];
}

fx_code
fx_feed_plan(fx_network *network, int width, int height, fx_error *err)
{
	fx_shape	shape = {4, {1, CHANNELS, height, width}};
	const fx_shape *declared;
	fx_code		code = check_input(network, err);

	if (code != FX_OK)
		return code;
	declared = fx_model_input_shape(network->model, 0);
	if ((declared->dim[2] != -1 && declared->dim[2] != height) ||
		(declared->dim[3] != -1 && declared->dim[3] != width))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "the model takes pictures of %lld x %lld pixels, not %d x %d",
					   (long long) declared->dim[3], (long long) declared->dim[2], width, height);
	return fx_model_plan(network->model, &shape, err);
}

/*
 * Every channel has only 256 values, so the arithmetic is done once for each
 * and the loop over pixels is a look-up.
 */
void
fx_feed_pixels(fx_network *network, const fx_image *image, int width, int height)
{
	float	   *input = fx_model_input(network->model, 0);
	size_t		plane = (size_t) width * height;
	float		value[CHANNELS][256];
	int			shown = image->width < width ? image->width : width;
	int			rows = image->height < height ? image->height : height;
	int			first = network->order == FX_BGR ? 2 : 0;	/* colour of plane 0 */

	for (int c = 0; c < CHANNELS; c++)
		for (int v = 0; v < 256; v++)
			value[c][v] = ((float) v - network->mean[c]) * network->scale;

	for (int y = 0; y < height; y++)
	{
		float	   *p0 = input + (size_t) y * width;
		float	   *p1 = p0 + plane;
		float	   *p2 = p1 + plane;
		int			x = 0;

		if (y < rows)
		{
			const uint8_t *from = image->pixels + (size_t) y * image->stride;

			for (; x < shown; x++, from += CHANNELS)
			{
				p0[x] = value[0][from[first]];
				p1[x] = value[1][from[1]];
				p2[x] = value[2][from[2 - first]];
			}
		}
		for (; x < width; x++)
		{
			p0[x] = value[0][0];
			p1[x] = value[1][0];
			p2[x] = value[2][0];
		}
	}
}

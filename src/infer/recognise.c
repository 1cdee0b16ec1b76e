/*
 * recognise.c - the template of an aligned face.
 */
#include "infer/head.h"

#include <math.h>

fx_code
fx_recognise(const fx_env *env, fx_network *recogniser, const fx_image *crop,
			 float *template_out, size_t dimensions, fx_error *err)
{
	const float *values;
	fx_shape	shape;
	fx_type		type;
	uint64_t	total = 1;
	double		squares = 0;
	double		norm;
	fx_code		code;

	(void) env;
	if (crop->width != FX_CROP || crop->height != FX_CROP)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an aligned face is %d x %d pixels, not %d x %d",
					   FX_CROP, FX_CROP, crop->width, crop->height);
	code = fx_feed_plan(recogniser, FX_CROP, FX_CROP, err);
	if (code != FX_OK)
		return code;
	fx_feed_pixels(recogniser, crop, FX_CROP, FX_CROP);
	code = fx_model_run(recogniser->model, err);
	if (code != FX_OK)
		return code;
	if (fx_model_output_count(recogniser->model) < 1)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the recogniser has no output");
	values = fx_model_output(recogniser->model, 0, &shape, &type);
	if (values == NULL || type != FX_TYPE_FLOAT)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the recogniser's output is not of floats");
	for (int i = 0; i < shape.rank; i++)
		if (shape.dim[i] < 0 || __builtin_mul_overflow(total, (uint64_t) shape.dim[i], &total))
			total = 0;
	if (total != dimensions || dimensions == 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the recogniser gave %llu numbers, not %zu",
					   (unsigned long long) total, dimensions);
	for (size_t i = 0; i < dimensions; i++)
		squares += (double) values[i] * values[i];
	/* the smallest norms are rounding, not a face */
	if (!isfinite(squares) || squares < 1e-30)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION,
					   "the recogniser gave a template that is zero or not finite");
	norm = sqrt(squares);
	for (size_t i = 0; i < dimensions; i++)
		template_out[i] = (float) (values[i] / norm);
	return FX_OK;
}

/*
 * enhance.h - what is done to a copy of a photograph so that people see more
 * in it.  Every operation makes a new picture and leaves the old one alone.
 */
#ifndef FX_ENHANCE_H
#define FX_ENHANCE_H

#include "image/image.h"

typedef enum fx_operation
{
	FX_CROP_TO,					/* x, y, width, height: pixels */
	FX_ROTATE,					/* degrees, clockwise; the picture grows to hold all of it, black around */
	FX_MIRROR,					/* left and right */
	FX_BRIGHTNESS,				/* added to each level, -255..255 */
	FX_CONTRAST,				/* factor of each level's distance from 128, 0..10 */
	FX_GAMMA,					/* level to the power of its reciprocal, 0.1..10; above 1 brightens */
	FX_EQUALISE,				/* levels of luma in even use; colour stays */
	FX_SHARPEN,					/* amount 0..5, radius 0.3..20 pixels: what a Gaussian takes away is added */
	FX_DENOISE,					/* radius 1..5 pixels: median of a square, of each colour */
	FX_OPERATIONS
} fx_operation;

#define FX_PARAMETERS 4

/* Its name, and the names of its parameters up to the first NULL. */
extern const char *fx_operation_name(fx_operation operation);
extern const char *const *fx_operation_parameters(fx_operation operation);

/*
 * Makes to.  FX_RANGE: a parameter is outside of its bounds; FX_LIMIT: the
 * result would have more than max_pixels.
 */
extern fx_code fx_enhance(const fx_env *env, const fx_image *from, fx_operation operation,
						  const double parameter[FX_PARAMETERS], uint64_t max_pixels, fx_image *to, fx_error *err);

/*
 * A perceptual hash of 64 bits: which of the 64 slowest cosines of a 32 x 32
 * picture of the luma are above their median.  Copies in another size or
 * quality differ in a few bits, other pictures in about 32.
 */
extern uint64_t fx_perceptual_hash(const fx_image *image);

#endif							/* FX_ENHANCE_H */

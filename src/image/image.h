/*
 * image.h - a decoded photograph and what is done to one: decode, encode,
 * turn, scale, warp.  All pixels are 8-bit interleaved RGB.
 */
#ifndef FX_IMAGE_H
#define FX_IMAGE_H

#include "base/base.h"

/* Pixels are owned by whoever made the image: release with fx_image_free(). */
typedef struct fx_image
{
	int			width;			/* pixels, > 0 */
	int			height;
	size_t		stride;			/* bytes from one row to the next, >= 3 * width */
	uint8_t    *pixels;			/* height rows of RGB */
} fx_image;

/* Hard limits on hostile input; each must be > 0. */
typedef struct fx_jpeg_limits
{
	size_t		max_bytes;		/* of the compressed file */
	uint64_t	max_pixels;		/* width * height */
	int			max_scans;		/* of a progressive file */
	size_t		max_memory;		/* that the decoder may hold at once, result included */
} fx_jpeg_limits;

extern fx_code fx_image_create(const fx_env *env, int width, int height, fx_image *image, fx_error *err);
extern void fx_image_free(const fx_env *env, fx_image *image);

/*
 * Decodes a baseline, extended or progressive JPEG, gray, YCbCr, RGB, CMYK
 * or YCCK, turned upright by its EXIF orientation.  FX_MALFORMED: not a JPEG,
 * or corrupt (truncated data counts as corrupt); FX_LIMIT: a limit is
 * exceeded; FX_UNSUPPORTED: 12-bit, lossless, arithmetic where libjpeg has none.
 */
extern fx_code fx_jpeg_decode(const fx_env *env, const uint8_t *bytes, size_t length,
							  const fx_jpeg_limits *limits, fx_image *image, fx_error *err);

/*
 * The same picture, reduced by eighths while its blocks are transformed: as
 * small as it can be with a longer side of reach pixels or more; 0: all of it.
 */
extern fx_code fx_jpeg_decode_reduced(const fx_env *env, const uint8_t *bytes, size_t length,
									  const fx_jpeg_limits *limits, int reach, fx_image *image, fx_error *err);

/*
 * The same picture with a longer side of at most max_side pixels, never
 * enlarged: decoded reduced, then scaled.  FX_RANGE: max_side is no side.
 */
extern fx_code fx_jpeg_thumbnail(const fx_env *env, const uint8_t *bytes, size_t length, const fx_jpeg_limits *limits,
								 int max_side, fx_image *image, fx_error *err);

/*
 * Encodes a baseline YCbCr JPEG without any metadata; quality 1..100 as libjpeg
 * counts it, colour at half resolution below 90.  *bytes is allocated: release
 * it through env.  FX_RANGE: no such quality; FX_LIMIT: more than 65,500
 * pixels a side.
 */
extern fx_code fx_jpeg_encode(const fx_env *env, const fx_image *image, int quality, uint8_t **bytes, size_t *length,
							  fx_error *err);

/* What a file is, seen from outside; nothing is decoded. */
typedef enum fx_still
{
	FX_STILL_JPEG,				/* one picture */
	FX_STILL_SEVERAL,			/* a multi-picture or animated file */
	FX_STILL_VIDEO,				/* a film, or a picture with one behind it */
	FX_STILL_OTHER				/* none of these */
} fx_still;

extern fx_still fx_still_kind(const uint8_t *bytes, size_t length);

/* EXIF orientation 1..8 of a JPEG file; 1 when it has none or it is nonsense. */
extern int	fx_exif_orientation(const uint8_t *bytes, size_t length);

/*
 * Copies count rows, the first of which is row y of a picture of width x
 * height pixels stored with this EXIF orientation (1..8), to where they
 * stand in the upright picture; to is width x height, or height x width for
 * orientations 5..8.
 */
extern void fx_turn_rows(const uint8_t *rows, size_t stride, int width, int height, int y, int count,
						 int orientation, fx_image *to);

/* Bilinear scaling into an image that exists; pixel centres at i + 0.5. */
extern fx_code fx_resize_bilinear(const fx_env *env, const fx_image *from, fx_image *to, fx_error *err);

/*
 * to(x, y) = from(M^-1 (x, y)), bilinear, black outside; forward is the 2x3
 * matrix that maps from-coordinates to to-coordinates.
 */
extern fx_code fx_warp_affine(const fx_env *env, const fx_image *from, const double forward[6],
							  fx_image *to, fx_error *err);

/*
 * Least-squares similarity transform (rotation, one scale, translation) from
 * n source to n destination points, x0 y0 x1 y1...; Umeyama 1991.  FX_MISMATCH when
 * the source points coincide.
 */
extern fx_code fx_similarity_transform(const double *source, const double *destination, int n,
									   double forward[6], fx_error *err);

#endif							/* FX_IMAGE_H */

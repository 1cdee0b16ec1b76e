/*
 * align.c - a face brought to the position in which recognisers are trained.
 */
#include "infer/face.h"

#include <math.h>

/* Where the five landmarks stand in a 112 x 112 crop, as ArcFace and its kin are trained. */
static const double position[2 * FX_LANDMARKS] = {
	38.2946, 51.6963,
	73.5318, 51.5014,
	56.0252, 71.7366,
	41.5493, 92.3655,
	70.7299, 92.2041
};

fx_code
fx_align(const fx_env *env, const fx_image *photo, const fx_face *face, fx_image *crop, fx_error *err)
{
	double		landmark[2 * FX_LANDMARKS];
	double		forward[6];
	fx_code		code;

	crop->pixels = NULL;
	crop->width = crop->height = 0;
	crop->stride = 0;
	if (!face->has_landmarks)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "a face without landmarks cannot be aligned");
	for (int i = 0; i < FX_LANDMARKS; i++)
		for (int k = 0; k < 2; k++)
		{
			landmark[2 * i + k] = face->landmark[i][k];
			if (!isfinite(landmark[2 * i + k]))
				return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a landmark is not finite");
		}
	code = fx_similarity_transform(landmark, position, FX_LANDMARKS, forward, err);
	if (code == FX_OK)
		code = fx_image_create(env, FX_CROP, FX_CROP, crop, err);
	if (code == FX_OK)
		code = fx_warp_affine(env, photo, forward, crop, err);
	if (code != FX_OK)
		fx_image_free(env, crop);
	return code;
}

/*
 * frame.c - brings a face into the frame and says of each pixel what it shows.
 *
 * OFIQ finds the face by 98 landmarks and the background by a network.  Here
 * both are outlines that stand still in the frame: an ellipse from brow to
 * chin, and what lies outside a larger one around head and hair, above the
 * shoulders.  Pixels that the photograph does not have are neither.
 */
#include "quality/frame.h"

#include <math.h>
#include <string.h>

/* From brow to chin and cheek to cheek: within FRAME_FACE_... of frame.h. */
#define FACE_X 153.5
#define FACE_Y 175.0
#define FACE_WIDE 58.0
#define FACE_HIGH 61.5

/* Head with hair; shoulders begin below. */
#define HEAD_Y 145.0
#define HEAD_WIDE 90.0
#define HEAD_HIGH 118.0
#define SHOULDERS 215.0

/* Half of OFIQ's 616 pixel positions (251, 272), (364, 272), (308, 336), (262, 402), (355, 402). */
static const double position[2 * FX_LANDMARKS] = {
	FRAME_EYE_RIGHT, FRAME_EYES, FRAME_EYE_LEFT, FRAME_EYES, 153.75, 167.75, 130.75, FRAME_MOUTH, 177.25, FRAME_MOUTH
};

/* The light that an sRGB level stands for, IEC 61966-2-1, 0..255. */
void
frame_light(float table[256])
{
	for (int i = 0; i < 256; i++)
	{
		double		v = i / 255.0;

		table[i] = (float) (255 * (v > 0.04045 ? pow((v + 0.055) / 1.055, 2.4) : v / 12.92));
	}
}

/* Half the width of an ellipse in row y; negative where it has none there. */
static double
half_width(int y, double middle, double wide, double high)
{
	double		v = (y - middle) / high;

	return v * v > 1 ? -1 : wide * sqrt(1 - v * v);
}

/* What each pixel of row y shows, as far as the photograph has it. */
static void
outline(const frame *f, const fx_image *photo, int y, uint8_t *region)
{
	double		face = half_width(y, FACE_Y, FACE_WIDE, FACE_HIGH);
	double		head = half_width(y, HEAD_Y, HEAD_WIDE, HEAD_HIGH);
	double		px = f->backward[1] * y + f->backward[2];
	double		py = f->backward[4] * y + f->backward[5];
	double		right = photo->width - 1;
	double		bottom = photo->height - 1;

	for (int x = 0; x < FRAME; x++)
	{
		double		d = fabs(x - FACE_X);
		int			shows = d <= face ? REGION_FACE : d > head && y < SHOULDERS ? REGION_BACKGROUND : 0;
		double		at_x = px + f->backward[0] * x;
		double		at_y = py + f->backward[3] * x;
		bool		there = (at_x >= 0) & (at_y >= 0) & (at_x <= right) & (at_y <= bottom);

		region[x] = (uint8_t) (there ? shows : 0);
	}
}

static void
look(const fx_image *photo, frame *f)
{
	float		light[256];

	frame_light(light);
	for (int y = 0; y < FRAME; y++)
	{
		const uint8_t *p = f->image.pixels + (size_t) y * f->image.stride;
		uint8_t    *luminance = f->luminance + y * FRAME;

		for (int x = 0; x < FRAME; x++, p += 3)
			luminance[x] = frame_luminance(p, light);
		outline(f, photo, y, f->region + y * FRAME);
	}
}

fx_code
frame_make(const fx_env *env, const fx_image *photo, const fx_face *face, frame *f, fx_error *err)
{
	double		landmark[2 * FX_LANDMARKS];
	double		forward[6];
	double		square;
	fx_code		code;

	memset(f, 0, sizeof(*f));
	for (int i = 0; i < 2 * FX_LANDMARKS; i++)
	{
		landmark[i] = face->landmark[i / 2][i % 2];
		if (!isfinite(landmark[i]))
			return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a landmark is not finite");
	}
	code = fx_similarity_transform(landmark, position, FX_LANDMARKS, forward, err);
	if (code != FX_OK)
		return code;
	/* the inverse of a turn with one scale is its transpose over the scale's square */
	square = forward[0] * forward[0] + forward[3] * forward[3];
	if (!(square > 1e-12))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the landmarks of a face give no position");
	f->backward[0] = f->backward[4] = forward[0] / square;
	f->backward[1] = forward[3] / square;
	f->backward[3] = -f->backward[1];
	f->backward[2] = -(f->backward[0] * forward[2] + f->backward[1] * forward[5]);
	f->backward[5] = -(f->backward[3] * forward[2] + f->backward[4] * forward[5]);
	code = fx_image_create(env, FRAME, FRAME, &f->image, err);
	if (code == FX_OK)
		code = fx_warp_affine(env, photo, forward, &f->image, err);
	if (code == FX_OK)
		code = fx_image_create(env, CHEEKS_WIDE, CHEEK, &f->cheeks, err);
	if (code == FX_OK)
	{
		/* twice the size; a pixel's middle is at half */
		for (int i = 0; i < 6; i++)
			forward[i] *= 2;
		forward[2] += 0.5 - CHEEKS_LEFT;
		forward[5] += 0.5 - CHEEKS_TOP;
		code = fx_warp_affine(env, photo, forward, &f->cheeks, err);
	}
	if (code == FX_OK)
	{
		f->luminance = env->alloc(env->context, 2 * FRAME * FRAME);
		if (f->luminance == NULL)
			code = fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to assess a photograph");
	}
	if (code != FX_OK)
	{
		frame_free(env, f);
		return code;
	}
	f->region = f->luminance + FRAME * FRAME;
	look(photo, f);
	return FX_OK;
}

void
frame_free(const fx_env *env, frame *f)
{
	fx_image_free(env, &f->image);
	fx_image_free(env, &f->cheeks);
	env->release(env->context, f->luminance);
	f->luminance = f->region = NULL;
}

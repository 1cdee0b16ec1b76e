/*
 * quality.c - plain measurements of one face.
 *
 * In the terms of ISO/IEC 29794-5: inter-eye distance, sharpness, exposure
 * and contrast of the aligned luma, and three pose numbers from the landmarks
 * alone.  None of them is a verdict.
 */
#include "infer/face.h"

#include <math.h>
#include <string.h>

/* Luma of Rec. 601 in 16-bit fixed point; the weights add up to 65536. */
static inline int
luma(const uint8_t *rgb)
{
	return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
}

static void
measure_pixels(const fx_image *crop, fx_quality *quality)
{
	int64_t		n = (int64_t) crop->width * crop->height;
	int64_t		inner = (int64_t) (crop->width - 2) * (crop->height - 2);
	double		sum = 0;
	double		squares = 0;
	double		edge_sum = 0;
	double		edge_squares = 0;
	double		mean;

	for (int y = 0; y < crop->height; y++)
	{
		const uint8_t *p = crop->pixels + (size_t) y * crop->stride;

		for (int x = 0; x < crop->width; x++, p += 3)
		{
			int			v = luma(p);

			sum += v;
			squares += v * v;
			if (x > 0 && y > 0 && x < crop->width - 1 && y < crop->height - 1)
			{
				int			edge = luma(p - 3) + luma(p + 3) - 4 * v
					+ luma(p - crop->stride) + luma(p + crop->stride);

				edge_sum += edge;
				edge_squares += edge * edge;
			}
		}
	}
	mean = sum / n;
	quality->brightness = (float) mean;
	quality->contrast = (float) sqrt(fmax(0, squares / n - mean * mean));
	if (inner > 0)
	{
		mean = edge_sum / inner;
		quality->sharpness = (float) fmax(0, edge_squares / inner - mean * mean);
	}
}

static void
measure_pose(const fx_face *face, fx_quality *quality)
{
	const float (*p)[2] = face->landmark;
	double		ex = p[1][0] - p[0][0];
	double		ey = p[1][1] - p[0][1];
	double		eyes = hypot(ex, ey);
	double		nx = p[2][0] - (p[0][0] + p[1][0]) / 2.0;
	double		ny = p[2][1] - (p[0][1] + p[1][1]) / 2.0;
	double		mx = (p[3][0] + p[4][0] - p[0][0] - p[1][0]) / 2.0;
	double		my = (p[3][1] + p[4][1] - p[0][1] - p[1][1]) / 2.0;
	double		length = mx * mx + my * my;

	quality->eye_distance = (float) eyes;
	if (eyes > 0)
	{
		double		yaw = (nx * ex + ny * ey) / (eyes * eyes);

		quality->roll = (float) (atan2(ey, ex) * 180 / M_PI);
		quality->yaw = (float) fmax(-1, fmin(1, yaw));
	}
	if (length > 0)
		quality->pitch = (float) ((nx * mx + ny * my) / length);
}

/* Fields that cannot be measured (no landmarks, eyes that coincide, no crop) are 0. */
void
fx_measure_quality(const fx_face *face, const fx_image *crop, fx_quality *quality)
{
	memset(quality, 0, sizeof(*quality));
	if (crop != NULL && crop->width > 0 && crop->height > 0)
		measure_pixels(crop, quality);
	if (face->has_landmarks)
		measure_pose(face, quality);
}

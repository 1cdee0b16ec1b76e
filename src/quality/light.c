/*
 * light.c - what the light does to a face: moments, exposure, dynamic range,
 * uniformity, colour, and how even the background is.
 */
#include "quality/frame.h"

#include <math.h>

/* Levels that count as too dark, and from which on they count as too bright. */
#define DARKEST 25
#define BRIGHTEST 247

static void
moments(const double *share, fx_measurement *m)
{
	double		mean = 0;
	double		central[5] = {0};

	for (int i = 0; i < 256; i++)
		mean += share[i] * i / 255;
	for (int i = 0; i < 256; i++)
	{
		double		d = i / 255.0 - mean;

		central[2] += share[i] * d * d;
		central[3] += share[i] * d * d * d;
		central[4] += share[i] * d * d * d * d;
	}
	measured_as(m, FX_LUMINANCE_MEAN, mean);
	measured_as(m, FX_LUMINANCE_VARIANCE, central[2]);
	if (central[2] > 1e-9)		/* an even picture has no shape */
	{
		measured_as(m, FX_LUMINANCE_SKEWNESS, central[3] / pow(central[2], 1.5));
		measured_as(m, FX_LUMINANCE_KURTOSIS, central[4] / (central[2] * central[2]));
	}
}

/* What depends on the histogram of the face alone. */
static void
measure_histogram(const frame *f, fx_measurement *m)
{
	double		share[256] = {0};
	double		n = 0;
	double		dark = 0;
	double		bright = 0;
	double		entropy = 0;

	for (int i = FRAME_FACE_TOP * FRAME; i < (FRAME_FACE_BOTTOM + 1) * FRAME; i++)
		if (f->region[i] & REGION_FACE)
		{
			share[f->luminance[i]]++;
			n++;
		}
	if (n == 0)
		return;
	for (int i = 0; i < 256; i++)
	{
		share[i] /= n;
		if (i <= DARKEST)
			dark += share[i];
		if (i >= BRIGHTEST)
			bright += share[i];
		if (share[i] > 0)
			entropy -= share[i] * log2(share[i]);
	}
	moments(share, m);
	measured_as(m, FX_UNDER_EXPOSURE, dark);
	measured_as(m, FX_OVER_EXPOSURE, bright);
	measured_as(m, FX_DYNAMIC_RANGE, entropy);
}

/* The histogram of a cheek, and the sums of its colours; false when the photograph does not have all of it. */
static bool
cheek(const fx_image *photo, const frame *f, int left, const float light[256], double share[256], double colour[3])
{
	for (int corner = 0; corner < 4; corner++)
		if (!frame_has(f, photo, (CHEEKS_LEFT + left + corner % 2 * CHEEK) / 2.0,
					   (CHEEKS_TOP + corner / 2 * CHEEK) / 2.0))
			return false;
	for (int y = 0; y < CHEEK; y++)
		for (int x = left; x < left + CHEEK; x++)
		{
			const uint8_t *p = f->cheeks.pixels + (size_t) y * f->cheeks.stride + 3 * x;

			share[frame_luminance(p, light)] += 1.0 / (CHEEK * CHEEK);
			for (int c = 0; c < 3; c++)
				colour[c] += p[c];
		}
	return true;
}

static double
lab_curve(double v)
{
	return v > 216.0 / 24389 ? cbrt(v) : (24389.0 / 27 * v + 16) / 116;
}

/* a and b of CIELAB under D50, of an sRGB colour with components 0..1. */
static void
lab_of(const double rgb[3], double *a, double *b)
{
	double		l[3];
	double		x;
	double		y;
	double		z;

	for (int c = 0; c < 3; c++)
		l[c] = rgb[c] > 0.04045 ? pow((rgb[c] + 0.055) / 1.055, 2.4) : rgb[c] / 12.92;
	x = lab_curve((0.43605 * l[0] + 0.38508 * l[1] + 0.14309 * l[2]) / 0.964221);
	y = lab_curve(0.22249 * l[0] + 0.71689 * l[1] + 0.06062 * l[2]);
	z = lab_curve((0.01393 * l[0] + 0.09710 * l[1] + 0.71419 * l[2]) / 0.825211);
	*a = 500 * (x - y);
	*b = 200 * (y - z);
}

/* How far v lies outside low..high. */
static double
beyond(double v, double low, double high)
{
	return fmax(0, fmax(low - v, v - high));
}

static void
measure_cheeks(const fx_image *photo, const frame *f, fx_measurement *m)
{
	float		light[256];
	double		share[2][256] = {{0}};
	double		colour[3] = {0};
	double		common = 0;
	double		a;
	double		b;

	frame_light(light);
	if (!cheek(photo, f, 0, light, share[0], colour) ||
		!cheek(photo, f, CHEEKS_WIDE - CHEEK, light, share[1], colour))
		return;
	for (int i = 0; i < 256; i++)
		common += fmin(share[0][i], share[1][i]);
	measured_as(m, FX_ILLUMINATION_UNIFORMITY, common);
	for (int c = 0; c < 3; c++)
		colour[c] /= 255.0 * 2 * CHEEK * CHEEK;
	lab_of(colour, &a, &b);
	/* skin lies between 5 and 25, and between 5 and 35 */
	measured_as(m, FX_NATURAL_COLOUR, a < 0 || b < 0 ? 100 : hypot(beyond(a, 5, 25), beyond(b, 5, 35)));
}

/* The mean gradient of the background: Sobel's two differences, of pixels whose neighbours are background, too. */
static void
measure_background(const frame *f, fx_measurement *m)
{
	double		sum = 0;
	int			n = 0;

	for (int y = 1; y < FRAME - 1; y++)
		for (int x = 1; x < FRAME - 1; x++)
		{
			const uint8_t *r = f->region + y * FRAME + x;
			const uint8_t *p = f->luminance + y * FRAME + x;
			int			gx;
			int			gy;

			if (!(r[-FRAME - 1] & r[-FRAME] & r[-FRAME + 1] & r[-1] & r[0] & r[1] & r[FRAME - 1] & r[FRAME] &
				  r[FRAME + 1] & REGION_BACKGROUND))
				continue;
			gx = p[-FRAME + 1] + 2 * p[1] + p[FRAME + 1] - p[-FRAME - 1] - 2 * p[-1] - p[FRAME - 1];
			gy = p[FRAME - 1] + 2 * p[FRAME] + p[FRAME + 1] - p[-FRAME - 1] - 2 * p[-FRAME] - p[-FRAME + 1];
			sum += sqrt((double) (gx * gx + gy * gy));
			n++;
		}
	if (n > 0)
		measured_as(m, FX_BACKGROUND_UNIFORMITY, sum / n);
}

void
measure_light(const fx_image *photo, const frame *f, fx_measurement *m)
{
	measure_histogram(f, m);
	measure_cheeks(photo, f, m);
	measure_background(f, m);
}

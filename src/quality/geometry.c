/*
 * geometry.c - where the head is in the photograph, how large, and how it is
 * turned; from boxes and five landmarks.
 */
#include "quality/frame.h"

#include <math.h>

/*
 * A mean head, in millimetres, for the five landmarks: x to the person's left,
 * y down, z away from the camera.  x and y are the mean of 7,171 photographs
 * of LFW as YuNet finds them, made symmetrical, with 63 mm between the eyes;
 * depths are assumed: a nose that stands out by 26 mm.
 */
static const double head[FX_LANDMARKS][3] = {
	{-31.5, -34.8, 6.0}, {31.5, -34.8, 6.0}, {0.0, 4.5, -20.0}, {-28.4, 32.5, 4.0}, {28.4, 32.5, 4.0}
};

#define DEGREES (180 / M_PI)

/* Solves a symmetric 3x3 system by Cramer's rule; false when it is singular. */
static bool
solve3(double a[3][3], const double b[3], double x[3])
{
	double		d = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
		- a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
		+ a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);

	if (fabs(d) < 1e-9)
		return false;
	for (int k = 0; k < 3; k++)
	{
		double		c[3][3];

		for (int i = 0; i < 3; i++)
			for (int j = 0; j < 3; j++)
				c[i][j] = j == k ? b[i] : a[i][j];
		x[k] = (c[0][0] * (c[1][1] * c[2][2] - c[1][2] * c[2][1]) - c[0][1] * (c[1][0] * c[2][2] - c[1][2] * c[2][0])
				+ c[0][2] * (c[1][0] * c[2][1] - c[1][1] * c[2][0])) / d;
	}
	return true;
}

static double
length3(const double v[3])
{
	return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/*
 * The affine camera that maps the mean head to the landmarks with the least
 * squares of errors; the rotation nearest to its two rows; its angles.
 */
bool
fx_head_pose(const fx_face *face, double *yaw, double *pitch, double *roll)
{
	double		mean[5] = {0};	/* of head x, y, z and of landmark x, y */
	double		a[3][3] = {{0}};
	double		b[2][3] = {{0}};
	double		row[2][3];
	double		n[2];
	double		sum[3];
	double		difference[3];
	double		k[3];

	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		for (int c = 0; c < 3; c++)
			mean[c] += head[i][c] / FX_LANDMARKS;
		for (int c = 0; c < 2; c++)
		{
			if (!isfinite(face->landmark[i][c]))
				return false;
			mean[3 + c] += (double) face->landmark[i][c] / FX_LANDMARKS;
		}
	}
	for (int i = 0; i < FX_LANDMARKS; i++)
		for (int r = 0; r < 3; r++)
		{
			for (int c = 0; c < 3; c++)
				a[r][c] += (head[i][r] - mean[r]) * (head[i][c] - mean[c]);
			for (int c = 0; c < 2; c++)
				b[c][r] += (head[i][r] - mean[r]) * (face->landmark[i][c] - mean[3 + c]);
		}
	for (int c = 0; c < 2; c++)
	{
		if (!solve3(a, b[c], row[c]))
			return false;
		n[c] = length3(row[c]);
		if (!(n[c] > 1e-9) || !isfinite(n[c]))
			return false;
	}
	/* the two unit vectors at right angles that lie nearest to both */
	for (int i = 0; i < 3; i++)
	{
		sum[i] = row[0][i] / n[0] + row[1][i] / n[1];
		difference[i] = row[0][i] / n[0] - row[1][i] / n[1];
	}
	n[0] = length3(sum) * M_SQRT2;
	n[1] = length3(difference) * M_SQRT2;
	if (!(n[0] > 1e-6) || !(n[1] > 1e-6))
		return false;
	for (int i = 0; i < 3; i++)
	{
		row[0][i] = sum[i] / n[0] + difference[i] / n[1];
		row[1][i] = sum[i] / n[0] - difference[i] / n[1];
	}
	for (int i = 0; i < 3; i++)
		k[i] = row[0][(i + 1) % 3] * row[1][(i + 2) % 3] - row[0][(i + 2) % 3] * row[1][(i + 1) % 3];
	*yaw = -asin(fmax(-1, fmin(1, k[0]))) * DEGREES;
	*pitch = atan2(k[1], k[2]) * DEGREES;
	*roll = atan2(row[1][0], row[0][0]) * DEGREES;
	return true;
}

/* How much the largest other face competes with the chosen one: sqrt of the ratio of areas, at most 1. */
static double
competition(const fx_face *faces, size_t count, size_t chosen)
{
	double		own = (double) faces[chosen].width * faces[chosen].height;
	double		other = 0;

	for (size_t i = 0; i < count; i++)
		if (i != chosen)
			other = fmax(other, (double) faces[i].width * faces[i].height);
	return own > 0 ? fmin(1, sqrt(other / own)) : 1;
}

void
measure_geometry(const fx_image *photo, const fx_face *faces, size_t count, size_t chosen, fx_measurement *m)
{
	const fx_face *face = &faces[chosen];
	const float (*p)[2] = face->landmark;
	double		yaw;
	double		pitch;
	double		roll;
	double		ex;
	double		ey;
	double		eyes;
	double		chin;

	measured_as(m, FX_SINGLE_FACE, competition(faces, count, chosen));
	if (!face->has_landmarks)
		return;
	ex = ((double) p[0][0] + p[1][0]) / 2;
	ey = ((double) p[0][1] + p[1][1]) / 2;
	eyes = hypot((double) p[1][0] - p[0][0], (double) p[1][1] - p[0][1]);
	chin = CHIN_BY_MOUTH * hypot(((double) p[3][0] + p[4][0]) / 2 - ex, ((double) p[3][1] + p[4][1]) / 2 - ey);
	if (fx_head_pose(face, &yaw, &pitch, &roll))
	{
		measured_as(m, FX_POSE_YAW, yaw);
		measured_as(m, FX_POSE_PITCH, pitch);
		measured_as(m, FX_POSE_ROLL, roll);
		/* turned aside, eyes stand closer in the picture than they are */
		measured_as(m, FX_INTER_EYE_DISTANCE, eyes / fmax(0.1, cos(yaw / DEGREES)));
	}
	if (!(eyes > 0) || !(chin > 0))
		return;
	measured_as(m, FX_HEAD_SIZE, chin / photo->height);
	measured_as(m, FX_MARGIN_LEFT, p[0][0] / eyes);
	measured_as(m, FX_MARGIN_RIGHT, (photo->width - p[1][0]) / eyes);
	measured_as(m, FX_MARGIN_ABOVE, ey / chin);
	measured_as(m, FX_MARGIN_BELOW, (photo->height - ey) / chin);
}

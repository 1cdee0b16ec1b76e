/*
 * hash.c - the perceptual hash of a picture, by its slowest cosines.
 */
#include "image/enhance.h"

#include <math.h>
#include <stdlib.h>

#define SIDE 32					/* of the small picture */
#define SLOWEST 8				/* cosines in each direction */
#define SAMPLES 16				/* at most, of a cell in each direction */

/* The mean luma of each of 32 x 32 cells, from a grid of its pixels where it has many. */
static void
shrink(const fx_image *image, double small[SIDE][SIDE])
{
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
		{
			int64_t		left = (int64_t) x * image->width / SIDE;
			int64_t		top = (int64_t) y * image->height / SIDE;
			int64_t		right = (int64_t) (x + 1) * image->width / SIDE;
			int64_t		bottom = (int64_t) (y + 1) * image->height / SIDE;
			int64_t		across = (right - left + SAMPLES - 1) / SAMPLES;
			int64_t		down = (bottom - top + SAMPLES - 1) / SAMPLES;
			int64_t		sum = 0;
			int64_t		n = 0;

			if (right <= left)
				right = left + (across = 1);
			if (bottom <= top)
				bottom = top + (down = 1);
			for (int64_t py = top; py < bottom; py += down)
				for (int64_t px = left; px < right; px += across, n++)
				{
					const uint8_t *p = image->pixels + (size_t) py * image->stride + 3 * (size_t) px;

					sum += 299 * p[0] + 587 * p[1] + 114 * p[2];
				}
			small[y][x] = (double) sum / (double) (1000 * n);
		}
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/*
 * Bit 8 v + u is that of the cosine with u half waves across and v down.  The
 * mean of the picture, u = v = 0, is not among those whose median is taken,
 * and its bit is 0: brightness does not count.
 */
uint64_t
fx_perceptual_hash(const fx_image *image)
{
	double		small[SIDE][SIDE];
	double		wave[SLOWEST][SIDE];
	double		half[SIDE][SLOWEST] = {{0}};
	double		value[SLOWEST * SLOWEST];
	double		sorted[SLOWEST * SLOWEST];
	double		median;
	uint64_t	hash = 0;

	if (image->width <= 0 || image->height <= 0)
		return 0;
	shrink(image, small);
	for (int u = 0; u < SLOWEST; u++)
		for (int x = 0; x < SIDE; x++)
			wave[u][x] = cos((2 * x + 1) * u * M_PI / (2 * SIDE));
	for (int y = 0; y < SIDE; y++)
		for (int u = 0; u < SLOWEST; u++)
			for (int x = 0; x < SIDE; x++)
				half[y][u] += small[y][x] * wave[u][x];
	for (int v = 0; v < SLOWEST; v++)
		for (int u = 0; u < SLOWEST; u++)
		{
			value[8 * v + u] = 0;
			for (int y = 0; y < SIDE; y++)
				value[8 * v + u] += half[y][u] * wave[v][y];
			sorted[8 * v + u] = value[8 * v + u];
		}
	qsort(sorted + 1, SLOWEST * SLOWEST - 1, sizeof(double), compare);
	median = sorted[1 + (SLOWEST * SLOWEST - 1) / 2];
	for (int i = 1; i < SLOWEST * SLOWEST; i++)
		/* an even picture has rounding alone to tell apart */
		if (value[i] > median + 1e-6)
			hash |= (uint64_t) 1 << i;
	return hash;
}

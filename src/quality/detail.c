/*
 * detail.c - sharpness, and what lossy compression left behind.
 *
 * OFIQ decides the first by a random forest over means of Laplacians, Sobel
 * differences and differences to box means, the second by a network.  Here
 * sharpness is one of those features against the contrast of the face, and
 * compression is seen by the steps that it leaves at the borders of its blocks.
 */
#include "quality/frame.h"

#include <math.h>
#include <stdlib.h>

/* Of the photograph around the face, as much is looked at for block borders, in eye distances; pixels at most. */
#define BLOCKS_REACH 2.5
#define BLOCKS_MOST 384

/* A larger step is an edge of the picture. */
#define STEP_MOST 20

#define BLOCK 8

/*
 * How far a pixel of the face is from the mean of its nine neighbours, itself
 * included, against how far it is from the mean of the face: so contrast and
 * exposure do not count.
 */
static void
measure_sharpness(const frame *f, fx_measurement *m)
{
	int			row[3][FRAME];	/* luma, of three rows in turn */
	double		sum = 0;
	double		detail = 0;
	double		contrast = 0;
	double		mean;
	int64_t		n = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		mean = n > 0 ? sum / n : 0;
		for (int y = FRAME_FACE_TOP - 1; y <= FRAME_FACE_BOTTOM + 1; y++)
		{
			const uint8_t *p = f->image.pixels + (size_t) y * f->image.stride + 3 * (FRAME_FACE_LEFT - 1);
			int		   *below = row[y % 3];
			const int  *here = row[(y + 2) % 3];
			const int  *above = row[(y + 1) % 3];
			const uint8_t *region = f->region + (y - 1) * FRAME;

			for (int x = FRAME_FACE_LEFT - 1; x <= FRAME_FACE_RIGHT + 1; x++, p += 3)
				below[x] = frame_luma(p);
			if (y < FRAME_FACE_TOP + 1)
				continue;
			for (int x = FRAME_FACE_LEFT; x <= FRAME_FACE_RIGHT; x++)
			{
				if (!(region[x] & REGION_FACE))
					continue;
				if (pass == 0)
				{
					sum += here[x];
					detail += abs(9 * here[x] - above[x - 1] - above[x] - above[x + 1] - here[x - 1] - here[x] -
								  here[x + 1] - below[x - 1] - below[x] - below[x + 1]);
					n++;
				}
				else
					contrast += fabs(here[x] - mean);
			}
		}
	}
	if (contrast > 0.5 * n)		/* an even picture is neither sharp nor blurred */
		measured_as(m, FX_SHARPNESS, detail / 9 / contrast);
}

/* A rectangle of the photograph as luma. */
typedef struct patch
{
	uint8_t    *luma;
	int			width;
	int			height;
} patch;

/*
 * How much steeper the steps at one of the eight places of a block's border
 * are than those beside them, against all steps: along rows (down = 0) or
 * columns.  The place is not known after cropping or turning, so it is the
 * one with the steepest.
 */
static double
border_steps(const patch *p, bool down)
{
	int			across = down ? p->height : p->width;
	int			along = down ? p->width : p->height;
	ptrdiff_t	step = down ? p->width : 1;
	ptrdiff_t	next = down ? 1 : p->width;
	double		excess[BLOCK] = {0};
	double		n[BLOCK] = {0};
	double		all = 0;
	double		most = -INFINITY;
	double		rest = 0;

	for (int i = 2; i < across - 1; i++)
	{
		const uint8_t *q = p->luma + i * step;
		int64_t		here = 0;
		int64_t		beside = 0;

		for (int k = 0; k < along; k++, q += next)
		{
			int			d = abs(q[0] - q[-step]);
			int			before = abs(q[-step] - q[-2 * step]);
			int			after = abs(q[step] - q[0]);

			here += d < STEP_MOST ? d : STEP_MOST;
			beside += (before < STEP_MOST ? before : STEP_MOST) + (after < STEP_MOST ? after : STEP_MOST);
		}
		excess[i % BLOCK] += here - beside / 2.0;
		n[i % BLOCK] += along;
		all += here;
	}
	all /= (double) (across - 3) * along;
	for (int i = 0; i < BLOCK; i++)
	{
		excess[i] /= n[i];
		rest += excess[i];
		most = fmax(most, excess[i]);
	}
	return (most - (rest - most) / (BLOCK - 1)) / (all + 1);
}

static int
bounded(double v, int low, int high)
{
	return v < low ? low : v > high ? high : (int) v;
}

static fx_code
measure_compression(const fx_env *env, const fx_image *photo, const fx_face *face, fx_measurement *m, fx_error *err)
{
	const float (*p)[2] = face->landmark;
	double		reach = BLOCKS_REACH * hypot((double) p[1][0] - p[0][0], (double) p[1][1] - p[0][1]);
	int			half = bounded(reach, 2 * BLOCK, BLOCKS_MOST / 2);
	int			left = bounded(p[2][0] - half, 0, photo->width);
	int			top = bounded(p[2][1] - half, 0, photo->height);
	patch		look = {NULL, bounded((double) p[2][0] + half, 0, photo->width) - left,
	bounded((double) p[2][1] + half, 0, photo->height) - top};

	if (look.width < 3 * BLOCK || look.height < 3 * BLOCK)
		return FX_OK;			/* too little of the face is in the photograph */
	look.luma = env->alloc(env->context, (size_t) look.width * look.height);
	if (look.luma == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to assess a photograph");
	for (int y = 0; y < look.height; y++)
	{
		const uint8_t *from = photo->pixels + (size_t) (top + y) * photo->stride + 3 * (size_t) left;

		for (int x = 0; x < look.width; x++, from += 3)
			look.luma[y * look.width + x] = (uint8_t) frame_luma(from);
	}
	measured_as(m, FX_COMPRESSION, fmax(0, (border_steps(&look, false) + border_steps(&look, true)) / 2));
	env->release(env->context, look.luma);
	return FX_OK;
}

fx_code
measure_detail(const fx_env *env, const fx_image *photo, const fx_face *face, const frame *f,
			   fx_measurement *m, fx_error *err)
{
	measure_sharpness(f, m);
	return measure_compression(env, photo, face, m, err);
}

/*
 * transform.c - turning, scaling and warping of 8-bit RGB.
 *
 * Templates of two programs can only be compared when both put the same
 * pixels before the network.  Scaling and warping therefore use the widely
 * deployed fixed-point arithmetic of OpenCV's INTER_LINEAR (11-bit weights in
 * scaling; 10-bit coordinates, 1/32 pixel positions and 15-bit weights in
 * warping) and give the same bytes.
 */
#include "image/image.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Rows between two looks at the interrupt flag. */
#define INTERRUPT_ROWS 64

static fx_code
interrupted(fx_error *err)
{
	return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "work on a photograph was interrupted");
}

/* ---- turning */

void
fx_turn_rows(const uint8_t *rows, size_t stride, int width, int height, int y, int count,
			 int orientation, fx_image *to)
{
	bool		flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool		flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	bool		swap = orientation >= 5;
	ptrdiff_t	across = swap ? (ptrdiff_t) to->stride : 3;	/* bytes in *to for one step of x */
	ptrdiff_t	down = swap ? 3 : (ptrdiff_t) to->stride;	/* and of y */
	uint8_t    *base = to->pixels;

	if (flip_x)
	{
		base += across * (width - 1);
		across = -across;
	}
	if (flip_y)
	{
		base += down * (height - 1);
		down = -down;
	}
	base += down * y;
	if (!swap)
	{
		for (int i = 0; i < count; i++)
		{
			const uint8_t *from = rows + (size_t) i * stride;
			uint8_t    *target = base + down * i;

			if (!flip_x)
				memcpy(target, from, (size_t) width * 3);
			else
				for (int x = 0; x < width; x++, from += 3, target -= 3)
				{
					target[0] = from[0];
					target[1] = from[1];
					target[2] = from[2];
				}
		}
		return;
	}
	/* a column of the strip is a run of neighbours in the upright picture: write it as one */
	for (int x = 0; x < width; x++)
	{
		const uint8_t *from = rows + (size_t) x * 3;
		uint8_t    *target = base + across * x;

		for (int i = 0; i < count; i++, from += stride, target += down)
		{
			target[0] = from[0];
			target[1] = from[1];
			target[2] = from[2];
		}
	}
}

/* ---- scaling */

#define RESIZE_ONE 2048			/* 1.0 as an 11-bit weight */

/*
 * One axis of a scaling: for each target position the source position and
 * the weights of it and of its neighbour, each rounded by itself.
 */
typedef struct axis
{
	int		   *at;
	int16_t    *here;
	int16_t    *next;
} axis;

/* clamp: positions outside move to the border; the other axis clips rows when it reads them. */
static void
axis_fill(axis *a, int from, int to, bool clamp)
{
	double		scale = 1.0 / ((double) to / from);

	for (int i = 0; i < to; i++)
	{
		float		position = (float) ((i + 0.5) * scale - 0.5);
		int			at = (int) floorf(position);
		float		fraction = position - at;

		if (clamp && (at < 0 || at >= from - 1))
		{
			at = at < 0 ? 0 : from - 1;
			fraction = 0;
		}
		a->at[i] = at;
		a->here[i] = (int16_t) lrintf((1.0f - fraction) * RESIZE_ONE);
		a->next[i] = (int16_t) lrintf(fraction * RESIZE_ONE);
	}
}

/*
 * Scales one source row to the target's width; 4 of the 11 fraction bits are
 * dropped, so that a sample fits 16 bits.
 */
static void
resize_row(const uint8_t *restrict from, int last, const axis *a, int width, int16_t *restrict to)
{
	for (int x = 0; x < width; x++, to += 3)
	{
		const uint8_t *p = from + (size_t) a->at[x] * 3;
		const uint8_t *q = a->at[x] < last ? p + 3 : p;
		int			here = a->here[x];
		int			next = a->next[x];

		to[0] = (int16_t) ((p[0] * here + q[0] * next) >> 4);
		to[1] = (int16_t) ((p[1] * here + q[1] * next) >> 4);
		to[2] = (int16_t) ((p[2] * here + q[2] * next) >> 4);
	}
}

/* Blends two scaled rows into pixels; every x86-64 has SSE2, elsewhere the loop below does all. */
static void
blend_rows(const int16_t *restrict above, const int16_t *restrict below, int16_t here, int16_t next,
		   uint8_t *restrict to, size_t n)
{
	size_t		i = 0;

#ifdef __SSE2__
	__m128i		weight0 = _mm_set1_epi16(here);
	__m128i		weight1 = _mm_set1_epi16(next);
	__m128i		two = _mm_set1_epi16(2);

	for (; i + 16 <= n; i += 16)
	{
		__m128i		half[2];

		for (int k = 0; k < 2; k++)
		{
			__m128i		a = _mm_loadu_si128((const __m128i *) (above + i + 8 * k));
			__m128i		b = _mm_loadu_si128((const __m128i *) (below + i + 8 * k));

			a = _mm_add_epi16(_mm_mulhi_epi16(a, weight0), _mm_mulhi_epi16(b, weight1));
			half[k] = _mm_srai_epi16(_mm_add_epi16(a, two), 2);
		}
		_mm_storeu_si128((__m128i *) (to + i), _mm_packus_epi16(half[0], half[1]));
	}
#endif
	for (; i < n; i++)
	{
		int			v = (int16_t) ((above[i] * here) >> 16) + (int16_t) ((below[i] * next) >> 16);

		to[i] = (uint8_t) ((v + 2) >> 2);
	}
}

/* Exactly half in both directions: the mean of four pixels. */
static fx_code
halve(const fx_env *env, const fx_image *from, fx_image *to, fx_error *err)
{
	for (int y = 0; y < to->height; y++)
	{
		const uint8_t *p = from->pixels + (size_t) (2 * y) * from->stride;
		const uint8_t *q = p + from->stride;
		uint8_t    *t = to->pixels + (size_t) y * to->stride;

		if (y % INTERRUPT_ROWS == 0 && env->interrupted(env->context))
			return interrupted(err);
		for (int x = 0; x < to->width; x++, p += 6, q += 6, t += 3)
			for (int c = 0; c < 3; c++)
				t[c] = (uint8_t) ((p[c] + p[c + 3] + q[c] + q[c + 3] + 2) >> 2);
	}
	return FX_OK;
}

static inline int
clip(int64_t v, int low, int high)
{
	return v < low ? low : v > high ? high : (int) v;
}

/* Takes n elements of size bytes off a block that was measured for them. */
static void *
carve(uint8_t **block, size_t n, size_t size)
{
	void	   *result = *block;

	*block += (n * size + 63) & ~(size_t) 63;
	return result;
}

fx_code
fx_resize_bilinear(const fx_env *env, const fx_image *from, fx_image *to, fx_error *err)
{
	size_t		width = (size_t) to->width;
	size_t		height = (size_t) to->height;
	size_t		n = width * 3;
	size_t		size;
	uint8_t    *block;
	uint8_t    *rest;
	axis		ax;
	axis		ay;
	int16_t    *row[2];
	int			held[2] = {-1, -1};	/* the source row that each buffer holds */
	fx_code		code = FX_OK;

	if (from->width <= 0 || from->height <= 0 || to->width <= 0 || to->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture cannot be scaled");
	if (from->width / 2 == to->width && from->width % 2 == 0 &&
		from->height / 2 == to->height && from->height % 2 == 0)
		return halve(env, from, to, err);

	/* per column: position, two weights, two rows of three samples; per row: position and two weights */
	if (!fx_mul_size(width, 20, &size) || size > PTRDIFF_MAX / 4 || height > PTRDIFF_MAX / 32)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
					   "%zu x %zu pixels are too large to scale to", width, height);
	size += height * 8 + 8 * 64;
	block = rest = env->alloc(env->context, size);
	if (block == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to scale a photograph");
	ax.at = carve(&rest, width, sizeof(int));
	ax.here = carve(&rest, width, sizeof(int16_t));
	ax.next = carve(&rest, width, sizeof(int16_t));
	ay.at = carve(&rest, height, sizeof(int));
	ay.here = carve(&rest, height, sizeof(int16_t));
	ay.next = carve(&rest, height, sizeof(int16_t));
	row[0] = carve(&rest, n, sizeof(int16_t));
	row[1] = carve(&rest, n, sizeof(int16_t));
	axis_fill(&ax, from->width, to->width, true);
	axis_fill(&ay, from->height, to->height, false);

	for (int y = 0; y < to->height; y++)
	{
		int			source[2];

		if (y % INTERRUPT_ROWS == 0 && env->interrupted(env->context))
		{
			code = interrupted(err);
			break;
		}
		source[0] = clip(ay.at[y], 0, from->height - 1);
		source[1] = clip((int64_t) ay.at[y] + 1, 0, from->height - 1);
		if (held[1] == source[0] && held[0] != source[0])
		{
			int16_t    *swap = row[0];

			row[0] = row[1];
			row[1] = swap;
			held[1] = held[0];
			held[0] = source[0];
		}
		for (int k = 0; k < 2; k++)
			if (held[k] != source[k])
			{
				resize_row(from->pixels + (size_t) source[k] * from->stride, from->width - 1, &ax,
						   to->width, row[k]);
				held[k] = source[k];
			}
		blend_rows(row[0], row[1], ay.here[y], ay.next[y], to->pixels + (size_t) y * to->stride, n);
	}
	env->release(env->context, block);
	return code;
}

/* ---- warping */

#define WARP_BITS 10			/* fraction bits of a coordinate */
#define WARP_ONE (1 << WARP_BITS)
#define WARP_STEPS 32			/* positions within a pixel */
#define WARP_HALF_STEP (WARP_ONE / WARP_STEPS / 2)

/*
 * To the nearest integer.  Coordinates far outside any picture stay far
 * outside, and sums of two of them fit.
 */
static int64_t
fixed(double v)
{
	const double far = 1e12;

	return (int64_t) llrint(v > far ? far : v < -far ? -far : v);
}

/* A pixel, or black outside the picture. */
static inline const uint8_t *
pixel_at(const fx_image *image, int64_t x, int64_t y)
{
	static const uint8_t black[3] = {0, 0, 0};

	if (x < 0 || y < 0 || x >= image->width || y >= image->height)
		return black;
	return image->pixels + (size_t) y * image->stride + (size_t) x * 3;
}

/*
 * Blends four neighbours; fx and fy count 1/32 pixels from the first one.
 * Weights of 1/1024: 15-bit ones are 32 times these and round alike.
 */
static inline void
blend_four(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d, int fx, int fy, uint8_t *to)
{
	int			wa = (WARP_STEPS - fx) * (WARP_STEPS - fy);
	int			wb = fx * (WARP_STEPS - fy);
	int			wc = (WARP_STEPS - fx) * fy;
	int			wd = fx * fy;

	for (int k = 0; k < 3; k++)
		to[k] = (uint8_t) ((a[k] * wa + b[k] * wb + c[k] * wc + d[k] * wd + 512) >> 10);
}

/* One row of the target from (x0, y0), the fixed-point place of its first pixel. */
static void
warp_row(const fx_image *from, int64_t x0, int64_t y0, const int64_t *dx, const int64_t *dy, int width, uint8_t *to)
{
	for (int x = 0; x < width; x++, to += 3)
	{
		int64_t		sx = (x0 + dx[x]) >> (WARP_BITS - 5);
		int64_t		sy = (y0 + dy[x]) >> (WARP_BITS - 5);
		int			fx = (int) (sx & (WARP_STEPS - 1));
		int			fy = (int) (sy & (WARP_STEPS - 1));

		sx >>= 5;
		sy >>= 5;
		/* inside but for the last column and row: one comparison each, as negative numbers are huge */
		if ((uint64_t) sx < (uint64_t) (from->width - 1) && (uint64_t) sy < (uint64_t) (from->height - 1))
		{
			const uint8_t *p = from->pixels + (size_t) sy * from->stride + (size_t) sx * 3;

			blend_four(p, p + 3, p + from->stride, p + from->stride + 3, fx, fy, to);
		}
		else
			blend_four(pixel_at(from, sx, sy), pixel_at(from, sx + 1, sy), pixel_at(from, sx, sy + 1),
					   pixel_at(from, sx + 1, sy + 1), fx, fy, to);
	}
}

/* The inverse of a 2x3 matrix; false when there is none that is finite. */
static bool
invert(const double m[6], double inverse[6])
{
	double		d = 1.0 / (m[0] * m[4] - m[1] * m[3]);

	inverse[0] = m[4] * d;
	inverse[1] = m[1] * -d;
	inverse[3] = m[3] * -d;
	inverse[4] = m[0] * d;
	inverse[2] = -inverse[0] * m[2] - inverse[1] * m[5];
	inverse[5] = -inverse[3] * m[2] - inverse[4] * m[5];
	for (int i = 0; i < 6; i++)
		if (!isfinite(inverse[i]))
			return false;
	return true;
}

fx_code
fx_warp_affine(const fx_env *env, const fx_image *from, const double forward[6], fx_image *to, fx_error *err)
{
	double		m[6];
	int64_t    *dx;
	int64_t    *dy;
	size_t		size;
	fx_code		code = FX_OK;

	if (from->width <= 0 || from->height <= 0 || to->width <= 0 || to->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture cannot be warped");
	for (int i = 0; i < 6; i++)
		if (!isfinite(forward[i]))
			return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a transform has an element that is not finite");
	if (!invert(forward, m))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a transform cannot be inverted");
	if (!fx_mul_size((size_t) to->width, 2 * sizeof(int64_t), &size) ||
		(dx = env->alloc(env->context, size)) == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to warp a photograph");
	dy = dx + to->width;
	for (int x = 0; x < to->width; x++)
	{
		dx[x] = fixed(m[0] * x * WARP_ONE);
		dy[x] = fixed(m[3] * x * WARP_ONE);
	}
	for (int y = 0; y < to->height && code == FX_OK; y++)
	{
		if (y % INTERRUPT_ROWS == 0 && env->interrupted(env->context))
			code = interrupted(err);
		else
			warp_row(from, fixed((m[1] * y + m[2]) * WARP_ONE) + WARP_HALF_STEP,
					 fixed((m[4] * y + m[5]) * WARP_ONE) + WARP_HALF_STEP, dx, dy, to->width,
					 to->pixels + (size_t) y * to->stride);
	}
	env->release(env->context, dx);
	return code;
}

/* ---- similarity */

/*
 * In the plane Umeyama's solution needs no singular value decomposition: with
 * both point sets centred, scale * (cos, sin) = (sum s.d, sum s x d) / sum |s|^2,
 * which is the proper rotation that he gets also where the best orthogonal matrix mirrors.
 */
fx_code
fx_similarity_transform(const double *source, const double *destination, int n,
						double forward[6], fx_error *err)
{
	double		mean[4] = {0, 0, 0, 0};
	double		dot = 0;
	double		cross = 0;
	double		spread = 0;
	double		reach = 0;
	double		a;
	double		b;

	if (n < 2)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "a similarity transform needs two points or more");
	for (int i = 0; i < n; i++)
	{
		mean[0] += source[2 * i] / n;
		mean[1] += source[2 * i + 1] / n;
		mean[2] += destination[2 * i] / n;
		mean[3] += destination[2 * i + 1] / n;
	}
	for (int i = 0; i < n; i++)
	{
		double		sx = source[2 * i] - mean[0];
		double		sy = source[2 * i + 1] - mean[1];
		double		dx = destination[2 * i] - mean[2];
		double		dy = destination[2 * i + 1] - mean[3];

		dot += sx * dx + sy * dy;
		cross += sx * dy - sy * dx;
		spread += sx * sx + sy * sy;
		reach = fmax(reach, fmax(fabs(source[2 * i]), fabs(source[2 * i + 1])));
	}
	if (!isfinite(dot) || !isfinite(cross) || !isfinite(spread))
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a point of a similarity transform is not finite");
	/* what rounding leaves of coinciding points is no spread */
	if (spread <= 1e-24 * (1 + reach * reach))
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "the points of a similarity transform coincide");
	a = dot / spread;
	b = cross / spread;
	forward[0] = a;
	forward[1] = -b;
	forward[2] = mean[2] - (a * mean[0] - b * mean[1]);
	forward[3] = b;
	forward[4] = a;
	forward[5] = mean[3] - (b * mean[0] + a * mean[1]);
	return FX_OK;
}

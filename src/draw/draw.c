/*
 * draw.c - shapes.  The anti-aliased ones go over the pixels of their bounding
 * box and ask of each how far its centre is from the edge.
 */
#include "draw/draw.h"

#include <math.h>

static uint8_t *
pixel(fx_image *on, int x, int y)
{
	return on->pixels + (size_t) y * on->stride + (size_t) x * 3;
}

static inline uint8_t
channel(fx_colour colour, int i)
{
	return (uint8_t) (colour >> (16 - 8 * i));
}

/* The part of a box that lies on the picture; false when there is none. */
static bool
cut(const fx_image *on, fx_box *box)
{
	int64_t		right = (int64_t) box->x + box->width;
	int64_t		bottom = (int64_t) box->y + box->height;

	if (box->x < 0)
		box->x = 0;
	if (box->y < 0)
		box->y = 0;
	if (right > on->width)
		right = on->width;
	if (bottom > on->height)
		bottom = on->height;
	if (right <= box->x || bottom <= box->y)
		return false;
	box->width = (int) (right - box->x);
	box->height = (int) (bottom - box->y);
	return true;
}

void
fx_fill(fx_image *on, fx_box box, fx_colour colour)
{
	if (!cut(on, &box))
		return;
	for (int y = box.y; y < box.y + box.height; y++)
	{
		uint8_t    *p = pixel(on, box.x, y);

		for (int x = 0; x < box.width; x++, p += 3)
			for (int i = 0; i < 3; i++)
				p[i] = channel(colour, i);
	}
}

void
fx_frame(fx_image *on, fx_box box, int thickness, fx_colour colour)
{
	if (box.width <= 0 || box.height <= 0 || thickness <= 0)
		return;
	if (thickness > box.width / 2 || thickness > box.height / 2)
	{
		fx_fill(on, box, colour);
		return;
	}
	fx_fill(on, (fx_box) {box.x, box.y, box.width, thickness}, colour);
	fx_fill(on, (fx_box) {box.x, box.y + box.height - thickness, box.width, thickness}, colour);
	fx_fill(on, (fx_box) {box.x, box.y, thickness, box.height}, colour);
	fx_fill(on, (fx_box) {box.x + box.width - thickness, box.y, thickness, box.height}, colour);
}

void
fx_blend(fx_image *on, int x, int y, fx_colour colour, unsigned share)
{
	uint8_t    *p;

	if (x < 0 || y < 0 || x >= on->width || y >= on->height)
		return;
	p = pixel(on, x, y);
	share = share > 255 ? 255 : share;
	for (int i = 0; i < 3; i++)
		p[i] = (uint8_t) ((channel(colour, i) * share + p[i] * (255 - share) + 127) / 255);
}

/* The whole pixels that a rectangle touches, cut to the picture; false: none, or not finite. */
static bool
touched(const fx_image *on, double left, double top, double right, double bottom, fx_box *box)
{
	if (!isfinite(left) || !isfinite(top) || !isfinite(right) || !isfinite(bottom))
		return false;
	left = floor(fmax(left, 0));
	top = floor(fmax(top, 0));
	right = ceil(fmin(right, on->width));
	bottom = ceil(fmin(bottom, on->height));
	if (!(left < right) || !(top < bottom))
		return false;
	*box = (fx_box) {(int) left, (int) top, (int) (right - left), (int) (bottom - top)};
	return true;
}

/* inside: pixels from the edge to the pixel's centre, positive within the shape. */
static inline void
cover(fx_image *on, int x, int y, double inside, fx_colour colour)
{
	if (inside >= 0.5)
		fx_blend(on, x, y, colour, 255);
	else if (inside > -0.5)
		fx_blend(on, x, y, colour, (unsigned) lrint((inside + 0.5) * 255));
}

void
fx_line(fx_image *on, double x0, double y0, double x1, double y1, double width, fx_colour colour)
{
	double		reach = width / 2 + 1;
	double		dx = x1 - x0;
	double		dy = y1 - y0;
	double		length2 = dx * dx + dy * dy;
	fx_box		box;

	if (!(width > 0) || !isfinite(length2) ||
		!touched(on, fmin(x0, x1) - reach, fmin(y0, y1) - reach, fmax(x0, x1) + reach, fmax(y0, y1) + reach, &box))
		return;
	for (int y = box.y; y < box.y + box.height; y++)
		for (int x = box.x; x < box.x + box.width; x++)
		{
			double		px = x + 0.5 - x0;
			double		py = y + 0.5 - y0;
			double		at = length2 > 0 ? fmin(fmax((px * dx + py * dy) / length2, 0), 1) : 0;

			cover(on, x, y, width / 2 - hypot(px - at * dx, py - at * dy), colour);
		}
}

void
fx_ring(fx_image *on, double cx, double cy, double radius, double width, fx_colour colour)
{
	double		reach = radius + width / 2 + 1;
	fx_box		box;

	if (!(radius >= 0) || !(width > 0) || !touched(on, cx - reach, cy - reach, cx + reach, cy + reach, &box))
		return;
	for (int y = box.y; y < box.y + box.height; y++)
		for (int x = box.x; x < box.x + box.width; x++)
			cover(on, x, y, width / 2 - fabs(hypot(x + 0.5 - cx, y + 0.5 - cy) - radius), colour);
}

void
fx_disc(fx_image *on, double cx, double cy, double radius, fx_colour colour)
{
	fx_ellipse(on, cx, cy, radius, radius, colour);
}

/*
 * The distance from an ellipse is taken to first order: the value of its
 * equation over the length of its gradient; of a circle it is exact enough, too.
 */
void
fx_ellipse(fx_image *on, double cx, double cy, double across, double down, fx_colour colour)
{
	fx_box		box;

	if (!(across > 0) || !(down > 0) ||
		!touched(on, cx - across - 1, cy - down - 1, cx + across + 1, cy + down + 1, &box))
		return;
	for (int y = box.y; y < box.y + box.height; y++)
		for (int x = box.x; x < box.x + box.width; x++)
		{
			double		u = (x + 0.5 - cx) / across;
			double		v = (y + 0.5 - cy) / down;
			double		r = hypot(u, v);
			double		slope = hypot(u / across, v / down);

			/* at the centre the gradient is nothing, and the edge is a half axis away */
			cover(on, x, y, slope > 0 ? (1 - r) * r / slope : fmin(across, down), colour);
		}
}

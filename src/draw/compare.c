/*
 * compare.c - two faces side by side: aligned by their landmarks, and where
 * they differ.
 */
#include "draw/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LANDMARK 0x00C2E0		/* seen on any skin and in gray print */
#define SHADOW 0x10232B
#define NOT_FACE 0xC4C8CC
#define INK 0x1A1A1A
#define QUIET 0x5A5F66

/* The usual places of the five landmarks (infer/align.c) in a square of FX_CROP, from its middle. */
static const double usual[FX_LANDMARKS][2] = {
	{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}
};

/* In a picture 640 wide the eyes are 150 pixels apart, which leaves room for hair and shoulders. */
static void
place_of(int landmark, int width, int height, double place[2])
{
	double		scale = width / 150.0;

	place[0] = width / 2.0 + (usual[landmark][0] - FX_CROP / 2.0) * scale;
	place[1] = height * 0.53 + (usual[landmark][1] - usual[2][1]) * scale;
}

fx_code
fx_align_large(const fx_env *env, const fx_image *photo, const float landmark[FX_LANDMARKS][2],
			   fx_image *to, uint8_t *has, double moved[FX_LANDMARKS][2], fx_error *err)
{
	double		source[2 * FX_LANDMARKS];
	double		target[2 * FX_LANDMARKS];
	double		m[6];
	double		det;
	fx_code		code;

	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		place_of(i, to->width, to->height, target + 2 * i);
		for (int k = 0; k < 2; k++)
		{
			source[2 * i + k] = landmark[i][k];
			if (!isfinite(landmark[i][k]))
				return fx_fail(err, FX_RANGE, FX_NO_POSITION, "a landmark is not finite");
		}
	}
	code = fx_similarity_transform(source, target, FX_LANDMARKS, m, err);
	if (code == FX_OK)
		code = fx_warp_smooth(env, photo, m, to, err);
	if (code != FX_OK)
		return code;
	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		moved[i][0] = m[0] * source[2 * i] + m[1] * source[2 * i + 1] + m[2];
		moved[i][1] = m[3] * source[2 * i] + m[4] * source[2 * i + 1] + m[5];
	}
	det = m[0] * m[4] - m[1] * m[3];
	for (int y = 0; y < to->height; y++)
		for (int x = 0; x < to->width; x++)
		{
			double		u = (m[4] * (x - m[2]) - m[1] * (y - m[5])) / det;
			double		v = (m[0] * (y - m[5]) - m[3] * (x - m[2])) / det;
			bool		within = u >= 0 && v >= 0 && u <= photo->width - 1 && v <= photo->height - 1;

			has[(size_t) y * to->width + x] = within;
			if (!within)
				memset(to->pixels + (size_t) y * to->stride + (size_t) x * 3, 0xFF, 3);
		}
	return FX_OK;
}

/* White, yellow, orange, red, nearly black: darker is more, in gray print too. */
fx_colour
fx_difference_colour(double levels)
{
	static const double stop[5][3] = {{255, 255, 255}, {253, 221, 120}, {240, 130, 40}, {180, 24, 30}, {40, 0, 24}};
	double		at = fmin(fmax(levels / FX_DIFFERENCE_MOST, 0), 1) * 4;
	int			i = at >= 4 ? 3 : (int) at;
	fx_colour	colour = 0;

	for (int c = 0; c < 3; c++)
		colour = colour << 8 | (fx_colour) lrint(stop[i][c] + (at - i) * (stop[i + 1][c] - stop[i][c]));
	return colour;
}

static double
luma(const uint8_t *p)
{
	return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

/* The oval of the face, from hair to chin, by the usual places. */
static bool
in_oval(int x, int y, int width, int height)
{
	double		scale = width / 150.0;
	double		u = (x + 0.5 - width / 2.0) / (44 * scale);
	double		v = (y + 0.5 - height * 0.5) / (58 * scale);

	return u * u + v * v <= 1;
}

void
fx_difference(const fx_image *a, const uint8_t *has_a, const fx_image *b, const uint8_t *has_b, fx_image *to,
	double *mean)
{
	const fx_image *image[2] = {a, b};
	double		sum[2] = {0, 0};
	double		square[2] = {0, 0};
	double		deviation[2];
	double		gain;
	double		total = 0;
	size_t		n = 0;

	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < a->width; x++)
		{
			size_t		at = (size_t) y * a->width + x;

			if (!has_a[at] || !has_b[at] || !in_oval(x, y, a->width, a->height))
				continue;
			n++;
			for (int k = 0; k < 2; k++)
			{
				double		l = luma(image[k]->pixels + (size_t) y * image[k]->stride + (size_t) x * 3);

				sum[k] += l;
				square[k] += l * l;
			}
		}
	for (int k = 0; k < 2; k++)
	{
		sum[k] = n > 0 ? sum[k] / n : 0;
		deviation[k] = n > 0 ? sqrt(fmax(square[k] / n - sum[k] * sum[k], 0)) : 0;
	}
	/* a face without contrast is not blown up into one */
	gain = deviation[1] > 1 ? fmin(fmax(deviation[0] / deviation[1], 0.25), 4) : 1;
	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < a->width; x++)
		{
			size_t		at = (size_t) y * a->width + x;
			fx_colour	colour = NOT_FACE;

			if (has_a[at] && has_b[at] && in_oval(x, y, a->width, a->height))
			{
				double		l = luma(a->pixels + (size_t) y * a->stride + (size_t) x * 3) - sum[0];
				double		r = luma(b->pixels + (size_t) y * b->stride + (size_t) x * 3) - sum[1];
				double		d = fabs(l - r * gain);

				colour = fx_difference_colour(d);
				total += d;
			}
			fx_blend(to, x, y, colour, 255);
		}
	*mean = n > 0 ? total / n : 0;
}

static void
mark(fx_image *on, const double at[2])
{
	fx_ring(on, at[0], at[1], 9, 6, SHADOW);
	fx_ring(on, at[0], at[1], 9, 3, LANDMARK);
}

/* The scale under the difference: its colours, and levels at its ticks. */
static void
draw_scale(fx_image *page, fx_box box)
{
	for (int x = 0; x < box.width; x++)
		fx_fill(page, (fx_box) {box.x + x, box.y, 1, box.height},
				fx_difference_colour((x + 0.5) * FX_DIFFERENCE_MOST / box.width));
	fx_frame(page, box, 2, QUIET);
	fx_text(page, box.x + box.width / 2.0, box.y + box.height + 68, box.width, FX_CENTRE,
			(fx_text_style) {FX_REGULAR, 22, QUIET}, "levels of brightness, of 255; gray: not of the face");
	for (int i = 0; i <= 4; i++)
	{
		static const char *const tick[5] = {"0", "24", "48", "72", "96+"};
		int			x = box.x + box.width * i / 4;

		fx_fill(page, (fx_box) {x - (i == 4 ? 2 : 0), box.y + box.height, 2, 8}, QUIET);
		fx_text(page, x, box.y + box.height + 36, 200, i == 0 ? FX_LEFT : i == 4 ? FX_RIGHT : FX_CENTRE,
				(fx_text_style) {FX_REGULAR, 24, INK}, tick[i]);
	}
}

/* Aligns both sides and fills the places with them and with their difference. */
static fx_code
put_aligned(const fx_env *env, const fx_comparison_side side[2], fx_box box, fx_image aligned[3], uint8_t *has[2],
			fx_image *page, fx_error *err)
{
	double		moved[2][FX_LANDMARKS][2];
	double		mean = 0;
	char		line[96];
	fx_sheet_cell cell = {"Difference", {line, "from light, pose and expression, too: no proof"}, NULL, NULL, false};
	fx_code		code = FX_OK;

	for (int i = 0; i < 3 && code == FX_OK; i++)
		code = fx_image_create(env, box.width, box.height, &aligned[i], err);
	for (int i = 0; i < 2 && code == FX_OK; i++)
	{
		has[i] = env->alloc(env->context, (size_t) box.width * (size_t) box.height);
		if (has[i] == NULL)
			return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to align a face");
		code = fx_align_large(env, side[i].cell.picture, side[i].landmark, &aligned[i], has[i], moved[i], err);
	}
	if (code != FX_OK)
		return code;
	fx_difference(&aligned[0], has[0], &aligned[1], has[1], &aligned[2], &mean);
	snprintf(line, sizeof(line), "of brightness, once matched; its mean: %.1f", mean);
	cell.picture = &aligned[2];
	for (int i = 0; i < 2 && code == FX_OK; i++)
	{
		fx_sheet_cell shown = side[i].cell;

		for (int k = 0; k < FX_LANDMARKS; k++)
			mark(&aligned[i], moved[i][k]);
		shown.picture = &aligned[i];
		code = fx_sheet_put(env, FX_COMPARISON_SHEET, i, &shown, page, err);
	}
	if (code == FX_OK)
		code = fx_sheet_put(env, FX_COMPARISON_SHEET, 2, &cell, page, err);
	box = fx_sheet_place(FX_COMPARISON_SHEET, 2);
	draw_scale(page, (fx_box) {box.x, box.y + box.height + 140, box.width, 30});
	return code;
}

fx_code
fx_sheet_compare(const fx_env *env, const fx_comparison_side side[2], fx_image *page, fx_error *err)
{
	fx_box		box = fx_sheet_place(FX_COMPARISON_SHEET, 0);
	fx_sheet_cell none = {"Difference", {NULL, NULL}, NULL, "NOT ALIGNED\nno landmarks of both are on record", false};
	fx_image	aligned[3];
	uint8_t    *has[2] = {NULL, NULL};
	fx_code		code;

	memset(aligned, 0, sizeof(aligned));
	if (side[0].has_landmarks && side[1].has_landmarks && side[0].cell.picture != NULL && side[1].cell.picture != NULL)
	{
		code = put_aligned(env, side, box, aligned, has, page, err);
		for (int i = 0; i < 3; i++)
			fx_image_free(env, &aligned[i]);
		for (int i = 0; i < 2; i++)
			env->release(env->context, has[i]);
		if (code != FX_MISMATCH && code != FX_RANGE)
			return code;
		none.note = "NOT ALIGNED\nthe landmarks on record are no face's";
	}
	code = FX_OK;
	for (int i = 0; i < 2 && code == FX_OK; i++)
		code = fx_sheet_put(env, FX_COMPARISON_SHEET, i, &side[i].cell, page, err);
	if (code == FX_OK)
		code = fx_sheet_put(env, FX_COMPARISON_SHEET, 2, &none, page, err);
	return code;
}

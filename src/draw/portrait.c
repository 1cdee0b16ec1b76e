/*
 * portrait.c - portraits of nobody: schematic heads for machines without
 * photographs.  Nobody takes one for a person: skin is blue, green or violet,
 * features are discs and lines, and a label across says what it is.
 */
#include "draw/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A mixer of 64 bits (two rounds of multiply and shift): close numbers give unlike heads. */
static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
	z = (z ^ (z >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
	return z ^ (z >> 32);
}

/* The next number in low..high. */
static double
draw_number(uint64_t *state, double low, double high)
{
	*state = mix(*state);
	return low + (high - low) * (double) (*state >> 11) / 9007199254740992.0;
}

/* Hue 0..360, saturation and brightness 0..1. */
static fx_colour
hue_colour(double hue, double saturation, double value)
{
	fx_colour	colour = 0;

	for (int i = 0; i < 3; i++)
	{
		double		k = fmod(hue / 60 + (i == 0 ? 5 : i == 1 ? 3 : 1), 6);
		double		v = value * (1 - saturation * fmax(0, fmin(fmin(k, 4 - k), 1)));

		colour = colour << 8 | (fx_colour) lrint(fmin(fmax(v, 0), 1) * 255);
	}
	return colour;
}

typedef struct head
{
	double		x;				/* middle of the face */
	double		y;
	double		scale;
	double		turn;			/* radians in the plane */
	double		light;
	fx_image   *on;
} head;

/* A place of the head's own coordinates, in which it is some 200 wide. */
static void
place(const head *h, double x, double y, double at[2])
{
	at[0] = h->x + h->scale * (x * cos(h->turn) - y * sin(h->turn));
	at[1] = h->y + h->scale * (x * sin(h->turn) + y * cos(h->turn));
}

static void
stroke(const head *h, double x0, double y0, double x1, double y1, double width, fx_colour colour)
{
	double		a[2];
	double		b[2];

	place(h, x0, y0, a);
	place(h, x1, y1, b);
	fx_line(h->on, a[0], a[1], b[0], b[1], width * h->scale, colour);
}

static void
oval(const head *h, double x, double y, double across, double down, fx_colour colour)
{
	double		at[2];

	place(h, x, y, at);
	fx_ellipse(h->on, at[0], at[1], across * h->scale, down * h->scale, colour);
}

fx_code
fx_portrait(const fx_env *env, uint32_t person, uint32_t take, fx_image *image, fx_face *face, fx_error *err)
{
	uint64_t	who = mix(person);
	uint64_t	when = mix(((uint64_t) person << 32 | take) ^ UINT64_C(0x5CE7C4));
	double		hue = draw_number(&who, 150, 290);
	double		hair_hue = draw_number(&who, 0, 360);
	double		across = draw_number(&who, 84, 108);
	double		down = draw_number(&who, 118, 146);
	double		eye_x = draw_number(&who, 32, 45);
	double		eye_y = draw_number(&who, -34, -18);
	double		eye = draw_number(&who, 10, 17);
	double		nose = draw_number(&who, 22, 44);
	double		mouth_x = draw_number(&who, 22, 42);
	double		mouth_y = draw_number(&who, 56, 74);
	double		smile = draw_number(&who, -8, 12);
	double		brow = draw_number(&who, 3, 9);
	double		hair = draw_number(&who, 0, 4);
	bool		glasses = draw_number(&who, 0, 1) < 0.3;
	head		h = {FX_PORTRAIT_WIDTH / 2.0 + draw_number(&when, -16, 16), 270 + draw_number(&when, -14, 14),
		draw_number(&when, 1.05, 1.2), draw_number(&when, -0.07, 0.07), draw_number(&when, 0.8, 1), image};
	fx_colour	skin = hue_colour(hue, 0.38, 0.92 * h.light);
	fx_colour	shade = hue_colour(hue, 0.5, 0.66 * h.light);
	fx_colour	hair_colour = hue_colour(hair_hue, 0.7, 0.45 * h.light);
	fx_colour	cloth = hue_colour(draw_number(&when, 0, 360), 0.35, 0.5);
	fx_colour	ground = hue_colour(210, 0.06, draw_number(&when, 0.78, 0.95));
	fx_colour	ink = 0x1C1C28;
	double		at[2];
	char		label[64];
	fx_code		code = fx_text_load(err);

	memset(image, 0, sizeof(*image));
	if (code == FX_OK)
		code = fx_image_create(env, FX_PORTRAIT_WIDTH, FX_PORTRAIT_HEIGHT, image, err);
	if (code != FX_OK)
		return code;
	fx_fill(image, (fx_box) {0, 0, FX_PORTRAIT_WIDTH, FX_PORTRAIT_HEIGHT}, ground);
	if (hair >= 2)
		oval(&h, 0, 10, across + 24, down + 34, hair_colour);	/* long hair falls behind the face */
	fx_ellipse(image, h.x, 610, 215, 170, cloth);
	oval(&h, 0, down * 0.9, 44, 70, shade);
	oval(&h, 0, -down * 0.3, across + 12, down * 0.86, hair_colour);
	for (int side = -1; side <= 1; side += 2)
		oval(&h, side * across, 4, 13, 26, shade);
	oval(&h, 0, 0, across, down, skin);
	if (hair < 3)
		oval(&h, 0, -down * 0.86, across * 0.78, down * 0.24, hair_colour);
	for (int side = -1; side <= 1; side += 2)
	{
		double		x = side * eye_x;

		stroke(&h, x - eye * 1.3, eye_y - eye - 12, x + eye * 1.3, eye_y - eye - 12 - side * smile * 0.3, brow,
			hair_colour);
		oval(&h, x, eye_y, eye * 1.35, eye, 0xFFFFFF);
		oval(&h, x, eye_y, eye * 0.62, eye * 0.62, hue_colour(hair_hue + 120, 0.8, 0.55));
		oval(&h, x, eye_y, eye * 0.28, eye * 0.28, ink);
		if (glasses)
		{
			place(&h, x, eye_y, at);
			fx_ring(image, at[0], at[1], (eye + 13) * h.scale, 5 * h.scale, ink);
			stroke(&h, x + side * (eye + 13), eye_y, side * across, eye_y - 4, 5, ink);
		}
	}
	if (glasses)
		stroke(&h, -eye_x + eye + 13, eye_y, eye_x - eye - 13, eye_y, 5, ink);
	stroke(&h, 0, eye_y + 12, -7, eye_y + nose, 5, shade);
	stroke(&h, -7, eye_y + nose, 9, eye_y + nose, 5, shade);
	for (int i = -4; i < 4; i++)
		stroke(&h, mouth_x * i / 4, mouth_y - smile * (i * i) / 16.0, mouth_x * (i + 1) / 4,
			   mouth_y - smile * ((i + 1) * (i + 1)) / 16.0, 7, 0x7A2A55);

	fx_fill(image, (fx_box) {0, FX_PORTRAIT_HEIGHT - 66, FX_PORTRAIT_WIDTH, 66}, 0xFFFFFF);
	fx_text(image, FX_PORTRAIT_WIDTH / 2.0, FX_PORTRAIT_HEIGHT - 30, FX_PORTRAIT_WIDTH, FX_CENTRE,
			(fx_text_style) {FX_BOLD, 38, 0xB00020}, "SYNTHETIC");
	snprintf(label, sizeof(label), "no person  \302\267  drawing %u, take %u", (unsigned) person, (unsigned) take);
	fx_text(image, FX_PORTRAIT_WIDTH / 2.0, FX_PORTRAIT_HEIGHT - 8, FX_PORTRAIT_WIDTH, FX_CENTRE,
			(fx_text_style) {FX_REGULAR, 17, 0x333333}, label);

	memset(face, 0, sizeof(*face));
	face->x = (float) (h.x - across * h.scale);
	face->y = (float) (h.y - down * h.scale);
	face->width = (float) (2 * across * h.scale);
	face->height = (float) (2 * down * h.scale);
	face->score = 1;
	face->has_landmarks = true;
	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		const double own[FX_LANDMARKS][2] = {{-eye_x, eye_y}, {eye_x, eye_y}, {1, eye_y + nose},
			{-mouth_x, mouth_y - smile}, {mouth_x, mouth_y - smile}};

		place(&h, own[i][0], own[i][1], at);
		face->landmark[i][0] = (float) at[0];
		face->landmark[i][1] = (float) at[1];
	}
	return FX_OK;
}

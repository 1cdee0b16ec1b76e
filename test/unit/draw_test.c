/*
 * draw_test.c - shapes and pictures against slow, obvious versions; text and
 * pages by what stands where.
 */
#include <math.h>
#include <string.h>

#include "draw/freetype.h"
#include "draw/sheet.h"
#include "photo.h"
#include "tap.h"

static uint32_t state = 88172645u;

static double
uniform(double low, double high)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return low + (high - low) * state / 4294967296.0;
}

static fx_image
make(int width, int height, fx_colour colour)
{
	fx_image	image;

	if (fx_image_create(fx_env_malloc(), width, height, &image, NULL) != FX_OK)
		abort();
	for (size_t i = 0; i < image.stride * (size_t) height; i++)
		image.pixels[i] = (uint8_t) (colour >> (16 - 8 * (i % 3)));
	return image;
}

static void
drop(fx_image *image)
{
	fx_image_free(fx_env_malloc(), image);
}

static fx_colour
at(const fx_image *image, int x, int y)
{
	const uint8_t *p = image->pixels + (size_t) y * image->stride + 3 * (size_t) x;

	return (fx_colour) p[0] << 16 | (fx_colour) p[1] << 8 | p[2];
}

static bool
same(const fx_image *a, const fx_image *b)
{
	return a->width == b->width && a->height == b->height &&
		memcmp(a->pixels, b->pixels, a->stride * (size_t) a->height) == 0;
}

/* Pixels of a box that are not of a colour. */
static int
others(const fx_image *image, fx_box box, fx_colour colour)
{
	int			n = 0;

	for (int y = box.y; y < box.y + box.height; y++)
		for (int x = box.x; x < box.x + box.width; x++)
			n += at(image, x, y) != colour;
	return n;
}

/* ---- shapes */

static void
test_rectangles(void)
{
	int			wrong = 0;

	for (int round = 0; round < 400; round++)
	{
		fx_image	image = make(23, 17, 0x102030);
		fx_box		box = {(int) uniform(-30, 40), (int) uniform(-30, 40), (int) uniform(-5, 60),
			(int) uniform(-5, 60)};
		int			thickness = round % 2 ? 0 : (int) uniform(1, 9);

		if (thickness == 0)
			fx_fill(&image, box, 0xF0A050);
		else
			fx_frame(&image, box, thickness, 0xF0A050);
		for (int y = 0; y < image.height; y++)
			for (int x = 0; x < image.width; x++)
			{
				bool		in = x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
				bool		inner = thickness > 0 && x >= box.x + thickness && y >= box.y + thickness &&
					x < box.x + box.width - thickness && y < box.y + box.height - thickness;

				wrong += (at(&image, x, y) == 0xF0A050) != (in && !inner);
			}
		drop(&image);
	}
	ok(wrong == 0, "rectangles and frames are cut at the picture's edges");
}

/* A pixel's share of a shape, by 16 x 16 points in it. */
typedef struct shape
{
	int			kind;			/* line, ring, ellipse */
	double		a, b, c, d, e;
} shape;

static bool
inside(const shape *s, double x, double y)
{
	if (s->kind == 0)
	{
		double		dx = s->c - s->a;
		double		dy = s->d - s->b;
		double		t = ((x - s->a) * dx + (y - s->b) * dy) / (dx * dx + dy * dy);

		t = t < 0 ? 0 : t > 1 ? 1 : t;
		return hypot(x - s->a - t * dx, y - s->b - t * dy) <= s->e / 2;
	}
	if (s->kind == 1)
		return fabs(hypot(x - s->a, y - s->b) - s->c) <= s->e / 2;
	return (x - s->a) * (x - s->a) / (s->c * s->c) + (y - s->b) * (y - s->b) / (s->d * s->d) <= 1;
}

static void
test_smooth_shapes(void)
{
	static const char *const name[] = {"lines", "rings", "ellipses"};

	for (int kind = 0; kind < 3; kind++)
	{
		double		worst = 0;
		int			hard = 0;

		for (int round = 0; round < 60; round++)
		{
			fx_image	image = make(40, 32, 0);
			shape		s = {kind, uniform(-8, 48), uniform(-8, 40), 0, 0, uniform(2, 9)};

			s.c = kind == 0 ? uniform(-8, 48) : uniform(6, 20);
			s.d = kind == 0 ? uniform(-8, 40) : uniform(6, 20);
			if (kind == 0)
				fx_line(&image, s.a, s.b, s.c, s.d, s.e, 0xFFFFFF);
			else if (kind == 1)
				fx_ring(&image, s.a, s.b, s.c, s.e, 0xFFFFFF);
			else
				fx_ellipse(&image, s.a, s.b, s.c, s.d, 0xFFFFFF);
			for (int y = 0; y < image.height; y++)
				for (int x = 0; x < image.width; x++)
				{
					int			n = 0;
					int			got = at(&image, x, y) & 0xFF;

					for (int k = 0; k < 256; k++)
						n += inside(&s, x + (k % 16 + 0.5) / 16, y + (k / 16 + 0.5) / 16);
					worst = fmax(worst, fabs(got / 255.0 - n / 256.0));
					/* a pixel all within or all without, its neighbourhood too, is exact */
					hard += (n == 0 && got > 128) || (n == 256 && got < 128);
				}
			drop(&image);
		}
		ok(worst < 0.25 && hard == 0, "%s cover pixels by their share (worst difference %.3f)", name[kind], worst);
	}
}

static void
test_wild_numbers(void)
{
	static const double wild[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e18, -1e18, 0};
	fx_image	image = make(9, 9, 0x404040);
	const int	n = sizeof(wild) / sizeof(wild[0]);

	for (int i = 0; i < n * n * n; i++)
	{
		double		a = wild[i % n];
		double		b = wild[i / n % n];
		double		c = wild[i / n / n];

		fx_line(&image, a, b, c, a, 3, 0x404040);
		fx_line(&image, 0, 0, 5, 5, a, 0x404040);
		fx_ring(&image, a, b, c, 2, 0x404040);
		fx_ellipse(&image, a, b, c, c, 0x404040);
		fx_disc(&image, a, b, fabs(c), 0x404040);
	}
	fx_fill(&image, (fx_box) {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, 0);
	fx_fill(&image, (fx_box) {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX}, 0);
	ok(others(&image, (fx_box) {0, 0, 9, 9}, 0x404040) == 0,
		"numbers that are not finite, or far off, draw nothing and break nothing");
	drop(&image);
}

/* ---- pictures */

static void
test_place(void)
{
	const fx_env *env = fx_env_malloc();
	fx_image	from = make(96, 64, 0);
	fx_image	to = make(60, 60, 0x123456);
	double		worst = 0;
	double		sum = 0;
	fx_box		box;

	/* a fine pattern averages out: what is skipped would show as stripes */
	for (int y = 0; y < from.height; y++)
		for (int x = 0; x < from.width; x++)
			memset(from.pixels + (size_t) y * from.stride + 3 * (size_t) x, (x + y) % 2 ? 250 : 10, 3);
	ok(fx_place(env, &to, (fx_box) {10, 20, 24, 16}, &from, NULL) == FX_OK, "a picture is scaled into a box");
	for (int y = 20; y < 36; y++)
		for (int x = 10; x < 34; x++)
			worst = fmax(worst, fabs((double) (at(&to, x, y) & 0xFF) - 130));
	ok(worst <= 2, "a checkerboard becomes its mean (off by %.0f)", worst);
	ok(others(&to, (fx_box) {0, 0, 60, 20}, 0x123456) == 0 && others(&to, (fx_box) {0, 36, 60, 24}, 0x123456) == 0 &&
	   others(&to, (fx_box) {34, 20, 26, 16}, 0x123456) == 0, "nothing is drawn beside the box");

	for (int i = 0; i < 200; i++)
	{
		fx_box		any = {(int) uniform(-70, 70), (int) uniform(-70, 70), (int) uniform(1, 150),
			(int) uniform(1, 150)};

		if (fx_place(env, &to, any, &from, NULL) != FX_OK)
			sum++;
	}
	ok(sum == 0, "boxes beyond the edges are cut");

	box = fx_fit((fx_box) {10, 10, 100, 50}, 40, 40);
	ok(box.x == 35 && box.y == 10 && box.width == 50 && box.height == 50,
		"a square stands in the middle of a wide box");
	box = fx_portrait_window(1000, 800, (double[4]) {400, 300, 80, 100}, 0.5, 100, 100, false);
	ok(box.width == 200 && box.height == 200 && box.x == 340 && box.y > 230 && box.y < 270,
		"a face is half of its window");
	box = fx_portrait_window(1000, 800, (double[4]) {0, 0, 80, 100}, 0.5, 100, 100, false);
	ok(box.x == 0 && box.y == 0 && box.width == 200, "a window is moved into the photograph");
	box = fx_portrait_window(150, 150, (double[4]) {20, 20, 80, 100}, 0.5, 100, 100, false);
	ok(box.width == 150 && box.height == 150, "one that is larger is all of it");
	box = fx_portrait_window(150, 150, (double[4]) {20, 20, NAN, 100}, 0.5, 100, 100, true);
	ok(box.x == 0 && box.width == 150, "a face that is none gives the whole photograph");
	drop(&from);
	drop(&to);
}

/* A large photograph warped to a small one is smooth, and stands where the plain warp puts it. */
static void
test_warp(void)
{
	const fx_env *env = fx_env_malloc();
	fx_image	from = make(900, 700, 0);
	fx_image	a = make(100, 80, 0);
	fx_image	b = make(100, 80, 0);
	const double m[6] = {0.1, 0.01, 3, -0.01, 0.1, 5};
	double		worst = 0;

	for (int y = 0; y < from.height; y++)
		for (int x = 0; x < from.width; x++)
			memset(from.pixels + (size_t) y * from.stride + 3 * (size_t) x,
				(int) (127 + 100 * sin(x / 90.0) * cos(y / 70.0)), 3);
	fx_warp_smooth(env, &from, m, &a, NULL);
	fx_warp_affine(env, &from, m, &b, NULL);
	for (int y = 12; y < 64; y++)
		for (int x = 14; x < 84; x++)
			worst = fmax(worst, fabs((double) (at(&a, x, y) & 0xFF) - (at(&b, x, y) & 0xFF)));
	ok(worst <= 4, "halving first moves nothing (worst difference %.0f)", worst);
	drop(&from);
	drop(&a);
	drop(&b);
}

/* ---- text */

static fx_box
inked(const fx_image *image, fx_colour ground)
{
	fx_box		box = {image->width, image->height, 0, 0};
	int			right = 0;
	int			bottom = 0;

	for (int y = 0; y < image->height; y++)
		for (int x = 0; x < image->width; x++)
			if (at(image, x, y) != ground)
			{
				box.x = x < box.x ? x : box.x;
				box.y = y < box.y ? y : box.y;
				right = x + 1 > right ? x + 1 : right;
				bottom = y + 1;
			}
	box.width = right - box.x;
	box.height = bottom - box.y;
	return box;
}

static fx_image
written(const char *text, double most, fx_align_text align)
{
	fx_image	image = make(600, 60, 0xFFFFFF);

	fx_text(&image, 300, 40, most, align, (fx_text_style) {FX_REGULAR, 30, 0}, text);
	return image;
}

static bool
looks_alike(const char *a, const char *b)
{
	fx_image	first = written(a, 280, FX_LEFT);
	fx_image	second = written(b, 280, FX_LEFT);
	bool		result = same(&first, &second);

	drop(&first);
	drop(&second);
	return result;
}

static void
test_text(void)
{
	const fx_text_style style = {FX_REGULAR, 30, 0};
	const fx_text_style bold = {FX_BOLD, 30, 0};
	char		long_text[4096];
	fx_image	image;
	fx_box		box;
	int			over = 0;

	image = written("Hxg", 280, FX_LEFT);
	box = inked(&image, 0xFFFFFF);
	ok(box.x >= 300 && box.x < 306 && box.y > 12 && box.y < 22 && box.y + box.height > 42 && box.y + box.height < 52,
	   "letters stand on the baseline, and g reaches below it");
	ok(fabs(box.width - fx_text_width(style, "Hxg")) < 6, "their width is measured");
	drop(&image);
	image = written("Hxg", 280, FX_RIGHT);
	box = inked(&image, 0xFFFFFF);
	ok(box.x + box.width <= 300 && box.x + box.width > 293, "text ends where it is to end");
	drop(&image);
	ok(fx_text_width(bold, "Hxg") > fx_text_width(style, "Hxg"), "bold is wider");

	ok(!looks_alike("Nunez", "N\303\272\303\261ez") && fabs(fx_text_width(style,
		"N\303\272\303\261ez") - fx_text_width(style, "Nunez")) < 1,
	   "accents are drawn, each letter as wide as without");
	ok(!looks_alike("\305\201\304\231", "\305\272\304\207"), "so are Polish letters");
	ok(looks_alike("a\377b", "a\001b") && looks_alike("a\303", "a\001") &&
		looks_alike("a\355\240\200", "a\001\001\001") &&
	   looks_alike("a\300\200b", "a\001\001b"), "bytes that are no UTF-8 are boxes, one each");
	ok(looks_alike("a\342\200\256b", "a\001b") && looks_alike("a\342\200\213b", "a\001b"),
		"marks that reorder or hide are boxes");
	ok(looks_alike("a\344\270\255b", "a\001b"), "so is what the font has not");
	ok(!looks_alike("a b", "a\001b") && !looks_alike("ab", "a\001b"), "a box is neither nothing nor a blank");

	memset(long_text, 'W', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (double most = 0; most < 290; most += 7)
	{
		image = written(long_text, most, FX_LEFT);
		box = inked(&image, 0xFFFFFF);
		over += box.width > 0 && (box.x < 300 || box.x + box.width > 301 + most);
		drop(&image);
	}
	ok(over == 0, "a text is cut to its width");
	ok(looks_alike(long_text, "WWWWWWWW\342\200\246"), "and ends with an ellipsis");
	ok(fx_text_width((fx_text_style) {FX_REGULAR, 6, 0}, long_text) < (FX_TEXT_MOST + 1) * 6,
		"no more than FX_TEXT_MOST characters are looked at");
	for (int i = 0; i < 20000; i++)
	{
		char		noise[33];

		for (int k = 0; k < 32; k++)
			noise[k] = (char) uniform(1, 256);
		noise[32] = '\0';
		over += fx_text_width(style, noise) > 32 * 40;
	}
	ok(over == 0, "noise has a width");
}

/* ---- pages */

static void
test_pages(void)
{
	const fx_env *env = fx_env_malloc();
	const fx_sheet_head head = {.banner = "INVESTIGATIVE LEAD ONLY", .title = "Candidate list", .page = "page 1 of 1",
		.field = {{"Search", "22-104"}, {"Agency", "\303\211tat"}}, .fields = 2, .foot = {"foot", NULL}};
	fx_image	photo = make(90, 120, 0x2060A0);
	fx_image	page;
	fx_image	again;
	fx_image	decoded;
	fx_image	alone = make(352, 40, 0xFFFFFF);
	fx_sheet_cell cell = {"Probe", {"similarity 0.866", NULL}, &photo, "NONE", true};
	fx_box		place = fx_sheet_place(FX_CANDIDATE_SHEET, 0);
	const fx_jpeg_limits limits = {1 << 24, 1 << 24, 10, 1 << 28};
	uint8_t    *bytes;
	size_t		length;
	int			off = 0;

	ok(fx_sheet_open(env, FX_CANDIDATE_SHEET, &head, &page, NULL) == FX_OK && page.width == 1700 && page.height == 2200,
	   "a page is of letter size at 200 pixels an inch");
	ok(fx_sheet_put(env, FX_CANDIDATE_SHEET, 0, &cell, &page, NULL) == FX_OK, "a place is filled");
	ok(at(&page, 110, 80) == 0x8C1515 && others(&page, (fx_box) {300, 90, 1100, 50}, 0x8C1515) > 5000,
		"the banner stands on top, with letters in it");
	ok(place.x < 110 && place.y < 530 && at(&page, place.x + place.width / 2, place.y + place.height / 2) == 0x2060A0 &&
	   at(&page, place.x + 3, place.y + 10) == 0xE4E7EA, "the probe stands top left, whole");
	ok(others(&page, (fx_box) {place.x - 4, place.y - 4, 4, place.height + 8}, 0x8C1515) == 0,
		"in a frame of the banner's colour");
	/* the score is what the same text is when it is drawn alone */
	fx_text(&alone, 0, 28, 352, FX_LEFT, (fx_text_style) {FX_REGULAR, 24, 0x1A1A1A}, "similarity 0.866");
	for (int y = 0; y < 40; y++)
		for (int x = 0; x < 352; x++)
			off += at(&alone, x, y) != at(&page, place.x + x, place.y + place.height + 28 + 8 + 32 - 28 + y);
	ok(off == 0 && others(&alone, (fx_box) {0, 0, 352, 40}, 0xFFFFFF) > 500, "the score stands under it");

	ok(fx_jpeg_encode(env, &page, 92, &bytes, &length, NULL) == FX_OK &&
	   fx_jpeg_decode(env, bytes, length, &limits, &decoded, NULL) == FX_OK &&
	   fabs((double) (at(&decoded, place.x + 176, place.y + 127) & 0xFF) - 0xA0) < 4, "and in the decoded file, too");
	env->release(env->context, bytes);
	drop(&decoded);
	fx_sheet_open(env, FX_CANDIDATE_SHEET, &head, &again, NULL);
	fx_sheet_put(env, FX_CANDIDATE_SHEET, 0, &cell, &again, NULL);
	ok(same(&page, &again), "the same again gives the same pixels");
	cell.picture = NULL;
	fx_sheet_put(env, FX_CANDIDATE_SHEET, 0, &cell, &again, NULL);
	ok(others(&again, (fx_box) {place.x + 100, place.y + 100, 150, 50}, 0xE4E7EA) > 100,
		"without a photograph its place says why");
	drop(&again);
	drop(&page);
	for (int kind = FX_CANDIDATE_SHEET; kind <= FX_SHORT_SHEET; kind++)
	{
		int			bad = 0;
		bool		across = kind == FX_COMPARISON_SHEET || kind == FX_LINEUP_SHEET;

		for (int i = 0; i < fx_sheet_places(kind); i++)
		{
			fx_box		a = fx_sheet_place(kind, i);

			bad += a.x < 100 || a.y < 50 || a.x + a.width > (across ? 2100 : 1600) ||
				a.y + a.height > (across ? 1600 : 2060);
			for (int k = 0; k < i; k++)
			{
				fx_box		b = fx_sheet_place(kind, k);

				bad += a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
			}
		}
		ok(bad == 0, "places of sheet %d lie within the margins and apart", kind);
	}
	drop(&photo);
	drop(&alone);
}

/* ---- comparison */

static void
test_difference(void)
{
	fx_image	a = make(320, 400, 0x646464);
	fx_image	b = make(320, 400, 0x646464);
	fx_image	to = make(320, 400, 0);
	uint8_t    *has = malloc(320 * 400);
	double		mean;
	double		before = -1;
	int			rising = 0;

	memset(has, 1, 320 * 400);
	for (int y = 0; y < 400; y++)
		for (int x = 0; x < 320; x++)
		{
			uint8_t		v = (uint8_t) (100 + 60 * sin(x / 9.0));

			memset(a.pixels + (size_t) y * a.stride + 3 * (size_t) x, v, 3);
			/* darker, and of half the contrast */
			memset(b.pixels + (size_t) y * b.stride + 3 * (size_t) x, 20 + v / 2, 3);
		}
	fx_difference(&a, has, &a, has, &to, &mean);
	ok(mean == 0 && at(&to, 160, 212) == 0xFFFFFF && at(&to, 2, 2) == 0xC4C8CC,
		"a face differs nowhere from itself; around it is gray");
	fx_difference(&a, has, &b, has, &to, &mean);
	ok(mean < 2, "light and contrast are matched (mean difference %.2f)", mean);
	fx_fill(&b, (fx_box) {150, 200, 20, 20}, 0xFFFFFF);
	fx_difference(&a, has, &b, has, &to, &mean);
	ok(mean > 0 && at(&to, 160, 210) != at(&to, 200, 260), "a spot on one of them shows");
	memset(has, 0, 320 * 400);
	fx_difference(&a, has, &b, has, &to, &mean);
	ok(mean == 0 && others(&to, (fx_box) {0, 0, 320, 400}, 0xC4C8CC) == 0,
		"without pixels of both there is no difference");
	for (int i = 0; i <= 120; i++)
	{
		fx_colour	c = fx_difference_colour(i);
		double		dark = 255 - (0.299 * (c >> 16) + 0.587 * (c >> 8 & 255) + 0.114 * (c & 255));

		rising += dark >= before;
		before = dark;
	}
	ok(rising == 121 && fx_difference_colour(0) == 0xFFFFFF && fx_difference_colour(96) == fx_difference_colour(200),
	   "the scale darkens all the way, and ends at 96");
	free(has);
	drop(&a);
	drop(&b);
	drop(&to);
}

static void
test_comparison(void)
{
	const fx_env *env = fx_env_malloc();
	const fx_sheet_head head = {.banner = "INVESTIGATIVE LEAD ONLY", .title = "Comparison"};
	fx_image	photo[2];
	fx_image	page;
	fx_face		face[2];
	fx_comparison_side side[2];
	fx_box		box = fx_sheet_place(FX_COMPARISON_SHEET, 2);
	int			white = 0;

	for (int i = 0; i < 2; i++)
	{
		ok(fx_portrait(env, 7, i, &photo[i], &face[i], NULL) == FX_OK, "a portrait of nobody is drawn");
		side[i] = (fx_comparison_side) {.cell = {"x", {NULL, NULL}, &photo[i], NULL, false}, .has_landmarks = true};
		memcpy(side[i].landmark, face[i].landmark, sizeof(side[i].landmark));
	}
	fx_sheet_open(env, FX_COMPARISON_SHEET, &head, &page, NULL);
	ok(fx_sheet_compare(env, side, &page, NULL) == FX_OK, "two takes of one are compared");
	for (int y = box.y + 200; y < box.y + 600; y++)
		for (int x = box.x + 200; x < box.x + 440; x++)
			white += (at(&page, x, y) & 0xFF) > 180;
	ok(white > 0.8 * 400 * 240, "aligned they hardly differ (%d of %d)", white, 400 * 240);
	drop(&page);
	/* landmarks that are none, or wild, give the photographs as they are */
	for (int i = 0; i < 2; i++)
	{
		for (int k = 0; k < FX_LANDMARKS; k++)
			side[1].landmark[k][0] = side[1].landmark[k][1] = i == 0 ? 5 : NAN;
		fx_sheet_open(env, FX_COMPARISON_SHEET, &head, &page, NULL);
		ok(fx_sheet_compare(env, side, &page, NULL) == FX_OK && at(&page, box.x + 20, box.y + 20) == 0xE4E7EA,
		   "landmarks that are no face's align nothing");
		drop(&page);
	}
	for (int k = 0; k < 2 * FX_LANDMARKS; k++)
		side[1].landmark[k / 2][k % 2] = k * k * 1e30f;
	fx_sheet_open(env, FX_COMPARISON_SHEET, &head, &page, NULL);
	ok(fx_sheet_compare(env, side, &page, NULL) == FX_OK, "landmarks far off are drawn somehow, or not");
	drop(&page);
	drop(&photo[0]);
	drop(&photo[1]);
}

int
main(void)
{
	fx_error	err = {0};

	test_rectangles();
	test_smooth_shapes();
	test_wild_numbers();
	test_place();
	test_warp();
	test_difference();
	fx_text(&(fx_image) {0}, 0, 0, 100, FX_LEFT, (fx_text_style) {FX_REGULAR, 20, 0}, "without a font");
	ok(fx_text_width((fx_text_style) {FX_REGULAR, 20, 0}, "x") == 0, "without a font nothing is drawn");
	if (!ok(fx_text_load(&err) == FX_OK, "FreeType and the font are there"))
	{
		diag("%s", err.detail);
		return done_testing();
	}
	test_text();
	test_pages();
	test_comparison();
	return done_testing();
}

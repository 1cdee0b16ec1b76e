/*
 * quality_test.c - measures of quality under known degradations: the measure
 * that a degradation is about moves the right way on every photograph, and
 * what it is not about stays where it was, within a bound that stands here.
 * On a drawn face, and on photographs of the test data where they are there.
 */
#include <math.h>

#include "photo.h"
#include "quality/quality.h"
#include "tap.h"

#define MOST_PHOTOS 24

static uint32_t state = 2463534242u;

static double
uniform(double low, double high)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return low + (high - low) * state / 4294967296.0;
}

typedef struct subject
{
	fx_image	photo;
	fx_face		face;
} subject;

static subject subjects[MOST_PHOTOS];
static int	count;

static fx_image
blank(int width, int height)
{
	fx_image	image;

	if (fx_image_create(fx_env_malloc(), width, height, &image, NULL) != FX_OK)
		abort();
	memset(image.pixels, 0, image.stride * (size_t) height);
	return image;
}

static fx_image
copy(const fx_image *from)
{
	fx_image	to = blank(from->width, from->height);

	memcpy(to.pixels, from->pixels, to.stride * (size_t) to.height);
	return to;
}

static void
drop(fx_image *image)
{
	fx_image_free(fx_env_malloc(), image);
}

static uint8_t
level(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t) lrint(v);
}

/* ---- who is looked at */

/* A head with hair, eyes, nose, mouth and fine texture before an even wall. */
static void
draw(subject *s)
{
	static const float at[FX_LANDMARKS][2] = {{110, 120}, {170, 120}, {140, 158}, {113, 184}, {167, 184}};

	s->photo = blank(280, 320);
	for (int y = 0; y < 320; y++)
		for (int x = 0; x < 280; x++)
		{
			double		hx = (x - 140) / 78.0;
			double		hy = (y - 150) / 105.0;
			double		grain = uniform(-14, 14);
			double		shade = 1 - 0.15 * hx * hx - 0.1 * hy * hy + 0.04 * sin(x / 2.5) * sin(y / 3.0);
			double		rgb[3] = {150, 160, 170};
			double		near = 1e9;

			if (hx * hx + hy * hy < 1)
			{
				rgb[0] = (y < 85 ? 70 : 214) * shade + grain;
				rgb[1] = (y < 85 ? 50 : 160) * shade + grain;
				rgb[2] = (y < 85 ? 40 : 130) * shade + grain;
				for (int i = 0; i < FX_LANDMARKS; i++)
					near = fmin(near, hypot(x - at[i][0], 2 * (y - at[i][1])));
				if (near < 11)
					for (int c = 0; c < 3; c++)
						rgb[c] *= 0.35;
			}
			for (int c = 0; c < 3; c++)
				s->photo.pixels[(size_t) y * s->photo.stride + 3 * x + c] = level(rgb[c]);
		}
	s->face = (fx_face) {62, 45, 156, 210, 0.9f, true, {{0}}};
	memcpy(s->face.landmark, at, sizeof(at));
}

/* Photographs with the landmarks that stand beside them in the test data: name, faces, box, five points, score. */
static void
read_photographs(void)
{
	FILE	   *file = fopen(data_path("vectors/lfw_yunet_n_320_landmarks.csv"), "r");
	char		line[1024];
	int			number = 0;

	if (file == NULL)
	{
		diag("no photographs: a drawn face alone");
		return;
	}
	while (count < MOST_PHOTOS && fgets(line, sizeof(line), file) != NULL)
	{
		subject    *s = &subjects[count];
		float		v[16];
		char		name[256];
		char		path[512];

		if (number++ % 290 != 1 ||
			sscanf(line, "%255[^,],%f,%f,%f,%f,%f,%f,%f,%f,%f,%f,%f,%f,%f,%f,%f", name, v, v + 1, v + 2, v + 3, v + 4,
				   v + 5, v + 6, v + 7, v + 8, v + 9, v + 10, v + 11, v + 12, v + 13, v + 14) != 16)
			continue;
		snprintf(path, sizeof(path), "faces/lfw/%s", name);
		if (decode_file(data_path(path), &s->photo, NULL) != FX_OK)
			continue;
		s->face = (fx_face) {v[1], v[2], v[3], v[4], 0.9f, true, {{0}}};
		memcpy(s->face.landmark, v + 5, sizeof(s->face.landmark));
		count++;
	}
	fclose(file);
}

/* ---- degradations */

typedef void (*degradation) (const subject *from, subject *to);

static void
each_level(const subject *from, subject *to, double (*change) (double v, int x, int y, int c, const subject *s))
{
	to->photo = copy(&from->photo);
	to->face = from->face;
	for (int y = 0; y < to->photo.height; y++)
		for (int x = 0; x < to->photo.width; x++)
			for (int c = 0; c < 3; c++)
			{
				uint8_t    *p = to->photo.pixels + (size_t) y * to->photo.stride + 3 * x + c;

				*p = level(change(*p, x, y, c, from));
			}
}

/* Three passes of a box of five: nearly a Gaussian of sigma 2.4. */
static void
blur(const subject *from, subject *to)
{
	to->photo = copy(&from->photo);
	to->face = from->face;
	for (int pass = 0; pass < 6; pass++)
	{
		fx_image	was = copy(&to->photo);

		for (int y = 0; y < was.height; y++)
			for (int x = 0; x < was.width; x++)
				for (int c = 0; c < 3; c++)
				{
					double		sum = 0;

					for (int k = -2; k <= 2; k++)
					{
						int			px = pass % 2 ? x + k : x;
						int			py = pass % 2 ? y : y + k;

						px = px < 0 ? 0 : px >= was.width ? was.width - 1 : px;
						py = py < 0 ? 0 : py >= was.height ? was.height - 1 : py;
						sum += was.pixels[(size_t) py * was.stride + 3 * px + c];
					}
					to->photo.pixels[(size_t) y * was.stride + 3 * x + c] = level(sum / 5);
				}
		drop(&was);
	}
}

static double
with_noise(double v, int x, int y, int c, const subject *s)
{
	return v + uniform(-20, 20);
}

static void
noise(const subject *from, subject *to)
{
	each_level(from, to, with_noise);
}

/* The level that a times as much light gives, by the curve of sRGB. */
static double
exposed(double v, double a)
{
	double		l = v / 255;

	l = a * (l > 0.04045 ? pow((l + 0.055) / 1.055, 2.4) : l / 12.92);
	return 255 * (l > 0.0031308 ? 1.055 * pow(l, 1 / 2.4) - 0.055 : 12.92 * l);
}

static double
an_eighth(double v, int x, int y, int c, const subject *s)
{
	return exposed(v, 0.125);
}

static double
eightfold(double v, int x, int y, int c, const subject *s)
{
	return exposed(v, 8);
}

static void
darken(const subject *from, subject *to)
{
	each_level(from, to, an_eighth);
}

static void
brighten(const subject *from, subject *to)
{
	each_level(from, to, eightfold);
}

static double
third_of_contrast(double v, int x, int y, int c, const subject *s)
{
	return 110 + (v - 110) / 3;
}

static void
flatten(const subject *from, subject *to)
{
	each_level(from, to, third_of_contrast);
}

/* Which cheek has less light: -1 the left one in the picture, +1 the right one. */
static int
darker_side(const subject *s)
{
	double		sum[2] = {0};
	double		eyes = s->face.landmark[1][0] - s->face.landmark[0][0];

	for (int side = 0; side < 2; side++)
		for (int y = 0; y < eyes / 4; y++)
			for (int x = 0; x < eyes / 4; x++)
			{
				int			px = (int) (s->face.landmark[side][0] + (side ? x : -x));
				int			py = (int) ((s->face.landmark[side][1] + s->face.landmark[3 + side][1]) / 2 + y);

				sum[side] += s->photo.pixels[(size_t) py * s->photo.stride + 3 * px + 1];
			}
	return sum[0] < sum[1] ? -1 : 1;
}

static double
from_one_side(double v, int x, int y, int c, const subject *s)
{
	static const subject *of;
	static int	side;

	if (of != s)
		side = darker_side(of = s);
	return (x - s->face.landmark[2][0]) * side > 0 ? exposed(v, 0.25) : v;
}

static void
side_light(const subject *from, subject *to)
{
	each_level(from, to, from_one_side);
}

static double
towards_blue(double v, int x, int y, int c, const subject *s)
{
	return c == 0 ? v * 0.6 : c == 2 ? v * 1.5 : v;
}

static void
tint(const subject *from, subject *to)
{
	each_level(from, to, towards_blue);
}

/* Stripes outside of a circle around the face. */
static double
striped(double v, int x, int y, int c, const subject *s)
{
	double		eyes = hypot(s->face.landmark[1][0] - s->face.landmark[0][0],
		s->face.landmark[1][1] - s->face.landmark[0][1]);

	return hypot(x - s->face.landmark[2][0], y - s->face.landmark[2][1]) > 2.2 * eyes ? (x / 3) % 2 * 255 : v;
}

static void
stripes(const subject *from, subject *to)
{
	each_level(from, to, striped);
}

static void
compress(const subject *from, subject *to)
{
	uint8_t    *bytes;
	size_t		length;

	to->face = from->face;
	if (fx_jpeg_encode(fx_env_malloc(), &from->photo, 12, &bytes, &length, NULL) != FX_OK ||
		fx_jpeg_decode(fx_env_malloc(), bytes, length, &wide, &to->photo, NULL) != FX_OK)
		abort();
	fx_env_malloc()->release(NULL, bytes);
}

static void
halve(const subject *from, subject *to)
{
	to->photo = blank(from->photo.width / 2, from->photo.height / 2);
	to->face = from->face;
	if (fx_resize_bilinear(fx_env_malloc(), &from->photo, &to->photo, NULL) != FX_OK)
		abort();
	for (int i = 0; i < 2 * FX_LANDMARKS; i++)
		to->face.landmark[i / 2][i % 2] /= 2;
	to->face.width /= 2;
	to->face.height /= 2;
}

#define TURN 12.0

/* By TURN degrees about the nose. */
static void
turn(const subject *from, subject *to)
{
	double		c = cos(TURN * M_PI / 180);
	double		s = sin(TURN * M_PI / 180);
	double		x = from->face.landmark[2][0];
	double		y = from->face.landmark[2][1];
	double		m[6] = {c, -s, x - c * x + s * y, s, c, y - s * x - c * y};

	to->photo = blank(from->photo.width, from->photo.height);
	to->face = from->face;
	if (fx_warp_affine(fx_env_malloc(), &from->photo, m, &to->photo, NULL) != FX_OK)
		abort();
	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		double		px = from->face.landmark[i][0];
		double		py = from->face.landmark[i][1];

		to->face.landmark[i][0] = (float) (m[0] * px + m[1] * py + m[2]);
		to->face.landmark[i][1] = (float) (m[3] * px + m[4] * py + m[5]);
	}
}

/* Takes away what is left of and above the face. */
static void
cut(const subject *from, subject *to)
{
	int			left = (int) (from->face.landmark[0][0] - 20);
	int			top = (int) (from->face.landmark[0][1] - 30);

	to->photo = blank(from->photo.width - left, from->photo.height - top);
	to->face = from->face;
	for (int y = 0; y < to->photo.height; y++)
		memcpy(to->photo.pixels + (size_t) y * to->photo.stride,
			   from->photo.pixels + (size_t) (y + top) * from->photo.stride + 3 * left, to->photo.stride);
	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		to->face.landmark[i][0] -= left;
		to->face.landmark[i][1] -= top;
	}
}

/* ---- what they do */

typedef struct effect
{
	fx_measure	measure;
	int			sense;			/* +1: the native value grows, -1: it falls */
} effect;

typedef struct bound
{
	fx_measure	measure;
	double		most;			/* the native value moves by no more */
} bound;

/* Nothing but the landmarks and the size of the picture. */
#define PLACE {FX_INTER_EYE_DISTANCE, 0}, {FX_HEAD_SIZE, 0}, {FX_MARGIN_LEFT, 0}, {FX_MARGIN_RIGHT, 0}, \
	{FX_MARGIN_ABOVE, 0}, {FX_MARGIN_BELOW, 0}, {FX_POSE_YAW, 0}, {FX_POSE_PITCH, 0}, {FX_POSE_ROLL, 0}, \
	{FX_SINGLE_FACE, 0}

static const struct
{
	const char *name;
	degradation make;
	effect		moves[6];		/* up to the first without a sense */
	bound		stays[24];		/* up to the first unified score */
}			cases[] = {
	{"blur", blur, {{FX_SHARPNESS, -1}},
	{PLACE, {FX_LUMINANCE_MEAN, 0.02}, {FX_OVER_EXPOSURE, 0.04}, {FX_NATURAL_COLOUR, 3}, {FX_DYNAMIC_RANGE, 1.2}}},
	{"noise", noise, {{FX_SHARPNESS, +1}},
	{PLACE, {FX_LUMINANCE_MEAN, 0.02}, {FX_NATURAL_COLOUR, 3}, {FX_UNDER_EXPOSURE, 0.06}}},
	{"less light", darken, {{FX_LUMINANCE_MEAN, -1}, {FX_UNDER_EXPOSURE, +1}, {FX_LUMINANCE_VARIANCE, -1},
		{FX_DYNAMIC_RANGE, -1}},
	{PLACE, {FX_SHARPNESS, 0.03}, {FX_COMPRESSION, 0.15}}},
	{"more light", brighten, {{FX_LUMINANCE_MEAN, +1}, {FX_OVER_EXPOSURE, +1}}, {PLACE}},
	{"less contrast", flatten, {{FX_LUMINANCE_VARIANCE, -1}, {FX_DYNAMIC_RANGE, -1}}, {PLACE, {FX_SHARPNESS, 0.02},
		{FX_OVER_EXPOSURE, 0.4}}},
	{"light from one side", side_light, {{FX_ILLUMINATION_UNIFORMITY, -1}},
	{PLACE, {FX_OVER_EXPOSURE, 0.4}, {FX_NATURAL_COLOUR, 9}}},
	{"a tint", tint, {{FX_NATURAL_COLOUR, +1}}, {PLACE, {FX_SHARPNESS, 0.02}, {FX_ILLUMINATION_UNIFORMITY, 0.25}}},
	{"stripes behind the head", stripes, {{FX_BACKGROUND_UNIFORMITY, +1}},
	{PLACE, {FX_LUMINANCE_MEAN, 0.001}, {FX_LUMINANCE_VARIANCE, 0.001}, {FX_SHARPNESS, 0.002},
		{FX_ILLUMINATION_UNIFORMITY, 0.001},
	{FX_NATURAL_COLOUR, 0.01}, {FX_UNDER_EXPOSURE, 0.001}, {FX_DYNAMIC_RANGE, 0.01}}},
	{"compression", compress, {{FX_COMPRESSION, +1}}, {PLACE, {FX_LUMINANCE_MEAN, 0.02}, {FX_UNDER_EXPOSURE, 0.15},
		{FX_NATURAL_COLOUR, 6}}},
	{"half the size", halve, {{FX_INTER_EYE_DISTANCE, -1}, {FX_SHARPNESS, -1}},
	{{FX_HEAD_SIZE, 2e-3}, {FX_MARGIN_LEFT, 1e-3}, {FX_MARGIN_RIGHT, 2e-2}, {FX_MARGIN_ABOVE, 1e-3},
		{FX_MARGIN_BELOW, 2e-2},
	{FX_POSE_YAW, 1e-3}, {FX_POSE_PITCH, 1e-3}, {FX_POSE_ROLL, 1e-3}, {FX_SINGLE_FACE, 0}, {FX_LUMINANCE_MEAN, 0.02},
	{FX_UNDER_EXPOSURE, 0.05}, {FX_NATURAL_COLOUR, 3}}},
	{"a turn in the plane", turn, {{FX_POSE_ROLL, +1}},
	{{FX_INTER_EYE_DISTANCE, 1e-2}, {FX_HEAD_SIZE, 1e-3}, {FX_POSE_YAW, 1e-2}, {FX_POSE_PITCH, 1e-2},
		{FX_SINGLE_FACE, 0},
	{FX_LUMINANCE_MEAN, 0.02}, {FX_SHARPNESS, 0.1}, {FX_NATURAL_COLOUR, 3}, {FX_UNDER_EXPOSURE, 0.05}}},
	{"a narrow cut", cut, {{FX_MARGIN_LEFT, -1}, {FX_MARGIN_ABOVE, -1}, {FX_HEAD_SIZE, +1}},
	{{FX_INTER_EYE_DISTANCE, 1e-3}, {FX_MARGIN_RIGHT, 1e-3}, {FX_MARGIN_BELOW, 1e-3}, {FX_POSE_YAW, 1e-2},
		{FX_POSE_PITCH, 1e-2},
	{FX_POSE_ROLL, 1e-2}, {FX_SINGLE_FACE, 0}, {FX_SHARPNESS, 0.01}, {FX_NATURAL_COLOUR, 0.5}}},
};

static bool
assess(const subject *s, fx_measurement *m)
{
	fx_error	err = {0};

	if (fx_assess(fx_env_malloc(), &s->photo, &s->face, 1, 0, m, &err) == FX_OK)
		return true;
	diag("%s", err.detail);
	return false;
}

static void
test_degradations(void)
{
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++)
	{
		int			wrong[FX_MEASURES] = {0};
		int			unfair[FX_MEASURES] = {0};
		double		most[FX_MEASURES] = {0};
		int			seen = 0;

		for (int i = 0; i < count; i++)
		{
			subject		worse;
			fx_measurement a[FX_MEASURES];
			fx_measurement b[FX_MEASURES];

			cases[k].make(&subjects[i], &worse);
			if (assess(&subjects[i], a) && assess(&worse, b))
				seen++;
			for (const effect *e = cases[k].moves; e->sense != 0; e++)
				/* what has no uniformity left has none to lose */
				if (a[e->measure].known && (e->measure != FX_ILLUMINATION_UNIFORMITY || a[e->measure].native > 0.05))
				{
					if (!b[e->measure].known || (b[e->measure].native - a[e->measure].native) * e->sense <= 0)
						wrong[e->measure]++;
					/* of these a component never gets better by getting worse */
					if (e->measure != FX_SHARPNESS && e->measure != FX_LUMINANCE_MEAN && e->measure !=
						FX_LUMINANCE_VARIANCE &&
						e->measure != FX_HEAD_SIZE && e->measure != FX_POSE_ROLL
							&& b[e->measure].component > a[e->measure].component)
						unfair[e->measure]++;
				}
			for (const bound *s = cases[k].stays; s->measure != FX_UNIFIED_SCORE; s++)
				if (a[s->measure].known && b[s->measure].known)
					most[s->measure] = fmax(most[s->measure], fabs(a[s->measure].native - b[s->measure].native));
			drop(&worse.photo);
		}
		ok(seen == count, "%s: %d pictures are measured", cases[k].name, seen);
		for (const effect *e = cases[k].moves; e->sense != 0; e++)
			ok(wrong[e->measure] == 0 && unfair[e->measure] == 0, "%s: %s %s on every one (not on %d, better on %d)",
			   cases[k].name, fx_measure_describe(e->measure)->name, e->sense > 0 ? "grows" : "falls",
				wrong[e->measure],
			   unfair[e->measure]);
		for (const bound *s = cases[k].stays; s->measure != FX_UNIFIED_SCORE; s++)
			ok(most[s->measure] <= s->most, "%s: %s moves by %.4g, at most %g", cases[k].name,
			   fx_measure_describe(s->measure)->name, most[s->measure], s->most);
	}
}

/* ---- single facts */

static void
test_components(void)
{
	static const struct
	{
		fx_measure	measure;
		double		native;
		double		component;
	}			known[] = {
		{FX_INTER_EYE_DISTANCE, 70, 50}, {FX_INTER_EYE_DISTANCE, 90, 73}, {FX_HEAD_SIZE, 0.45, 100}, {FX_HEAD_SIZE,
			0.3, 9},
		{FX_OVER_EXPOSURE, 0, 100}, {FX_OVER_EXPOSURE, 0.09, 10}, {FX_UNDER_EXPOSURE, 0, 100}, {FX_UNDER_EXPOSURE,
			0.92, 40},
		{FX_UNDER_EXPOSURE, 1, 0}, {FX_DYNAMIC_RANGE, 8, 100}, {FX_DYNAMIC_RANGE, 4, 50}, {FX_POSE_YAW, 45, 50},
		{FX_POSE_YAW, -45, 50}, {FX_POSE_ROLL, 90, 0}, {FX_NATURAL_COLOUR, 0, 100}, {FX_NATURAL_COLOUR, 100, 0},
		{FX_SINGLE_FACE, 0, 100}, {FX_SINGLE_FACE, 1, 0}, {FX_ILLUMINATION_UNIFORMITY, 1, 100},
			{FX_ILLUMINATION_UNIFORMITY, 0, 0},
		{FX_LUMINANCE_MEAN, 0.5, 100}, {FX_LUMINANCE_MEAN, 0.2, 50}, {FX_LUMINANCE_VARIANCE, 1.0 / 60, 100},
		{FX_MARGIN_LEFT, 0.9, 50}, {FX_MARGIN_ABOVE, 1.4, 50}, {FX_MARGIN_BELOW, 1.8, 50}, {FX_BACKGROUND_UNIFORMITY,
			10, 95},
		{FX_BACKGROUND_UNIFORMITY, 0, 100},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		ok(fx_component(known[i].measure, known[i].native) == known[i].component, "%s of %g is %g, by OFIQ's map %g",
		   fx_measure_describe(known[i].measure)->name, known[i].native,
		   fx_component(known[i].measure, known[i].native), known[i].component);
	for (int k = 0; k < FX_MEASURES; k++)
	{
		static const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 0};
		bool		whole = true;

		for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		{
			double		c = fx_component(k, odd[i]);

			whole &= c >= 0 && c <= 100 && c == rint(c);
		}
		ok(whole && fx_component(k, NAN) == 0, "%s: a whole number of 0..100 for any value",
			fx_measure_describe(k)->name);
	}
}

static void
test_pose(void)
{
	/* the mean head of docs/quality.md, millimetres */
	static const double head[FX_LANDMARKS][3] = {{-31.5, -34.8, 6}, {31.5, -34.8, 6}, {0, 4.5, -20}, {-28.4, 32.5,
		4}, {28.4, 32.5, 4}};
	double		most = 0;
	fx_face		f = {0, 0, 100, 100, 1, true, {{0}}};
	double		yaw;
	double		pitch;
	double		roll;

	for (int round = 0; round < 500; round++)
	{
		double		a = uniform(-45, 45);
		double		b = uniform(-35, 35);
		double		c = uniform(-60, 60);
		double		sa = sin(a * M_PI / 180);
		double		ca = cos(a * M_PI / 180);
		double		sb = sin(b * M_PI / 180);
		double		cb = cos(b * M_PI / 180);
		double		sc = sin(c * M_PI / 180);
		double		cc = cos(c * M_PI / 180);
		double		scale = uniform(0.3, 9);

		for (int i = 0; i < FX_LANDMARKS; i++)
		{
			/* nodded, then turned aside, then tilted */
			double		x = head[i][0];
			double		y = cb * head[i][1] - sb * head[i][2];
			double		z = sb * head[i][1] + cb * head[i][2];
			double		tx = ca * x + sa * z;

			f.landmark[i][0] = (float) (scale * (cc * tx - sc * y) + 300);
			f.landmark[i][1] = (float) (scale * (sc * tx + cc * y) + 200);
		}
		if (!fx_head_pose(&f, &yaw, &pitch, &roll))
			yaw = 1e9;
		most = fmax(most, fmax(fabs(yaw - a), fmax(fabs(pitch - b), fabs(roll - c))));
	}
	ok(most < 0.01, "500 turned heads: angles within %.4f degrees", most);
	for (int i = 0; i < FX_LANDMARKS; i++)
		f.landmark[i][0] = f.landmark[i][1] = (float) i;
	ok(!fx_head_pose(&f, &yaw, &pitch, &roll), "landmarks on a line give no pose");
	f.landmark[0][0] = NAN;
	ok(!fx_head_pose(&f, &yaw, &pitch, &roll), "nor do landmarks that are not finite");
}

static void
test_faces(void)
{
	fx_face		faces[3] = {subjects[0].face, subjects[0].face, subjects[0].face};
	fx_measurement alone[FX_MEASURES];
	fx_measurement m[FX_MEASURES];
	bool		same = true;

	faces[0].width = faces[0].height = 40;
	faces[2].width = faces[2].height = 80;
	faces[1].width = faces[1].height = 160;
	fx_assess(fx_env_malloc(), &subjects[0].photo, faces + 1, 1, 0, alone, NULL);
	ok(alone[FX_SINGLE_FACE].component == 100, "one face is single");
	fx_assess(fx_env_malloc(), &subjects[0].photo, faces, 3, 1, m, NULL);
	ok(m[FX_SINGLE_FACE].native == 0.5 && m[FX_SINGLE_FACE].component == 50,
		"another of a quarter of its area competes by half");
	for (int k = 1; k < FX_MEASURES; k++)
		same &= k == FX_SINGLE_FACE || (m[k].known == alone[k].known && m[k].native == alone[k].native);
	ok(same, "and changes nothing else");
	fx_assess(fx_env_malloc(), &subjects[0].photo, faces, 3, 2, m, NULL);
	ok(m[FX_SINGLE_FACE].component == 0, "a larger one leaves nothing");
	faces[1].has_landmarks = false;
	ok(fx_assess(fx_env_malloc(), &subjects[0].photo, faces, 3, 1, m, NULL) == FX_OK && m[FX_SINGLE_FACE].known &&
	   !m[FX_UNIFIED_SCORE].known && !m[FX_SHARPNESS].known, "without landmarks little is known");
}

static void
test_failures(void)
{
	ledger		l;
	fx_env		env = ledger_env(&l);
	fx_measurement m[FX_MEASURES];
	fx_error	err = {0};
	subject		s = subjects[0];
	size_t		allocations;
	bool		clean = true;

	ok(fx_assess(&env, &s.photo, &s.face, 1, 1, m, &err) == FX_MISMATCH, "%s", err.detail);
	ok(fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err) == FX_OK && l.live == 0, "nothing is left behind");
	allocations = l.allocations;
	for (size_t i = 1; i <= allocations; i++)
	{
		env = ledger_env(&l);
		l.fail_at = i;
		clean &= fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err) == FX_NO_MEMORY && l.live == 0;
	}
	ok(clean && allocations >= 4, "nor by memory that fails at each of %zu allocations", allocations);
	env = ledger_env(&l);
	l.interrupt_at = 1;
	ok(fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err) == FX_INTERRUPTED && l.live == 0, "it can be interrupted");

	env = ledger_env(&l);
	for (int i = 0; i < 5; i++)
	{
		static const float far[] = {1e6f, -1e6f, 3e4f, -40, 1e9f};
		fx_code		code;

		s.face = subjects[0].face;
		for (int k = 0; k < FX_LANDMARKS; k++)
		{
			s.face.landmark[k][0] += far[i];
			s.face.landmark[k][1] -= far[i] / 2;
		}
		code = fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err);
		clean &= (code == FX_OK || code == FX_MISMATCH) && l.live == 0;
	}
	ok(clean, "faces outside of the photograph do no harm");
	s.face = subjects[0].face;
	s.face.landmark[3][1] = INFINITY;
	ok(fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err) == FX_RANGE, "%s", err.detail);
	memset(s.face.landmark, 0, sizeof(s.face.landmark));
	ok(fx_assess(&env, &s.photo, &s.face, 1, 0, m, &err) == FX_MISMATCH && l.live == 0, "%s", err.detail);
}

/* An even picture has a value or none for each measure, and none is not a number. */
static void
test_even(void)
{
	subject		s = {blank(280, 320), subjects[0].face};
	fx_measurement m[FX_MEASURES];
	bool		finite = true;

	memset(s.photo.pixels, 90, s.photo.stride * 320);
	ok(assess(&s, m), "an even picture is measured");
	for (int k = 0; k < FX_MEASURES; k++)
		finite &= !m[k].known || (isfinite(m[k].native) && m[k].component >= 0 && m[k].component <= 100);
	ok(finite && !m[FX_LUMINANCE_SKEWNESS].known && !m[FX_SHARPNESS].known && m[FX_DYNAMIC_RANGE].native == 0 &&
	   m[FX_BACKGROUND_UNIFORMITY].native == 0, "what it does not have is not known");
	drop(&s.photo);
}

int
main(void)
{
	draw(&subjects[count++]);
	read_photographs();
	test_components();
	test_pose();
	test_faces();
	test_degradations();
	test_even();
	test_failures();
	for (int i = 0; i < count; i++)
		drop(&subjects[i].photo);
	return done_testing();
}

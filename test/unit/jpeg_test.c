/*
 * jpeg_test.c - decoding: colour models and progression on pictures encoded
 * here, limits, bombs, truncation, interruption, memory that runs out, and
 * the corpora of odd and hostile files where the test data are there.
 */
#include <stdio.h>

#include <jpeglib.h>

#include "photo.h"
#include "tap.h"

/* How a picture is encoded. */
typedef struct style
{
	J_COLOR_SPACE input;
	J_COLOR_SPACE stored;
	int			components;
	bool		progressive;
	bool		arithmetic;
	bool		one_coefficient;	/* a scan for each of the 64, gray only */
	bool		no_adobe;
	int			restart;			/* rows of blocks between restart markers */
	int			quality;
} style;

static const style plain = {JCS_RGB, JCS_YCbCr, 3, false, false, false, false, 0, 90};

/* Encodes width x height pixels of style.components bytes; free() the result. */
static uint8_t *
encode(style s, const uint8_t *pixels, int width, int height, size_t *length)
{
	struct jpeg_compress_struct info;
	struct jpeg_error_mgr errors;
	jpeg_scan_info scans[64];
	unsigned char *bytes = NULL;
	unsigned long size = 0;

	info.err = jpeg_std_error(&errors);
	jpeg_create_compress(&info);
	jpeg_mem_dest(&info, &bytes, &size);
	info.image_width = (JDIMENSION) width;
	info.image_height = (JDIMENSION) height;
	info.input_components = s.components;
	info.in_color_space = s.input;
	jpeg_set_defaults(&info);
	jpeg_set_colorspace(&info, s.stored);
	jpeg_set_quality(&info, s.quality, TRUE);
	if (s.no_adobe)
		info.write_Adobe_marker = FALSE;
	if (s.progressive)
		jpeg_simple_progression(&info);
	if (s.one_coefficient)
	{
		memset(scans, 0, sizeof(scans));
		for (int i = 0; i < 64; i++)
		{
			scans[i].comps_in_scan = 1;
			scans[i].Ss = scans[i].Se = i;
		}
		info.scan_info = scans;
		info.num_scans = 64;
	}
	info.arith_code = s.arithmetic;
	info.restart_in_rows = s.restart;
	jpeg_start_compress(&info, TRUE);
	while (info.next_scanline < info.image_height)
	{
		JSAMPROW	row = (JSAMPROW) (pixels + (size_t) info.next_scanline * width * s.components);

		jpeg_write_scanlines(&info, &row, 1);
	}
	jpeg_finish_compress(&info);
	jpeg_destroy_compress(&info);
	*length = size;
	return bytes;
}

/* A smooth picture, which JPEG keeps to within some levels. */
static void
paint(uint8_t *pixels, int width, int height, int components)
{
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < components; c++)
				*pixels++ = (uint8_t) (40 + (x * (c + 1) + y * (3 - c % 3)) * 160 / (4 * (width + height)));
}

/* The same pixels of RGB back, to within some levels? */
static int
worst_difference(const fx_image *image, const uint8_t *pixels, int components)
{
	int			worst = 0;

	for (int y = 0; y < image->height; y++)
		for (int x = 0; x < image->width; x++)
			for (int c = 0; c < 3; c++)
			{
				const uint8_t *p = pixels + ((size_t) y * image->width + x) * components;
				int			expected = components == 1 ? p[0] : p[c];
				int			d;

				if (components == 4)
					expected = p[c] * p[3] / 255;	/* as Adobe stores ink: complemented */
				d = abs(image->pixels[(size_t) y * image->stride + 3 * x + c] - expected);
				worst = d > worst ? d : worst;
			}
	return worst;
}

#define W 83
#define H 61

static void
test_styles(void)
{
	static const struct
	{
		const char *name;
		style		s;
		int			tolerance;
	}			cases[] = {
		{"baseline YCbCr", {JCS_RGB, JCS_YCbCr, 3, false, false, false, false, 0, 95}, 8},
		{"progressive YCbCr", {JCS_RGB, JCS_YCbCr, 3, true, false, false, false, 0, 95}, 8},
		{"arithmetic", {JCS_RGB, JCS_YCbCr, 3, false, true, false, false, 0, 95}, 8},
		{"restart markers", {JCS_RGB, JCS_YCbCr, 3, false, false, false, false, 1, 95}, 8},
		{"RGB", {JCS_RGB, JCS_RGB, 3, false, false, false, false, 0, 95}, 5},
		{"gray", {JCS_GRAYSCALE, JCS_GRAYSCALE, 1, false, false, false, false, 0, 95}, 5},
		{"progressive gray", {JCS_GRAYSCALE, JCS_GRAYSCALE, 1, true, false, false, false, 0, 95}, 5},
		{"gray, a scan for each coefficient",
			{JCS_GRAYSCALE, JCS_GRAYSCALE, 1, false, false, true, false, 0, 95}, 5},
		{"CMYK", {JCS_CMYK, JCS_CMYK, 4, false, false, false, false, 0, 95}, 8},
		{"YCCK", {JCS_CMYK, JCS_YCCK, 4, false, false, false, false, 0, 95}, 10},
		{"progressive YCCK", {JCS_CMYK, JCS_YCCK, 4, true, false, false, false, 0, 95}, 10},
	};
	static uint8_t pixels[W * H * 4];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		length;
		uint8_t    *bytes;
		ledger		l;
		fx_env		env = ledger_env(&l);
		fx_image	image;
		fx_error	err = {FX_OK, 0, ""};
		fx_code		code;

		paint(pixels, W, H, cases[i].s.components);
		bytes = encode(cases[i].s, pixels, W, H, &length);
		code = fx_jpeg_decode(&env, bytes, length, &wide, &image, &err);
		ok(code == FX_OK && image.width == W && image.height == H,
		   "%s decodes %s", cases[i].name, err.detail);
		if (code == FX_OK)
		{
			int			d = worst_difference(&image, pixels, cases[i].s.components);

			ok(d <= cases[i].tolerance, "%s gives the picture back (worst %d levels)", cases[i].name, d);
		}
		fx_image_free(&env, &image);
		ok(l.live == 0, "%s: nothing is held", cases[i].name);
		free(bytes);
	}
	{
		/* without Adobe's marker ink is ink: the complement of the same bytes */
		style		s = {JCS_CMYK, JCS_CMYK, 4, false, false, false, true, 0, 95};
		uint8_t		ink[16 * 16 * 4];
		size_t		length;
		uint8_t    *bytes;
		fx_image	image;

		for (int i = 0; i < 256; i++)
			memcpy(ink + 4 * i, "\x00\xFF\x80\x00", 4);
		bytes = encode(s, ink, 16, 16, &length);
		ok(fx_jpeg_decode(fx_env_malloc(), bytes, length, &wide, &image, NULL) == FX_OK &&
		   image.pixels[0] > 250 && image.pixels[1] < 5 && abs(image.pixels[2] - 127) < 4,
		   "CMYK without Adobe's marker is not complemented");
		fx_image_free(fx_env_malloc(), &image);
		free(bytes);
	}
}

/* Decodes with some limits; the result is dropped. */
static fx_code
decode_limited(const uint8_t *bytes, size_t length, fx_jpeg_limits limits, ledger *l, fx_error *err)
{
	fx_env		env = ledger_env(l);
	fx_image	image;
	fx_code		code = fx_jpeg_decode(&env, bytes, length, &limits, &image, err);

	fx_image_free(&env, &image);
	return code;
}

/* Overwrites the size in the frame header. */
static void
declare_size(uint8_t *bytes, size_t length, int width, int height)
{
	for (size_t i = 2; i + 9 < length; i++)
		if (bytes[i] == 0xFF && bytes[i + 1] >= 0xC0 && bytes[i + 1] <= 0xC2)
		{
			bytes[i + 5] = (uint8_t) (height >> 8);
			bytes[i + 6] = (uint8_t) height;
			bytes[i + 7] = (uint8_t) (width >> 8);
			bytes[i + 8] = (uint8_t) width;
			return;
		}
}

static void
test_limits(void)
{
	static uint8_t pixels[256 * 256 * 3];
	style		s = plain;
	size_t		length;
	uint8_t    *bytes;
	fx_jpeg_limits limits = wide;
	fx_error	err;
	ledger		l;

	paint(pixels, 256, 256, 3);
	bytes = encode(s, pixels, 256, 256, &length);
	limits.max_bytes = length;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_OK, "a file of just max_bytes");
	limits.max_bytes = length - 1;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.allocations == 0,
	   "one byte more: %s", err.detail);
	limits = wide;
	limits.max_pixels = 256 * 256;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_OK, "a picture of just max_pixels");
	limits.max_pixels--;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.allocations == 0,
	   "one pixel more: %s", err.detail);
	limits = wide;
	limits.max_memory = 256 * 256 * 3 + 150000;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_OK,
	   "a baseline file needs little beside its pixels");
	limits.max_memory = 256 * 256 * 3;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.live == 0,
	   "no memory beside the pixels: %s", err.detail);
	limits.max_memory = 1;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.allocations == 0,
	   "one byte of memory: %s", err.detail);

	/* a few hundred bytes that declare four thousand million pixels */
	declare_size(bytes, length, 65500, 65500);
	ok(decode_limited(bytes, length, wide, &l, &err) == FX_LIMIT && l.allocations == 0,
	   "pixel bomb: %s", err.detail);
	limits = wide;
	limits.max_pixels = UINT64_MAX;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.allocations == 0,
	   "and by memory: %s", err.detail);
	declare_size(bytes, length, 0, 256);
	ok(decode_limited(bytes, length, wide, &l, &err) == FX_MALFORMED, "no width: %s", err.detail);
	declare_size(bytes, length, 5000, 5000);
	ok(decode_limited(bytes, length, wide, &l, &err) == FX_MALFORMED && l.live == 0,
	   "a larger picture than the data hold: %s", err.detail);
	free(bytes);

	s.progressive = true;
	bytes = encode(s, pixels, 256, 256, &length);
	limits = wide;
	limits.max_memory = 256 * 256 * 3 + 150000;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.live == 0,
	   "a progressive file keeps coefficients too: %s", err.detail);
	limits.max_memory = 256 * 256 * 3 + 256 * 256 * 3 + 150000;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_OK, "which count two bytes each");
	declare_size(bytes, length, 9000, 9000);
	limits = wide;
	limits.max_memory = 250 << 20;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.live == 0,
	   "a progressive bomb stops before its coefficients: %s", err.detail);
	free(bytes);

	s.one_coefficient = true;
	s.progressive = false;
	s.components = 1;
	s.input = s.stored = JCS_GRAYSCALE;
	bytes = encode(s, pixels, 256, 256, &length);
	limits = wide;
	limits.max_scans = 64;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_OK, "64 scans of 64");
	limits.max_scans = 63;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT && l.live == 0,
	   "64 scans of 63: %s", err.detail);
	limits.max_scans = 1;
	ok(decode_limited(bytes, length, limits, &l, &err) == FX_LIMIT, "64 scans of 1: %s", err.detail);
	free(bytes);
}

/* Every way to stop half-way: interrupts, memory that runs out, data that end. */
static void
test_stops(void)
{
	static uint8_t pixels[200 * 150 * 4];
	const style styles[] = {plain,
		{JCS_RGB, JCS_YCbCr, 3, true, false, false, false, 0, 90},
		{JCS_CMYK, JCS_YCCK, 4, true, false, false, false, 0, 90}};

	for (int i = 0; i < 3; i++)
	{
		size_t		length;
		uint8_t    *bytes;
		size_t		n = 0;
		bool		sane = true;
		fx_code		code;

		paint(pixels, 200, 150, styles[i].components);
		bytes = encode(styles[i], pixels, 200, 150, &length);
		do
		{
			ledger		l;
			fx_env		env = ledger_env(&l);
			fx_image	image;

			l.interrupt_at = ++n;
			code = fx_jpeg_decode(&env, bytes, length, &wide, &image, NULL);
			if (code == FX_OK)
				fx_image_free(&env, &image);
			else
				sane = sane && code == FX_INTERRUPTED && image.pixels == NULL;
			sane = sane && l.live == 0;
		} while (code != FX_OK && n < 10000);
		ok(sane && code == FX_OK && n > 10, "file %d can be interrupted at each of %zu points", i, n - 1);
		n = 0;
		do
		{
			ledger		l;
			fx_env		env = ledger_env(&l);
			fx_image	image;

			l.fail_at = ++n;
			code = fx_jpeg_decode(&env, bytes, length, &wide, &image, NULL);
			if (code == FX_OK)
				fx_image_free(&env, &image);
			else
				sane = sane && code == FX_NO_MEMORY && image.pixels == NULL;
			sane = sane && l.live == 0;
		} while (code != FX_OK && n < 100);
		ok(sane && code == FX_OK && n > 1, "file %d survives each of %zu failed allocations", i, n - 1);
		for (n = 0; n < length && sane; n++)
		{
			uint8_t    *copy = malloc(n == 0 ? 1 : n);
			ledger		l;
			fx_error	err = {FX_OK, 0, ""};

			memcpy(copy, bytes, n);
			sane = decode_limited(copy, n, wide, &l, &err) == FX_MALFORMED && l.live == 0
				&& err.detail[0] != '\0' &&
				(err.position <= n || err.position == FX_NO_POSITION);
			if (!sane)
				diag("cut at %zu of %zu: code %d, %s", n, length, (int) err.code, err.detail);
			free(copy);
		}
		ok(sane, "file %d cut at each of %zu bytes is refused as malformed", i, length);
		free(bytes);
	}
}

/* ---- corpora */

typedef struct tally
{
	size_t		decoded;
	size_t		refused;
	size_t		unsupported;	/* of those refused */
	size_t		broken;			/* neither: a result that contradicts itself */
	bool		report;			/* name what is refused */
} tally;

static void
visit(const char *path, void *context)
{
	tally	   *t = context;
	fx_jpeg_limits limits = {16 << 20, 20000000, 100, 200 << 20};
	size_t		length;
	uint8_t    *bytes = read_whole(path, &length);
	fx_error	err = {FX_OK, 0, ""};
	ledger		l;
	fx_env		env = ledger_env(&l);
	fx_image	image;
	fx_code		code;
	bool		is_jpeg;

	if (bytes == NULL)
		return;
	/* the folders hold references, texts and files of other kinds, which are decoded too, but not counted */
	is_jpeg = length > 2 && bytes[0] == 0xFF && bytes[1] == 0xD8;
	code = fx_jpeg_decode(&env, bytes, length, &limits, &image, &err);
	if (code == FX_OK)
	{
		t->decoded++;
		if (image.width < 1 || image.height < 1 || image.pixels == NULL)
			t->broken++;
		fx_image_free(&env, &image);
	}
	else
	{
		t->refused += is_jpeg;
		t->unsupported += is_jpeg && code == FX_UNSUPPORTED;
		if (image.pixels != NULL || err.code != code || err.detail[0] == '\0')
			t->broken++;
		if (t->report && is_jpeg)
			diag("%s: %s", path, err.detail);
	}
	if (l.live != 0)
		t->broken++;
	free(bytes);
}

static tally
tour(const char *folder, bool report)
{
	tally		t = {0, 0, 0, 0, report};

	each_file(data_path(folder), visit, &t);
	return t;
}

/* The mean absolute difference of two pictures; -1 when their sizes differ. */
static double
mean_difference(const fx_image *a, const fx_image *b)
{
	double		sum = 0;

	if (a->width != b->width || a->height != b->height)
		return -1;
	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < 3 * a->width; x++)
			sum += abs(a->pixels[(size_t) y * a->stride + x] - b->pixels[(size_t) y * b->stride + x]);
	return sum / (3.0 * a->width * a->height);
}

static void
test_orientations(const char *pattern)
{
	fx_image	first;
	char		name[128];

	snprintf(name, sizeof(name), pattern, 1);
	if (!ok(decode_file(data_path(name), &first, NULL) == FX_OK, "%s", name))
		return;
	for (int i = 2; i <= 8; i++)
	{
		fx_image	image;
		double		d = -1;

		snprintf(name, sizeof(name), pattern, i);
		if (decode_file(data_path(name), &image, NULL) == FX_OK)
			d = mean_difference(&first, &image);
		ok(d >= 0 && d < 12, "%s looks like the first one (mean difference %.2f)", name, d);
		fx_image_free(fx_env_malloc(), &image);
	}
	fx_image_free(fx_env_malloc(), &first);
}

static void
test_corpora(void)
{
	tally		t;

	if (!data_there("jpeg"))
	{
		skip(1, "the JPEG corpora are not there (FACESNXT_DATA)");
		return;
	}
	test_orientations("jpeg/exif-orientation/Landscape_%d.jpg");
	test_orientations("jpeg/exif-orientation/Portrait_%d.jpg");
	t = tour("jpeg/exif-samples", true);
	ok(t.broken == 0 && t.refused == 0 && t.decoded > 70,
	   "photographs of many cameras: %zu decoded, %zu refused",
	   t.decoded, t.refused);
	t = tour("jpeg/image-rs-jpeg-decoder/reftest", false);
	/* two of them lack scans on purpose */
	ok(t.broken == 0 && t.unsupported == 11 && t.refused == 13 && t.decoded == 34,
	   "pictures with references: %zu decoded, %zu refused, %zu of them lossless",
	   t.decoded, t.refused, t.unsupported);
	t = tour("jpeg", false);
	ok(t.broken == 0 && t.decoded > 200 && t.refused > 1000,
	   "all corpora: %zu decoded, %zu refused, none undecided",
	   t.decoded, t.refused);
}

static size_t photos;
static size_t failures;

static void
visit_photo(const char *path, void *context)
{
	fx_image	image;
	fx_error	err;
	uint32_t	hash = 0;

	(void) context;
	/* for time, one of eight by the letters of the name */
	for (const char *c = path; *c != '\0'; c++)
		hash = hash * 31 + (unsigned char) *c;
	if (hash >> 16 & 7 && strstr(path, "groups") == NULL)
		return;
	photos++;
	if (decode_file(path, &image, &err) != FX_OK)
	{
		failures++;
		diag("%s: %s", path, err.detail);
	}
	fx_image_free(fx_env_malloc(), &image);
}

int
main(void)
{
	test_styles();
	test_limits();
	test_stops();
	test_corpora();
	if (data_there("faces"))
	{
		each_file(data_path("faces/lfw"), visit_photo, NULL);
		each_file(data_path("faces/groups"), visit_photo, NULL);
		ok(photos > 100 && failures == 0, "no real photograph of %zu is refused", photos);
	}
	else
		skip(1, "the photographs are not there (FACESNXT_DATA)");
	return done_testing();
}

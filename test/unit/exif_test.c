/*
 * exif_test.c - orientations in both byte orders, and every way in which an
 * Exif segment can lie.
 */
#include "photo.h"
#include "tap.h"

static uint8_t jpeg[512];
static size_t length;

static void
put(const void *bytes, size_t n)
{
	memcpy(jpeg + length, bytes, n);
	length += n;
}

static void
put_number(uint32_t v, int bytes, bool big)
{
	for (int i = 0; i < bytes; i++)
		jpeg[length++] = (uint8_t) (v >> 8 * (big ? bytes - 1 - i : i));
}

/* What a test changes in an otherwise sound file. */
typedef struct recipe
{
	bool		big;
	uint32_t	tag;
	uint32_t	type;
	uint32_t	count;
	uint32_t	value;
	uint32_t	directory;		/* offset of the first directory */
	uint32_t	entries;		/* that it claims */
	uint32_t	magic;
	const char *order;			/* byte order mark */
} recipe;

static const recipe sound = {false, 0x0112, 3, 1, 6, 8, 2, 42, NULL};

/* Builds SOI, a comment, APP1 with one other tag and the orientation, then the start of a scan. */
static void
build(const recipe *r)
{
	size_t		size_at;
	size_t		size;

	length = 0;
	put("\xFF\xD8\xFF\xFE\x00\x04hi\xFF\xE1", 10);
	size_at = length;
	put("\0\0Exif\0\0", 8);
	put(r->order != NULL ? r->order : r->big ? "MM" : "II", 2);
	put_number(r->magic, 2, r->big);
	put_number(r->directory, 4, r->big);
	put_number(r->entries, 2, r->big);
	put_number(0x0100, 2, r->big);
	put_number(3, 2, r->big);
	put_number(1, 4, r->big);
	put_number(7, 4, r->big);
	put_number(r->tag, 2, r->big);
	put_number(r->type, 2, r->big);
	put_number(r->count, 4, r->big);
	if (r->type == 3)
	{
		put_number(r->value, 2, r->big);
		put_number(0, 2, r->big);
	}
	else
		put_number(r->value, 4, r->big);
	put_number(0, 4, r->big);
	size = length - size_at;
	jpeg[size_at] = (uint8_t) (size >> 8);
	jpeg[size_at + 1] = (uint8_t) size;
	put("\xFF\xDA\x00\x02", 4);
}

/* The orientation of an exact copy on the heap, so that a byte read beyond is seen. */
static int
orientation(size_t n)
{
	uint8_t    *copy = malloc(n == 0 ? 1 : n);
	int			result;

	memcpy(copy, jpeg, n);
	result = fx_exif_orientation(copy, n);
	free(copy);
	return result;
}

static int
built(recipe r)
{
	build(&r);
	return orientation(length);
}

#define WITH(change) ({ recipe r = sound; change; built(r); })

int
main(void)
{
	uint32_t	random = 12345;
	bool		sane = true;

	for (int big = 0; big < 2; big++)
		for (int v = 1; v <= 8; v++)
		{
			recipe		r = sound;

			r.big = big;
			r.value = (uint32_t) v;
			ok(built(r) == v, "orientation %d, %s byte order", v, big ? "big-endian" : "little-endian");
			r.type = 4;
			ok(built(r) == v, "orientation %d as a long", v);
		}
	ok(WITH(r.value = 0) == 1, "orientation 0 is upright");
	ok(WITH(r.value = 9) == 1, "orientation 9 is upright");
	ok(WITH(r.value = 0x60006; r.type = 4) == 1, "a long beyond 8 is upright");
	ok(WITH(r.tag = 0x0113) == 1, "no orientation tag");
	ok(WITH(r.type = 2) == 1, "orientation as text is upright");
	ok(WITH(r.count = 2) == 1, "two orientations are upright");
	ok(WITH(r.count = 0) == 1, "no value");
	ok(WITH(r.entries = 65535) == 6, "a directory that claims too many entries is read as far as it goes");
	ok(WITH(r.entries = 1) == 1, "the entry behind the directory's end is not read");
	ok(WITH(r.directory = 0) == 1, "directory inside the header");
	ok(WITH(r.directory = 0xFFFFFFFF) == 1, "directory at the end of the address space");
	ok(WITH(r.directory = 0x7FFFFFF0) == 1, "directory far outside");
	ok(WITH(r.directory = 37) == 1, "directory at the last byte");
	ok(WITH(r.magic = 43) == 1, "no TIFF");
	ok(WITH(r.order = "IM") == 1, "no byte order");

	build(&sound);
	for (size_t n = 0; n < length; n++)
		if (orientation(n) != 1 && orientation(n) != 6)
			sane = false;
	ok(sane, "a file cut anywhere is upright or as it says");
	ok(orientation(10) == 1, "a file cut within the segment is upright");

	sane = true;
	for (int i = 0; i < 200000 && sane; i++)
	{
		int			v;

		build(&sound);
		for (int k = 0; k < 3; k++)
		{
			random = random * 1664525 + 1013904223;
			jpeg[(random >> 8) % length] = (uint8_t) (random >> 24);
		}
		v = orientation(length);
		sane = v >= 1 && v <= 8;
	}
	ok(sane, "200000 corrupted files give 1..8 and read no byte beyond");

	if (!data_there("jpeg/exif-orientation"))
	{
		skip(1, "the JPEG corpora are not there (FACESNXT_DATA)");
		return done_testing();
	}
	for (int i = 0; i <= 8; i++)
	{
		char		name[64];
		uint8_t    *bytes;
		size_t		n;

		snprintf(name, sizeof(name), "jpeg/exif-orientation/Landscape_%d.jpg", i);
		bytes = read_whole(data_path(name), &n);
		ok(bytes != NULL && fx_exif_orientation(bytes, n) == (i == 0 ? 1 : i), "%s", name);
		free(bytes);
	}
	return done_testing();
}

/*
 * still_test.c - what is one picture, what is several or a film, and that no
 * file leads the walk beyond its end.
 */
#include "photo.h"
#include "tap.h"

/* SOI, a comment, SOS, data with a stuffed FF and a restart, EOI */
static const uint8_t one[] = {0xFF, 0xD8, 0xFF, 0xFE, 0x00, 0x04, 'a', 'b', 0xFF, 0xDA, 0x00, 0x03, 0x01,
	0x12, 0xFF, 0x00, 0xFF, 0xD3, 0x34, 0xFF, 0xD9};

static uint8_t file[1024];
static size_t length;

static void
add(const void *bytes, size_t n)
{
	memcpy(file + length, bytes, n);
	length += n;
}

/* The kind of what stands in file, from a copy of its exact length: a read beyond it is caught. */
static fx_still
kind(void)
{
	uint8_t    *copy = malloc(length > 0 ? length : 1);
	fx_still	found;

	memcpy(copy, file, length);
	found = fx_still_kind(copy, length);
	free(copy);
	return found;
}

static fx_still
kind_of(const void *first, size_t n, const void *second, size_t m)
{
	length = 0;
	add(first, n);
	add(second, m);
	return kind();
}

int
main(void)
{
	static const uint8_t mpf[] = {0xFF, 0xD8, 0xFF, 0xE2, 0x00, 0x08, 'M', 'P', 'F', 0, 1, 2, 0xFF, 0xD9};
	static const char *films[] = {"....ftypmp42", "....ftypheic", "\x1A\x45\xDF\xA3", "RIFF....AVI LIST", "FLV\x01",
		"OggS"};
	uint32_t	random = 1;
	bool		sane = true;

	ok(kind_of(one, sizeof(one), "", 0) == FX_STILL_JPEG, "one picture");
	ok(kind_of(one, sizeof(one), "padding", 7) == FX_STILL_JPEG, "one picture and padding");
	ok(kind_of(one, sizeof(one), one, sizeof(one)) == FX_STILL_SEVERAL, "two pictures, one after the other");
	ok(kind_of(one, sizeof(one), "....ftypmp42", 12) == FX_STILL_VIDEO, "a picture and a film behind it");
	ok(kind_of(mpf, sizeof(mpf), "", 0) == FX_STILL_SEVERAL, "the Multi-Picture Format");
	ok(kind_of("GIF89a", 6, "", 0) == FX_STILL_SEVERAL, "GIF");
	ok(kind_of("\x89PNG\r\n\x1A\n", 8, "....IHDR", 8) == FX_STILL_OTHER, "a still PNG");
	ok(kind_of("\x89PNG\r\n\x1A\n", 8, "....acTL", 8) == FX_STILL_SEVERAL, "an animated PNG");
	ok(kind_of("RIFF....WEBP", 12, "VP8X....ANIM", 12) == FX_STILL_SEVERAL, "an animated WebP");
	for (int i = 0; i < 6; i++)
		ok(kind_of(films[i], strlen(films[i]), "", 0) == FX_STILL_VIDEO, "film %d", i);
	ok(kind_of("", 0, "", 0) == FX_STILL_OTHER, "nothing");

	for (size_t n = 2; n < sizeof(one); n++)
		sane = sane && kind_of(one, n, "", 0) == FX_STILL_JPEG;
	ok(sane, "a file cut anywhere is left to the decoder");

	for (int i = 0; i < 200000; i++)
	{
		length = 0;
		add(mpf, sizeof(mpf) - 2);
		add(one + 2, sizeof(one) - 2);
		for (int k = 0; k < 3; k++)
		{
			random = random * 1664525 + 1013904223;
			file[2 + (random >> 8) % (length - 2)] = (uint8_t) (random >> 24);
		}
		random = random * 1664525 + 1013904223;
		length = 2 + (random >> 8) % (length - 2);
		kind();
	}
	ok(true, "200000 corrupted files, no byte read beyond");

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
		ok(bytes != NULL && fx_still_kind(bytes, n) == FX_STILL_JPEG, "%s", name);
		free(bytes);
	}
	return done_testing();
}

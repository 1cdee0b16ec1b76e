/*
 * still.c - is a file one still picture?  It is looked at from outside:
 * nothing is decoded, and no byte is believed beyond what it says of the
 * file's kind.
 *
 * A JPEG is walked marker by marker to its end.  What follows may be padding
 * or another maker's data; another picture or a film is what makes it more
 * than a still.  The Multi-Picture Format (CIPA DC-007) announces more
 * pictures in an APP2 segment "MPF".
 */
#include "image/image.h"

#include <string.h>

static bool
at(const uint8_t *bytes, size_t length, size_t offset, const char *magic, size_t n)
{
	return length >= n && offset <= length - n && memcmp(bytes + offset, magic, n) == 0;
}

/* Does magic occur from offset on? */
static bool
after(const uint8_t *bytes, size_t length, size_t offset, const char *magic, size_t n)
{
	while (offset < length && length - offset >= n)
	{
		const uint8_t *found = memchr(bytes + offset, magic[0], length - offset - n + 1);

		if (found == NULL)
			return false;
		if (memcmp(found, magic, n) == 0)
			return true;
		offset = (size_t) (found - bytes) + 1;
	}
	return false;
}

/* Behind entropy-coded data: the offset of the next marker that is not a restart, or length. */
static size_t
skip_scan(const uint8_t *bytes, size_t length, size_t offset)
{
	while (offset + 1 < length)
	{
		const uint8_t *found = memchr(bytes + offset, 0xFF, length - offset - 1);

		if (found == NULL)
			return length;
		offset = (size_t) (found - bytes);
		if (found[1] != 0 && found[1] != 0xFF && !(found[1] >= 0xD0 && found[1] <= 0xD7))
			return offset;
		offset += found[1] == 0xFF ? 1 : 2;
	}
	return length;
}

static fx_still
kind_of_jpeg(const uint8_t *bytes, size_t length)
{
	size_t		offset = 2;

	while (offset + 4 <= length && bytes[offset] == 0xFF)
	{
		uint8_t		marker = bytes[offset + 1];
		size_t		segment;

		if (marker == 0xFF)		/* fill byte */
		{
			offset++;
			continue;
		}
		if (marker == 0xD9)
			break;
		segment = ((size_t) bytes[offset + 2] << 8) | bytes[offset + 3];
		if (marker == 0xE2 && segment >= 6 && at(bytes, length, offset + 4, "MPF\0", 4))
			return FX_STILL_SEVERAL;
		if (segment < 2 || segment > length - offset - 2)
			return FX_STILL_JPEG;	/* truncated: the decoder says so */
		offset += 2 + segment;
		if (marker == 0xDA)
			offset = skip_scan(bytes, length, offset);
	}
	if (offset + 2 <= length && bytes[offset] == 0xFF && bytes[offset + 1] == 0xD9)
	{
		offset += 2;
		if (after(bytes, length, offset, "\xFF\xD8\xFF", 3))
			return FX_STILL_SEVERAL;
		if (after(bytes, length, offset, "ftyp", 4) || after(bytes, length, offset, "AVI LIST", 8))
			return FX_STILL_VIDEO;
	}
	return FX_STILL_JPEG;
}

static bool
is_video(const uint8_t *bytes, size_t length)
{
	static const struct
	{
		size_t		offset;
		const char *magic;
		size_t		n;
	}			known[] = {
		{4, "ftyp", 4},			/* MP4, MOV, 3GP; HEIF, which can hold a sequence */
		{4, "moov", 4},
		{4, "mdat", 4},
		{0, "\x1A\x45\xDF\xA3", 4},	/* Matroska, WebM */
		{8, "AVI ", 4},
		{0, "\x00\x00\x01\xBA", 4},	/* MPEG program stream */
		{0, "\x00\x00\x01\xB3", 4},	/* MPEG video */
		{0, "\x00\x00\x00\x01", 4},	/* H.264, H.265 byte stream */
		{0, "FLV\x01", 4},
		{0, "\x30\x26\xB2\x75", 4},	/* ASF, WMV */
		{0, "OggS", 4},
		{0, "YUV4MPEG2", 9},
		{0, "DHAV", 4},			/* recorders */
		{0, "IMKH", 4},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (at(bytes, length, known[i].offset, known[i].magic, known[i].n))
			return true;
	/* MPEG transport stream: packets of 188 bytes */
	return length > 376 && bytes[0] == 0x47 && bytes[188] == 0x47 && bytes[376] == 0x47;
}

fx_still
fx_still_kind(const uint8_t *bytes, size_t length)
{
	if (at(bytes, length, 0, "\xFF\xD8", 2))
		return kind_of_jpeg(bytes, length);
	if (at(bytes, length, 0, "GIF8", 4) ||
		(at(bytes, length, 0, "\x89PNG", 4) && after(bytes, length, 8, "acTL", 4)) ||
		(at(bytes, length, 8, "WEBP", 4) && after(bytes, length, 12, "ANIM", 4)))
		return FX_STILL_SEVERAL;
	if (is_video(bytes, length))
		return FX_STILL_VIDEO;
	return FX_STILL_OTHER;
}

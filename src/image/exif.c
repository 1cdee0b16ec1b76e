/*
 * exif.c - the orientation of a photograph, read from its Exif segment.
 *
 * Only tag 0x0112 of the first directory is looked at (Exif 2.32, CIPA
 * DC-008, 4.6.4; TIFF 6.0, section 2).  The bytes are hostile: every offset
 * is compared with what is left before it is used, and anything that does
 * not fit means "upright".
 */
#include "image/image.h"

#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4
#define ENTRY_SIZE 12

/* A TIFF block in one of the two byte orders. */
typedef struct tiff
{
	const uint8_t *bytes;
	size_t		length;
	bool		big_endian;
} tiff;

static uint32_t
tiff_u16(const tiff *t, size_t at)
{
	const uint8_t *p = t->bytes + at;

	return t->big_endian ? (uint32_t) p[0] << 8 | p[1] : (uint32_t) p[1] << 8 | p[0];
}

static uint32_t
tiff_u32(const tiff *t, size_t at)
{
	return t->big_endian ? tiff_u16(t, at) << 16 | tiff_u16(t, at + 2)
		: tiff_u16(t, at + 2) << 16 | tiff_u16(t, at);
}

/* Orientation 1..8 of a TIFF block, 0 when it holds none that makes sense. */
static int
tiff_orientation(const uint8_t *bytes, size_t length)
{
	tiff		t = {bytes, length, false};
	size_t		directory;
	size_t		entries;

	if (length < 8)
		return 0;
	if (bytes[0] == 'M' && bytes[1] == 'M')
		t.big_endian = true;
	else if (bytes[0] != 'I' || bytes[1] != 'I')
		return 0;
	if (tiff_u16(&t, 2) != 42)
		return 0;
	directory = tiff_u32(&t, 4);
	if (directory < 8 || directory > length - 2)
		return 0;
	entries = tiff_u16(&t, directory);
	directory += 2;
	if (entries > (length - directory) / ENTRY_SIZE)
		entries = (length - directory) / ENTRY_SIZE;
	for (size_t i = 0; i < entries; i++)
	{
		size_t		entry = directory + i * ENTRY_SIZE;
		uint32_t	type;
		uint32_t	value;

		if (tiff_u16(&t, entry) != TAG_ORIENTATION)
			continue;
		type = tiff_u16(&t, entry + 2);
		if (tiff_u32(&t, entry + 4) != 1)
			return 0;
		if (type == TYPE_SHORT)
			value = tiff_u16(&t, entry + 8);
		else if (type == TYPE_LONG)
			value = tiff_u32(&t, entry + 8);
		else
			return 0;
		return value >= 1 && value <= 8 ? (int) value : 0;
	}
	return 0;
}

/*
 * Walks the segments before the first scan.  Bytes between two segments are
 * skipped just as libjpeg skips them, so that both see the same segments.
 */
int
fx_exif_orientation(const uint8_t *bytes, size_t length)
{
	static const uint8_t exif[6] = {'E', 'x', 'i', 'f', 0, 0};
	size_t		at = 2;

	if (length < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8)
		return 1;
	for (;;)
	{
		uint8_t		marker;
		size_t		segment;

		while (at < length && bytes[at] != 0xFF)
			at++;
		while (at < length && bytes[at] == 0xFF)
			at++;
		if (at >= length)
			return 1;
		marker = bytes[at++];
		if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7))
			continue;			/* a stuffed zero, or a marker without a segment */
		if (marker == 0xDA || marker == 0xD9 || marker == 0xD8 || length - at < 2)
			return 1;
		segment = (size_t) bytes[at] << 8 | bytes[at + 1];
		if (segment < 2 || segment > length - at)
			return 1;
		if (marker == 0xE1 && segment >= 2 + sizeof(exif) && memcmp(bytes + at + 2, exif, sizeof(exif)) == 0)
		{
			int			orientation = tiff_orientation(bytes + at + 2 + sizeof(exif),
													   segment - 2 - sizeof(exif));

			if (orientation != 0)
				return orientation;
		}
		at += segment;
	}
}

/*
 * text.c - text on pictures, left to right, a character after the other.
 *
 * Glyphs are not hinted: the same size gives the same shapes at every place and
 * with every version of the hinter. A pen goes on in 1/64 pixels.
 */
#include "draw/freetype.h"

#include <math.h>
#include <string.h>

#define ELLIPSIS 0x2026
#define NO_CHARACTER 0xFFFFFFFFu

/*
 * The next character of UTF-8, at least one byte on; NO_CHARACTER for a byte that
 * begins none (RFC 3629: no surrogates, no overlong forms).
 */
static uint32_t
next_character(const char **text)
{
	const uint8_t *p = (const uint8_t *) *text;
	int			more = p[0] < 0x80 ? 0 : p[0] >= 0xC2 && p[0] <= 0xDF ? 1 : (p[0] & 0xF0) == 0xE0 ? 2 :
		p[0] >= 0xF0 && p[0] <= 0xF4 ? 3 : -1;
	uint32_t	c = more <= 0 ? p[0] : p[0] & (0x3F >> more);

	*text += 1;
	if (more < 0)
		return NO_CHARACTER;
	for (int i = 1; i <= more; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return NO_CHARACTER;
		c = c << 6 | (p[i] & 0x3F);
	}
	if ((more == 2 && (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF))) || (more == 3 && (c < 0x10000 || c > 0x10FFFF)))
		return NO_CHARACTER;
	*text += more;
	return c;
}

/* The glyph of a character; 0, a box, for what draws nothing, reorders text or is not in the font. */
static FT_UInt
glyph_of(FT_Face face, uint32_t c)
{
	if (c == NO_CHARACTER || c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
		(c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
		(c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF || c >= 0xE0000)
		return 0;
	return fx_ft.index_of(face, c);
}

/* 26.6 pixels of a glyph; a box is as wide as it is drawn. */
static FT_Pos
advance_of(FT_Face face, FT_UInt glyph, int size)
{
	if (glyph == 0 || fx_ft.load(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0)
		return 64 * ((size * 5 + 4) / 8);
	return face->glyph->advance.x;
}

static FT_Face
face_of(fx_text_style *style)
{
	FT_Face		face = fx_ft.face[style->weight == FX_BOLD ? 1 : 0];

	style->size = style->size < FX_TEXT_SMALLEST ? FX_TEXT_SMALLEST :
		style->size > FX_TEXT_LARGEST ? FX_TEXT_LARGEST : style->size;
	if (face != NULL && fx_ft.set_size(face, 0, (FT_UInt) style->size) != 0)
		face = NULL;
	return face;
}

/*
 * How many characters fit into most 1/64 pixels, and how wide they are; cut tells
 * that some do not, and then there is room for an ellipsis.
 */
static int
measure(FT_Face face, int size, const char *text, FT_Pos most, FT_Pos *width, bool *cut)
{
	FT_Pos		ellipsis = advance_of(face, glyph_of(face, ELLIPSIS), size);
	FT_Pos		here = 0;
	int			fitting = 0;	/* with an ellipsis behind them */
	int			n = 0;

	*width = 0;
	*cut = false;
	while (*text != '\0')
	{
		if (here + ellipsis <= most)
		{
			fitting = n;
			*width = here + ellipsis;
		}
		if (n == FX_TEXT_MOST)
			*cut = true;
		else
			here += advance_of(face, glyph_of(face, next_character(&text)), size);
		if (*cut || here > most)
		{
			*cut = true;
			return fitting;
		}
		n++;
	}
	*width = here;
	return n;
}

double
fx_text_width(fx_text_style style, const char *text)
{
	FT_Face		face = face_of(&style);
	FT_Pos		width = 0;
	bool		cut;

	if (face != NULL)
		measure(face, style.size, text, (FT_Pos) 1 << 30, &width, &cut);
	return width / 64.0;
}

/* A glyph with the pen at x (26.6) on the baseline; 0 is a box. */
static void
draw_glyph(fx_image *on, FT_Face face, FT_UInt glyph, FT_Pos x, int y, fx_text_style style)
{
	FT_GlyphSlot slot = face->glyph;
	FT_Pos		whole = x >> 6;

	if (glyph == 0 || fx_ft.load(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0 ||
		slot->format != FT_GLYPH_FORMAT_OUTLINE)
	{
		int			side = (style.size * 5 + 4) / 8;

		fx_frame(on, (fx_box) {(int) whole + 1, y - style.size * 3 / 4, side - 2, style.size * 3 / 4},
				 style.size < 24 ? 1 : style.size / 16, style.colour);
		return;
	}
	fx_ft.translate(&slot->outline, x & 63, 0);
	if (fx_ft.render(slot, FT_RENDER_MODE_NORMAL) != 0 || slot->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY)
		return;
	for (unsigned j = 0; j < slot->bitmap.rows; j++)
		for (unsigned i = 0; i < slot->bitmap.width; i++)
		{
			unsigned	share = slot->bitmap.buffer[(ptrdiff_t) j * slot->bitmap.pitch + i];

			if (share > 0)
				fx_blend(on, (int) whole + slot->bitmap_left + (int) i, y - slot->bitmap_top + (int) j, style.colour,
					share);
		}
}

void
fx_text(fx_image *on, double x, int y, double most, fx_align_text align, fx_text_style style, const char *text)
{
	FT_Face		face = face_of(&style);
	FT_Pos		width;
	FT_Pos		pen;
	bool		cut;
	int			n;

	if (face == NULL || !isfinite(x) || fabs(x) > 1e6 || y < -1000000 || y > 1000000 || !(most >= 0))
		return;
	n = measure(face, style.size, text, (FT_Pos) (fmin(most, 1e6) * 64), &width, &cut);
	pen = (FT_Pos) lrint(x * 64) - (align == FX_RIGHT ? width : align == FX_CENTRE ? width / 2 : 0);
	for (int i = 0; i < n + (cut ? 1 : 0); i++)
	{
		FT_UInt		glyph = glyph_of(face, i < n ? next_character(&text) : ELLIPSIS);

		if (i == n && width == 0)
			break;				/* not even an ellipsis fits */
		draw_glyph(on, face, glyph, pen, y, style);
		pen += advance_of(face, glyph, style.size);
	}
}

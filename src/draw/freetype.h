/*
 * freetype.h - FreeType and a font, loaded when the first text is drawn.
 *
 * Linked as other libraries are, FreeType and what it needs (zlib, libpng,
 * brotli) would cost every new session, and most of them never draw.
 */
#ifndef FX_FREETYPE_H
#define FX_FREETYPE_H

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "draw/draw.h"

typedef struct fx_freetype
{
	__typeof__(&FT_Set_Pixel_Sizes) set_size;
	__typeof__(&FT_Get_Char_Index) index_of;
	__typeof__(&FT_Load_Glyph) load;
	__typeof__(&FT_Outline_Translate) translate;
	__typeof__(&FT_Render_Glyph) render;
	FT_Face		face[2];		/* by fx_weight */
} fx_freetype;

/* What fx_text_load() has loaded; without face[0], nothing. */
extern fx_freetype fx_ft;

#endif							/* FX_FREETYPE_H */

/*
 * freetype.c - finding FreeType and DejaVu Sans.
 *
 * The font is Debian's file and trusted; what users send is text, and what of it
 * reaches FreeType is a number of a character.
 */
#include "draw/freetype.h"

#include <dlfcn.h>

/* The build says where they are; the names alone find Debian's. */
#ifndef FX_FREETYPE
#define FX_FREETYPE "libfreetype.so.6"
#endif
#ifndef FX_FONT
#define FX_FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#endif
#ifndef FX_FONT_BOLD
#define FX_FONT_BOLD "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
#endif

fx_freetype fx_ft;

fx_code
fx_text_load(fx_error *err)
{
	static const char *const file[2] = {FX_FONT, FX_FONT_BOLD};
	__typeof__(&FT_Init_FreeType) init;
	__typeof__(&FT_Done_FreeType) done;
	__typeof__(&FT_New_Face) new_face;
	fx_freetype found = {0};
	FT_Library	library = NULL;
	void	   *handle;

	if (fx_ft.face[0] != NULL)
		return FX_OK;
	handle = dlopen(FX_FREETYPE, RTLD_LAZY | RTLD_LOCAL);
	if (handle == NULL)
		return fx_fail(err, FX_NO_LIBRARY, FX_NO_POSITION, "FreeType could not be loaded: %s", dlerror());
	*(void **) &init = dlsym(handle, "FT_Init_FreeType");
	*(void **) &done = dlsym(handle, "FT_Done_FreeType");
	*(void **) &new_face = dlsym(handle, "FT_New_Face");
	*(void **) &found.set_size = dlsym(handle, "FT_Set_Pixel_Sizes");
	*(void **) &found.index_of = dlsym(handle, "FT_Get_Char_Index");
	*(void **) &found.load = dlsym(handle, "FT_Load_Glyph");
	*(void **) &found.translate = dlsym(handle, "FT_Outline_Translate");
	*(void **) &found.render = dlsym(handle, "FT_Render_Glyph");
	if (init == NULL || done == NULL || new_face == NULL || found.set_size == NULL || found.index_of == NULL ||
		found.load == NULL || found.translate == NULL || found.render == NULL || init(&library) != 0)
	{
		dlclose(handle);
		return fx_fail(err, FX_NO_LIBRARY, FX_NO_POSITION, "\"%s\" is not FreeType", FX_FREETYPE);
	}
	for (int i = 0; i < 2; i++)
		if (new_face(library, file[i], 0, &found.face[i]) != 0 || !FT_IS_SCALABLE(found.face[i]))
		{
			done(library);
			dlclose(handle);
			return fx_fail(err, FX_NO_LIBRARY, FX_NO_POSITION, "the font \"%s\" is not there, or is none", file[i]);
		}
	fx_ft = found;
	return FX_OK;
}

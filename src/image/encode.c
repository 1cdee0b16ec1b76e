/*
 * encode.c - pixels to a baseline JPEG file with libjpeg-turbo.
 *
 * The file holds what a reader needs to draw the picture and nothing about
 * where it came from: no Exif, XMP, comment or colour profile.  As in jpeg.c
 * libjpeg is left by a jump to run(), which everything changed after it
 * survives in the encoder struct.
 */
#include "image/image.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Rows between two looks at the interrupt flag. */
#define STRIP_ROWS 16

/* From this quality on colour is kept at full resolution. */
#define FULL_COLOUR_QUALITY 90

typedef struct encoder
{
	struct jpeg_compress_struct info;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	jmp_buf		escape;
	const fx_env *env;
	const fx_image *image;
	int			quality;
	uint8_t    *bytes;			/* what is written so far */
	size_t		size;			/* of the buffer */
	fx_error   *err;
	fx_code		code;
} encoder;

static void __attribute__((noreturn))
leave(encoder *e, fx_code code)
{
	e->code = code;
	longjmp(e->escape, 1);
}

static void __attribute__((noreturn))
error_exit(j_common_ptr info)
{
	encoder    *e = info->client_data;
	char		message[JMSG_LENGTH_MAX];
	fx_code		code = e->errors.msg_code == JERR_OUT_OF_MEMORY ? FX_NO_MEMORY : FX_RANGE;

	e->errors.format_message(info, message);
	leave(e, fx_fail(e->err, code, FX_NO_POSITION, "libjpeg: %s", message));
}

static void
emit_message(j_common_ptr info, int level)
{
	(void) info;
	(void) level;				/* nothing an encoder warns of loses anything */
}

static void
output_message(j_common_ptr info)
{
	(void) info;				/* a library prints nothing */
}

/* ---- the destination: a buffer that doubles */

static void
destination_init(j_compress_ptr info)
{
	encoder    *e = info->client_data;

	e->destination.next_output_byte = e->bytes;
	e->destination.free_in_buffer = e->size;
}

static boolean
destination_grow(j_compress_ptr info)
{
	encoder    *e = info->client_data;
	size_t		size;
	uint8_t    *bytes;

	/* libjpeg calls when the buffer is full, whatever free_in_buffer says */
	if (!fx_mul_size(e->size, 2, &size) || (bytes = e->env->alloc(e->env->context, size)) == NULL)
		leave(e, fx_fail(e->err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to encode a photograph"));
	memcpy(bytes, e->bytes, e->size);
	e->env->release(e->env->context, e->bytes);
	e->destination.next_output_byte = bytes + e->size;
	e->destination.free_in_buffer = size - e->size;
	e->bytes = bytes;
	e->size = size;
	return TRUE;
}

static void
destination_term(j_compress_ptr info)
{
	(void) info;
}

static fx_code
run(encoder *e)
{
	struct jpeg_compress_struct *info = &e->info;

	if (setjmp(e->escape) != 0)
		return e->code;
	jpeg_create_compress(info);
	e->destination.init_destination = destination_init;
	e->destination.empty_output_buffer = destination_grow;
	e->destination.term_destination = destination_term;
	info->dest = &e->destination;
	info->image_width = (JDIMENSION) e->image->width;
	info->image_height = (JDIMENSION) e->image->height;
	info->input_components = 3;
	info->in_color_space = JCS_RGB;
	jpeg_set_defaults(info);
	jpeg_set_quality(info, e->quality, TRUE);
	if (e->quality >= FULL_COLOUR_QUALITY)
		info->comp_info[0].h_samp_factor = info->comp_info[0].v_samp_factor = 1;
	jpeg_start_compress(info, TRUE);
	while (info->next_scanline < info->image_height)
	{
		JSAMPROW	row = e->image->pixels + (size_t) info->next_scanline * e->image->stride;

		if (info->next_scanline % STRIP_ROWS == 0 && e->env->interrupted(e->env->context))
			leave(e, fx_fail(e->err, FX_INTERRUPTED, FX_NO_POSITION, "encoding was interrupted"));
		jpeg_write_scanlines(info, &row, 1);
	}
	jpeg_finish_compress(info);
	return FX_OK;
}

fx_code
fx_jpeg_encode(const fx_env *env, const fx_image *image, int quality, uint8_t **bytes, size_t *length,
			   fx_error *err)
{
	encoder		e;
	fx_code		code;

	*bytes = NULL;
	*length = 0;
	if (image->width <= 0 || image->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "an empty picture cannot be encoded");
	if (image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "a JPEG has at most %ld pixels a side, not %d x %d",
					   (long) JPEG_MAX_DIMENSION, image->width, image->height);
	if (quality < 1 || quality > 100)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "JPEG quality is 1 to 100, not %d", quality);
	memset(&e, 0, sizeof(e));
	e.env = env;
	e.image = image;
	e.quality = quality;
	e.err = err;
	/* about what a photograph of middling quality takes; it doubles where that is too little */
	e.size = (size_t) image->width * image->height / 4 + 4096;
	e.bytes = env->alloc(env->context, e.size);
	if (e.bytes == NULL)
		return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to encode a photograph");
	e.info.client_data = &e;
	e.info.err = jpeg_std_error(&e.errors);
	e.errors.error_exit = error_exit;
	e.errors.emit_message = emit_message;
	e.errors.output_message = output_message;
	code = run(&e);
	jpeg_destroy_compress(&e.info);
	if (code != FX_OK)
	{
		env->release(env->context, e.bytes);
		return code;
	}
	*bytes = e.bytes;
	*length = e.size - e.destination.free_in_buffer;
	return FX_OK;
}

/*
 * jpeg.c - decoding hostile JPEG files with libjpeg-turbo.
 *
 * libjpeg reports errors by a call that must not return, so run() sets one
 * jump target and everything that is changed after it lives in the decoder
 * struct.  No callback of fx_env jumps, so libjpeg is always left through
 * fx_jpeg_decode(), which frees what it holds.
 *
 * Limits.  The file's length and the declared pixels are compared before
 * anything is allocated.  libjpeg's allocators are wrapped by ones that add
 * up what it asks for and refuse before it is allocated; that includes the
 * coefficient arrays of progressive files, so libjpeg never comes to the
 * point where it would look for a temporary file.  Scans are counted and
 * interrupts noticed in the progress monitor, which libjpeg calls for every
 * row of blocks.  A reduced picture has the limits of the whole one, but for
 * the memory of its pixels.
 *
 * Warnings.  libjpeg goes on after corrupt data and paints gray; a template
 * of such a picture would be evidence of nothing, so a warning that means
 * lost picture data ends the decoding as FX_MALFORMED.  Some warnings lose nothing
 * and real cameras cause them: see harmless().
 */
#include "image/image.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Rows that are decoded at once before they are turned or converted. */
#define STRIP_ROWS 16

/* What libjpeg may round up or add to one row, pool or array beyond the bytes asked for. */
#define ROW_SLACK 64
#define ALLOCATION_SLACK 64

typedef struct decoder
{
	struct jpeg_decompress_struct info;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	struct jpeg_memory_mgr memory;	/* libjpeg's own allocators */
	jmp_buf		escape;
	const fx_env *env;
	const uint8_t *bytes;
	size_t		length;
	const fx_jpeg_limits *limits;
	uint64_t	held;			/* bytes, an upper bound */
	int			orientation;
	int			reach;			/* the longer side need not be longer than this; 0: all of it */
	uint8_t    *strip;
	fx_image   *image;
	fx_error   *err;
	fx_code		code;
} decoder;

/* Leaves libjpeg; err is filled already. */
static void __attribute__((noreturn))
leave(decoder *d, fx_code code)
{
	d->code = code;
	longjmp(d->escape, 1);
}

static size_t
position_of(const decoder *d)
{
	if (d->info.src == NULL || d->source.next_input_byte == NULL)
		return FX_NO_POSITION;
	return d->length - d->source.bytes_in_buffer;
}

/* ---- errors and warnings */

static fx_code
code_of_error(const struct jpeg_error_mgr *errors)
{
	switch (errors->msg_code)
	{
		case JERR_OUT_OF_MEMORY:
			return FX_NO_MEMORY;
		case JERR_NO_BACKING_STORE:
		case JERR_IMAGE_TOO_BIG:
		case JERR_WIDTH_OVERFLOW:
			return FX_LIMIT;
		case JERR_ARITH_NOTIMPL:
		case JERR_SOF_UNSUPPORTED:
		case JERR_NOT_COMPILED:
		case JERR_CONVERSION_NOTIMPL:
		case JERR_CCIR601_NOTIMPL:
		case JERR_FRACT_SAMPLE_NOTIMPL:
			return FX_UNSUPPORTED;
		case JERR_BAD_PRECISION:
			/* 12 and 16 bits a sample exist in the standard, other depths do not */
			return errors->msg_parm.i[0] == 12 || errors->msg_parm.i[0] == 16 ? FX_UNSUPPORTED : FX_MALFORMED;
		default:
			return FX_MALFORMED;
	}
}

static void __attribute__((noreturn))
error_exit(j_common_ptr info)
{
	decoder    *d = info->client_data;
	char		message[JMSG_LENGTH_MAX];
	fx_code		code = code_of_error(&d->errors);

	d->errors.format_message(info, message);
	leave(d, fx_fail(d->err, code, position_of(d), "libjpeg: %s", message));
}

/*
 * Warnings after which every pixel is still what the encoder meant: padding
 * between segments, surplus bytes behind a scan, an odd JFIF version, an
 * unknown Adobe transform code, progression parameters in a sequential file
 * (which has no use for them), a broken colour profile (not used here).
 */
static bool
harmless(int message)
{
	return message == JWRN_EXTRANEOUS_DATA || message == JWRN_TOO_MUCH_DATA ||
		message == JWRN_JFIF_MAJOR || message == JWRN_NOT_SEQUENTIAL ||
		message == JWRN_ADOBE_XFORM || message == JWRN_BOGUS_ICC;
}

static void
emit_message(j_common_ptr info, int level)
{
	decoder    *d = info->client_data;

	if (level < 0 && !harmless(d->errors.msg_code))
		error_exit(info);
}

static void
output_message(j_common_ptr info)
{
	(void) info;				/* a library prints nothing */
}

/* ---- memory */

static void
hold(j_common_ptr info, uint64_t size)
{
	decoder    *d = info->client_data;

	if (__builtin_add_overflow(d->held, size, &d->held) ||
		__builtin_add_overflow(d->held, (uint64_t) ALLOCATION_SLACK, &d->held) ||
		d->held > d->limits->max_memory)
		leave(d, fx_fail(d->err, FX_LIMIT, position_of(d),
						 "decoding this photograph needs more than %zu bytes of memory",
						 d->limits->max_memory));
}

static void
hold_rows(j_common_ptr info, uint64_t row, uint64_t rows)
{
	uint64_t	size;

	if (__builtin_add_overflow(row, (uint64_t) ROW_SLACK, &row) || __builtin_mul_overflow(row, rows, &size))
		size = UINT64_MAX;
	hold(info, size);
}

static void *
alloc_small(j_common_ptr info, int pool, size_t size)
{
	hold(info, size);
	return ((decoder *) info->client_data)->memory.alloc_small(info, pool, size);
}

static void *
alloc_large(j_common_ptr info, int pool, size_t size)
{
	hold(info, size);
	return ((decoder *) info->client_data)->memory.alloc_large(info, pool, size);
}

static JSAMPARRAY
alloc_samples(j_common_ptr info, int pool, JDIMENSION samples, JDIMENSION rows)
{
	hold_rows(info, (uint64_t) samples * sizeof(JSAMPLE), rows);
	return ((decoder *) info->client_data)->memory.alloc_sarray(info, pool, samples, rows);
}

static JBLOCKARRAY
alloc_blocks(j_common_ptr info, int pool, JDIMENSION blocks, JDIMENSION rows)
{
	hold_rows(info, (uint64_t) blocks * sizeof(JBLOCK), rows);
	return ((decoder *) info->client_data)->memory.alloc_barray(info, pool, blocks, rows);
}

static jvirt_sarray_ptr
request_samples(j_common_ptr info, int pool, boolean zero, JDIMENSION samples, JDIMENSION rows,
				JDIMENSION access)
{
	decoder    *d = info->client_data;

	hold_rows(info, (uint64_t) samples * sizeof(JSAMPLE), rows);
	return d->memory.request_virt_sarray(info, pool, zero, samples, rows, access);
}

static jvirt_barray_ptr
request_blocks(j_common_ptr info, int pool, boolean zero, JDIMENSION blocks, JDIMENSION rows,
			   JDIMENSION access)
{
	decoder    *d = info->client_data;

	hold_rows(info, (uint64_t) blocks * sizeof(JBLOCK), rows);
	return d->memory.request_virt_barray(info, pool, zero, blocks, rows, access);
}

static void
wrap_memory(decoder *d)
{
	struct jpeg_memory_mgr *memory = d->info.mem;

	d->memory = *memory;
	memory->alloc_small = alloc_small;
	memory->alloc_large = alloc_large;
	memory->alloc_sarray = alloc_samples;
	memory->alloc_barray = alloc_blocks;
	memory->request_virt_sarray = request_samples;
	memory->request_virt_barray = request_blocks;
	/* hold() is the only limit: libjpeg must neither read JPEGMEM nor page out */
	memory->max_memory_to_use = d->limits->max_memory > LONG_MAX ? LONG_MAX : (long) d->limits->max_memory;
}

/* ---- source and progress */

static void
source_nothing(j_decompress_ptr info)
{
	(void) info;
}

static boolean
source_fill(j_decompress_ptr info)
{
	decoder    *d = info->client_data;

	leave(d, fx_fail(d->err, FX_MALFORMED, d->length, "the JPEG data end too early"));
}

static void
source_skip(j_decompress_ptr info, long count)
{
	decoder    *d = info->client_data;

	if (count <= 0)
		return;
	if ((unsigned long) count > d->source.bytes_in_buffer)
	{
		d->source.next_input_byte += d->source.bytes_in_buffer;
		d->source.bytes_in_buffer = 0;
		source_fill(info);
	}
	d->source.next_input_byte += count;
	d->source.bytes_in_buffer -= count;
}

static void
on_progress(j_common_ptr info)
{
	decoder    *d = info->client_data;

	if (d->info.input_scan_number > d->limits->max_scans)
		leave(d, fx_fail(d->err, FX_LIMIT, position_of(d),
						 "the JPEG has more than %d scans", d->limits->max_scans));
	if (d->env->interrupted(d->env->context))
		leave(d, fx_fail(d->err, FX_INTERRUPTED, FX_NO_POSITION, "decoding was interrupted"));
}

/* ---- pixels */

/* a * b / 255, rounded, for 0..255 */
static uint8_t
product(unsigned a, unsigned b)
{
	unsigned	t = a * b + 128;

	return (uint8_t) ((t + (t >> 8)) >> 8);
}

/*
 * CMYK to RGB in place; ink is removed multiplicatively.  Adobe writes the
 * complement of ink and says so by its APP14 marker.
 */
static void
cmyk_to_rgb(uint8_t *row, JDIMENSION width, bool complemented)
{
	unsigned	flip = complemented ? 0 : 255;
	const uint8_t *from = row;

	for (JDIMENSION x = 0; x < width; x++, from += 4, row += 3)
	{
		unsigned	white = from[3] ^ flip;
		uint8_t		red = product(from[0] ^ flip, white);
		uint8_t		green = product(from[1] ^ flip, white);
		uint8_t		blue = product(from[2] ^ flip, white);

		row[0] = red;
		row[1] = green;
		row[2] = blue;
	}
}

/* Reads every row, straight into the image where it needs neither turning nor conversion. */
static void
read_rows(decoder *d)
{
	struct jpeg_decompress_struct *info = &d->info;
	bool		cmyk = info->out_color_space == JCS_CMYK;
	bool		direct = !cmyk && d->orientation == 1;
	size_t		strip_stride = (size_t) info->output_width * info->output_components;
	JSAMPROW	rows[STRIP_ROWS];

	while (info->output_scanline < info->output_height)
	{
		JDIMENSION	first = info->output_scanline;
		JDIMENSION	wanted = info->output_height - first;
		JDIMENSION	have = 0;

		if (wanted > STRIP_ROWS)
			wanted = STRIP_ROWS;
		for (JDIMENSION i = 0; i < wanted; i++)
			rows[i] = direct ? d->image->pixels + (size_t) (first + i) * d->image->stride
				: d->strip + i * strip_stride;
		while (have < wanted)
		{
			JDIMENSION	n = jpeg_read_scanlines(info, rows + have, wanted - have);

			if (n == 0)			/* would be a suspension, which this source never causes */
				leave(d, fx_fail(d->err, FX_MALFORMED, position_of(d), "libjpeg: no further rows"));
			have += n;
		}
		if (direct)
			continue;
		if (cmyk)
			for (JDIMENSION i = 0; i < wanted; i++)
				cmyk_to_rgb(rows[i], info->output_width, info->saw_Adobe_marker);
		fx_turn_rows(d->strip, strip_stride, (int) info->output_width, (int) info->output_height,
					 (int) first, (int) wanted, d->orientation, d->image);
	}
}

/* Checks the header against the limits and chooses the output. */
static void
check_header(decoder *d)
{
	struct jpeg_decompress_struct *info = &d->info;
	uint64_t	pixels = (uint64_t) info->image_width * info->image_height;

	if (pixels > d->limits->max_pixels)
		leave(d, fx_fail(d->err, FX_LIMIT, position_of(d),
						 "the photograph has %u x %u pixels, more than %llu in all",
						 info->image_width, info->image_height, (unsigned long long) d->limits->max_pixels));
	switch (info->num_components)
	{
		case 1:
		case 3:
			info->out_color_space = JCS_RGB;
			break;
		case 4:
			info->out_color_space = JCS_CMYK;
			break;
		default:
			leave(d, fx_fail(d->err, FX_UNSUPPORTED, position_of(d),
							 "a JPEG of %d colour components is not supported", info->num_components));
	}
}

/*
 * The least of the inverse transforms' sizes, in eighths, that leaves the
 * longer side at reach or above; output_width and output_height are known
 * then.
 */
static void
choose_scale(decoder *d)
{
	struct jpeg_decompress_struct *info = &d->info;
	JDIMENSION	longer = info->image_width > info->image_height ? info->image_width : info->image_height;
	unsigned	eighths = 8;

	if (d->reach > 0)
		for (eighths = 1; eighths < 8; eighths++)
			if ((uint64_t) longer * eighths >= (uint64_t) d->reach * 8)
				break;
	info->scale_num = eighths;
	info->scale_denom = 8;
	jpeg_calc_output_dimensions(info);
}

/* Decodes; everything that must be released is in *d. */
static fx_code
run(decoder *d)
{
	struct jpeg_decompress_struct *info = &d->info;
	bool		sideways = d->orientation >= 5;
	uint64_t	strip;

	if (setjmp(d->escape) != 0)
		return d->code;
	jpeg_create_decompress(info);
	wrap_memory(d);
	d->source.next_input_byte = d->bytes;
	d->source.bytes_in_buffer = d->length;
	d->source.init_source = source_nothing;
	d->source.fill_input_buffer = source_fill;
	d->source.skip_input_data = source_skip;
	d->source.resync_to_restart = jpeg_resync_to_restart;
	d->source.term_source = source_nothing;
	info->src = &d->source;
	d->progress.progress_monitor = on_progress;
	info->progress = &d->progress;

	jpeg_read_header(info, TRUE);
	check_header(d);
	choose_scale(d);
	hold((j_common_ptr) info, (uint64_t) info->output_width * info->output_height * 3);
	strip = (uint64_t) info->output_width * (info->out_color_space == JCS_CMYK ? 4 : 3) * STRIP_ROWS;
	if (info->out_color_space == JCS_CMYK || d->orientation != 1)
	{
		hold((j_common_ptr) info, strip);
		d->strip = d->env->alloc(d->env->context, strip);
		if (d->strip == NULL)
			leave(d, fx_fail(d->err, FX_NO_MEMORY, FX_NO_POSITION, "no memory to decode a photograph"));
	}
	jpeg_start_decompress(info);
	on_progress((j_common_ptr) info);
	d->code = fx_image_create(d->env, (int) (sideways ? info->output_height : info->output_width),
							  (int) (sideways ? info->output_width : info->output_height), d->image, d->err);
	if (d->code != FX_OK)
		leave(d, d->code);
	read_rows(d);
	jpeg_finish_decompress(info);
	return FX_OK;
}

fx_code
fx_jpeg_decode_reduced(const fx_env *env, const uint8_t *bytes, size_t length, const fx_jpeg_limits *limits,
					   int reach, fx_image *image, fx_error *err)
{
	decoder		d;
	fx_code		code;

	memset(image, 0, sizeof(*image));
	if (length > limits->max_bytes)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the JPEG has %zu bytes, more than %zu",
					   length, limits->max_bytes);
	if (length < 3 || bytes[0] != 0xFF || bytes[1] != 0xD8 || bytes[2] != 0xFF)
		return fx_fail(err, FX_MALFORMED, 0, "the bytes do not begin like a JPEG (FF D8 FF)");
	memset(&d, 0, sizeof(d));
	d.env = env;
	d.bytes = bytes;
	d.length = length;
	d.limits = limits;
	d.reach = reach;
	d.image = image;
	d.err = err;
	d.orientation = fx_exif_orientation(bytes, length);
	d.info.client_data = &d;
	d.info.err = jpeg_std_error(&d.errors);
	d.errors.error_exit = error_exit;
	d.errors.emit_message = emit_message;
	d.errors.output_message = output_message;
	code = run(&d);
	jpeg_destroy_decompress(&d.info);
	env->release(env->context, d.strip);
	if (code != FX_OK)
		fx_image_free(env, image);
	return code;
}

fx_code
fx_jpeg_decode(const fx_env *env, const uint8_t *bytes, size_t length,
			   const fx_jpeg_limits *limits, fx_image *image, fx_error *err)
{
	return fx_jpeg_decode_reduced(env, bytes, length, limits, 0, image, err);
}

/*
 * sheet.c - pages for people: photographs scaled for a place, pages drawn from
 * texts and pictures, portraits of nobody.  The functions of SQL that call these have judged
 * who may see what.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bind/env.h"
#include "bind/photo.h"
#include "draw/sheet.h"

#define QUALITY 92				/* of libjpeg: text without visible rings, colour at full resolution */
#define CELL_TEXTS 5			/* title, two lines, note, 'marked' or nothing */
#define HEAD_TEXTS 6			/* banner, warning, title, page, two lines at the foot */
#define FACE_LEAST 0.30			/* of a photograph's height; a smaller face is shown larger */
#define FACE_SHOWN 0.45			/* of the picture's height, then */
#define FACE_LINEUP 0.55		/* in a line-up, where all heads are as tall */

PG_FUNCTION_INFO_V1(facesnxt_sheet_picture);
PG_FUNCTION_INFO_V1(facesnxt_draw_sheet);
PG_FUNCTION_INFO_V1(facesnxt_draw_comparison);
PG_FUNCTION_INFO_V1(facesnxt_synthetic_portrait);

/* A picture between sheet_picture() and draw_sheet(): its size, then rows of RGB without gaps. */
typedef struct RawPicture
{
	int32		width;
	int32		height;
	uint8_t		pixels[FLEXIBLE_ARRAY_MEMBER];
} RawPicture;

static void
check(fx_code code, const fx_error *err)
{
	if (code == FX_NO_LIBRARY)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("a sheet needs a font"),
				 errdetail_internal("%s", err->detail),
				 errhint("Install Debian's libfreetype6 and fonts-dejavu-core, or build facesnxt "
						 "with FX_FREETYPE and FX_FONT.")));
	nx_check(code, err, NX_SUBJECT_PHOTO, NULL);
}

static fx_sheet_kind
kind_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(argument));

	if (strcmp(kind, "candidate sheet") == 0)
		return FX_CANDIDATE_SHEET;
	if (strcmp(kind, "short candidate sheet") == 0)
		return FX_SHORT_SHEET;
	if (strcmp(kind, "line-up sheet") == 0)
		return FX_LINEUP_SHEET;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no sheet \"%s\" of pictures", kind)));
	return FX_CANDIDATE_SHEET;	/* not reached */
}

/* Texts as UTF-8; NULL stays NULL. */
static const char **
texts_argument(FunctionCallInfo fcinfo, int argument, int *n)
{
	Datum	   *datums;
	bool	   *nulls;
	const char **result;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls, n);
	result = palloc0(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		if (!nulls[i])
		{
			char	   *server = TextDatumGetCString(datums[i]);

			result[i] = pg_server_to_any(server, strlen(server), PG_UTF8);
		}
	return result;
}

/* n numbers, or false: another count, or a NULL among them. */
static bool
numbers_argument(FunctionCallInfo fcinfo, int argument, int n, float *number)
{
	ArrayType  *array;

	if (PG_ARGISNULL(argument))
		return false;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != n || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT4OID)
		return false;
	memcpy(number, ARR_DATA_PTR(array), sizeof(float) * n);
	return true;
}

/* Decodes a photograph of the record; false when it is none that decodes within the limits. */
static bool
decode(const fx_env *env, bytea *photo, fx_image *image)
{
	fx_jpeg_limits limits = nx_jpeg_limits();
	fx_error	err = {0};
	fx_code		code = fx_jpeg_decode(env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo), &limits,
		image, &err);

	if (code == FX_MALFORMED || code == FX_LIMIT || code == FX_UNSUPPORTED)
		return false;
	check(code, &err);
	return true;
}

/* A page as a JPEG file that says how large it is printed, in the caller's memory. */
static bytea *
encoded(const fx_env *env, const fx_image *image, int dpi, MemoryContext caller)
{
	fx_error	err = {0};
	uint8_t    *bytes;
	size_t		length;
	bytea	   *result;

	check(fx_jpeg_encode(env, image, QUALITY, &bytes, &length, &err), &err);
	/* JFIF: units at 13 (1: per inch), densities at 14 and 16 */
	if (length > 18 && memcmp(bytes + 6, "JFIF", 5) == 0)
	{
		bytes[13] = 1;
		bytes[14] = bytes[16] = (uint8_t) (dpi >> 8);
		bytes[15] = bytes[17] = (uint8_t) dpi;
	}
	result = MemoryContextAlloc(caller, VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

/*
 * facesnxt.sheet_picture(photo bytea, kind text, face real[]) -> the picture as it goes into a place
 * of such a sheet, as draw_sheet() takes it; NULL for a photograph that does not decode.
 */
Datum
facesnxt_sheet_picture(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	fx_env		env;
	fx_error	err = {0};
	fx_sheet_kind kind;
	fx_image	photo;
	fx_image	picture;
	fx_box		place;
	fx_box		window;
	fx_box		target;
	float		number[4];
	double		face[4] = {0, 0, 0, 0};
	bytea	   *result = NULL;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	work = AllocSetContextCreate(caller, "facesnxt sheet", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	env = nx_env(work);
	kind = kind_argument(fcinfo, 1);
	place = fx_sheet_place(kind, 0);
	if (numbers_argument(fcinfo, 2, 4, number))
		for (int i = 0; i < 4; i++)
			face[i] = number[i];
	if (decode(&env, PG_GETARG_BYTEA_PP(0), &photo))
	{
		fx_image	part;
		size_t		size;

		window = (fx_box) {0, 0, photo.width, photo.height};
		if (kind == FX_LINEUP_SHEET)
			window = fx_portrait_window(photo.width, photo.height, face, FACE_LINEUP, place.width, place.height, true);
		else if (face[3] < FACE_LEAST * photo.height)
			window = fx_portrait_window(photo.width, photo.height, face, FACE_SHOWN, place.width, place.height, false);
		target = fx_fit((fx_box) {0, 0, place.width, place.height}, window.width, window.height);
		check(fx_image_create(&env, target.width, target.height, &picture, &err), &err);
		fx_fill(&picture, (fx_box) {0, 0, target.width, target.height}, 0xE4E7EA);
		/* what of the window lies on the photograph, and where that stands in the picture */
		part = fx_part(&photo, window);
		if (part.width > 0)
		{
			double		scale = (double) target.width / window.width;
			int			left = (int) lrint(Max(-window.x, 0) * scale);
			int			top = (int) lrint(Max(-window.y, 0) * scale);
			fx_box		framed = {(int) lrint((face[0] - window.x) * scale), (int) lrint((face[1] - window.y) * scale),
				(int) lrint(face[2] * scale), (int) lrint(face[3] * scale)};

			check(fx_place(&env, &picture, (fx_box) {left, top, Max((int) lrint(part.width * scale), 1),
						   Max((int) lrint(part.height * scale), 1)}, &part, &err), &err);
			/* where others are near, which face is meant */
			if (kind != FX_LINEUP_SHEET && window.height < photo.height)
				fx_frame(&picture, framed, 2, 0xD01818);
		}
		size = offsetof(RawPicture, pixels) + picture.stride * picture.height;
		result = MemoryContextAlloc(caller, VARHDRSZ + size);
		SET_VARSIZE(result, VARHDRSZ + size);
		memcpy(VARDATA(result), &picture.width, sizeof(int32));
		memcpy(VARDATA(result) + sizeof(int32), &picture.height, sizeof(int32));
		memcpy(VARDATA(result) + offsetof(RawPicture, pixels), picture.pixels, picture.stride * picture.height);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(result);
}

/* Head and fields from two arrays. */
static void
head_arguments(FunctionCallInfo fcinfo, int argument, fx_sheet_head *head)
{
	int			n;
	const char **text = texts_argument(fcinfo, argument, &n);

	memset(head, 0, sizeof(*head));
	if (n != HEAD_TEXTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the head of a sheet has %d texts, not %d",
			HEAD_TEXTS, n)));
	head->banner = text[0];
	head->warning = text[1];
	head->title = text[2];
	head->page = text[3];
	head->foot[0] = text[4];
	head->foot[1] = text[5];
	text = texts_argument(fcinfo, argument + 1, &n);
	head->fields = Min(n / 2, FX_SHEET_FIELDS);
	for (int i = 0; i < head->fields; i++)
		head->field[i] = (fx_sheet_field) {text[2 * i] ? text[2 * i] : "", text[2 * i + 1] ? text[2 * i + 1] : ""};
}

static fx_sheet_cell
cell_of(const char **text)
{
	return (fx_sheet_cell) {text[0], {text[1], text[2]}, NULL, text[3], text[4] != NULL};
}

/* A picture of sheet_picture(). */
static fx_image
raw_picture(Datum datum)
{
	bytea	   *bytes = DatumGetByteaP(datum);
	RawPicture *raw = (RawPicture *) VARDATA(bytes);
	size_t		size = VARSIZE(bytes) - VARHDRSZ;
	fx_image	image;

	if (size < offsetof(RawPicture, pixels) || raw->width <= 0 || raw->height <= 0 ||
		raw->width > FX_PAGE_LONG || raw->height > FX_PAGE_LONG ||
		size != offsetof(RawPicture, pixels) + (size_t) raw->width * 3 * raw->height)
		ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("these bytes are no picture of sheet_picture()")));
	image.width = raw->width;
	image.height = raw->height;
	image.stride = (size_t) raw->width * 3;
	image.pixels = raw->pixels;
	return image;
}

/*
 * facesnxt.draw_sheet(kind text, head text[], fields text[], cells text[], pictures bytea[]) -> JPEG
 */
Datum
facesnxt_draw_sheet(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "facesnxt sheet", ALLOCSET_DEFAULT_SIZES);
	fx_env		env = nx_env(work);
	fx_error	err = {0};
	fx_sheet_kind kind;
	fx_sheet_head head;
	fx_image	page;
	Datum	   *pictures;
	bool	   *nulls;
	const char **text;
	int			texts;
	int			n;
	bytea	   *result;

	MemoryContextSwitchTo(work);
	kind = kind_argument(fcinfo, 0);
	head_arguments(fcinfo, 1, &head);
	text = texts_argument(fcinfo, 3, &texts);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), BYTEAOID, -1, false, TYPALIGN_INT, &pictures, &nulls, &n);
	if (n > fx_sheet_places(kind) || texts != n * CELL_TEXTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%d texts and %d pictures fill no sheet",
			texts, n)));
	check(fx_sheet_open(&env, kind, &head, &page, &err), &err);
	for (int i = 0; i < n; i++)
	{
		fx_sheet_cell cell = cell_of(text + i * CELL_TEXTS);
		fx_image	picture;

		if (!nulls[i])
		{
			picture = raw_picture(pictures[i]);
			cell.picture = &picture;
		}
		check(fx_sheet_put(&env, kind, i, &cell, &page, &err), &err);
	}
	result = encoded(&env, &page, FX_PAGE_DPI, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/*
 * facesnxt.draw_comparison(head text[], fields text[], cells text[], probe bytea, candidate bytea,
 *     probe_landmarks real[], candidate_landmarks real[]) -> JPEG
 */
Datum
facesnxt_draw_comparison(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	fx_env		env;
	fx_error	err = {0};
	fx_sheet_head head;
	fx_comparison_side side[2];
	fx_image	photo[2];
	fx_image	page;
	const char **text;
	int			texts;
	bytea	   *result;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	work = AllocSetContextCreate(caller, "facesnxt sheet", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	env = nx_env(work);
	memset(side, 0, sizeof(side));
	head_arguments(fcinfo, 0, &head);
	text = texts_argument(fcinfo, 2, &texts);
	if (texts != 2 * CELL_TEXTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%d texts fill no comparison", texts)));
	for (int i = 0; i < 2; i++)
	{
		side[i].cell = cell_of(text + i * CELL_TEXTS);
		side[i].has_landmarks = numbers_argument(fcinfo, 5 + i, 2 * FX_LANDMARKS, &side[i].landmark[0][0]);
		if (PG_ARGISNULL(3 + i))
			continue;
		if (decode(&env, PG_GETARG_BYTEA_PP(3 + i), &photo[i]))
			side[i].cell.picture = &photo[i];
		else
			side[i].cell.note = "NO PHOTOGRAPH\nthe file on record does not decode";
	}
	check(fx_sheet_open(&env, FX_COMPARISON_SHEET, &head, &page, &err), &err);
	check(fx_sheet_compare(&env, side, &page, &err), &err);
	result = encoded(&env, &page, FX_PAGE_DPI, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/*
 * facesnxt.synthetic_portrait(person int, take int) -> (photo bytea, face real[], landmarks real[])
 */
Datum
facesnxt_synthetic_portrait(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	TupleDesc	desc;
	fx_env		env;
	fx_error	err = {0};
	fx_image	image;
	fx_face		face;
	float		box[4];
	Datum		number[2 * FX_LANDMARKS];
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	work = AllocSetContextCreate(caller, "facesnxt sheet", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	env = nx_env(work);
	check(fx_portrait(&env, (uint32_t) PG_GETARG_INT32(0), (uint32_t) PG_GETARG_INT32(1), &image, &face, &err), &err);
	values[0] = PointerGetDatum(encoded(&env, &image, 96, caller));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	box[0] = face.x;
	box[1] = face.y;
	box[2] = face.width;
	box[3] = face.height;
	for (int i = 0; i < 4; i++)
		number[i] = Float4GetDatum(box[i]);
	values[1] = PointerGetDatum(construct_array(number, 4, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
	for (int i = 0; i < 2 * FX_LANDMARKS; i++)
		number[i] = Float4GetDatum(face.landmark[i / 2][i % 2]);
	values[2] = PointerGetDatum(construct_array(number, 2 * FX_LANDMARKS, FLOAT4OID, sizeof(float4), true,
		TYPALIGN_INT));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

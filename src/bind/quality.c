/*
 * quality.c - facesnxt.image_quality(), quality_measures(), thumbnail(),
 * enhance_pixels() and photo_hash(): how good a photograph is, and pictures
 * made from it.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "bind/env.h"
#include "bind/model.h"
#include "bind/photo.h"
#include "image/enhance.h"
#include "quality/quality.h"

PG_FUNCTION_INFO_V1(facesnxt_image_quality);
PG_FUNCTION_INFO_V1(facesnxt_quality_measures);
PG_FUNCTION_INFO_V1(facesnxt_thumbnail);
PG_FUNCTION_INFO_V1(facesnxt_enhance);
PG_FUNCTION_INFO_V1(facesnxt_photo_hash);

/* Quality in which thumbnails are encoded. */
#define NX_THUMBNAIL_QUALITY 85

/*
 * Everything that was measured, as jsonb: {"version": 1, "component":
 * {"sharpness": 63, ...}, "native": {...}}; what is not known has no key.
 */
Datum
nx_quality(const fx_env *env, const fx_image *photo, const fx_face *faces, size_t count, size_t chosen)
{
	fx_measurement m[FX_MEASURES];
	fx_error	err = {0};
	StringInfoData text;

	nx_check(fx_assess(env, photo, faces, count, chosen, m, &err), &err, NX_SUBJECT_PHOTO, NULL);
	initStringInfo(&text);
	appendStringInfo(&text, "{\"version\": %d", FX_QUALITY_VERSION);
	for (int native = 0; native < 2; native++)
	{
		const char *comma = "";

		appendStringInfoString(&text, native ? ", \"native\": {" : ", \"component\": {");
		for (int i = 0; i < FX_MEASURES; i++)
			if (m[i].known)
			{
				appendStringInfo(&text, "%s\"%s\": %.5g", comma, fx_measure_describe(i)->name,
								 native ? m[i].native : m[i].component);
				comma = ", ";
			}
		appendStringInfoChar(&text, '}');
	}
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

int64
nx_photo_hash(const fx_image *photo)
{
	return (int64) fx_perceptual_hash(photo);
}

/*
 * facesnxt.image_quality(photo bytea, face text, detector text) -> a row a measure
 */
Datum
facesnxt_image_quality(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext work;
	MemoryContext caller;
	fx_env		env;
	NxModel    *detector;
	NxFaces		faces;
	fx_measurement m[FX_MEASURES];
	fx_error	err = {0};
	const fx_face *face;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("photo and face must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	work = AllocSetContextCreate(CurrentMemoryContext, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	env = nx_env(work);
	detector = nx_model_get(NX_DETECTOR, PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)), NULL);
	nx_find_faces(&env, PG_GETARG_BYTEA_PP(0), detector, 0.5f, &faces);
	face = nx_choose_face(&faces, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	nx_check(fx_assess(&env, &faces.photo, faces.face, faces.count, (size_t) (face - faces.face), m, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	for (int i = 0; i < FX_MEASURES; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, !m[i].known, !m[i].known};

		values[0] = CStringGetTextDatum(fx_measure_describe(i)->name);
		values[1] = Float8GetDatum(m[i].native);
		values[2] = Int32GetDatum((int32) m[i].component);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return (Datum) 0;
}

/*
 * facesnxt.quality_measures() -> name, element of ISO/IEC 29794-5, identifier of OFIQ, unit, weight
 */
Datum
facesnxt_quality_measures(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < FX_MEASURES; i++)
	{
		const fx_measure_info *info = fx_measure_describe(i);
		Datum		values[6];
		bool		nulls[6] = {false, false, false, info->ofiq == 0, false, false};
		char		ofiq[16];

		snprintf(ofiq, sizeof(ofiq), "0x%02x", info->ofiq);
		values[0] = Int32GetDatum(i);
		values[1] = CStringGetTextDatum(info->name);
		values[2] = CStringGetTextDatum(info->element);
		values[3] = CStringGetTextDatum(ofiq);
		values[4] = CStringGetTextDatum(info->unit);
		values[5] = Float8GetDatum(info->weight);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A picture as a JPEG in the caller's memory; no metadata is in it. */
static bytea *
encode(const fx_env *env, const fx_image *image, int quality, MemoryContext caller)
{
	fx_error	err = {0};
	uint8_t    *bytes;
	size_t		length;
	bytea	   *result;

	nx_check(fx_jpeg_encode(env, image, quality, &bytes, &length, &err), &err, NX_SUBJECT_PHOTO, NULL);
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the picture is too large")));
	result = MemoryContextAlloc(caller, length + VARHDRSZ);
	SET_VARSIZE(result, length + VARHDRSZ);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

/*
 * facesnxt.thumbnail(photo bytea, max_size int) -> JPEG whose longer side is at most max_size
 */
Datum
facesnxt_thumbnail(PG_FUNCTION_ARGS)
{
	bytea	   *photo = PG_GETARG_BYTEA_PP(0);
	fx_jpeg_limits limits = nx_jpeg_limits();
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	fx_env		env = nx_env(work);
	fx_error	err = {0};
	fx_image	image;
	bytea	   *result;

	if (PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_size must be at least 1"),
				 errhint("Give the length of the longer side in pixels.")));
	MemoryContextSwitchTo(work);
	nx_check(fx_jpeg_thumbnail(&env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo), &limits,
							   PG_GETARG_INT32(1), &image, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	result = encode(&env, &image, NX_THUMBNAIL_QUALITY, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/* The operation of this name. */
static fx_operation
operation_named(const char *name)
{
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < FX_OPERATIONS; i++)
	{
		if (strcmp(name, fx_operation_name(i)) == 0)
			return i;
		appendStringInfo(&all, "%s%s", i > 0 ? ", " : "", fx_operation_name(i));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no such operation: \"%s\"", name),
			 errhint("There are: %s.", all.data)));
	return FX_OPERATIONS;		/* not reached */
}

/* The operation's parameters out of a list of names and one of numbers: each once, and no other. */
static void
read_parameters(fx_operation operation, ArrayType *names, ArrayType *numbers, double parameter[FX_PARAMETERS])
{
	const char *const *wanted = fx_operation_parameters(operation);
	Datum	   *name;
	Datum	   *number;
	bool	   *no_name;
	bool	   *no_number;
	int			n;
	int			n_numbers;
	int			found = 0;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &no_name, &n);
	deconstruct_array(numbers, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &number, &no_number,
					  &n_numbers);
	for (int i = 0; wanted[i] != NULL; i++)
		for (int k = 0; k < n && k < n_numbers; k++)
			if (!no_name[k] && !no_number[k] && strcmp(TextDatumGetCString(name[k]), wanted[i]) == 0)
			{
				parameter[i] = DatumGetFloat8(number[k]);
				found++;
			}
	for (int i = 0; i <= FX_PARAMETERS; i++)
		if (wanted[i] == NULL)
		{
			if (found == i && n == i && n_numbers == i)
				return;
			break;
		}
	{
		StringInfoData all;

		initStringInfo(&all);
		for (int i = 0; wanted[i] != NULL; i++)
			appendStringInfo(&all, "%s\"%s\"", i > 0 ? ", " : "", wanted[i]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("wrong parameters of \"%s\"", fx_operation_name(operation)),
				 wanted[0] == NULL ? errhint("It has none.") : errhint("It has: %s; numbers, each once.", all.data)));
	}
}

/*
 * facesnxt.enhance_pixels(photo bytea, operation text, names text[], numbers float8[], quality int) -> JPEG
 */
Datum
facesnxt_enhance(PG_FUNCTION_ARGS)
{
	bytea	   *photo = PG_GETARG_BYTEA_PP(0);
	fx_operation operation = operation_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	fx_jpeg_limits limits = nx_jpeg_limits();
	double		parameter[FX_PARAMETERS] = {0};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	fx_env		env;
	fx_error	err = {0};
	fx_image	image;
	fx_image	made;
	fx_code		code;
	bytea	   *result;

	read_parameters(operation, PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3), parameter);
	if (PG_GETARG_INT32(4) < 1 || PG_GETARG_INT32(4) > 100)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quality must be 1 to 100")));
	work = AllocSetContextCreate(caller, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	env = nx_env(work);
	MemoryContextSwitchTo(work);
	nx_check(fx_jpeg_decode(&env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo),
							&limits, &image, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	code = fx_enhance(&env, &image, operation, parameter, limits.max_pixels, &made, &err);
	if (code == FX_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("wrong parameters of \"%s\"", fx_operation_name(operation)),
				 errdetail_internal("%s", err.detail),
				 errhint("Give numbers within the bounds that the detail states.")));
	nx_check(code, &err, NX_SUBJECT_PHOTO, NULL);
	fx_image_free(&env, &image);
	result = encode(&env, &made, PG_GETARG_INT32(4), caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/*
 * facesnxt.photo_hash(photo bytea) -> perceptual hash, 64 bits
 */
Datum
facesnxt_photo_hash(PG_FUNCTION_ARGS)
{
	bytea	   *photo = PG_GETARG_BYTEA_PP(0);
	fx_jpeg_limits limits = nx_jpeg_limits();
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	fx_env		env = nx_env(work);
	fx_error	err = {0};
	fx_image	image;
	int64		hash;

	nx_check(fx_jpeg_decode(&env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo),
							&limits, &image, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	hash = nx_photo_hash(&image);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_INT64(hash);
}

/*
 * photo.c - facesnxt.detect() and facesnxt.extract(): from the bytes of a
 * JPEG photograph to boxes, landmarks, a template and its quality.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bind/env.h"
#include "bind/model.h"
#include "bind/photo.h"
#include "errors.h"
#include "guc.h"
#include "type/embedding.h"

#define NX_MAX_FACES 1000
/* greatest overlap (intersection over union) of two faces, as the authors of each detector have it */
#define NX_NMS 0.3f
#define NX_NMS_SCRFD 0.4f
/* least overlap of a face with the box by which it is chosen: detectors draw boxes of the same face differently */
#define NX_SAME_FACE 0.3

PG_FUNCTION_INFO_V1(facesnxt_detect);
PG_FUNCTION_INFO_V1(facesnxt_extract);

typedef NxFaces Faces;

fx_jpeg_limits
nx_jpeg_limits(void)
{
	fx_jpeg_limits limits;

	limits.max_bytes = (size_t) facesnxt_max_photo_size * 1024;
	limits.max_pixels = (uint64_t) facesnxt_max_photo_pixels * 1000;
	limits.max_scans = facesnxt_max_photo_scans;
	limits.max_memory = (size_t) facesnxt_max_photo_memory * 1024;
	return limits;
}

/* Decodes the photograph and finds its faces, best score first. */
static void
find_faces(const fx_env *env, bytea *photo, NxModel *detector, float threshold, Faces *faces)
{
	fx_jpeg_limits limits = nx_jpeg_limits();
	fx_error	err = {0};

	memset(faces, 0, sizeof(*faces));
	nx_check(fx_jpeg_decode(env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo),
							&limits, &faces->photo, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	nx_check(fx_detect(env, &detector->network, &faces->photo, threshold,
					   detector->network.head == FX_HEAD_SCRFD ? NX_NMS_SCRFD : NX_NMS, NX_MAX_FACES,
					   &faces->face, &faces->count, &err),
			 &err, NX_SUBJECT_MODEL, detector->name);
}

static char *
name_or_null(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static float
threshold_argument(FunctionCallInfo fcinfo, int argument)
{
	float		threshold = PG_GETARG_FLOAT4(argument);

	if (!(threshold > 0 && threshold < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must lie between 0 and 1"),
				 errdetail("A detector scores each face between 0 and 1."),
				 errhint("0.5 is usual; less finds more faces and more that are none.")));
	return threshold;
}

/* x0 y0 ... x4 y4 as real[]; pixels of the photograph. */
static Datum
landmark_array(const fx_face *face)
{
	Datum		value[FX_LANDMARKS * 2];

	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		value[2 * i] = Float4GetDatum(face->landmark[i][0]);
		value[2 * i + 1] = Float4GetDatum(face->landmark[i][1]);
	}
	return PointerGetDatum(construct_array(value, FX_LANDMARKS * 2, FLOAT4OID, sizeof(float4), true,
										   TYPALIGN_INT));
}

/* Box, score and landmarks into six columns. */
static void
face_columns(const fx_face *face, Datum *values, bool *nulls)
{
	values[0] = Float4GetDatum(face->x);
	values[1] = Float4GetDatum(face->y);
	values[2] = Float4GetDatum(face->width);
	values[3] = Float4GetDatum(face->height);
	values[4] = Float4GetDatum(face->score);
	nulls[5] = !face->has_landmarks;
	if (face->has_landmarks)
		values[5] = landmark_array(face);
}

/*
 * facesnxt.detect(photo bytea, detector text, threshold real)
 * -> one row a face, best score first: number, box, score, landmarks (pixels of the upright photograph).
 */
Datum
facesnxt_detect(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext work;
	MemoryContext caller;
	fx_env		env;
	float		threshold;
	NxModel    *detector;
	Faces		faces;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("photo and threshold must not be null")));
	threshold = threshold_argument(fcinfo, 2);
	InitMaterializedSRF(fcinfo, 0);

	work = AllocSetContextCreate(CurrentMemoryContext, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	env = nx_env(work);
	detector = nx_model_get(NX_DETECTOR, name_or_null(fcinfo, 1), NULL);
	find_faces(&env, PG_GETARG_BYTEA_PP(0), detector, threshold, &faces);
	for (size_t i = 0; i < faces.count; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};

		values[0] = Int32GetDatum((int32) i + 1);
		face_columns(&faces.face[i], values + 1, nulls + 1);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return (Datum) 0;
}

/* ---- extract */

static void
refuse_choice(const char *choice, size_t count)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no such face: \"%s\"", choice),
			 errdetail_plural("The photograph shows %zu face.", "The photograph shows %zu faces.",
							  count, count),
			 errhint("Pass 'only', 'best', 'largest', 'central', 'at X Y WIDTH HEIGHT', "
					 "or a number that facesnxt.detect() gives.")));
}

/* The face that a box "at X Y WIDTH HEIGHT" is around; NULL when choice is no such box. */
static const fx_face *
face_at(const Faces *faces, const char *choice)
{
	fx_face		box = {0};
	const fx_face *best = NULL;
	double		most = NX_SAME_FACE;
	char		rest;

	if (sscanf(choice, "at %f %f %f %f%c", &box.x, &box.y, &box.width, &box.height, &rest) != 4 ||
		!isfinite(box.x) || !isfinite(box.y) || !(box.width > 0 && box.width < 1e6f) ||
		!(box.height > 0 && box.height < 1e6f))
		return NULL;
	for (size_t i = 0; i < faces->count; i++)
	{
		double		overlap = fx_face_overlap(&faces->face[i], &box);

		if (overlap >= most)
		{
			best = &faces->face[i];
			most = overlap;
		}
	}
	if (best == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NX_NO_FACE),
				 errmsg("no face found at this place of the photograph"),
				 errdetail("No face of the photograph covers %.0f, %.0f, %.0f x %.0f.",
						   box.x, box.y, box.width, box.height),
				 errhint("Give a box in pixels of the upright photograph, as facesnxt.detect() does.")));
	return best;
}

/* Which face is meant; raises when that is not clear. */
static const fx_face *
choose_face(const Faces *faces, const char *choice)
{
	if (faces->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NX_NO_FACE),
				 errmsg("no face found in photograph"),
				 errdetail("The photograph is %d x %d pixels.", faces->photo.width, faces->photo.height),
				 errhint("Submit a photograph in which the face is upright, lit and unobstructed.")));
	if (strcmp(choice, "only") == 0)
	{
		if (faces->count > 1)
			ereport(ERROR,
					(errcode(ERRCODE_NX_SEVERAL_FACES),
					 errmsg("several faces in photograph"),
					 errdetail("The photograph shows %zu faces.", faces->count),
					 errhint("Say which is meant: face => 'central', 'largest', 'best', "
							 "or a number that facesnxt.detect() gives.")));
		return &faces->face[0];
	}
	if (strcmp(choice, "best") == 0)
		return &faces->face[0];
	if (strcmp(choice, "central") == 0)
		return &faces->face[fx_central_face(faces->face, faces->count,
											faces->photo.width, faces->photo.height)];
	if (strcmp(choice, "largest") == 0)
	{
		const fx_face *largest = &faces->face[0];

		for (size_t i = 1; i < faces->count; i++)
			if (faces->face[i].width * faces->face[i].height > largest->width * largest->height)
				largest = &faces->face[i];
		return largest;
	}
	if (choice[0] != '\0' && strlen(choice) <= 4 && strspn(choice, "0123456789") == strlen(choice))
	{
		size_t		number = (size_t) atoi(choice);

		if (number >= 1 && number <= faces->count)
			return &faces->face[number - 1];
	}
	if (strncmp(choice, "at ", 3) == 0)
	{
		const fx_face *face = face_at(faces, choice);

		if (face != NULL)
			return face;
	}
	refuse_choice(choice, faces->count);
	return NULL;				/* not reached */
}

static void
check_face(const fx_face *face, const NxModel *detector)
{
	if (Min(face->width, face->height) < facesnxt_min_face_size)
		ereport(ERROR,
				(errcode(ERRCODE_NX_FACE_TOO_SMALL),
				 errmsg("face too small"),
				 errdetail("The face is %.0f x %.0f pixels; facesnxt.min_face_size is %d.",
						   face->width, face->height, facesnxt_min_face_size),
				 errhint("Submit the photograph in its original resolution.")));
	if (!face->has_landmarks)
		ereport(ERROR,
				(errcode(ERRCODE_NX_UNSUPPORTED_MODEL),
				 errmsg("detector \"%s\" gives no landmarks", detector->name),
				 errdetail("A template is made from a face aligned by five landmarks."),
				 errhint("Name a detector with landmarks, such as YuNet or SCRFD, "
						 "and with face => 'at X Y WIDTH HEIGHT' the face that facesnxt.detect() found.")));
}

/*
 * facesnxt.extract(photo bytea, face text, detector text, recogniser text) -> facesnxt.extraction
 */
Datum
facesnxt_extract(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	MemoryContext work;
	MemoryContext caller;
	fx_env		env;
	NxModel    *detector;
	NxModel    *recogniser;
	Faces		faces;
	const fx_face *face;
	fx_image	crop = {0};
	fx_quality	quality;
	fx_error	err = {0};
	float	   *vector;
	Embedding  *template;
	Datum		values[18];
	bool		nulls[18] = {false};
	HeapTuple	tuple;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("photo and face must not be null")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	work = AllocSetContextCreate(CurrentMemoryContext, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	env = nx_env(work);
	detector = nx_model_get(NX_DETECTOR, name_or_null(fcinfo, 2), NULL);
	recogniser = nx_model_get(NX_RECOGNISER, name_or_null(fcinfo, 3), detector);
	find_faces(&env, PG_GETARG_BYTEA_PP(0), detector, 0.5f, &faces);
	face = choose_face(&faces, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	check_face(face, detector);

	nx_check(fx_align(&env, &faces.photo, face, &crop, &err), &err, NX_SUBJECT_PHOTO, NULL);
	vector = palloc(sizeof(float) * recogniser->dimension);
	nx_check(fx_recognise(&env, &recogniser->network, &crop, vector, recogniser->dimension, &err),
			 &err, NX_SUBJECT_MODEL, recogniser->name);
	fx_measure_quality(face, &crop, &quality);
	template = embedding_create(recogniser->dimension, FX_FLOAT32, recogniser->fingerprint);
	embedding_store(template, 0, vector, recogniser->dimension);

	values[0] = PointerGetDatum(template);
	values[1] = CStringGetTextDatum(detector->name);
	values[2] = CStringGetTextDatum(recogniser->name);
	face_columns(face, values + 3, nulls + 3);
	values[9] = Float4GetDatum(quality.eye_distance);
	values[10] = Float4GetDatum(quality.sharpness);
	values[11] = Float4GetDatum(quality.brightness);
	values[12] = Float4GetDatum(quality.contrast);
	values[13] = Float4GetDatum(quality.roll);
	values[14] = Float4GetDatum(quality.yaw);
	values[15] = Float4GetDatum(quality.pitch);
	values[16] = nx_quality(&env, &faces.photo, faces.face, faces.count, (size_t) (face - faces.face));
	values[17] = Int64GetDatum(nx_photo_hash(&faces.photo));
	MemoryContextSwitchTo(caller);
	tuple = heap_form_tuple(desc, values, nulls);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/* ---- for quality.c */

void
nx_find_faces(const fx_env *env, bytea *photo, NxModel *detector, float threshold, NxFaces *faces)
{
	find_faces(env, photo, detector, threshold, faces);
}

const fx_face *
nx_choose_face(const NxFaces *faces, const char *choice)
{
	return choose_face(faces, choice);
}

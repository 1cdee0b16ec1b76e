/*
 * still.c - facesnxt.photo_kind() and facesnxt.photo_size(): what a file is,
 * and whether it decodes.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bind/env.h"
#include "bind/photo.h"

PG_FUNCTION_INFO_V1(facesnxt_photo_kind);
PG_FUNCTION_INFO_V1(facesnxt_photo_size);

/*
 * facesnxt.photo_kind(photo bytea) -> 'jpeg', 'several pictures', 'video' or 'other'
 */
Datum
facesnxt_photo_kind(PG_FUNCTION_ARGS)
{
	bytea	   *photo = PG_GETARG_BYTEA_PP(0);
	const char *kind = "other";

	switch (fx_still_kind((const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo)))
	{
		case FX_STILL_JPEG:
			kind = "jpeg";
			break;
		case FX_STILL_SEVERAL:
			kind = "several pictures";
			break;
		case FX_STILL_VIDEO:
			kind = "video";
			break;
		case FX_STILL_OTHER:
			break;
	}
	PG_RETURN_TEXT_P(cstring_to_text(kind));
}

/*
 * facesnxt.photo_size(photo bytea) -> width and height in pixels, upright; raises NX101 to NX103 where
 * the photograph does not decode to its last row.
 */
Datum
facesnxt_photo_size(PG_FUNCTION_ARGS)
{
	bytea	   *photo = PG_GETARG_BYTEA_PP(0);
	fx_jpeg_limits limits = nx_jpeg_limits();
	fx_image	image = {0};
	fx_error	err = {0};
	MemoryContext work;
	MemoryContext caller;
	fx_env		env;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	work = AllocSetContextCreate(CurrentMemoryContext, "facesnxt photo", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	env = nx_env(work);
	nx_check(fx_jpeg_decode(&env, (const uint8_t *) VARDATA_ANY(photo), VARSIZE_ANY_EXHDR(photo),
							&limits, &image, &err),
			 &err, NX_SUBJECT_PHOTO, NULL);
	values[0] = Int32GetDatum(image.width);
	values[1] = Int32GetDatum(image.height);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

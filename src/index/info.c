/*
 * info.c - what an index and the last scan say of themselves.
 */
#include "index/scan.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

/*
 * facesnxt.last_scan(): what the last index scan of this session did.  NULL
 * before the first.
 */
PG_FUNCTION_INFO_V1(facesnxt_last_scan);
Datum
facesnxt_last_scan(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[12];
	bool		nulls[12] = {0};
	int			n = 0;

	if (!OidIsValid(fs_last_scan.index))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[n++] = ObjectIdGetDatum(fs_last_scan.index);
	values[n++] = Int64GetDatum(fs_last_scan.lists);
	values[n++] = Int64GetDatum(fs_last_scan.pages);
	values[n++] = Int64GetDatum(fs_last_scan.codes);
	values[n++] = Int64GetDatum(fs_last_scan.survivors);
	values[n++] = Int64GetDatum(fs_last_scan.middle);
	values[n++] = Int64GetDatum(fs_last_scan.refined);
	values[n++] = Int64GetDatum(fs_last_scan.fetched);
	values[n++] = Int64GetDatum(fs_last_scan.returned);
	values[n++] = Int64GetDatum(fs_last_scan.late);
	values[n++] = Int32GetDatum(fs_last_scan.rounds);
	values[n++] = BoolGetDatum(fs_last_scan.every_code);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* facesnxt.forget_last_scan(): what last_scan() says afterwards is of a later scan. */
PG_FUNCTION_INFO_V1(facesnxt_forget_last_scan);
Datum
facesnxt_forget_last_scan(PG_FUNCTION_ARGS)
{
	memset(&fs_last_scan, 0, sizeof(fs_last_scan));
	PG_RETURN_VOID();
}

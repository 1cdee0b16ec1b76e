/*
 * model.c - the model registry from the inside: reading a registered model,
 * and the cache of parsed ones.
 *
 * A backend parses a model once.  Each cached model lives in a memory context
 * of its own under "facesnxt models"; their sum stays under
 * facesnxt.model_cache_size, the least recently used leaving first.  The
 * registry row is read anew at each call, so a model that was replaced or
 * withdrawn is never served from the cache.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/blas.h"
#include "bind/env.h"
#include "bind/model.h"
#include "errors.h"
#include "guc.h"

#define NX_CACHED_MODELS 8
#define NX_USUAL_SIDE 640		/* for which an open detector is planned when it is looked at, pixels */

static MemoryContext cache_context = NULL;
static NxModel *cache[NX_CACHED_MODELS];
static uint64 cache_clock = 0;

PG_FUNCTION_INFO_V1(facesnxt_inspect_model);

static fx_model_limits
model_limits(void)
{
	fx_model_limits limits;

	limits.max_bytes = (size_t) facesnxt_model_cache_size * 1024;
	limits.max_memory = (size_t) facesnxt_model_cache_size * 1024;
	limits.max_nodes = 20000;
	limits.max_operations = UINT64CONST(200) * 1000 * 1000 * 1000;
	return limits;
}

static void
evict(int slot)
{
	NxModel    *model = cache[slot];

	cache[slot] = NULL;
	fx_model_free(model->network.model);
	MemoryContextDelete(model->context);
}

/* Makes room: a free slot, and the models' sum within the setting. */
static int
free_slot(const NxModel *keep)
{
	size_t		limit = (size_t) facesnxt_model_cache_size * 1024;

	for (;;)
	{
		int			slot = -1;
		int			oldest = -1;

		for (int i = 0; i < NX_CACHED_MODELS; i++)
		{
			if (cache[i] == NULL)
				slot = i;
			else if (cache[i] != keep &&
					 (oldest < 0 || cache[i]->last_used < cache[oldest]->last_used))
				oldest = i;
		}
		if (slot >= 0 && (oldest < 0 || MemoryContextMemAllocated(cache_context, true) <= limit))
			return slot;
		evict(oldest);
	}
}

/* Input of rank 4 with three channels, the only kind a face model has here. */
static void
check_input(const fx_model *model, const char *name, fx_shape *shape)
{
	*shape = *fx_model_input_shape(model, 0);
	if (fx_model_input_count(model) != 1 || fx_model_input_type(model, 0) != FX_TYPE_FLOAT ||
		shape->rank != 4 || shape->dim[1] != 3)
		ereport(ERROR,
				(errcode(ERRCODE_NX_UNSUPPORTED_MODEL),
				 errmsg("cannot use model \"%s\"", name),
				 errdetail("A face model has one float input of shape [1, 3, height, width]."),
				 errhint("Export the model with the picture as its only input.")));
	shape->dim[0] = 1;
}

/* The size of a recogniser's template, from its planned output. */
static int
template_dimension(fx_model *model, const char *name, fx_shape input)
{
	fx_error	err = {0};
	fx_shape	output;
	fx_type		type;
	int64		count = 1;

	for (int i = 2; i < 4; i++)
		if (input.dim[i] < 0)
			input.dim[i] = FX_CROP;
	nx_check(fx_model_plan(model, &input, &err), &err, NX_SUBJECT_MODEL, name);
	fx_model_output(model, 0, &output, &type);
	for (int i = 0; i < output.rank; i++)
		count *= output.dim[i];
	if (input.dim[2] != FX_CROP || input.dim[3] != FX_CROP ||
		fx_model_output_count(model) != 1 || type != FX_TYPE_FLOAT ||
		count < 1 || count > 16000)
		ereport(ERROR,
				(errcode(ERRCODE_NX_UNSUPPORTED_MODEL),
				 errmsg("cannot use model \"%s\" as a recogniser", name),
				 errdetail("A recogniser takes a %dx%d face and has one float output of at most 16000 numbers.",
						   FX_CROP, FX_CROP),
				 errhint("Load detectors with kind 'detector'.")));
	return (int) count;
}

/* A detector is planned, so that only one that can run is registered and its work is known. */
static void
plan_detector(fx_model *model, const char *name, fx_shape input)
{
	fx_error	err = {0};

	for (int i = 2; i < 4; i++)
		if (input.dim[i] < 0)
			input.dim[i] = NX_USUAL_SIDE;
	nx_check(fx_model_plan(model, &input, &err), &err, NX_SUBJECT_MODEL, name);
}

/*
 * facesnxt.inspect_model(name text, kind text, onnx bytea) -> what a model file says of itself.
 * Parses and plans it, so that only a model that works is ever registered.
 */
Datum
facesnxt_inspect_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bytea	   *onnx = PG_GETARG_BYTEA_PP(2);
	fx_env		env = nx_env(CurrentMemoryContext);
	fx_model_limits limits = model_limits();
	fx_error	err = {0};
	fx_model   *model;
	fx_shape	input;
	fx_head		head = FX_HEAD_NONE;
	static const char *const heads[] = {NULL, "yunet", "scrfd", "ultraface"};
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {false};
	Datum	   *outputs;
	int			noutputs;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nx_check(fx_model_load(&env, (const uint8_t *) VARDATA_ANY(onnx), VARSIZE_ANY_EXHDR(onnx),
						   &limits, &model, &err),
			 &err, NX_SUBJECT_MODEL, name);
	check_input(model, name, &input);

	values[0] = Int32GetDatum(input.dim[3] > 0 ? (int32) input.dim[3] : 0);
	values[1] = Int32GetDatum(input.dim[2] > 0 ? (int32) input.dim[2] : 0);
	if (strcmp(kind, "recogniser") == 0)
	{
		values[3] = Int32GetDatum(template_dimension(model, name, input));
		nulls[2] = true;
	}
	else
	{
		nx_check(fx_head_recognise(model, &head, &err), &err, NX_SUBJECT_MODEL, name);
		plan_detector(model, name, input);
		/* once more, now that the shapes of its outputs are known */
		nx_check(fx_head_recognise(model, &head, &err), &err, NX_SUBJECT_MODEL, name);
		values[2] = CStringGetTextDatum(heads[head]);
		nulls[3] = true;
	}
	noutputs = fx_model_output_count(model);
	outputs = palloc(noutputs * sizeof(Datum));
	for (int i = 0; i < noutputs; i++)
		outputs[i] = CStringGetTextDatum(fx_model_output_name(model, i));
	values[4] = PointerGetDatum(construct_array(outputs, noutputs, TEXTOID, -1, false, TYPALIGN_INT));
	values[5] = Int64GetDatum((int64) fx_model_memory(model));
	values[6] = Int64GetDatum((int64) fx_model_operations(model));
	fx_model_free(model);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---- reading the registry */

/* A column of the only row that SPI holds; an ERROR when it is null. */
static Datum
column(int number)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, &isnull);

	if (isnull)
		elog(ERROR, "column %d of a registered model is null", number);
	return datum;
}

/* Runs one query on the registry; its row stays in SPI_tuptable. */
static void
query_registry(const char *query, NxKind kind, const char *name)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2];
	char		nulls[2] = {' ', ' '};

	values[0] = CStringGetTextDatum(kind == NX_DETECTOR ? "detector" : "recogniser");
	if (name != NULL)
		values[1] = CStringGetTextDatum(name);
	else
		nulls[1] = 'n';
	if (SPI_execute_with_args(query, 2, types, values, nulls, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "cannot read the model registry");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NX_UNKNOWN_MODEL),
				 name != NULL ?
				 errmsg("%s \"%s\" is not registered", kind == NX_DETECTOR ? "detector" : "recogniser", name) :
				 errmsg("no %s is in use", kind == NX_DETECTOR ? "detector" : "recogniser"),
				 errdetail("The registry is the table facesnxt.model."),
				 errhint("Load one with facesnxt.load_model().")));
}

/* Parses the registered bytes of *wanted into a cache slot. */
static NxModel *
load(const NxModel *wanted, const NxModel *keep)
{
	int			slot;
	MemoryContext context;
	NxModel    *model;
	fx_env	   *env;
	fx_model_limits limits = model_limits();
	fx_error	err = {0};
	fx_code		code;
	bytea	   *onnx;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "facesnxt models", ALLOCSET_SMALL_SIZES);
	query_registry("SELECT onnx FROM facesnxt.model WHERE kind = $1 AND name = $2",
				   wanted->kind, wanted->name);
	onnx = DatumGetByteaPP(column(1));

	slot = free_slot(keep);
	context = AllocSetContextCreate(cache_context, "facesnxt model", ALLOCSET_DEFAULT_SIZES);
	model = MemoryContextAlloc(context, sizeof(NxModel));
	*model = *wanted;
	model->context = context;
	env = MemoryContextAlloc(context, sizeof(fx_env));
	*env = nx_env(context);
	code = fx_model_load(env, (const uint8_t *) VARDATA_ANY(onnx), VARSIZE_ANY_EXHDR(onnx),
						 &limits, &model->network.model, &err);
	if (code != FX_OK)
		MemoryContextDelete(context);
	nx_check(code, &err, NX_SUBJECT_MODEL, wanted->name);
	cache[slot] = model;
	return model;
}

NxModel *
nx_model_get(NxKind kind, const char *name, const NxModel *keep)
{
	NxModel		wanted = {0};
	NxModel    *found = NULL;
	ArrayType  *mean;
	char	   *order;
	char	   *head;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	query_registry("SELECT name, ('x' || fingerprint)::pg_catalog.bit(32)::pg_catalog.int4, sha256, channel_order,"
				   " mean, scale, input_width, input_height, coalesce(head, ''), coalesce(dimension, 0)"
				   " FROM facesnxt.model"
				   " WHERE kind = $1 AND CASE WHEN $2 IS NULL THEN in_use ELSE name = $2 END",
				   kind, name);
	wanted.kind = kind;
	strlcpy(wanted.name, TextDatumGetCString(column(1)), NAMEDATALEN);
	wanted.fingerprint = (uint32) DatumGetInt32(column(2));
	memcpy(wanted.sha256, VARDATA_ANY(DatumGetByteaPP(column(3))), sizeof(wanted.sha256));
	order = TextDatumGetCString(column(4));
	wanted.network.order = strcmp(order, "BGR") == 0 ? FX_BGR : FX_RGB;
	mean = DatumGetArrayTypeP(column(5));
	memcpy(wanted.network.mean, ARR_DATA_PTR(mean), sizeof(wanted.network.mean));
	wanted.network.scale = DatumGetFloat4(column(6));
	wanted.network.width = DatumGetInt32(column(7));
	wanted.network.height = DatumGetInt32(column(8));
	head = TextDatumGetCString(column(9));
	wanted.network.head = strcmp(head, "yunet") == 0 ? FX_HEAD_YUNET :
		strcmp(head, "scrfd") == 0 ? FX_HEAD_SCRFD :
		strcmp(head, "ultraface") == 0 ? FX_HEAD_ULTRAFACE : FX_HEAD_NONE;
	wanted.dimension = DatumGetInt32(column(10));

	for (int i = 0; i < NX_CACHED_MODELS && found == NULL; i++)
		if (cache[i] != NULL && cache[i]->kind == kind && cache[i]->fingerprint == wanted.fingerprint &&
			memcmp(cache[i]->sha256, wanted.sha256, sizeof(wanted.sha256)) == 0)
			found = cache[i];
	if (found == NULL)
		found = load(&wanted, keep);
	found->last_used = ++cache_clock;
	SPI_finish();
	return found;
}

/*
 * embedding_avg.c - the aggregate avg(embedding): template fusion.
 *
 * The mean of a person's templates, element by element, summed in double.  It
 * is not normalized: facesnxt.normalize() does that where it is wanted.  All
 * templates must have one dimension and one model.
 */
#include "type/embedding.h"

#include <math.h>

#include "libpq/pqformat.h"

typedef struct AvgState
{
	int64		count;
	int			dim;
	bool		any_float;		/* else every input was half, and so is the result */
	uint32		model;
	double		sum[FLEXIBLE_ARRAY_MEMBER];
} AvgState;

/* count, dim, any_float, model */
#define SERIAL_HEAD (8 + 2 + 1 + 4)

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "function of avg(embedding) called outside of an aggregate");
	return context;
}

static AvgState *
create_state(MemoryContext context, int dim, uint32 model)
{
	AvgState   *state = MemoryContextAllocZero(context, offsetof(AvgState, sum) + (Size) dim * sizeof(double));

	state->dim = dim;
	state->model = model;
	return state;
}

PG_FUNCTION_INFO_V1(embedding_avg_accum);
Datum
embedding_avg_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	AvgState   *state = PG_ARGISNULL(0) ? NULL : (AvgState *) PG_GETARG_POINTER(0);
	Embedding  *embedding;
	float		buffer[EMBEDDING_CHUNK];

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	embedding = PG_GETARG_EMBEDDING_P(1);
	if (state == NULL)
		state = create_state(context, embedding->dim, embedding->model);
	if (state->dim != embedding->dim || state->model != embedding->model)
		embedding_mismatch(state->dim, state->model, embedding->dim, embedding->model);
	EMBEDDING_FOREACH_CHUNK(state->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
			state->sum[from + i] += floats[i];
	}
	state->count++;
	state->any_float |= embedding->precision == FX_FLOAT32;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(embedding_avg_combine);
Datum
embedding_avg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	AvgState   *into = PG_ARGISNULL(0) ? NULL : (AvgState *) PG_GETARG_POINTER(0);
	AvgState   *from = PG_ARGISNULL(1) ? NULL : (AvgState *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = create_state(context, from->dim, from->model);
	if (into->dim != from->dim || into->model != from->model)
		embedding_mismatch(into->dim, into->model, from->dim, from->model);
	for (int i = 0; i < into->dim; i++)
		into->sum[i] += from->sum[i];
	into->count += from->count;
	into->any_float |= from->any_float;
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(embedding_avg_serialize);
Datum
embedding_avg_serialize(PG_FUNCTION_ARGS)
{
	AvgState   *state = (AvgState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	(void) aggregate_context(fcinfo);
	pq_begintypsend(&message);
	pq_sendint64(&message, (uint64) state->count);
	pq_sendint16(&message, (uint16) state->dim);
	pq_sendint8(&message, state->any_float);
	pq_sendint32(&message, state->model);
	for (int i = 0; i < state->dim; i++)
		pq_sendfloat8(&message, state->sum[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * Reads what a worker of the same query sent.  An argument of type internal
 * keeps SQL from calling this with bytes of its own; the sizes are checked
 * all the same.
 */
PG_FUNCTION_INFO_V1(embedding_avg_deserialize);
Datum
embedding_avg_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Size		length = VARSIZE_ANY_EXHDR(bytes);
	StringInfoData message;
	AvgState   *state;
	int64		count;
	int			dim;
	bool		any_float;
	uint32		model;

	(void) aggregate_context(fcinfo);
	if (length < SERIAL_HEAD)
		elog(ERROR, "state of avg(embedding) is cut short");
	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(bytes), (int) length);
	count = pq_getmsgint64(&message);
	dim = (int) pq_getmsgint(&message, 2);
	any_float = pq_getmsgbyte(&message) != 0;
	model = pq_getmsgint(&message, 4);
	if (count < 1 || dim < 1 || dim > FX_TEMPLATE_MAX_DIM || length != SERIAL_HEAD + (Size) dim * 8)
		elog(ERROR, "state of avg(embedding) has the wrong size");
	state = create_state(CurrentMemoryContext, dim, model);
	state->count = count;
	state->any_float = any_float;
	for (int i = 0; i < dim; i++)
		state->sum[i] = pq_getmsgfloat8(&message);
	pq_getmsgend(&message);
	pfree(message.data);
	PG_RETURN_POINTER(state);
}

/* A mean of finite elements is finite in the precision of the elements. */
PG_FUNCTION_INFO_V1(embedding_avg_final);
Datum
embedding_avg_final(PG_FUNCTION_ARGS)
{
	AvgState   *state = PG_ARGISNULL(0) ? NULL : (AvgState *) PG_GETARG_POINTER(0);
	Embedding  *mean;
	float		buffer[EMBEDDING_CHUNK];

	(void) aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	mean = embedding_create(state->dim, state->any_float ? FX_FLOAT32 : FX_FLOAT16, state->model);
	EMBEDDING_FOREACH_CHUNK(state->dim, from, n)
	{
		for (int i = 0; i < n; i++)
			buffer[i] = (float) (state->sum[from + i] / (double) state->count);
		embedding_store(mean, from, buffer, n);
	}
	PG_RETURN_EMBEDDING_P(mean);
}

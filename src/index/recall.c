/*
 * recall.c - what facesnxt.index_recall() needs: probes of known similarity.
 */
#include "index/index.h"

#include <math.h>

#include "fmgr.h"

float
fs_any_normal(pg_prng_state *random)
{
	double		u = 1 - pg_prng_double(random);

	return (float) (sqrt(-2 * log(u)) * cos(2 * M_PI * pg_prng_double(random)));
}

/*
 * facesnxt.disturb(template embedding, similarity double precision, seed bigint) RETURNS embedding: another
 * template of the same length, model and precision, whose cosine similarity to the first is the given one (half
 * precision: to three digits), in a direction that follows from the seed.
 */
PG_FUNCTION_INFO_V1(facesnxt_disturb);
Datum
facesnxt_disturb(PG_FUNCTION_ARGS)
{
	const Embedding *from = PG_GETARG_EMBEDDING_P(0);
	double		similarity = PG_GETARG_FLOAT8(1);
	Embedding  *to = embedding_create(from->dim, from->precision, from->model);
	float	   *x = palloc(sizeof(float) * from->dim);
	float	   *y = palloc(sizeof(float) * from->dim);
	double		square = 0;
	double		dot = 0;
	double		away = 0;
	pg_prng_state random;

	if (!(similarity >= -1 && similarity <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("similarity must be between -1 and 1")));
	pg_prng_seed(&random, (uint64) PG_GETARG_INT64(2));
	EMBEDDING_FOREACH_CHUNK(from->dim, at, n)
		memmove(x + at, embedding_floats(from, at, n, x + at), sizeof(float) * n);
	for (int i = 0; i < from->dim; i++)
	{
		y[i] = fs_any_normal(&random);
		square += (double) x[i] * x[i];
		dot += (double) x[i] * y[i];
	}
	/* the part of y that is at right angles to x, as long as x */
	for (int i = 0; i < from->dim; i++)
	{
		y[i] = (float) (square > 0 ? y[i] - dot / square * x[i] : 0);
		away += (double) y[i] * y[i];
	}
	away = away > 0 ? sqrt(square / away * (1 - similarity * similarity)) : 0;
	for (int i = 0; i < from->dim; i++)
		x[i] = (float) (similarity * x[i] + away * y[i]);
	embedding_store(to, 0, x, to->dim);
	PG_RETURN_EMBEDDING_P(to);
}

/*
 * recall.c - what facesnxt.index_recall() needs: probes of known similarity.
 */
#include "index/index.h"

#include <math.h>

#include "fmgr.h"

static void
check_similarity(double similarity)
{
	if (!(similarity >= -1 && similarity <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("similarity must be between -1 and 1")));
}

float
fs_any_normal(pg_prng_state *random)
{
	double		u = 1 - pg_prng_double(random);

	return (float) (sqrt(-2 * log(u)) * cos(2 * M_PI * pg_prng_double(random)));
}

double
fs_some_similarity(double typical, pg_prng_state *random)
{
	double		similarity = typical + fs_mate_scatter(typical) * fs_any_normal(random);

	return Max(Min(similarity, 1), -1);
}

/*
 * facesnxt.some_similarity(typical double precision, seed bigint) RETURNS double precision: how similar some mate is,
 * which one follows from the seed, if mates typically are as similar as that.
 */
PG_FUNCTION_INFO_V1(facesnxt_some_similarity);
Datum
facesnxt_some_similarity(PG_FUNCTION_ARGS)
{
	double		typical = PG_GETARG_FLOAT8(0);
	pg_prng_state random;

	check_similarity(typical);
	/* not what disturb() takes for the same seed */
	pg_prng_seed(&random, ~(uint64) PG_GETARG_INT64(1));
	PG_RETURN_FLOAT8(fs_some_similarity(typical, &random));
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

	check_similarity(similarity);
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

/*
 * embedding_distance.c - distances, norm and normalization.
 *
 * The kernels sum in float32, which is exact enough for templates (their
 * bound is in kernel/kernel.h) but has a short range: squares of elements
 * beyond 1e19 overflow, those below 1e-19 vanish.  A sum outside the range in
 * which float32 is trustworthy is therefore made again in double, where no
 * sum over float32 elements can overflow or vanish.
 */
#include "type/embedding.h"

#include <float.h>
#include <math.h>

/*
 * Each term of a sum is rounded by at most half of the smallest denormal,
 * 7e-46, when it underflows: at 16,000 terms that is 1e-11 of this.
 */
#define SMALLEST_SUM 1e-30f

/* False for NaN, too. */
static inline bool
trustworthy(float sum)
{
	return fabsf(sum) >= SMALLEST_SUM && fabsf(sum) <= FLT_MAX;
}

/* Sums over a pair in double. */
typedef struct sums
{
	double		ab;
	double		aa;
	double		bb;
	double		l2;				/* sum (a[i]-b[i])^2 */
} sums;

static pg_noinline void
sum_double(const Embedding *a, const Embedding *b, sums *sums)
{
	float		buffer_a[EMBEDDING_CHUNK];
	float		buffer_b[EMBEDDING_CHUNK];

	memset(sums, 0, sizeof(*sums));
	EMBEDDING_FOREACH_CHUNK(a->dim, from, n)
	{
		const float *fa = embedding_floats(a, from, n, buffer_a);
		const float *fb = embedding_floats(b, from, n, buffer_b);

		for (int i = 0; i < n; i++)
		{
			double		x = fa[i];
			double		y = fb[i];

			sums->ab += x * y;
			sums->aa += x * x;
			sums->bb += y * y;
			sums->l2 += (x - y) * (x - y);
		}
	}
}

double
embedding_inner_product(const Embedding *a, const Embedding *b)
{
	float		sum;
	sums		retry;

	embedding_check_pair(a, b);
	sum = fx_kernels_active()->inner[a->precision][b->precision] (a->elements, b->elements, a->dim);
	if (likely(trustworthy(sum)))
		return sum;
	sum_double(a, b, &retry);
	return retry.ab;
}

double
embedding_l2_distance(const Embedding *a, const Embedding *b)
{
	float		sum;
	sums		retry;

	embedding_check_pair(a, b);
	sum = fx_kernels_active()->l2_squared[a->precision][b->precision] (a->elements, b->elements, a->dim);
	if (likely(trustworthy(sum)))
		return sqrt((double) sum);
	sum_double(a, b, &retry);
	return sqrt(retry.l2);
}

double
embedding_cosine_similarity(const Embedding *a, const Embedding *b)
{
	fx_cosine_sums sum;
	double		similarity;

	embedding_check_pair(a, b);
	fx_kernels_active()->cosine[a->precision][b->precision] (a->elements, b->elements, a->dim, &sum);
	if (likely(trustworthy(sum.aa) && trustworthy(sum.bb) && fabsf(sum.ab) <= FLT_MAX))
		similarity = sum.ab / sqrt((double) sum.aa * (double) sum.bb);
	else
	{
		sums		retry;

		sum_double(a, b, &retry);

		/* A zero vector points nowhere: it is as unlike everything as a right angle. */
		if (retry.aa == 0 || retry.bb == 0)
			return 0;
		similarity = retry.ab / (sqrt(retry.aa) * sqrt(retry.bb));
	}
	return Max(-1.0, Min(1.0, similarity));
}

static double
norm(const Embedding *embedding)
{
	double		sum = 0;
	float		buffer[EMBEDDING_CHUNK];

	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
			sum += (double) floats[i] * (double) floats[i];
	}
	return sqrt(sum);
}

PG_FUNCTION_INFO_V1(embedding_sql_cosine_distance);
Datum
embedding_sql_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(embedding_cosine_distance(PG_GETARG_EMBEDDING_P(0), PG_GETARG_EMBEDDING_P(1)));
}

PG_FUNCTION_INFO_V1(embedding_sql_cosine_similarity);
Datum
embedding_sql_cosine_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(embedding_cosine_similarity(PG_GETARG_EMBEDDING_P(0), PG_GETARG_EMBEDDING_P(1)));
}

PG_FUNCTION_INFO_V1(embedding_sql_l2_distance);
Datum
embedding_sql_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(embedding_l2_distance(PG_GETARG_EMBEDDING_P(0), PG_GETARG_EMBEDDING_P(1)));
}

PG_FUNCTION_INFO_V1(embedding_sql_inner_product);
Datum
embedding_sql_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(embedding_inner_product(PG_GETARG_EMBEDDING_P(0), PG_GETARG_EMBEDDING_P(1)));
}

PG_FUNCTION_INFO_V1(embedding_sql_negative_inner_product);
Datum
embedding_sql_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-embedding_inner_product(PG_GETARG_EMBEDDING_P(0), PG_GETARG_EMBEDDING_P(1)));
}

PG_FUNCTION_INFO_V1(embedding_norm);
Datum
embedding_norm(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(norm(PG_GETARG_EMBEDDING_P(0)));
}

/* Precision and model stay; a zero vector stays as it is. */
PG_FUNCTION_INFO_V1(embedding_normalize);
Datum
embedding_normalize(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	double		length = norm(embedding);
	Embedding  *unit;
	float		buffer[EMBEDDING_CHUNK];
	float		scaled[EMBEDDING_CHUNK];

	if (length == 0)
		PG_RETURN_EMBEDDING_P(embedding);
	unit = embedding_create(embedding->dim, (fx_precision) embedding->precision, embedding->model);
	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
			scaled[i] = (float) (floats[i] / length);
		embedding_store(unit, from, scaled, n);
	}
	PG_RETURN_EMBEDDING_P(unit);
}

/*
 * faces.c - which templates show the same face, and which are like others.
 *
 * A comparison of all with all by SQL takes minutes for ten thousand
 * templates.  Here blocks of them are multiplied as matrices, and what comes
 * near the threshold is computed by the operator's own function, so that the
 * answer is the one that a comparison of each pair would give.
 */
#include "trace/faces.h"

#include <math.h>

#include "base/blas.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "index/index.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static void *
allocate(size_t count, size_t size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(count * size, 1));
}

void
fx_faces_read(ArrayType *array, fx_faces *faces)
{
	Datum	   *values;
	bool	   *nulls;
	int16		length;
	bool		by_value;
	char		align;
	fx_error	err;

	fs_check_code(fx_blas_load(&err), &err);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &values, &nulls, &faces->count);
	faces->first = NULL;
	faces->templates = palloc0(sizeof(Embedding *) * Max(faces->count, 1));
	for (int i = 0; i < faces->count; i++)
		if (!nulls[i])
		{
			faces->templates[i] = embedding_of_datum(values[i]);
			if (faces->first == NULL)
				faces->first = faces->templates[i];
			embedding_check_pair(faces->first, faces->templates[i]);
		}
	faces->dim = faces->first == NULL ? 0 : faces->first->dim;
	faces->rows = allocate((size_t) faces->count * faces->dim, sizeof(float));
	for (int i = 0; i < faces->count; i++)
	{
		float	   *row = faces->rows + (size_t) i * faces->dim;
		double		square = 0;

		memset(row, 0, sizeof(float) * faces->dim);
		if (faces->templates[i] == NULL)
			continue;
		EMBEDDING_FOREACH_CHUNK(faces->dim, at, n)
			memmove(row + at, embedding_floats(faces->templates[i], at, n, row + at), sizeof(float) * n);
		for (int k = 0; k < faces->dim; k++)
			square += (double) row[k] * row[k];
		for (int k = 0; k < faces->dim; k++)
			row[k] = square > 0 ? (float) (row[k] / sqrt(square)) : 0;
	}
	pfree(values);
	pfree(nulls);
}

void
fx_faces_multiply(const float *a, int na, const float *b, int nb, int dim, float *products)
{
	CHECK_FOR_INTERRUPTS();
	fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, na, nb, dim, 1, a, dim, b, dim, 0, products, nb);
}

static double
threshold_argument(FunctionCallInfo fcinfo, int number)
{
	double		threshold = PG_GETARG_FLOAT8(number);

	/* at 0 and below templates without a face would be like all */
	if (!(threshold > 0 && threshold <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must be above 0 and at most 1")));
	return threshold;
}

static bool
alike(const Embedding *a, const Embedding *b, float product, double threshold)
{
	return product >= threshold - FX_FACES_SLACK && a != NULL && b != NULL &&
		embedding_cosine_similarity(a, b) >= threshold;
}

/*
 * facesnxt.same_faces(templates embedding[], threshold double precision)
 * RETURNS integer[]: for each template the place of the first one that shows
 * its face.  In the order given, a template that is as similar as the
 * threshold to one that stands for a face belongs to the first such; else it
 * stands for a face of its own.  NULL for NULL.
 *
 * Unit vectors of those that stand for a face are moved to the front of the
 * matrix, over rows that are no longer needed.
 */
PG_FUNCTION_INFO_V1(facesnxt_same_faces);
Datum
facesnxt_same_faces(PG_FUNCTION_ARGS)
{
	double		threshold = threshold_argument(fcinfo, 1);
	fx_faces	faces;
	int		   *leaders;		/* places of those that stand for a face */
	int			nleaders = 0;
	int		   *face;
	float	   *block;
	float	   *products;
	Datum	   *values;
	bool	   *nulls;
	int			size;

	fx_faces_read(PG_GETARG_ARRAYTYPE_P(0), &faces);
	size = faces.count;
	leaders = palloc(sizeof(int) * Max(size, 1));
	face = palloc(sizeof(int) * Max(size, 1));
	block = palloc(sizeof(float) * FX_FACES_BLOCK * Max(faces.dim, 1));
	products = palloc(sizeof(float) * FX_FACES_BLOCK * FX_FACES_BLOCK);
	for (int first = 0; first < size && faces.dim > 0; first += FX_FACES_BLOCK)
	{
		int			n = Min(FX_FACES_BLOCK, size - first);
		int			before = nleaders;

		memcpy(block, faces.rows + (size_t) first * faces.dim, sizeof(float) * n * faces.dim);
		for (int i = 0; i < n; i++)
			face[first + i] = -1;
		for (int at = 0; at < before; at += FX_FACES_BLOCK)
		{
			int			m = Min(FX_FACES_BLOCK, before - at);

			fx_faces_multiply(block, n, faces.rows + (size_t) at * faces.dim, m, faces.dim, products);
			for (int i = 0; i < n; i++)
				for (int j = 0; j < m && face[first + i] < 0; j++)
					if (unlikely(products[i * m + j] >= threshold - FX_FACES_SLACK) &&
						alike(faces.templates[first + i], faces.templates[leaders[at + j]], products[i * m + j],
							  threshold))
						face[first + i] = leaders[at + j];
		}
		fx_faces_multiply(block, n, block, n, faces.dim, products);
		for (int i = 0; i < n; i++)
		{
			for (int j = before; j < nleaders && face[first + i] < 0; j++)
				if (alike(faces.templates[first + i], faces.templates[leaders[j]],
						  products[i * n + leaders[j] - first], threshold))
					face[first + i] = leaders[j];
			if (face[first + i] < 0 && faces.templates[first + i] != NULL)
			{
				memcpy(faces.rows + (size_t) nleaders * faces.dim, block + (size_t) i * faces.dim,
					   sizeof(float) * faces.dim);
				leaders[nleaders++] = face[first + i] = first + i;
			}
		}
	}
	values = palloc(sizeof(Datum) * Max(size, 1));
	nulls = palloc(sizeof(bool) * Max(size, 1));
	for (int i = 0; i < size; i++)
	{
		nulls[i] = faces.templates[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : Int32GetDatum(face[i] + 1);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, size > 0 ? 1 : 0, &size, (int[]) {1}, INT4OID, 4, true,
											 TYPALIGN_INT));
}

/*
 * facesnxt.like_faces(a embedding[], b embedding[], threshold double precision)
 * RETURNS TABLE (a integer, b integer, similarity double precision): pairs of
 * one of each that are at least as similar.
 */
PG_FUNCTION_INFO_V1(facesnxt_like_faces);
Datum
facesnxt_like_faces(PG_FUNCTION_ARGS)
{
	double		threshold = threshold_argument(fcinfo, 2);
	/* a float, so that products are not widened to be held against it */
	float		least = (float) threshold - 2 * FX_FACES_SLACK;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	float	   *products = palloc(sizeof(float) * FX_FACES_BLOCK * FX_FACES_BLOCK);
	fx_faces	a;
	fx_faces	b;

	InitMaterializedSRF(fcinfo, 0);
	fx_faces_read(PG_GETARG_ARRAYTYPE_P(0), &a);
	fx_faces_read(PG_GETARG_ARRAYTYPE_P(1), &b);
	if (a.dim == 0 || b.dim == 0)
		PG_RETURN_NULL();
	embedding_check_pair(a.first, b.first);
	for (int i = 0; i < a.count; i += FX_FACES_BLOCK)
		for (int j = 0; j < b.count; j += FX_FACES_BLOCK)
		{
			int			n = Min(FX_FACES_BLOCK, a.count - i);
			int			m = Min(FX_FACES_BLOCK, b.count - j);

			fx_faces_multiply(a.rows + (size_t) i * a.dim, n, b.rows + (size_t) j * b.dim, m, a.dim, products);
			for (int x = 0; x < n; x++)
				for (int y = 0; y < m; y++)
					if (unlikely(products[x * m + y] >= least) &&
						alike(a.templates[i + x], b.templates[j + y], products[x * m + y], threshold))
					{
						Datum		values[3] = {Int32GetDatum(i + x + 1), Int32GetDatum(j + y + 1),
						Float8GetDatum(embedding_cosine_similarity(a.templates[i + x], b.templates[j + y]))};
						bool		nulls[3] = {false, false, false};

						tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
					}
		}
	PG_RETURN_NULL();
}

/*
 * facesnxt.score_counts(templates embedding[], persons integer[], bins integer)
 * RETURNS bigint[]: of all pairs of different persons, how many are at least
 * as similar as the lower edge of each of so many equal parts of -1 .. 1.
 */
PG_FUNCTION_INFO_V1(facesnxt_score_counts);
Datum
facesnxt_score_counts(PG_FUNCTION_ARGS)
{
	int			bins = PG_GETARG_INT32(2);
	float	   *products = palloc(sizeof(float) * FX_FACES_BLOCK * FX_FACES_BLOCK);
	ArrayType  *person_array = PG_GETARG_ARRAYTYPE_P(1);
	fx_faces	faces;
	const int32 *persons;
	int64	   *counts;
	Datum	   *values;

	fx_faces_read(PG_GETARG_ARRAYTYPE_P(0), &faces);
	if (bins < 2 || bins > 65536 || ARR_HASNULL(person_array) || ARR_NDIM(person_array) > 1 ||
		ArrayGetNItems(ARR_NDIM(person_array), ARR_DIMS(person_array)) != faces.count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("each template needs a person, and there are 2 to 65536 bins")));
	persons = (const int32 *) ARR_DATA_PTR(person_array);
	counts = palloc0(sizeof(int64) * bins);
	for (int i = 0; i < faces.count && faces.dim > 0; i += FX_FACES_BLOCK)
		for (int j = i; j < faces.count; j += FX_FACES_BLOCK)
		{
			int			n = Min(FX_FACES_BLOCK, faces.count - i);
			int			m = Min(FX_FACES_BLOCK, faces.count - j);

			fx_faces_multiply(faces.rows + (size_t) i * faces.dim, n, faces.rows + (size_t) j * faces.dim, m, faces.dim,
							  products);
			for (int x = i; x < i + n; x++)
				for (int y = Max(j, x + 1); y < j + m; y++)
					if (persons[x] != persons[y] && faces.templates[x] != NULL && faces.templates[y] != NULL)
					{
						int			bin = (int) ((products[(x - i) * m + y - j] + 1) / 2 * bins);

						counts[Max(0, Min(bin, bins - 1))]++;
					}
		}
	values = palloc(sizeof(Datum) * bins);
	for (int i = bins - 2; i >= 0; i--)
		counts[i] += counts[i + 1];
	for (int i = 0; i < bins; i++)
		values[i] = Int64GetDatum(counts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, bins, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

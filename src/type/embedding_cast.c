/*
 * embedding_cast.c - casts between facesnxt.embedding, arrays and bytea.
 *
 * Every number goes through float32: a double is rounded to float32 first,
 * and then, where the type modifier says half, to half.
 */
#include "type/embedding.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

/* embedding(embedding, integer, boolean): the length coercion. */
PG_FUNCTION_INFO_V1(embedding_to_embedding);
Datum
embedding_to_embedding(PG_FUNCTION_ARGS)
{
	PG_RETURN_EMBEDDING_P(embedding_fit(PG_GETARG_EMBEDDING_P(0), PG_GETARG_INT32(1)));
}

/* 2202E, 22004, 22000 or 54000 unless the array is a plain list of 1 to 16,000 numbers. */
static int
check_array(ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array of a template must have one dimension"),
				 errdetail("It has %d dimensions.", ARR_NDIM(array)),
				 errhint("Cast each row by itself.")));
	if (ARR_NDIM(array) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array of a template is empty"),
				 errdetail("A template has at least one element."),
				 errhint("Use NULL where there is no template.")));
	if (ARR_DIMS(array)[0] > FX_TEMPLATE_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template is too long"),
				 errdetail("The array has %d elements; a template has at most %d.",
						   ARR_DIMS(array)[0], FX_TEMPLATE_MAX_DIM),
				 errhint("A template is the output of one recogniser for one face.")));
	if (array_contains_nulls(array))
	{
		const bits8 *bitmap = ARR_NULLBITMAP(array);
		int			i = 0;

		while (bitmap[i / 8] & (1 << (i % 8)))
			i++;
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array of a template contains NULL"),
				 errdetail("Element %d is NULL.", i + 1),
				 errhint("A template has a number for each element.")));
	}
	return ARR_DIMS(array)[0];
}

static void
check_element(double element, int index)
{
	if (isnan(element) || isinf(element))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("element of template is not finite"),
				 errdetail("Element %d is NaN or infinite.", index + 1),
				 errhint("Check the program that made the template.")));
}

PG_FUNCTION_INFO_V1(embedding_of_real_array);
Datum
embedding_of_real_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = check_array(array);
	const float *from = (const float *) ARR_DATA_PTR(array);
	Embedding  *embedding = embedding_create(dim, FX_FLOAT32, 0);

	for (int i = 0; i < dim; i++)
		check_element(from[i], i);
	embedding_store(embedding, 0, from, dim);
	PG_RETURN_EMBEDDING_P(embedding_fit(embedding, PG_GETARG_INT32(1)));
}

PG_FUNCTION_INFO_V1(embedding_of_double_array);
Datum
embedding_of_double_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = check_array(array);
	const double *from = (const double *) ARR_DATA_PTR(array);
	Embedding  *embedding = embedding_create(dim, FX_FLOAT32, 0);
	float	   *to = (float *) embedding->elements;

	for (int i = 0; i < dim; i++)
	{
		check_element(from[i], i);
		to[i] = (float) from[i];
		if (isinf(to[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("element of template is out of range"),
					 errdetail("Element %d is beyond the range of float32.", i + 1),
					 errhint("Elements are float32 numbers, at most 3.4028235e38 in magnitude.")));
	}
	PG_RETURN_EMBEDDING_P(embedding_fit(embedding, PG_GETARG_INT32(1)));
}

/* bytea of little-endian float32, nothing before and nothing behind. */
PG_FUNCTION_INFO_V1(embedding_of_bytea);
Datum
embedding_of_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const uint8_t *from = (const uint8_t *) VARDATA_ANY(bytes);
	Size		length = VARSIZE_ANY_EXHDR(bytes);
	Embedding  *embedding;
	float	   *to;

	if (length == 0 || length % sizeof(float) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid length of a template in bytea"),
				 errdetail("There are %zu bytes; each element takes %zu.", length, sizeof(float)),
				 errhint("Give little-endian float32 numbers and nothing else.")));
	if (length / sizeof(float) > FX_TEMPLATE_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template is too long"),
				 errdetail("There are %zu elements; a template has at most %d.",
						   length / sizeof(float), FX_TEMPLATE_MAX_DIM),
				 errhint("A template is the output of one recogniser for one face.")));
	embedding = embedding_create((int) (length / sizeof(float)), FX_FLOAT32, 0);
	to = (float *) embedding->elements;
	for (int i = 0; i < embedding->dim; i++, from += sizeof(float))
	{
		uint32_t	bits = (uint32_t) from[3] << 24 | (uint32_t) from[2] << 16 | (uint32_t) from[1] << 8 | from[0];

		memcpy(&to[i], &bits, sizeof(bits));
		check_element(to[i], i);
	}
	PG_RETURN_EMBEDDING_P(embedding_fit(embedding, PG_GETARG_INT32(1)));
}

/* A one-dimensional array without NULLs of dim elements; the data are left to the caller. */
static ArrayType *
create_array(int dim, Oid type, Size element)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + (Size) dim * element;
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = dim;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

PG_FUNCTION_INFO_V1(embedding_to_real_array);
Datum
embedding_to_real_array(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	ArrayType  *array = create_array(embedding->dim, FLOAT4OID, sizeof(float));
	float	   *to = (float *) ARR_DATA_PTR(array);
	float		buffer[EMBEDDING_CHUNK];

	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
		memcpy(to + from, embedding_floats(embedding, from, n, buffer), (Size) n * sizeof(float));
	PG_RETURN_ARRAYTYPE_P(array);
}

PG_FUNCTION_INFO_V1(embedding_to_double_array);
Datum
embedding_to_double_array(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	ArrayType  *array = create_array(embedding->dim, FLOAT8OID, sizeof(double));
	double	   *to = (double *) ARR_DATA_PTR(array);
	float		buffer[EMBEDDING_CHUNK];

	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
			to[from + i] = floats[i];
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

PG_FUNCTION_INFO_V1(embedding_to_bytea);
Datum
embedding_to_bytea(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	Size		size = VARHDRSZ + (Size) embedding->dim * sizeof(float);
	bytea	   *bytes = palloc(size);
	uint8_t    *to = (uint8_t *) VARDATA(bytes);
	float		buffer[EMBEDDING_CHUNK];

	SET_VARSIZE(bytes, size);
	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
		{
			uint32_t	bits;

			memcpy(&bits, &floats[i], sizeof(bits));
			for (int shift = 0; shift < 32; shift += 8)
				*to++ = (uint8_t) (bits >> shift);
		}
	}
	PG_RETURN_BYTEA_P(bytes);
}

/*
 * embedding_order.c - the total order and the hash of facesnxt.embedding.
 *
 * They are for DISTINCT, GROUP BY, unique indexes and joins; the order means
 * nothing to a face.  Elements are compared by value: a half equals the float
 * that it stands for, and -0 equals 0.  Templates of different models are
 * different, not an error, since sorting must be able to compare everything.
 */
#include "type/embedding.h"

#include "common/hashfn.h"

int
embedding_compare(const Embedding *a, const Embedding *b)
{
	float		buffer_a[EMBEDDING_CHUNK];
	float		buffer_b[EMBEDDING_CHUNK];

	if (a->dim != b->dim)
		return a->dim < b->dim ? -1 : 1;
	EMBEDDING_FOREACH_CHUNK(a->dim, from, n)
	{
		const float *fa = embedding_floats(a, from, n, buffer_a);
		const float *fb = embedding_floats(b, from, n, buffer_b);

		for (int i = 0; i < n; i++)
		{
			if (fa[i] != fb[i])
				return fa[i] < fb[i] ? -1 : 1;
		}
	}
	if (a->model != b->model)
		return a->model < b->model ? -1 : 1;
	return 0;
}

/* Frees detoasted copies: a sort calls this without a context of its own. */
static int
compare_args(FunctionCallInfo fcinfo)
{
	Embedding  *a = PG_GETARG_EMBEDDING_P(0);
	Embedding  *b = PG_GETARG_EMBEDDING_P(1);
	int			order = embedding_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

PG_FUNCTION_INFO_V1(embedding_lt);
Datum
embedding_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(embedding_le);
Datum
embedding_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(embedding_eq);
Datum
embedding_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

PG_FUNCTION_INFO_V1(embedding_ne);
Datum
embedding_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

PG_FUNCTION_INFO_V1(embedding_ge);
Datum
embedding_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(embedding_gt);
Datum
embedding_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

PG_FUNCTION_INFO_V1(embedding_cmp);
Datum
embedding_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}

/* Equal templates hash alike: the elements as float32, with -0 made 0. */
static uint64
hash(const Embedding *embedding, uint64 seed)
{
	float		buffer[EMBEDDING_CHUNK];
	float		plain[EMBEDDING_CHUNK];
	uint64		result = hash_combine64(hash_bytes_uint32_extended(embedding->model, seed), embedding->dim);

	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
			plain[i] = floats[i] == 0 ? 0 : floats[i];
		result = hash_combine64(result,
								hash_bytes_extended((const unsigned char *) plain, n * (int) sizeof(float), seed));
	}
	return result;
}

/* The low half of the extended hash with seed 0, as hash operator classes promise. */
PG_FUNCTION_INFO_V1(embedding_hash);
Datum
embedding_hash(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	uint32		result = (uint32) hash(embedding, 0);

	PG_FREE_IF_COPY(embedding, 0);
	PG_RETURN_UINT32(result);
}

PG_FUNCTION_INFO_V1(embedding_hash_extended);
Datum
embedding_hash_extended(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	uint64		result = hash(embedding, (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(embedding, 0);
	PG_RETURN_UINT64(result);
}

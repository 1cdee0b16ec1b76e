/*
 * embedding.h - the SQL type facesnxt.embedding: a face template.
 *
 * On disk a template is a varlena of this layout, in the machine's byte
 * order.  The elements are float or uint16_t (IEEE binary16); they are always
 * finite.  `model` is the fingerprint of the recogniser that made the
 * template: templates of two models have nothing in common, and comparing
 * them is an error, not a number.
 *
 * The type has alignment int4 and storage main; README.md says why.
 */
#ifndef FACESNXT_EMBEDDING_H
#define FACESNXT_EMBEDDING_H

#include "compat.h"

#include "fmgr.h"

#include "base/template_text.h"
#include "errors.h"
#include "kernel/kernel.h"

typedef struct Embedding
{
	int32		vl_len_;		/* use SET_VARSIZE() and VARSIZE() */
	uint16		dim;			/* 1 to FX_TEMPLATE_MAX_DIM */
	uint8		precision;		/* fx_precision */
	uint8		reserved;		/* 0 */
	uint32		model;			/* 0: not stated */
	char		elements[FLEXIBLE_ARRAY_MEMBER];
} Embedding;

/*
 * Elements that are widened to float at a time, on the stack.  The hash is made
 * chunk by chunk and stored in hash indexes, so this number never changes.
 */
#define EMBEDDING_CHUNK 256

static inline Size
embedding_size(int dim, fx_precision precision)
{
	return offsetof(Embedding, elements) + (Size) dim * fx_element_size(precision);
}

extern void embedding_corrupt(void) __attribute__((noreturn));

/*
 * The template behind a datum, detoasted and 4-byte aligned.  Values are
 * checked when they are made; here only what keeps reads inside the value.
 */
static inline Embedding *
embedding_of_datum(Datum datum)
{
	Embedding  *embedding = (Embedding *) PG_DETOAST_DATUM(datum);

	if (unlikely(VARSIZE(embedding) < offsetof(Embedding, elements) ||
				 embedding->dim == 0 ||
				 embedding->precision >= FX_PRECISIONS ||
				 VARSIZE(embedding) != embedding_size(embedding->dim, (fx_precision) embedding->precision)))
		embedding_corrupt();
	return embedding;
}

#define PG_GETARG_EMBEDDING_P(n) embedding_of_datum(PG_GETARG_DATUM(n))
#define PG_RETURN_EMBEDDING_P(x) PG_RETURN_POINTER(x)

/* A new template in the current memory context; the elements are left to the caller. */
extern Embedding *embedding_create(int dim, fx_precision precision, uint32 model);

/*
 * Elements from .. from + n - 1 as floats: of a float template the elements
 * themselves, of a half template a widened copy in buffer.
 */
static inline const float *
embedding_floats(const Embedding *embedding, int from, int n, float *buffer)
{
	if (embedding->precision == FX_FLOAT32)
		return (const float *) embedding->elements + from;
	fx_kernels_active()->to_float((const uint16_t *) embedding->elements + from, buffer, (size_t) n);
	return buffer;
}

/* Loop over a template in chunks: `from` and `n` are set for the body. */
#define EMBEDDING_FOREACH_CHUNK(dim, from, n) \
	for (int from = 0, n; from < (int) (dim) && (n = Min((int) (dim) - from, EMBEDDING_CHUNK), true); from += n)

/*
 * Stores n floats as elements from .. from + n - 1, rounding to nearest even.
 * 22003 when a half cannot hold one; the detail names the element.
 */
extern void embedding_store(Embedding *embedding, int from, const float *floats, int n);

/*
 * Fits a template to a type modifier: NX001 when the dimension differs,
 * 22003 when a half cannot hold an element.  May return its argument.
 */
extern Embedding *embedding_fit(Embedding *embedding, int32 typmod);

/* The dimension and the precision that a type modifier asks for; false when it asks for nothing. */
extern bool embedding_typmod(int32 typmod, int *dim, fx_precision *precision);

/* NX001 or NX002 unless the two may be compared. */
extern void embedding_mismatch(int dim_a, uint32 model_a, int dim_b, uint32 model_b) __attribute__((noreturn));

static inline void
embedding_check_pair(const Embedding *a, const Embedding *b)
{
	if (unlikely(a->dim != b->dim || a->model != b->model))
		embedding_mismatch(a->dim, a->model, b->dim, b->model);
}

/*
 * Distances of two templates, which may differ in precision.  They are
 * finite for all templates.  NX001, NX002.
 */
extern double embedding_inner_product(const Embedding *a, const Embedding *b);
extern double embedding_l2_distance(const Embedding *a, const Embedding *b);

/* -1 .. 1; 0 when one of them is a zero vector. */
extern double embedding_cosine_similarity(const Embedding *a, const Embedding *b);

/* 0 .. 2; 1 when one of them is a zero vector. */
static inline double
embedding_cosine_distance(const Embedding *a, const Embedding *b)
{
	return 1.0 - embedding_cosine_similarity(a, b);
}

/* The total order behind <, = and >: dimension, elements by value, model. */
extern int	embedding_compare(const Embedding *a, const Embedding *b);

#endif							/* FACESNXT_EMBEDDING_H */

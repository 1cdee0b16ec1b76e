/*
 * faces.h - many templates against each other, by matrix products.
 */
#ifndef FACESNXT_FACES_H
#define FACESNXT_FACES_H

#include "type/embedding.h"

#include "utils/array.h"

/*
 * An array of templates of one model and dimension: the templates, and their
 * unit vectors as rows of a matrix.  A missing or zero template has a row of
 * zeros, which is like nothing.
 */
typedef struct fx_faces
{
	int			count;
	int			dim;
	Embedding **templates;		/* NULL where the element is */
	const Embedding *first;		/* of those that are there */
	float	   *rows;			/* count * dim */
} fx_faces;

/* Rows that are multiplied at once. */
#define FX_FACES_BLOCK 512

/*
 * How far a product in float32 may lie from embedding_cosine_similarity():
 * whatever is this near to a threshold is computed again by that.
 */
#define FX_FACES_SLACK 1e-4f

extern void fx_faces_read(ArrayType *array, fx_faces *faces);

/* products[i * nb + j] = a[i] . b[j], rows of dim floats. */
extern void fx_faces_multiply(const float *a, int na, const float *b, int nb, int dim, float *products);

#endif							/* FACESNXT_FACES_H */

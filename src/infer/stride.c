/*
 * stride.c - two tensors walked together by strides.
 *
 * Transposing, slicing, tiling, expanding, padding and broadcasting are the
 * same walk with other strides; joining dimensions first makes the inner
 * loop long whatever the operator was.
 */
#include <string.h>

#include "infer/ops.h"

void
fx_strides(const fx_shape *shape, ptrdiff_t *strides)
{
	ptrdiff_t	stride = 1;

	for (int i = shape->rank - 1; i >= 0; i--)
	{
		strides[i] = stride;
		stride *= (ptrdiff_t) shape->dim[i];
	}
}

void
fx_walk_push(fx_walk *walk, size_t dim, ptrdiff_t a, ptrdiff_t b)
{
	walk->dim[walk->rank] = dim;
	walk->a[walk->rank] = a;
	walk->b[walk->rank] = b;
	walk->rank++;
}

void
fx_walk_join(fx_walk *walk)
{
	int			kept = 0;

	for (int i = 0; i < walk->rank; i++)
	{
		if (walk->dim[i] == 1)
			continue;
		if (kept > 0 && walk->a[kept - 1] == walk->a[i] * (ptrdiff_t) walk->dim[i] &&
			walk->b[kept - 1] == walk->b[i] * (ptrdiff_t) walk->dim[i])
		{
			walk->dim[kept - 1] *= walk->dim[i];
			walk->a[kept - 1] = walk->a[i];
			walk->b[kept - 1] = walk->b[i];
			continue;
		}
		walk->dim[kept] = walk->dim[i];
		walk->a[kept] = walk->a[i];
		walk->b[kept] = walk->b[i];
		kept++;
	}
	if (kept == 0)
	{
		walk->dim[0] = 1;
		walk->a[0] = walk->b[0] = 1;
		kept = 1;
	}
	walk->rank = kept;
}

void
fx_walk_broadcast(const fx_shape *part, const fx_shape *whole, fx_walk *walk)
{
	ptrdiff_t	strides_part[FX_MAX_RANK];
	ptrdiff_t	strides_whole[FX_MAX_RANK];
	ptrdiff_t	a = 1;
	ptrdiff_t	b = 1;

	for (int i = whole->rank - 1; i >= 0; i--)
	{
		int			at = i - (whole->rank - part->rank);
		int64_t		dim = at >= 0 ? part->dim[at] : 1;

		strides_part[i] = dim == 1 ? 0 : a;
		strides_whole[i] = b;
		a *= dim;
		b *= whole->dim[i];
	}
	walk->rank = 0;
	for (int i = 0; i < whole->rank; i++)
		fx_walk_push(walk, (size_t) whole->dim[i], strides_part[i], strides_whole[i]);
}

#define TILE 16

/* A transposed plane, in tiles, so that neither side misses the cache on every element. */
static FX_VECTOR_LOOPS void
copy_plane(const uint32_t *a, uint32_t *b, size_t rows, size_t columns, ptrdiff_t a_row, ptrdiff_t a_column,
		   ptrdiff_t b_row)
{
	for (size_t r0 = 0; r0 < rows; r0 += TILE)
	{
		size_t		r1 = r0 + TILE < rows ? r0 + TILE : rows;

		for (size_t c0 = 0; c0 < columns; c0 += TILE)
		{
			size_t		c1 = c0 + TILE < columns ? c0 + TILE : columns;

			for (size_t r = r0; r < r1; r++)
				for (size_t c = c0; c < c1; c++)
					b[(ptrdiff_t) r * b_row + (ptrdiff_t) c] =
						a[(ptrdiff_t) r * a_row + (ptrdiff_t) c * a_column];
		}
	}
}

static FX_VECTOR_LOOPS void
copy_row4(const uint32_t *a, uint32_t *b, size_t n, ptrdiff_t sa, ptrdiff_t sb)
{
	if (sa == 1 && sb == 1)
		memcpy(b, a, n * sizeof(uint32_t));
	else if (sa == 0 && sb == 1)
		for (size_t i = 0; i < n; i++)
			b[i] = *a;
	else
		for (size_t i = 0; i < n; i++)
			b[(ptrdiff_t) i * sb] = a[(ptrdiff_t) i * sa];
}

static void
copy_row8(const uint64_t *a, uint64_t *b, size_t n, ptrdiff_t sa, ptrdiff_t sb)
{
	for (size_t i = 0; i < n; i++)
		b[(ptrdiff_t) i * sb] = a[(ptrdiff_t) i * sa];
}

void
fx_walk_copy(fx_walk *walk, const void *from, void *to, size_t size)
{
	size_t		at[FX_MAX_WALK] = {0};
	ptrdiff_t	a = 0;
	ptrdiff_t	b = 0;
	int			inner;
	bool		plane;

	for (int i = 0; i < walk->rank; i++)
		if (walk->dim[i] == 0)
			return;
	fx_walk_join(walk);
	inner = walk->rank - 1;
	plane = size == 4 && walk->rank >= 2 && walk->b[inner] == 1 && walk->a[inner] != 1 && walk->a[inner - 1] == 1;
	if (plane)
		inner--;
	for (;;)
	{
		int			i;

		if (plane)
			copy_plane((const uint32_t *) from + a, (uint32_t *) to + b, walk->dim[inner], walk->dim[inner + 1],
					   walk->a[inner], walk->a[inner + 1], walk->b[inner]);
		else if (size == 4)
			copy_row4((const uint32_t *) from + a, (uint32_t *) to + b, walk->dim[inner],
					  walk->a[inner], walk->b[inner]);
		else
			copy_row8((const uint64_t *) from + a, (uint64_t *) to + b, walk->dim[inner],
					  walk->a[inner], walk->b[inner]);
		for (i = inner - 1; i >= 0; i--)
		{
			a += walk->a[i];
			b += walk->b[i];
			if (++at[i] < walk->dim[i])
				break;
			a -= walk->a[i] * (ptrdiff_t) walk->dim[i];
			b -= walk->b[i] * (ptrdiff_t) walk->dim[i];
			at[i] = 0;
		}
		if (i < 0)
			return;
	}
}

/*
 * heap.h - memory of one model: counted, bounded, freed as a whole.
 *
 * A model owns several heaps (weights, plan, parsed file) that draw on one
 * budget.  A heap lends itself as an fx_env, so that libraries and the
 * convolutions are counted too, and whatever a failed load or plan leaves
 * behind goes away with its heap.
 */
#ifndef FX_HEAP_H
#define FX_HEAP_H

#include "base/base.h"

typedef struct fx_budget
{
	const fx_env *env;			/* where the memory comes from */
	size_t		limit;			/* bytes */
	size_t		held;			/* bytes now, headers included */
	bool		starved;		/* env had no memory */
	bool		exceeded;		/* a request did not fit the limit */
	bool		interrupted;	/* a request was refused because env says stop */
	unsigned	requests;
} fx_budget;

typedef struct fx_block fx_block;

typedef struct fx_heap
{
	fx_env		env;			/* allocates from this heap */
	fx_budget  *budget;
	fx_block   *first;
} fx_heap;

extern void fx_heap_init(fx_heap *heap, fx_budget *budget);

/* Everything the heap holds is released; the heap is usable again. */
extern void fx_heap_clear(fx_heap *heap);

/* 64-byte aligned; NULL when the budget or the memory is used up, or on an interrupt. */
extern void *fx_heap_alloc(fx_heap *heap, size_t size);
extern void *fx_heap_alloc_zero(fx_heap *heap, size_t size);
extern void *fx_heap_alloc_array(fx_heap *heap, size_t count, size_t size);
extern void fx_heap_release(fx_heap *heap, void *pointer);

/* The block changes its owner without being copied. */
extern void fx_heap_move(fx_heap *from, fx_heap *to, void *pointer);

/* Why the last fx_heap_alloc() returned NULL. */
extern fx_code fx_heap_fail(const fx_heap *heap, fx_error *err);

#endif							/* FX_HEAP_H */

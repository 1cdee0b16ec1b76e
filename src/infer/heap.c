/*
 * heap.c - counted memory: every block carries its size and its neighbours.
 */
#include "infer/heap.h"

#include <string.h>

/* An env is asked whether to stop once in so many requests: parsing makes many small ones. */
#define REQUESTS_PER_CHECK 1024

struct fx_block
{
	fx_block   *previous;
	fx_block   *next;
	size_t		size;			/* header included */
};

#define HEADER 64				/* keeps the payload on a cache line */

static void *
env_alloc(void *context, size_t size)
{
	return fx_heap_alloc((fx_heap *) context, size);
}

static void
env_release(void *context, void *pointer)
{
	fx_heap_release((fx_heap *) context, pointer);
}

static bool
env_interrupted(void *context)
{
	const fx_env *env = ((fx_heap *) context)->budget->env;

	return env->interrupted(env->context);
}

void
fx_heap_init(fx_heap *heap, fx_budget *budget)
{
	heap->env.alloc = env_alloc;
	heap->env.release = env_release;
	heap->env.interrupted = env_interrupted;
	heap->env.context = heap;
	heap->budget = budget;
	heap->first = NULL;
}

void *
fx_heap_alloc(fx_heap *heap, size_t size)
{
	fx_budget  *budget = heap->budget;
	fx_block   *block;

	if (++budget->requests % REQUESTS_PER_CHECK == 0 && budget->env->interrupted(budget->env->context))
	{
		budget->interrupted = true;
		return NULL;
	}
	if (!fx_add_size(size, HEADER, &size) || size > budget->limit - budget->held)
	{
		budget->exceeded = true;
		return NULL;
	}
	block = budget->env->alloc(budget->env->context, size);
	if (block == NULL)
	{
		budget->starved = true;
		return NULL;
	}
	block->size = size;
	block->previous = NULL;
	block->next = heap->first;
	if (heap->first != NULL)
		heap->first->previous = block;
	heap->first = block;
	budget->held += size;
	return (char *) block + HEADER;
}

void *
fx_heap_alloc_zero(fx_heap *heap, size_t size)
{
	void	   *pointer = fx_heap_alloc(heap, size);

	if (pointer != NULL)
		memset(pointer, 0, size);
	return pointer;
}

void *
fx_heap_alloc_array(fx_heap *heap, size_t count, size_t size)
{
	size_t		bytes;

	if (!fx_mul_size(count, size, &bytes))
	{
		heap->budget->exceeded = true;
		return NULL;
	}
	return fx_heap_alloc(heap, bytes);
}

static fx_block *
unlink_block(fx_heap *heap, void *pointer)
{
	fx_block   *block = (fx_block *) ((char *) pointer - HEADER);

	if (block->previous != NULL)
		block->previous->next = block->next;
	else
		heap->first = block->next;
	if (block->next != NULL)
		block->next->previous = block->previous;
	return block;
}

void
fx_heap_release(fx_heap *heap, void *pointer)
{
	fx_budget  *budget = heap->budget;
	fx_block   *block;

	if (pointer == NULL)
		return;
	block = unlink_block(heap, pointer);
	budget->held -= block->size;
	budget->env->release(budget->env->context, block);
}

void
fx_heap_move(fx_heap *from, fx_heap *to, void *pointer)
{
	fx_block   *block = unlink_block(from, pointer);

	block->previous = NULL;
	block->next = to->first;
	if (to->first != NULL)
		to->first->previous = block;
	to->first = block;
}

void
fx_heap_clear(fx_heap *heap)
{
	while (heap->first != NULL)
		fx_heap_release(heap, (char *) heap->first + HEADER);
}

fx_code
fx_heap_fail(const fx_heap *heap, fx_error *err)
{
	const fx_budget *budget = heap->budget;

	if (budget->interrupted)
		return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted while a model was read");
	if (budget->exceeded)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION,
					   "the model needs more memory than the limit of %zu bytes", budget->limit);
	return fx_fail(err, FX_NO_MEMORY, FX_NO_POSITION, "out of memory for a model");
}

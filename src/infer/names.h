/*
 * names.h - from a value's name to its number.
 */
#ifndef FX_NAMES_H
#define FX_NAMES_H

#include "infer/graph.h"

typedef struct fx_names
{
	fx_heap    *heap;
	int		   *slot;			/* value + 1; 0: free */
	size_t		size;			/* a power of two, or 0 */
	size_t		used;
} fx_names;

extern void fx_names_init(fx_names *names, fx_heap *heap);
/* -1: not there */
extern int	fx_names_find(const fx_names *names, const fx_value *values, const char *name);
/* The value's name must not be there yet. */
extern fx_code fx_names_add(fx_names *names, const fx_value *values, int value, fx_error *err);

#endif							/* FX_NAMES_H */

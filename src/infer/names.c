/*
 * names.c - a hash table with linear probing, at most half full.
 *
 * Names come from the file, so they may be chosen to collide; a probe that
 * grows beyond what chance allows is refused instead of walked.
 */
#include <string.h>

#include "infer/names.h"

#define LONGEST_PROBE 512

static uint64_t
hash(const char *name)
{
	uint64_t	h = UINT64_C(0xcbf29ce484222325);	/* FNV-1a, then mixed so that low bits depend on all */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char) *name) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

void
fx_names_init(fx_names *names, fx_heap *heap)
{
	memset(names, 0, sizeof(*names));
	names->heap = heap;
}

int
fx_names_find(const fx_names *names, const fx_value *values, const char *name)
{
	size_t		at;

	if (names->size == 0)
		return -1;
	for (at = hash(name) & (names->size - 1); names->slot[at] != 0; at = (at + 1) & (names->size - 1))
		if (strcmp(values[names->slot[at] - 1].name, name) == 0)
			return names->slot[at] - 1;
	return -1;
}

static fx_code
insert(fx_names *names, const fx_value *values, int value, fx_error *err)
{
	size_t		at = hash(values[value].name) & (names->size - 1);

	for (int probes = 0; names->slot[at] != 0; probes++, at = (at + 1) & (names->size - 1))
		if (probes == LONGEST_PROBE)
			return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the names in the model are made to collide");
	names->slot[at] = value + 1;
	return FX_OK;
}

static fx_code
grow(fx_names *names, const fx_value *values, fx_error *err)
{
	int		   *old = names->slot;
	size_t		old_size = names->size;
	fx_code		code = FX_OK;

	names->size = old_size == 0 ? 256 : old_size * 2;
	names->slot = fx_heap_alloc_array(names->heap, names->size, sizeof(int));
	if (names->slot == NULL)
	{
		names->slot = old;
		names->size = old_size;
		return fx_heap_fail(names->heap, err);
	}
	memset(names->slot, 0, names->size * sizeof(int));
	for (size_t i = 0; i < old_size && code == FX_OK; i++)
		if (old[i] != 0)
			code = insert(names, values, old[i] - 1, err);
	fx_heap_release(names->heap, old);
	return code;
}

fx_code
fx_names_add(fx_names *names, const fx_value *values, int value, fx_error *err)
{
	if (2 * (names->used + 1) > names->size)
	{
		fx_code		code = grow(names, values, err);

		if (code != FX_OK)
			return code;
	}
	names->used++;
	return insert(names, values, value, err);
}

/*
 * counted.h - an environment for fuzzers that counts what is alive.
 */
#ifndef FACESNXT_FUZZ_COUNTED_H
#define FACESNXT_FUZZ_COUNTED_H

#include <stddef.h>

#include "base/base.h"

static size_t live;

static void *
count_alloc(void *context, size_t size)
{
	void	   *p = fx_env_malloc()->alloc(context, size);

	live += p != NULL;
	return p;
}

static void
count_release(void *context, void *pointer)
{
	live -= pointer != NULL;
	fx_env_malloc()->release(context, pointer);
}

static bool
never(void *context)
{
	(void) context;
	return false;
}

static const fx_env env = {count_alloc, count_release, never, NULL};

#endif							/* FACESNXT_FUZZ_COUNTED_H */

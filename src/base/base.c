/*
 * base.c - errors and the malloc environment of the pure ring.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

fx_code
fx_fail(fx_error *err, fx_code code, size_t position, const char *format,...)
{
	if (err != NULL)
	{
		va_list		args;

		err->code = code;
		err->position = position;
		va_start(args, format);
		vsnprintf(err->detail, sizeof(err->detail), format, args);
		va_end(args);
	}
	return code;
}

static void *
malloc_alloc(void *context, size_t size)
{
	size_t		rounded;

	(void) context;
	if (!fx_add_size(size, 63, &rounded))
		return NULL;
	return aligned_alloc(64, rounded & ~(size_t) 63);
}

static void
malloc_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

static bool
malloc_interrupted(void *context)
{
	(void) context;
	return false;
}

const fx_env *
fx_env_malloc(void)
{
	static const fx_env env = {malloc_alloc, malloc_release, malloc_interrupted, NULL};

	return &env;
}

/*
 * base.h - what every file of the pure ring stands on: status codes, the
 * error that explains one, and the three callbacks through which pure code
 * reaches memory and learns that it should stop.
 *
 * Nothing here or in any folder of the pure ring (base, chain, kernel, code, image, draw, infer, quality)
 * includes a PostgreSQL header.  The server ring supplies an fx_env of its
 * own; unit tests use fx_env_malloc().
 */
#ifndef FX_BASE_H
#define FX_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a pure function ended.  Every one that can fail returns this. */
typedef enum fx_code
{
	FX_OK = 0,
	FX_NO_MEMORY,		/* the allocator returned NULL */
	FX_INTERRUPTED,		/* fx_env.interrupted said stop */
	FX_MALFORMED,		/* the bytes are not what they claim to be */
	FX_LIMIT,			/* well-formed, but larger than a stated limit */
	FX_UNSUPPORTED,		/* well-formed, but a feature that is not built */
	FX_MISMATCH,		/* shapes, dimensions or kinds do not fit together */
	FX_RANGE,			/* a number cannot be represented */
	FX_NO_LIBRARY		/* a library that is loaded when needed is not there */
} fx_code;

#define FX_NO_POSITION SIZE_MAX

/*
 * Why a call failed.  detail is a sentence for a person, without a final
 * newline; position is the offset of the offending byte in the input, or
 * FX_NO_POSITION.
 */
typedef struct fx_error
{
	fx_code		code;
	size_t		position;
	char		detail[256];
} fx_error;

/* Memory and interrupts, supplied by the caller. */
typedef struct fx_env
{
	/* size > 0; returns NULL when there is no memory; 64-byte aligned */
	void	   *(*alloc) (void *context, size_t size);
	void		(*release) (void *context, void *pointer);	/* NULL is allowed */
	/* true: stop at the next safe point, free everything, return FX_INTERRUPTED */
	bool		(*interrupted) (void *context);
	void	   *context;
} fx_env;

/* Fills *err (which may be NULL) and returns code, so that callers can `return fx_fail(...)`. */
extern fx_code fx_fail(fx_error *err, fx_code code, size_t position, const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* An environment on aligned malloc that is never interrupted, for tests and tools. */
extern const fx_env *fx_env_malloc(void);

/* a * b into *out; false when the product does not fit. */
static inline bool
fx_mul_size(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline bool
fx_add_size(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

#endif							/* FX_BASE_H */

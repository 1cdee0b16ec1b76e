/*
 * env.c - memory, interrupts and errors for pure code that runs in a backend.
 *
 * The callbacks never raise: pure code would be jumped over and libraries
 * beneath it (libjpeg, protobuf-c) left half-way.  No memory is a NULL, a
 * cancelled query is a `true`, and nx_check() raises once the pure code has
 * unwound.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bind/env.h"
#include "errors.h"

#define NX_ALIGNMENT 64

/* The start of the chunk is kept just below the aligned address. */
static void *
context_alloc(void *context, size_t size)
{
	size_t		padded;
	char	   *chunk;
	uintptr_t	aligned;

	if (!fx_add_size(size, NX_ALIGNMENT + sizeof(void *), &padded) || padded > MaxAllocHugeSize)
		return NULL;
	chunk = MemoryContextAllocExtended((MemoryContext) context, padded,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (chunk == NULL)
		return NULL;
	aligned = ((uintptr_t) chunk + sizeof(void *) + NX_ALIGNMENT - 1) & ~(uintptr_t) (NX_ALIGNMENT - 1);
	((void **) aligned)[-1] = chunk;
	return (void *) aligned;
}

static void
context_release(void *context, void *pointer)
{
	if (pointer != NULL)
		pfree(((void **) pointer)[-1]);
}

static bool
query_interrupted(void *context)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

fx_env
nx_env(MemoryContext context)
{
	fx_env		env = {context_alloc, context_release, query_interrupted, context};

	return env;
}

static const char *
photo_hint(fx_code code)
{
	switch (code)
	{
		case FX_MALFORMED:
			return "Submit the original JPEG file, complete and unedited.";
		case FX_LIMIT:
			return "Submit a smaller photograph, or have the facesnxt.max_photo_* settings raised.";
		default:
			return "Convert the photograph to a baseline or progressive 8-bit JPEG and keep the original.";
	}
}

static const char *
model_hint(fx_code code)
{
	switch (code)
	{
		case FX_MALFORMED:
			return "Load the bytes of one complete ONNX file.";
		case FX_LIMIT:
			return "Use a smaller model, or have facesnxt.model_cache_size raised.";
		default:
			return "Export the model for inference with the operators that src/infer/README.md lists.";
	}
}

void
nx_no_library(const fx_error *err)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("a library is missing"),
			 errdetail_internal("%s", err->detail),
			 errhint("Install Debian's libopenblas0-serial, or build facesnxt with OPENBLAS_LIB.")));
}

void
nx_check(fx_code code, const fx_error *err, NxSubject subject, const char *name)
{
	bool		photo = subject == NX_SUBJECT_PHOTO;
	int			sqlstate;

	switch (code)
	{
		case FX_OK:
			return;
		case FX_NO_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("While working on a %s.", photo ? "photograph" : "model")));
			break;
		case FX_INTERRUPTED:
			CHECK_FOR_INTERRUPTS();
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceling statement due to user request")));
			break;
		case FX_NO_LIBRARY:
			nx_no_library(err);
			break;
		case FX_LIMIT:
			sqlstate = photo ? ERRCODE_NX_PHOTO_LIMIT : ERRCODE_NX_MODEL_LIMIT;
			break;
		case FX_UNSUPPORTED:
			sqlstate = photo ? ERRCODE_NX_UNSUPPORTED_JPEG : ERRCODE_NX_UNSUPPORTED_MODEL;
			break;
		default:
			sqlstate = photo ? ERRCODE_NX_INVALID_JPEG : ERRCODE_NX_INVALID_MODEL;
			break;
	}
	ereport(ERROR,
			(errcode(sqlstate),
			 photo ? errmsg("cannot use photograph") :
			 name != NULL ? errmsg("cannot use model \"%s\"", name) : errmsg("cannot use model"),
			 errdetail_internal("%s", err->detail),
			 errhint("%s", photo ? photo_hint(code) : model_hint(code))));
}

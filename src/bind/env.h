/*
 * env.h - the server's side of fx_env: memory contexts, cancellation, and
 * pure-ring errors turned into ereport().
 */
#ifndef FACESNXT_BIND_ENV_H
#define FACESNXT_BIND_ENV_H

#include "compat.h"

#include "base/base.h"

/* What the bytes were, which decides the SQLSTATE of a failure. */
typedef enum NxSubject
{
	NX_SUBJECT_PHOTO,
	NX_SUBJECT_MODEL
} NxSubject;

/* Memory from context, 64-byte aligned; interrupted when the query is cancelled. */
extern fx_env nx_env(MemoryContext context);

/* Raises FX_NO_LIBRARY. */
extern void nx_no_library(const fx_error *err) __attribute__((noreturn));

/* Raises what err says; returns only for FX_OK. */
extern void nx_check(fx_code code, const fx_error *err, NxSubject subject, const char *name);

#endif							/* FACESNXT_BIND_ENV_H */

/*
 * blas.h - matrix products by OpenBLAS, which is loaded when the first one is
 * needed.
 *
 * Linked as other libraries are, its 35 MB and their relocations would cost
 * every new session, parallel worker and writer of a record 15 ms, and most of
 * them never multiply matrices.
 */
#ifndef FX_BLAS_H
#define FX_BLAS_H

#include <cblas.h>

#include "base/base.h"

typedef struct fx_blas_library
{
	__typeof__(&cblas_sgemm) sgemm;
	__typeof__(&cblas_ssyrk) ssyrk;
} fx_blas_library;

/* Loads OpenBLAS, unless it is; FX_NO_LIBRARY when there is none. */
extern fx_code fx_blas_load(fx_error *err);

/* What has been loaded; whoever uses it has called fx_blas_load() before. */
extern fx_blas_library fx_blas;

#endif							/* FX_BLAS_H */

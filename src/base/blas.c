/*
 * blas.c - finding OpenBLAS and what is used of it.
 */
#include "base/blas.h"

#include <dlfcn.h>

/* The build says where the serial OpenBLAS is; the name alone finds another one. */
#ifndef FX_OPENBLAS
#define FX_OPENBLAS "libopenblas.so.0"
#endif

fx_blas_library fx_blas;

fx_code
fx_blas_load(fx_error *err)
{
	fx_blas_library found = {0};
	__typeof__(&openblas_get_parallel) parallel;
	__typeof__(&openblas_set_num_threads) set_threads;
	void	   *library;

	if (fx_blas.sgemm != NULL)
		return FX_OK;
	library = dlopen(FX_OPENBLAS, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL)
		return fx_fail(err, FX_NO_LIBRARY, FX_NO_POSITION, "OpenBLAS could not be loaded: %s", dlerror());
	*(void **) &found.sgemm = dlsym(library, "cblas_sgemm");
	*(void **) &found.ssyrk = dlsym(library, "cblas_ssyrk");
	*(void **) &parallel = dlsym(library, "openblas_get_parallel");
	*(void **) &set_threads = dlsym(library, "openblas_set_num_threads");
	if (found.sgemm == NULL || found.ssyrk == NULL || parallel == NULL || set_threads == NULL)
	{
		dlclose(library);
		return fx_fail(err, FX_NO_LIBRARY, FX_NO_POSITION, "\"%s\" is not OpenBLAS with its C interface", FX_OPENBLAS);
	}
	/* a backend must not have threads: the serial OpenBLAS has none, any other is held to the calling one */
	if (parallel() != OPENBLAS_SEQUENTIAL)
		set_threads(1);
	fx_blas = found;
	return FX_OK;
}

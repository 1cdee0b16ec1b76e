/*
 * blas_test.c - OpenBLAS is found and multiplies; a library that is missing,
 * or that is not OpenBLAS, is an error with its reason.
 */
#include <string.h>

#include "base/blas.h"
#include "tap.h"

/* The same code, built to look for other libraries. */
#undef FX_OPENBLAS
#define FX_OPENBLAS "/no/such/library.so"
#define fx_blas missing_blas
#define fx_blas_load missing_blas_load
#include "../../src/base/blas.c"
#undef FX_OPENBLAS
#undef fx_blas
#undef fx_blas_load
#define FX_OPENBLAS "libm.so.6"
#define fx_blas other_blas
#define fx_blas_load other_blas_load
#include "../../src/base/blas.c"
#undef fx_blas
#undef fx_blas_load

int
main(void)
{
	const float a[4] = {1, 2, 3, 4};
	const float b[4] = {5, 6, 7, 8};
	float		c[4] = {0};
	fx_error	err;

	ok(fx_blas_load(&err) == FX_OK, "OpenBLAS is loaded");
	fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2);
	ok(c[0] == 19 && c[1] == 22 && c[2] == 43 && c[3] == 50, "and multiplies");
	ok(fx_blas_load(&err) == FX_OK, "a second time is no matter");
	ok(missing_blas_load(&err) == FX_NO_LIBRARY && strstr(err.detail, "/no/such/library.so") != NULL &&
	   missing_blas.sgemm == NULL, "a library that is missing is named: %s", err.detail);
	ok(other_blas_load(&err) == FX_NO_LIBRARY && strstr(err.detail, "libm.so.6") != NULL &&
	   other_blas.sgemm == NULL, "so is one that is not OpenBLAS: %s", err.detail);
	return done_testing();
}

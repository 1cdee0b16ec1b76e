/*
 * decimal.h - decimal text to float32, correctly rounded.
 */
#ifndef FX_DECIMAL_H
#define FX_DECIMAL_H

#include "base/base.h"

/*
 * Reads the longest decimal number at the start of text: an optional sign,
 * digits with at most one point, at least one digit, an optional exponent.
 * *used is the number of bytes read.  Neither white space, nor words such as
 * "nan" and "inf", nor hexadecimal is a number; the locale plays no part.
 *
 * *value is the float32 nearest to the decimal, ties to even; what is nearer
 * to zero than to the smallest denormal becomes a zero of the same sign.
 *
 * FX_MALFORMED: no number starts here.  FX_RANGE: it rounds to an infinity
 * (*used is set).
 */
extern fx_code fx_decimal_to_float(const char *text, size_t length, size_t *used, float *value);

#endif							/* FX_DECIMAL_H */

/*
 * decimal.c - decimal text to float32, correctly rounded.
 *
 * strtof() would do, but it follows the locale and needs a terminated copy.
 *
 * Almost every number takes the fast path: up to 2^53 as digits and a power
 * of ten up to 10^22 are exact doubles, so that one multiplication or division
 * gives the correctly rounded double (W. Clinger, "How to read floating point
 * numbers accurately", PLDI 1990).  Rounding that double to float32 is right
 * unless it falls on the middle between two floats, where the first rounding
 * may have hidden on which side the number lies.
 *
 * The rest is settled by exact integers.  Positive floats are ordered like
 * their bit patterns, so 31 exact comparisons find the two neighbours of the
 * number, and one more the nearer of them.
 */
#include "base/decimal.h"

#include <float.h>
#include <string.h>

/*
 * A middle between two floats is j * 2^-150 with j < 2^25 at its longest, and
 * has at most 113 significant decimal digits.  Of a longer number only
 * whether anything follows can matter; it is kept as one more digit.
 */
#define KEPT_DIGITS 128

/* 0.d1d2... * 10^point, the digits being those of the text from the first significant one. */
typedef struct decimal
{
	bool		negative;
	size_t		first;			/* offset of the first significant digit */
	size_t		end;			/* offset behind the digits and the point */
	size_t		significant;
	int64_t		point;
	uint64_t	head;			/* the first 19 digits */
} decimal;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
scan(const char *text, size_t length, decimal *number, size_t *used)
{
	bool		any = false;
	bool		fraction = false;
	size_t		i = 0;

	memset(number, 0, sizeof(*number));
	if (i < length && (text[i] == '+' || text[i] == '-'))
		number->negative = text[i++] == '-';
	for (; i < length; i++)
	{
		if (text[i] == '.' && !fraction)
		{
			fraction = true;
			continue;
		}
		if (!is_digit(text[i]))
			break;
		any = true;
		if (number->significant == 0 && text[i] == '0')
		{
			if (fraction)
				number->point--;
			continue;
		}
		if (number->significant == 0)
			number->first = i;
		if (number->significant++ < 19)
			number->head = number->head * 10 + (uint64_t) (text[i] - '0');
		if (!fraction)
			number->point++;
	}
	if (!any)
		return false;
	number->end = i;

	/* An "e" without digits behind it does not belong to the number. */
	if (i < length && (text[i] == 'e' || text[i] == 'E'))
	{
		size_t		j = i + 1;
		bool		down = false;
		int64_t		exponent = 0;

		if (j < length && (text[j] == '+' || text[j] == '-'))
			down = text[j++] == '-';
		if (j < length && is_digit(text[j]))
		{
			for (; j < length && is_digit(text[j]); j++)
			{
				/* far beyond any text that could bring it back into range */
				if (exponent < INT64_C(1000000000000000))
					exponent = exponent * 10 + (text[j] - '0');
			}
			number->point += down ? -exponent : exponent;
			i = j;
		}
	}
	*used = i;
	return true;
}

static bool
fast(const decimal *number, float *value)
{
	static const double powers[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};
	int64_t		scale = number->point - (int64_t) number->significant;
	double		nearest;
	uint64_t	bits;

#if FLT_EVAL_METHOD != 0
	return false;				/* wider registers would round twice */
#endif
	if (number->significant > 19 || number->head > (UINT64_C(1) << 53) || scale < -22 || scale > 22)
		return false;
	nearest = (double) number->head;
	nearest = scale < 0 ? nearest / powers[-scale] : nearest * powers[scale];
	if (nearest < FLT_MIN || nearest > FLT_MAX)
		return false;
	memcpy(&bits, &nearest, sizeof(bits));
	if ((bits & 0x1fffffff) == 0x10000000)
		return false;
	*value = (float) nearest;
	return true;
}

/*
 * Natural numbers below 2^1024.  The largest here is a float of 2^128 times
 * 10^174, which has 707 bits.
 */
#define WORDS 32

typedef struct natural
{
	uint32_t	word[WORDS];	/* least significant first */
	int			used;
} natural;

static void
multiply_add(natural *number, uint32_t factor, uint32_t addend)
{
	uint64_t	carry = addend;

	for (int i = 0; i < number->used; i++)
	{
		carry += (uint64_t) number->word[i] * factor;
		number->word[i] = (uint32_t) carry;
		carry >>= 32;
	}
	if (carry != 0)
		number->word[number->used++] = (uint32_t) carry;
}

static void
shift_left(natural *number, int bits)
{
	int			words = bits / 32;

	if (number->used == 0)
		return;
	multiply_add(number, UINT32_C(1) << (bits % 32), 0);
	memmove(number->word + words, number->word, (size_t) number->used * sizeof(uint32_t));
	memset(number->word, 0, (size_t) words * sizeof(uint32_t));
	number->used += words;
}

static int
compare(const natural *a, const natural *b)
{
	if (a->used != b->used)
		return a->used < b->used ? -1 : 1;
	for (int i = a->used - 1; i >= 0; i--)
	{
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	}
	return 0;
}

/* numerator / denominator against mantissa * 2^exponent */
static int
compare_float(const natural *numerator, const natural *denominator, uint32_t mantissa, int exponent)
{
	natural		left = *numerator;
	natural		right = *denominator;

	if (mantissa == 0)
		return 1;
	multiply_add(&right, mantissa, 0);
	if (exponent < 0)
		shift_left(&left, -exponent);
	else
		shift_left(&right, exponent);
	return compare(&left, &right);
}

/* The float of a bit pattern as mantissa * 2^exponent; that of infinity counts as 2^128. */
static void
split(uint32_t bits, uint32_t *mantissa, int *exponent)
{
	uint32_t	field = bits >> 23;

	*mantissa = field == 0 ? bits : (bits & 0x7fffff) | 0x800000;
	*exponent = field == 0 ? -149 : (int) field - 150;
}

static fx_code
exact(const char *text, const decimal *number, float *value)
{
	natural		numerator = {{0}, 0};
	natural		denominator = {{1}, 1};
	size_t		kept = 0;
	bool		more = false;
	int64_t		scale;
	uint32_t	low = 0;
	uint32_t	high = 0x7f800000;
	uint32_t	mantissa;
	int			exponent;
	int			order;

	for (size_t i = number->first; i < number->end; i++)
	{
		if (text[i] == '.')
			continue;
		if (kept == KEPT_DIGITS)
		{
			more |= text[i] != '0';
			continue;
		}
		multiply_add(&numerator, 10, (uint32_t) (text[i] - '0'));
		kept++;
	}
	if (more)
	{
		multiply_add(&numerator, 10, 1);
		kept++;
	}
	for (scale = number->point - (int64_t) kept; scale > 0; scale--)
		multiply_add(&numerator, 10, 0);
	for (; scale < 0; scale++)
		multiply_add(&denominator, 10, 0);

	split(high, &mantissa, &exponent);
	if (compare_float(&numerator, &denominator, mantissa, exponent) >= 0)
		return FX_RANGE;
	while (high - low > 1)
	{
		uint32_t	middle = low + (high - low) / 2;

		split(middle, &mantissa, &exponent);
		if (compare_float(&numerator, &denominator, mantissa, exponent) >= 0)
			low = middle;
		else
			high = middle;
	}
	split(low, &mantissa, &exponent);
	order = compare_float(&numerator, &denominator, 2 * mantissa + 1, exponent - 1);
	if (order > 0 || (order == 0 && (low & 1) != 0))
		low = high;
	if (low == 0x7f800000)
		return FX_RANGE;
	memcpy(value, &low, sizeof(low));
	return FX_OK;
}

fx_code
fx_decimal_to_float(const char *text, size_t length, size_t *used, float *value)
{
	decimal		number;
	float		magnitude = 0;

	if (!scan(text, length, &number, used))
		return FX_MALFORMED;

	/* FLT_MAX is 3.4e38; half of the smallest denormal is 7.0e-46. */
	if (number.significant != 0 && number.point > 39)
		return FX_RANGE;
	if (number.significant != 0 && number.point >= -45 && !fast(&number, &magnitude))
	{
		fx_code		code = exact(text, &number, &magnitude);

		if (code != FX_OK)
			return code;
	}
	*value = number.negative ? -magnitude : magnitude;
	return FX_OK;
}

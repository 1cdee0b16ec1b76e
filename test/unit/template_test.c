/*
 * template_test.c - decimal numbers, text form and wire form of a template.
 */
#include "base/template_text.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "tap.h"

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint32_t
bits_of(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
float_of(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Same bits as strtof() in the C locale, or FX_RANGE where that overflows. */
static bool
agrees(const char *text)
{
	float		value = 0;
	size_t		used = 0;
	char	   *end;
	float		expected = strtof(text, &end);
	fx_code		code = fx_decimal_to_float(text, strlen(text), &used, &value);

	if (isinf(expected))
		return code == FX_RANGE && used == (size_t) (end - text);
	return code == FX_OK && used == (size_t) (end - text) && bits_of(value) == bits_of(expected);
}

static void
test_decimal(void)
{
	static const char *const texts[] = {
		"0", "-0", "+0", "1", "-1", "+1.5", ".5", "5.", "1e5", "1E+5", "1e-5", "1e", "1e+", "1e-", "1.e2", "00012.500",
		"0.1", "16777217", "16777219", "33554435", "3.4028235e38", "3.40282346638528859811704183484516925440e38",
		"3.4028235677973365e38", "3.4028235677973366e38", "3.402823567797336e38", "3.4028236e38", "1e39", "-1e39",
		"1e400", "1e-400", "1e99999999999999999999", "-1e-99999999999999999999", "0e99999999999999999999",
		"1.17549435e-38", "1.1754942e-38", "1.401298464324817e-45", "7.006492321624085e-46",
		"7.006492321624086e-46", "7.0064923216240853546186479164495e-46", "7.0064923216240853546186479164496e-46",
		"7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015626e-46",
		"7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015625e-46",
		"7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015624e-46",
		"1.00000017881393432617187499", "1.00000017881393432617187500", "1.00000017881393432617187501",
		"1.00000005960464477539062499", "1.00000005960464477539062500", "1.00000005960464477539062501",
		"9007199254740993", "123456789012345678901234567890", "0.000000000000000000000000000000000000000000001"
	};
	bool		all = true;
	char		text[2048];
	float		value;
	size_t		used;
	int			wrong = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (!agrees(texts[i]))
		{
			diag("differs: %s", texts[i]);
			all = false;
		}
	}
	ok(all, "edge cases equal strtof");

	for (int i = 0; i < 100000; i++)
	{
		float		random = float_of((uint32_t) next() & 0xff7fffff);

		if (!isfinite(random))
			continue;
		snprintf(text, sizeof(text), "%.*e", (int) (next() % 20), (double) random);
		wrong += !agrees(text);
		snprintf(text, sizeof(text), "%.9g", (double) random);
		wrong += !agrees(text);
		wrong += fx_decimal_to_float(text, strlen(text), &used, &value) != FX_OK || bits_of(value) != bits_of(random);
	}
	ok(wrong == 0, "100,000 floats of all magnitudes, printed to 1 to 20 digits (%d differ)", wrong);

	/* Middles of neighbouring floats, exactly, a hair above and a hair below. */
	wrong = 0;
	for (int i = 0; i < 10000; i++)
	{
		uint32_t	low = (uint32_t) next() % 0x7f7fffff;
		double		middle = ((double) float_of(low) + (double) float_of(low + 1)) / 2;
		int			length = snprintf(text, sizeof(text), "%.1100f", middle);

		wrong += !agrees(text);
		text[length] = '1';
		text[length + 1] = '\0';
		wrong += !agrees(text);
		text[length] = '\0';
		/* below: the last digit that is not 0 becomes one less, and a 9 follows it */
		while (text[--length] == '0' || text[length] == '.')
			;
		text[length]--;
		if (text[length + 1] != '.')
			text[length + 1] = '9';
		wrong += !agrees(text);
	}
	ok(wrong == 0, "10,000 middles of neighbours, above and below (%d differ)", wrong);

	ok(fx_decimal_to_float("nan", 3, &used, &value) == FX_MALFORMED &&
	   fx_decimal_to_float("inf", 3, &used, &value) == FX_MALFORMED &&
	   fx_decimal_to_float("-", 1, &used, &value) == FX_MALFORMED &&
	   fx_decimal_to_float(".", 1, &used, &value) == FX_MALFORMED &&
	   fx_decimal_to_float("e5", 2, &used, &value) == FX_MALFORMED &&
	   fx_decimal_to_float("", 0, &used, &value) == FX_MALFORMED, "what is no number");
	ok(fx_decimal_to_float("0x10", 4, &used, &value) == FX_OK && used == 1 && value == 0, "hexadecimal ends after 0");
	ok(fx_decimal_to_float("12345", 2, &used, &value) == FX_OK && used == 2 && value == 12, "reading stops at length");

	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
		skip(1, "no de_DE.UTF-8 locale on this machine");
	else
	{
		ok(fx_decimal_to_float("1.5", 3, &used, &value) == FX_OK && value == 1.5f, "the locale plays no part");
		setlocale(LC_ALL, "C");
	}
}

/* Parses, and compares code and position (0-based) of the outcome. */
static void
text_is(const char *text, fx_code expected, size_t position)
{
	float	   *elements = malloc(FX_TEMPLATE_MAX_DIM * sizeof(float));
	fx_template_head head;
	fx_error	err = {FX_OK, 0, ""};
	size_t		length = strlen(text);
	char	   *copy = malloc(length + 1);
	fx_code		code;

	memcpy(copy, text, length);		/* without the terminator: ASAN sees any read behind */
	copy = realloc(copy, length ? length : 1);
	code = fx_template_parse(copy, length, elements, fx_template_capacity(copy, length), &head, &err);
	ok(code == expected && (expected == FX_OK || err.position == position),
	   "%.40s: %s", text, expected == FX_OK ? "accepted" : err.detail);
	if (code != expected || (expected != FX_OK && err.position != position))
		diag("code %d at %zu", code, err.position);
	free(copy);
	free(elements);
}

static void
test_text(void)
{
	float		elements[3];
	fx_template_head head;
	fx_error	err;
	const char *text = " [ 1 ,\t-2.5,3e2 ]@00C0ffee\n";
	char	   *many;

	ok(fx_template_parse(text, strlen(text), elements, 3, &head, &err) == FX_OK && head.dim == 3 &&
	   head.model == 0x00c0ffee && head.precision == FX_FLOAT32 &&
	   elements[0] == 1 && elements[1] == -2.5f && elements[2] == 300, "white space, numbers, model");
	ok(fx_template_parse("[1,2]", 5, elements, 3, &head, &err) == FX_OK && head.dim == 2 && head.model == 0,
	   "no model stated");
	ok(fx_template_parse("[1,2]", 5, elements, 1, &head, &err) == FX_LIMIT, "no write behind the capacity");

	text_is("[1]", FX_OK, 0);
	text_is("[1]@00000000", FX_OK, 0);
	text_is("[1e-60,-1e-60]", FX_OK, 0);
	text_is("", FX_MALFORMED, 0);
	text_is("   ", FX_MALFORMED, 3);
	text_is("1,2", FX_MALFORMED, 0);
	text_is("{1,2}", FX_MALFORMED, 0);
	text_is("[", FX_MALFORMED, 1);
	text_is("[]", FX_MALFORMED, 1);
	text_is("[ ]", FX_MALFORMED, 2);
	text_is("[1", FX_MALFORMED, 2);
	text_is("[1,", FX_MALFORMED, 3);
	text_is("[1,]", FX_MALFORMED, 3);
	text_is("[,1]", FX_MALFORMED, 1);
	text_is("[1,,2]", FX_MALFORMED, 3);
	text_is("[1 2]", FX_MALFORMED, 3);
	text_is("[1;2]", FX_MALFORMED, 2);
	text_is("[1e,2]", FX_MALFORMED, 2);
	text_is("[0x1p3]", FX_MALFORMED, 2);
	text_is("[1,2]]", FX_MALFORMED, 5);
	text_is("[1,2] x", FX_MALFORMED, 6);
	text_is("[1,NaN]", FX_MALFORMED, 3);
	text_is("[1,-inf]", FX_MALFORMED, 3);
	text_is("[Infinity]", FX_MALFORMED, 1);
	text_is("[1,1e39]", FX_RANGE, 3);
	text_is("[-3.5e38]", FX_RANGE, 1);
	text_is("[1]@", FX_MALFORMED, 4);
	text_is("[1]@1234567", FX_MALFORMED, 11);
	text_is("[1]@123456789", FX_MALFORMED, 12);
	text_is("[1]@1234567g", FX_MALFORMED, 11);
	text_is("[1] @12345678", FX_MALFORMED, 4);
	text_is("[\xc3\xa9]", FX_MALFORMED, 1);

	many = malloc(2 * FX_TEMPLATE_MAX_DIM + 4);
	many[0] = '[';
	for (int i = 0; i <= FX_TEMPLATE_MAX_DIM; i++)
		memcpy(many + 1 + 2 * i, "0,", 2);
	memcpy(many + 2 * FX_TEMPLATE_MAX_DIM, "]", 2);
	text_is(many, FX_OK, 0);
	memcpy(many + 2 * FX_TEMPLATE_MAX_DIM, ",0]", 4);
	text_is(many, FX_LIMIT, 2 * FX_TEMPLATE_MAX_DIM + 1);
	free(many);

	many = malloc(FX_TEMPLATE_MAX_TEXT + 2);
	memset(many, ' ', FX_TEMPLATE_MAX_TEXT + 1);
	many[FX_TEMPLATE_MAX_TEXT + 1] = '\0';
	memcpy(many, "[1]", 3);
	text_is(many, FX_LIMIT, FX_TEMPLATE_MAX_TEXT);
	many[FX_TEMPLATE_MAX_TEXT] = '\0';
	text_is(many, FX_OK, 0);
	free(many);
}

static void
wire_is(const uint8_t *bytes, size_t length, fx_code expected, size_t position, const char *what)
{
	fx_template_head head;
	fx_error	err = {FX_OK, 0, ""};
	uint8_t    *copy = malloc(length ? length : 1);
	void	   *elements;
	fx_code		code;

	memcpy(copy, bytes, length);
	code = fx_template_wire_head(copy, length, &head, &err);
	if (code == FX_OK)
	{
		elements = malloc(head.dim * fx_element_size(head.precision));
		code = fx_template_wire_read(copy, &head, elements, &err);
		free(elements);
	}
	ok(code == expected && (expected == FX_OK || err.position == position), "wire, %s", what);
	if (code != expected || (expected != FX_OK && err.position != position))
		diag("code %d at %zu", code, err.position);
	free(copy);
}

static void
test_wire(void)
{
	const float floats[] = {1, -0.0f, FLT_MAX};
	const uint16_t halves[] = {0x3c00, 0x8000, 0x7bff};
	const fx_template_head float_head = {3, FX_FLOAT32, 0xdeadbeef};
	const fx_template_head half_head = {3, FX_FLOAT16, 0};
	const uint8_t float_wire[] = {0, 3, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0x3f, 0x80, 0, 0, 0x80, 0, 0, 0, 0x7f, 0x7f, 0xff, 0xff};
	const uint8_t half_wire[] = {0, 3, 1, 0, 0, 0, 0, 0, 0x3c, 0, 0x80, 0, 0x7b, 0xff};
	uint8_t		wire[20];
	float		read[3];
	fx_template_head head;
	uint8_t		bad[20];

	ok(fx_template_wire_size(&float_head) == sizeof(float_wire), "size of the wire form of float32");
	fx_template_wire_write(&float_head, floats, wire);
	ok(memcmp(wire, float_wire, sizeof(float_wire)) == 0, "wire form of float32");
	ok(fx_template_wire_head(wire, sizeof(float_wire), &head, NULL) == FX_OK && head.dim == 3 &&
	   head.precision == FX_FLOAT32 && head.model == 0xdeadbeef &&
	   fx_template_wire_read(wire, &head, read, NULL) == FX_OK && memcmp(read, floats, sizeof(floats)) == 0,
	   "float32 reads back");
	fx_template_wire_write(&half_head, halves, wire);
	ok(fx_template_wire_size(&half_head) == sizeof(half_wire) && memcmp(wire, half_wire, sizeof(half_wire)) == 0,
	   "wire form of float16");

	wire_is(half_wire, sizeof(half_wire), FX_OK, 0, "whole");
	wire_is(half_wire, 0, FX_MALFORMED, 0, "nothing");
	wire_is(half_wire, 7, FX_MALFORMED, 7, "part of the head");
	wire_is(half_wire, 13, FX_MALFORMED, 13, "cut short");
	memcpy(bad, half_wire, sizeof(half_wire));
	bad[14] = 0;
	wire_is(bad, 15, FX_MALFORMED, 14, "a byte too many");
	memcpy(bad, half_wire, sizeof(half_wire));
	bad[1] = 0;
	wire_is(bad, 8, FX_MALFORMED, 0, "no elements");
	bad[0] = 0x3e;
	bad[1] = 0x81;
	wire_is(bad, 8, FX_LIMIT, 0, "16,001 elements");
	memcpy(bad, half_wire, sizeof(half_wire));
	bad[2] = 2;
	wire_is(bad, sizeof(half_wire), FX_MALFORMED, 2, "unknown precision");
	bad[2] = 1;
	bad[3] = 1;
	wire_is(bad, sizeof(half_wire), FX_MALFORMED, 3, "unknown version");
	bad[3] = 0;
	bad[10] = 0x7c;
	wire_is(bad, sizeof(half_wire), FX_MALFORMED, 10, "infinity of float16");
	bad[11] = 1;
	wire_is(bad, sizeof(half_wire), FX_MALFORMED, 10, "NaN of float16");
	memcpy(bad, float_wire, sizeof(float_wire));
	memcpy(bad + 16, "\xff\x80\0\0", 4);
	wire_is(bad, sizeof(float_wire), FX_MALFORMED, 16, "infinity of float32");
	bad[19] = 1;
	wire_is(bad, sizeof(float_wire), FX_MALFORMED, 16, "NaN of float32");
}

int
main(void)
{
	test_decimal();
	test_text();
	test_wire();
	return done_testing();
}

/*
 * template_text.c - the external forms of a template: text and wire.
 */
#include "base/template_text.h"

#include <string.h>

#include "base/decimal.h"

size_t
fx_template_capacity(const char *text, size_t length)
{
	size_t		count = 1;
	const char *end = text + length;

	for (; count < FX_TEMPLATE_MAX_DIM && text < end; count++)
	{
		text = memchr(text, ',', (size_t) (end - text));
		if (text == NULL)
			break;
		text++;
	}
	return count;
}

static size_t
skip_space(const char *text, size_t length, size_t at)
{
	while (at < length && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')))
		at++;
	return at;
}

/* Is there a sign and one of the words for what is not a finite number? */
static bool
starts_not_finite(const char *text, size_t length)
{
	if (length > 0 && (text[0] == '+' || text[0] == '-'))
	{
		text++;
		length--;
	}
	if (length < 3)
		return false;
	return ((text[0] | 32) == 'n' && (text[1] | 32) == 'a' && (text[2] | 32) == 'n') ||
		((text[0] | 32) == 'i' && (text[1] | 32) == 'n' && (text[2] | 32) == 'f');
}

fx_code
fx_model_parse(const char *text, size_t length, uint32_t *model, fx_error *err)
{
	uint32_t	value = 0;

	for (size_t i = 0; i < 8; i++)
	{
		char		c = i < length ? text[i] : '\0';

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t) (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value << 4 | (uint32_t) ((c | 32) - 'a' + 10);
		else
			return fx_fail(err, FX_MALFORMED, i, "A model is stated as eight hexadecimal digits.");
	}
	if (length > 8)
		return fx_fail(err, FX_MALFORMED, 8, "A model is stated as eight hexadecimal digits.");
	*model = value;
	return FX_OK;
}

/* Reads one number at *at, and goes behind it. */
static fx_code
read_element(const char *text, size_t length, size_t *at, float *element, fx_error *err)
{
	size_t		used;

	switch (fx_decimal_to_float(text + *at, length - *at, &used, element))
	{
		case FX_OK:
			*at += used;
			return FX_OK;
		case FX_RANGE:
			return fx_fail(err, FX_RANGE, *at, "The number is beyond the range of float32.");
		default:
			if (starts_not_finite(text + *at, length - *at))
				return fx_fail(err, FX_MALFORMED, *at, "A template has no NaN and no infinity.");
			return fx_fail(err, FX_MALFORMED, *at, "A decimal number is expected.");
	}
}

fx_code
fx_template_parse(const char *text, size_t length, float *elements, size_t capacity,
				  fx_template_head *head, fx_error *err)
{
	size_t		at;
	size_t		count = 0;

	if (length > FX_TEMPLATE_MAX_TEXT)
		return fx_fail(err, FX_LIMIT, FX_TEMPLATE_MAX_TEXT, "The text is longer than %zu bytes.",
					   FX_TEMPLATE_MAX_TEXT);
	at = skip_space(text, length, 0);
	if (at == length || text[at] != '[')
		return fx_fail(err, FX_MALFORMED, at, "\"[\" is expected.");
	at++;
	for (;;)
	{
		fx_code		code;

		at = skip_space(text, length, at);
		if (at == length)
			return fx_fail(err, FX_MALFORMED, at, "The text ends before \"]\".");
		if (count == 0 && text[at] == ']')
			return fx_fail(err, FX_MALFORMED, at, "A template has at least one element.");
		if (count == FX_TEMPLATE_MAX_DIM || count == capacity)
			return fx_fail(err, FX_LIMIT, at, "A template has at most %d elements.", FX_TEMPLATE_MAX_DIM);
		code = read_element(text, length, &at, &elements[count], err);
		if (code != FX_OK)
			return code;
		count++;
		at = skip_space(text, length, at);
		if (at == length)
			return fx_fail(err, FX_MALFORMED, at, "The text ends before \"]\".");
		if (text[at] != ',' && text[at] != ']')
			return fx_fail(err, FX_MALFORMED, at, "\",\" or \"]\" is expected.");
		if (text[at++] == ']')
			break;
	}
	head->dim = count;
	head->precision = FX_FLOAT32;
	head->model = 0;
	if (at < length && text[at] == '@')
	{
		size_t		rest = length - ++at;
		fx_code		code = fx_model_parse(text + at, rest < 8 ? rest : 8, &head->model, err);

		if (code != FX_OK)
		{
			if (err != NULL)
				err->position += at;
			return code;
		}
		at += 8;
	}
	at = skip_space(text, length, at);
	if (at != length)
		return fx_fail(err, FX_MALFORMED, at, "Nothing may follow the template.");
	return FX_OK;
}

size_t
fx_template_wire_size(const fx_template_head *head)
{
	return FX_TEMPLATE_WIRE_HEADER + head->dim * fx_element_size(head->precision);
}

static uint32_t
read_be32(const uint8_t *bytes)
{
	return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

static void
write_be32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t) (value >> 24);
	bytes[1] = (uint8_t) (value >> 16);
	bytes[2] = (uint8_t) (value >> 8);
	bytes[3] = (uint8_t) value;
}

fx_code
fx_template_wire_head(const uint8_t *bytes, size_t length, fx_template_head *head, fx_error *err)
{
	size_t		size;

	if (length < FX_TEMPLATE_WIRE_HEADER)
		return fx_fail(err, FX_MALFORMED, length, "The %d bytes of the head are not all there.",
					   FX_TEMPLATE_WIRE_HEADER);
	head->dim = (size_t) bytes[0] << 8 | bytes[1];
	if (head->dim == 0)
		return fx_fail(err, FX_MALFORMED, 0, "A template has at least one element.");
	if (head->dim > FX_TEMPLATE_MAX_DIM)
		return fx_fail(err, FX_LIMIT, 0, "A template has at most %d elements.", FX_TEMPLATE_MAX_DIM);
	if (bytes[2] >= FX_PRECISIONS)
		return fx_fail(err, FX_MALFORMED, 2, "Precision %u is unknown.", bytes[2]);
	head->precision = (fx_precision) bytes[2];
	if (bytes[3] != 0)
		return fx_fail(err, FX_MALFORMED, 3, "Version %u of the binary form is unknown.", bytes[3]);
	head->model = read_be32(bytes + 4);
	size = fx_template_wire_size(head);
	if (length != size)
		return fx_fail(err, FX_MALFORMED, length < size ? length : size,
					   "The head promises %zu bytes, there are %zu.", size, length);
	return FX_OK;
}

fx_code
fx_template_wire_read(const uint8_t *bytes, const fx_template_head *head, void *elements, fx_error *err)
{
	const uint8_t *from = bytes + FX_TEMPLATE_WIRE_HEADER;
	size_t		size = fx_element_size(head->precision);
	bool		finite;

	for (size_t i = 0; i < head->dim; i++, from += size)
	{
		if (head->precision == FX_FLOAT16)
		{
			uint16_t	half = (uint16_t) (from[0] << 8 | from[1]);

			finite = fx_half_is_finite(half);
			((uint16_t *) elements)[i] = half;
		}
		else
		{
			uint32_t	bits = read_be32(from);

			finite = (bits & 0x7f800000) != 0x7f800000;
			memcpy((float *) elements + i, &bits, sizeof(bits));
		}
		if (!finite)
			return fx_fail(err, FX_MALFORMED, (size_t) (from - bytes), "Element %zu is NaN or infinite.", i + 1);
	}
	return FX_OK;
}

void
fx_template_wire_write(const fx_template_head *head, const void *elements, uint8_t *bytes)
{
	bytes[0] = (uint8_t) (head->dim >> 8);
	bytes[1] = (uint8_t) head->dim;
	bytes[2] = (uint8_t) head->precision;
	bytes[3] = 0;
	write_be32(bytes + 4, head->model);
	bytes += FX_TEMPLATE_WIRE_HEADER;
	for (size_t i = 0; i < head->dim; i++)
	{
		if (head->precision == FX_FLOAT16)
		{
			uint16_t	half = ((const uint16_t *) elements)[i];

			*bytes++ = (uint8_t) (half >> 8);
			*bytes++ = (uint8_t) half;
		}
		else
		{
			uint32_t	bits;

			memcpy(&bits, (const float *) elements + i, sizeof(bits));
			write_be32(bytes, bits);
			bytes += 4;
		}
	}
}

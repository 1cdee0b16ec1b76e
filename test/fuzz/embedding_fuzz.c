/*
 * embedding_fuzz.c - text and wire form of a template from hostile bytes.
 *
 * The first byte chooses text or wire, the rest is the input.  Beside what
 * the sanitizers see:
 *
 *	- what is accepted is 1 to 16,000 finite elements;
 *	- text printed from it with nine digits reads back as the same bits;
 *	- every element is what strtof() reads, so rounding is correct;
 *	- the wire form that is accepted is the one that would be written;
 *	- the position of an error lies in the input or right behind it.
 */
#include "base/template_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) do { if (!(condition)) abort(); } while (0)

/* Reads the elements again with strtof(), from the text that was accepted. */
static void
check_rounding(const char *text, size_t length, const float *elements, size_t dim)
{
	char	   *copy = malloc(length + 1);
	char	   *at;

	memcpy(copy, text, length);
	copy[length] = '\0';
	at = strchr(copy, '[') + 1;
	for (size_t i = 0; i < dim; i++)
	{
		float		expected = strtof(at, &at);

		REQUIRE(memcmp(&expected, &elements[i], sizeof(float)) == 0);
		at += strcspn(at, ",]") + 1;
	}
	free(copy);
}

static void
fuzz_text(const char *text, size_t length)
{
	size_t		capacity = fx_template_capacity(text, length);
	float	   *elements = malloc(capacity * sizeof(float));
	float	   *again = malloc(capacity * sizeof(float));
	char	   *printed = malloc(capacity * 20 + 16);
	char	   *end = printed;
	fx_template_head head;
	fx_template_head head_again;
	fx_error	err;
	fx_code		code = fx_template_parse(text, length, elements, capacity, &head, &err);

	if (code != FX_OK)
	{
		REQUIRE(code == FX_MALFORMED || code == FX_RANGE || code == FX_LIMIT);
		REQUIRE(err.code == code && err.position <= length && err.detail[0] != '\0');
	}
	else
	{
		REQUIRE(head.dim >= 1 && head.dim <= capacity && capacity <= FX_TEMPLATE_MAX_DIM);
		REQUIRE(head.precision == FX_FLOAT32);
		for (size_t i = 0; i < head.dim; i++)
		{
			REQUIRE(isfinite(elements[i]));
			end += sprintf(end, "%c%.9g", i == 0 ? '[' : ',', (double) elements[i]);
		}
		end += sprintf(end, "]@%08x", head.model);
		REQUIRE(fx_template_parse(printed, (size_t) (end - printed), again, capacity, &head_again, &err) == FX_OK);
		REQUIRE(head_again.dim == head.dim && head_again.model == head.model);
		REQUIRE(memcmp(elements, again, head.dim * sizeof(float)) == 0);
		check_rounding(text, length, elements, head.dim);
	}
	free(printed);
	free(again);
	free(elements);
}

static void
fuzz_wire(const uint8_t *bytes, size_t length)
{
	fx_template_head head;
	fx_error	err;
	fx_code		code = fx_template_wire_head(bytes, length, &head, &err);

	if (code == FX_OK)
	{
		void	   *elements = malloc(head.dim * fx_element_size(head.precision));

		REQUIRE(head.dim >= 1 && head.dim <= FX_TEMPLATE_MAX_DIM && fx_template_wire_size(&head) == length);
		code = fx_template_wire_read(bytes, &head, elements, &err);
		if (code == FX_OK)
		{
			uint8_t    *written = malloc(length);

			fx_template_wire_write(&head, elements, written);
			REQUIRE(memcmp(written, bytes, length) == 0);
			free(written);
		}
		free(elements);
	}
	if (code != FX_OK)
	{
		REQUIRE(code == FX_MALFORMED || code == FX_LIMIT);
		REQUIRE(err.code == code && err.position <= length && err.detail[0] != '\0');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		fuzz_text((const char *) data + 1, size - 1);
	else
		fuzz_wire(data + 1, size - 1);
	return 0;
}

/*
 * text.c - lines, numbers, base64 and checkpoints.
 */
#include "verify/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *
fx_read_file(FILE *file, size_t limit, size_t *size)
{
	size_t		room = 64 * 1024;
	char	   *text = malloc(room + 1);

	*size = 0;
	while (text != NULL)
	{
		size_t		got = fread(text + *size, 1, room - *size, file);
		char	   *more;

		*size += got;
		if (*size < room)
		{
			if (ferror(file))
				break;
			text[*size] = '\0';
			return text;
		}
		if (room >= limit)
		{
			errno = EFBIG;
			break;
		}
		room *= 2;
		more = realloc(text, room + 1);
		if (more == NULL)
			break;
		text = more;
	}
	free(text);
	return NULL;
}

char *
fx_next_line(char **text)
{
	char	   *line = *text;
	char	   *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = line + strcspn(line, "\n");
	*text = *end == '\0' ? end : end + 1;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

/* The value of a digit, or -1. */
static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int) (at - digits);
}

bool
fx_base64(char *text, size_t *size)
{
	size_t		length = strlen(text);
	char	   *to = text;
	uint32_t	bits = 0;
	int			held = 0;

	for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
		length--;
	for (size_t i = 0; i < length; i++)
	{
		int			digit = base64_digit(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t) digit;
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			*to++ = (char) (bits >> held);
			bits &= (1u << held) - 1;
		}
	}
	*size = (size_t) (to - text);
	/* what is left over of the last digit is zero, and less than a digit */
	return held < 6 && bits == 0;
}

bool
fx_read_number(const char *text, uint64_t *number)
{
	*number = 0;
	if (*text == '\0' || strlen(text) > 18)
		return false;
	for (; *text != '\0'; text++)
	{
		if (*text < '0' || *text > '9')
			return false;
		*number = *number * 10 + (uint64_t) (*text - '0');
	}
	return true;
}

bool
fx_read_base64_hash(char *text, fx_hash *hash)
{
	size_t		size;

	if (!fx_base64(text, &size) || size != FX_SHA256_SIZE)
		return false;
	memcpy(hash->bytes, text, FX_SHA256_SIZE);
	return true;
}

bool
fx_read_checkpoint(char **text, fx_checkpoint *checkpoint)
{
	char	   *origin = fx_next_line(text);
	char	   *size = origin == NULL ? NULL : fx_next_line(text);
	char	   *root = size == NULL ? NULL : fx_next_line(text);

	if (root == NULL || strncmp(origin, "facesnxt/", 9) != 0 || strlen(origin) >= sizeof(checkpoint->origin))
		return false;
	strcpy(checkpoint->origin, origin);
	return fx_read_number(size, &checkpoint->size) && fx_read_base64_hash(root, &checkpoint->root);
}

void
fx_origin(const fx_hash *first, char origin[64])
{
	int			at = sprintf(origin, "facesnxt/");

	for (int i = 0; i < FX_SHA256_SIZE / 2; i++)
		at += sprintf(origin + at, "%02x", first->bytes[i]);
}

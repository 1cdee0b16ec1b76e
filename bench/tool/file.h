/*
 * file.h - whole files for measuring programs, which end where one is missing.
 */
#ifndef FACESNXT_BENCH_FILE_H
#define FACESNXT_BENCH_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static uint8_t *
slurp(const char *path, size_t *length)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *bytes;
	long		size;

	if (file == NULL)
		die(path, "cannot be opened");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t) size + 1);
	if (bytes == NULL || fread(bytes, 1, (size_t) size, file) != (size_t) size)
		die(path, "cannot be read");
	fclose(file);
	*length = (size_t) size;
	return bytes;
}

#endif							/* FACESNXT_BENCH_FILE_H */

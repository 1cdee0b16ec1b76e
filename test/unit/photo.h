/*
 * photo.h - what the tests of photographs share: where the test data are,
 * reading a file, listing a folder, and an environment that counts, can fail and
 * can be interrupted.
 */
#ifndef FX_TEST_PHOTO_H
#define FX_TEST_PHOTO_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "image/image.h"

/* The path of a file of the test data; valid until the fourth next call. */
__attribute__((unused))
static const char *
data_path(const char *name)
{
	static char paths[4][4096];
	static int	turn;
	const char *folder = getenv("FACESNXT_DATA");

	turn = (turn + 1) % 4;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s",
			 folder != NULL && *folder != '\0' ? folder : "../shared/data", name);
	return paths[turn];
}

__attribute__((unused))
static bool
data_there(const char *name)
{
	struct stat st;

	return stat(data_path(name), &st) == 0;
}

/* A whole file, exactly as long, so that a sanitizer sees any byte read beyond; NULL: none. */
__attribute__((unused))
static uint8_t *
read_whole(const char *path, size_t *length)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *bytes;
	long		size;

	*length = 0;
	if (file == NULL)
		return NULL;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = size < 0 ? NULL : malloc(size == 0 ? 1 : (size_t) size);
	if (bytes != NULL)
		*length = fread(bytes, 1, (size_t) size, file);
	fclose(file);
	return bytes;
}

/* Calls visit for every regular file under a folder, in no order; returns how many. */
__attribute__((unused))
static size_t
each_file(const char *folder, void (*visit) (const char *path, void *context), void *context)
{
	DIR		   *dir = opendir(folder);
	struct dirent *entry;
	size_t		count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
	{
		char		path[4096];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			count += each_file(path, visit, context);
		else if (S_ISREG(st.st_mode))
		{
			visit(path, context);
			count++;
		}
	}
	closedir(dir);
	return count;
}

/* Counts what is held; refuses one allocation; interrupts after a number of questions. */
typedef struct ledger
{
	size_t		allocations;	/* asked for so far */
	size_t		live;			/* not released yet */
	size_t		fail_at;		/* 1: the first; 0: never */
	size_t		largest;		/* request, bytes */
	size_t		questions;		/* of interrupted() so far */
	size_t		interrupt_at;	/* 1: the first question; 0: never */
} ledger;

static void *
ledger_alloc(void *context, size_t size)
{
	ledger	   *l = context;
	void	   *p;

	l->allocations++;
	if (size > l->largest)
		l->largest = size;
	if (l->allocations == l->fail_at)
		return NULL;
	p = fx_env_malloc()->alloc(NULL, size);
	if (p != NULL)
		l->live++;
	return p;
}

static void
ledger_release(void *context, void *pointer)
{
	ledger	   *l = context;

	if (pointer != NULL)
		l->live--;
	fx_env_malloc()->release(NULL, pointer);
}

static bool
ledger_interrupted(void *context)
{
	ledger	   *l = context;

	return ++l->questions >= l->interrupt_at && l->interrupt_at > 0;
}

__attribute__((unused))
static fx_env
ledger_env(ledger *l)
{
	memset(l, 0, sizeof(*l));
	return (fx_env) {ledger_alloc, ledger_release, ledger_interrupted, l};
}

/* Limits that no photograph of the test data reaches. */
static const fx_jpeg_limits wide = {64 << 20, 100000000, 64, (size_t) 1 << 30};

/* Decodes a file of the test data with the plain environment. */
__attribute__((unused))
static fx_code
decode_file(const char *path, fx_image *image, fx_error *err)
{
	size_t		length;
	uint8_t    *bytes = read_whole(path, &length);
	fx_code		code;

	memset(image, 0, sizeof(*image));
	if (bytes == NULL)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "%s cannot be read", path);
	code = fx_jpeg_decode(fx_env_malloc(), bytes, length, &wide, image, err);
	free(bytes);
	return code;
}

#endif							/* FX_TEST_PHOTO_H */

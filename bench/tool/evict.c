/*
 * evict.c - drops files from the system's cache, so that the next read of them
 * comes from the disk. Needs no more than the right to read them and to be
 * their owner or root, which is what it takes to see what is cached.
 *
 *		evict file...		-> how many bytes of them were there
 *
 * Fails where some stay: on a file system that lives in memory, or while
 * another process maps them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void
give_up(const char *what, const char *path)
{
	fprintf(stderr, "evict: cannot %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

/* How many bytes of a file are in memory. Mapping it brings none there, and the mapping is gone afterwards: what is
 * mapped is not dropped. */
static size_t
cached(int file, size_t size, const char *path)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	size_t		pages = (size + page - 1) / page;
	size_t		found = 0;
	unsigned char *present;
	void	   *map;

	if (size == 0)
		return 0;
	present = malloc(pages);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	if (present == NULL || map == MAP_FAILED || mincore(map, size, present) != 0)
		give_up("look at", path);
	for (size_t i = 0; i < pages; i++)
		found += present[i] & 1;
	munmap(map, size);
	free(present);
	return found * page;
}

int
main(int argc, char **argv)
{
	size_t		before = 0;
	size_t		after = 0;

	if (argc < 2)
	{
		fprintf(stderr, "usage: evict file...\n");
		return 1;
	}
	for (int i = 1; i < argc; i++)
	{
		int			file = open(argv[i], O_RDONLY);
		struct stat about;

		if (file < 0 || fstat(file, &about) != 0)
			give_up("open", argv[i]);
		before += cached(file, (size_t) about.st_size, argv[i]);
		/* what is not written yet stays */
		if (fdatasync(file) != 0)
			give_up("write", argv[i]);
		errno = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
		if (errno != 0)
			give_up("drop", argv[i]);
		after += cached(file, (size_t) about.st_size, argv[i]);
		close(file);
	}
	if (after > 0)
	{
		fprintf(stderr, "evict: %zu of %zu bytes are still in memory\n", after, before);
		return 1;
	}
	printf("%zu\n", before);
	return 0;
}

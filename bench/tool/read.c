/*
 * read.c - how long a plain read of so many bytes takes: the yardstick of the
 * index benchmark.
 *
 *		read bytes [passes]		-> median milliseconds
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>

static __attribute__((target("avx2"))) uint64_t
read_avx2(const char *bytes, size_t size)
{
	const __m256i *from = (const __m256i *) bytes;
	__m256i		sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
		_mm256_setzero_si256()};
	uint64_t	words[4];

	for (size_t i = 0; i + 4 <= size / 32; i += 4)
		for (int j = 0; j < 4; j++)
			sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(from + i + j));
	_mm256_storeu_si256((__m256i *) words, _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]),
															_mm256_add_epi64(sums[2], sums[3])));
	return words[0] + words[1] + words[2] + words[3];
}
#endif

static uint64_t
read_words(const char *bytes, size_t size)
{
	uint64_t	sum = 0;
	uint64_t	word;

	for (size_t i = 0; i + 8 <= size; i += 8)
	{
		memcpy(&word, bytes + i, 8);
		sum += word;
	}
	return sum;
}

static int
ascending(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	size_t		size = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	int			passes = argc > 2 ? atoi(argv[2]) : 9;
	char	   *bytes = size > 0 ? malloc(size) : NULL;
	double	   *taken = passes > 0 ? malloc(sizeof(double) * (size_t) passes) : NULL;
	volatile uint64_t sink = 0;

	if (bytes == NULL || taken == NULL)
	{
		fprintf(stderr, "usage: read bytes [passes]\n");
		return 1;
	}
	memset(bytes, 1, size);
	for (int i = 0; i < passes; i++)
	{
		struct timespec from;
		struct timespec to;

		clock_gettime(CLOCK_MONOTONIC, &from);
#ifdef __x86_64__
		if (__builtin_cpu_supports("avx2"))
			sink += read_avx2(bytes, size);
		else
#endif
			sink += read_words(bytes, size);
		clock_gettime(CLOCK_MONOTONIC, &to);
		taken[i] = (double) (to.tv_sec - from.tv_sec) * 1e3 + (double) (to.tv_nsec - from.tv_nsec) / 1e6;
	}
	(void) sink;
	qsort(taken, (size_t) passes, sizeof(double), ascending);
	printf("%.2f\n", taken[passes / 2]);
	return 0;
}

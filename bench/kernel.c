/*
 * kernel.c - the distance kernels against a plain read of the same bytes.
 *
 *		gcc -O2 -std=gnu99 -D_GNU_SOURCE -Isrc bench/kernel.c src/kernel/[a-z]*.c src/base/base.c \
 *			-lm -o build/bench-kernel
 *		build/bench-kernel [vectors [dimensions]]
 *
 * One probe of float32 against 1,000,000 references of 512 dimensions that lie
 * one after the other, as float32 (2 GB) and as half (1 GB).  Every figure is
 * the median of 7 passes; reads and kernels take turns, so that noise of the
 * machine meets both.  The read is the fastest of three ways to sum all bytes
 * as integers: plain 64-bit words, and 256- and 512-bit loads where the CPU
 * has them.  "of read" is kernel time / read time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "kernel/kernel.h"

#define PASSES 7

typedef uint64_t (*reader) (const char *bytes, size_t size);

static uint64_t
read_words(const char *bytes, size_t size)
{
	uint64_t	sums[4] = {0, 0, 0, 0};
	uint64_t	words[4];
	size_t		i;

	for (i = 0; i + sizeof(words) <= size; i += sizeof(words))
	{
		memcpy(words, bytes + i, sizeof(words));
		sums[0] += words[0];
		sums[1] += words[1];
		sums[2] += words[2];
		sums[3] += words[3];
	}
	return sums[0] + sums[1] + sums[2] + sums[3];
}

#ifdef __x86_64__
static __attribute__((target("avx2"))) uint64_t
read_avx2(const char *bytes, size_t size)
{
	const __m256i *from = (const __m256i *) bytes;
	__m256i		sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
		_mm256_setzero_si256()};
	uint64_t	words[4];
	size_t		i;

	for (i = 0; i + 4 <= size / 32; i += 4)
	{
		sums[0] = _mm256_add_epi64(sums[0], _mm256_loadu_si256(from + i));
		sums[1] = _mm256_add_epi64(sums[1], _mm256_loadu_si256(from + i + 1));
		sums[2] = _mm256_add_epi64(sums[2], _mm256_loadu_si256(from + i + 2));
		sums[3] = _mm256_add_epi64(sums[3], _mm256_loadu_si256(from + i + 3));
	}
	sums[0] = _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
	_mm256_storeu_si256((__m256i *) words, sums[0]);
	return words[0] + words[1] + words[2] + words[3];
}

static __attribute__((target("avx512f"))) uint64_t
read_avx512(const char *bytes, size_t size)
{
	__m512i		sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
		_mm512_setzero_si512()};
	size_t		i;

	for (i = 0; i + 256 <= size; i += 256)
	{
		sums[0] = _mm512_add_epi64(sums[0], _mm512_loadu_si512(bytes + i));
		sums[1] = _mm512_add_epi64(sums[1], _mm512_loadu_si512(bytes + i + 64));
		sums[2] = _mm512_add_epi64(sums[2], _mm512_loadu_si512(bytes + i + 128));
		sums[3] = _mm512_add_epi64(sums[3], _mm512_loadu_si512(bytes + i + 192));
	}
	sums[0] = _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3]));
	return (uint64_t) _mm512_reduce_add_epi64(sums[0]);
}
#endif

/* ---- what one pass measures */

typedef struct measured
{
	reader		read;			/* either this */
	const fx_kernels *kernels;	/* or operation 0 cosine, 1 l2, 2 inner of a tier */
	int			operation;
	double		ms[PASSES];
	double		median;
} measured;

static const char *const operations[] = {"cosine", "l2", "inner"};

/* Results end here, so that no pass can be left out. */
static volatile double sink;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double
pass(const measured *m, const float *probe, const char *references, fx_precision precision, size_t count,
	 size_t n)
{
	size_t		stride = n * fx_element_size(precision);
	double		start = now_ms();
	double		total = 0;
	size_t		i;

	if (m->read != NULL)
		total = (double) m->read(references, count * stride);
	else if (m->operation == 0)
	{
		fx_cosine_kernel kernel = m->kernels->cosine[FX_FLOAT32][precision];
		fx_cosine_sums sums;

		for (i = 0; i < count; i++)
		{
			kernel(probe, references + i * stride, n, &sums);
			total += sums.ab + sums.bb;
		}
	}
	else
	{
		fx_pair_kernel kernel = m->operation == 1 ? m->kernels->l2_squared[FX_FLOAT32][precision] :
			m->kernels->inner[FX_FLOAT32][precision];

		for (i = 0; i < count; i++)
			total += kernel(probe, references + i * stride, n);
	}
	sink = total;
	return now_ms() - start;
}

static int
ascending(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
measure(const float *probe, const char *references, fx_precision precision, size_t count, size_t n)
{
	static const fx_tier tiers[] = {FX_TIER_AVX512, FX_TIER_AVX2, FX_TIER_NEON, FX_TIER_SCALAR};
	measured	all[3 + 3 * 4];
	int			used = 0;
	int			readers;
	int			t,
				i,
				p;
	double		megabytes = (double) count * n * fx_element_size(precision) / 1e6;
	const measured *read = all;

	memset(all, 0, sizeof(all));
	all[used++].read = read_words;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		all[used++].read = read_avx2;
	if (__builtin_cpu_supports("avx512f"))
		all[used++].read = read_avx512;
#endif
	readers = used;
	for (t = 0; t < 4; t++)
		for (i = 0; i < 3 && fx_tier_available(tiers[t]); i++)
		{
			all[used].kernels = fx_kernels_of(tiers[t]);
			all[used++].operation = i;
		}

	for (p = 0; p < PASSES; p++)
		for (i = 0; i < used; i++)
			all[i].ms[p] = pass(&all[i], probe, references, precision, count, n);
	for (i = 0; i < used; i++)
	{
		qsort(all[i].ms, PASSES, sizeof(double), ascending);
		all[i].median = all[i].ms[PASSES / 2];
		if (i < readers && all[i].median < read->median)
			read = &all[i];
	}

	printf("%zu references, %zu dimensions, %s: %.0f MB\n", count, n,
		   precision == FX_FLOAT16 ? "half" : "float32", megabytes);
	printf("%-16s %8.1f ms  (%.1f .. %.1f)  %5.2f GB/s\n", "plain read", read->median, read->ms[0],
		   read->ms[PASSES - 1], megabytes / read->median);
	for (i = readers; i < used; i++)
		printf("%-8s%-8s %8.1f ms  (%.1f .. %.1f)  %5.2f of read\n", all[i].kernels->name,
			   operations[all[i].operation], all[i].median, all[i].ms[0], all[i].ms[PASSES - 1],
			   all[i].median / read->median);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	size_t		count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	size_t		n = argc > 2 ? strtoull(argv[2], NULL, 10) : 512;
	size_t		size = count * n * sizeof(float);
	uint32_t	state = 1;
	float	   *probe = malloc(n * sizeof(float));
	float	   *references = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t		i;

	if (count == 0 || n == 0 || probe == NULL || references == MAP_FAILED)
	{
		fprintf(stderr, "usage: %s [vectors [dimensions]]; needs %zu MB\n", argv[0], size / 1000000);
		return 1;
	}
	for (i = 0; i < count * n; i++)
	{
		state = state * 1664525 + 1013904223;
		references[i] = (float) (int32_t) state * 0x1p-31f;
	}
	memcpy(probe, references, n * sizeof(float));

	measure(probe, (const char *) references, FX_FLOAT32, count, n);

	/* in place, vector by vector: a half never overtakes the float it comes from */
	{
		uint16_t	halves[4096];
		size_t		done,
					chunk;

		for (done = 0; done < count * n; done += chunk)
		{
			chunk = count * n - done < 4096 ? count * n - done : 4096;
			fx_kernels_active()->to_half(references + done, halves, chunk);
			memcpy((char *) references + 2 * done, halves, 2 * chunk);
		}
	}
	measure(probe, (const char *) references, FX_FLOAT16, count, n);
	munmap(references, size);
	free(probe);
	return 0;
}

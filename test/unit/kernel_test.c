/*
 * kernel_test.c - every tier of the distance kernels that this machine has
 * against the scalar truth, and the scalar truth against sums in long double.
 *
 * Operands end exactly at the end of an allocation (seen by the address
 * sanitizer) or of a page before an inaccessible one (seen by the processor,
 * masked loads included).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/half.h"
#include "kernel/kernel.h"
#include "tap.h"

#define LONGEST 1100
#define OFFSETS 64
#define SUMS 5					/* inner, l2_squared, ab, aa, bb */

static const char *const sum_names[SUMS] = {"inner", "l2_squared", "cosine ab", "cosine aa",
"cosine bb"};

/* ---- operands: the same numbers in both precisions of each side */

typedef struct operand
{
	float		single[LONGEST];
	uint16_t	half[LONGEST];
} operand;

static operand A;
static operand B;

static const void *
elements(const operand *o, fx_precision precision)
{
	return precision == FX_FLOAT16 ? (const void *) o->half : (const void *) o->single;
}

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t
random_bits(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t) (random_state >> 32);
}

static double
random_unit(void)
{
	return (random_bits() + 0.5) / 4294967296.0;
}

typedef enum filling
{
	SIGNED,						/* uniform in (-1, 1) */
	POSITIVE,					/* uniform in (0, 1): no cancellation, the errors add up */
	WILD,						/* exponents across the range of half */
	TINY,						/* products are denormal floats; denormal halves */
	INTEGERS,					/* sums are exact in float */
	FILLINGS
} filling;

static const char *const filling_names[FILLINGS] = {"signed", "positive", "wild", "tiny", "integers"};

/*
 * Half operands hold numbers of their own, and single operands use the whole
 * mantissa of float, or a tier that rounded to half in between would pass.
 */
static void
fill(operand *o, filling kind)
{
	size_t		i;

	for (i = 0; i < LONGEST; i++)
	{
		double		sign = random_bits() & 0x10000 ? -1 : 1;
		int			exponent;

		switch (kind)
		{
			case SIGNED:
				o->single[i] = (float) (sign * random_unit());
				break;
			case POSITIVE:
				o->single[i] = (float) random_unit();
				break;
			case WILD:
				exponent = (int) (random_bits() >> 16) % 38 - 24;
				o->single[i] = (float) ldexp(sign * (1 + random_unit()), exponent);
				break;
			case TINY:
				exponent = -60 - (int) (random_bits() >> 16) % 20;
				o->single[i] = (float) ldexp(sign * (1 + random_unit()), exponent);
				break;
			default:
				o->single[i] = (float) ((int) ((random_bits() >> 16) % 61) - 30);
				break;
		}
		if (kind == TINY)
			o->half[i] = (uint16_t) ((random_bits() >> 16) & 0x80ff);
		else
			o->half[i] = fx_half_from_float(o->single[i]);
	}
}

/* ---- the slow obvious sums */

static long double
obvious_half(uint16_t half)
{
	int			exponent = half >> 10 & 31;
	long double fraction = half & 0x3ff;
	long double value;

	if (exponent == 31)
		value = fraction != 0 ? (long double) NAN : (long double) INFINITY;
	else if (exponent == 0)
		value = ldexpl(fraction, -24);
	else
		value = ldexpl(1024 + fraction, exponent - 25);
	return half & 0x8000 ? -value : value;
}

static long double
element(const operand *o, fx_precision precision, size_t i)
{
	return precision == FX_FLOAT16 ? obvious_half(o->half[i]) : (long double) o->single[i];
}

/* The sums, and the sums of the magnitudes of their terms, of all prefixes at once. */
static long double exact[LONGEST + 1][SUMS];
static long double magnitude[LONGEST + 1][SUMS];

static void
sum_obviously(fx_precision pa, fx_precision pb)
{
	size_t		n;
	int			s;

	for (n = 0; n < LONGEST; n++)
	{
		long double x = element(&A, pa, n);
		long double y = element(&B, pb, n);
		long double terms[SUMS] = {x * y, (x - y) * (x - y), x * y, x * x, y * y};

		for (s = 0; s < SUMS; s++)
		{
			exact[n + 1][s] = exact[n][s] + terms[s];
			magnitude[n + 1][s] = magnitude[n][s] + fabsl(terms[s]);
		}
	}
}

static void
run(const fx_kernels *k, const void *a, fx_precision pa, const void *b, fx_precision pb, size_t n,
	float *sums)
{
	fx_cosine_sums c = {NAN, NAN, NAN};

	sums[0] = k->inner[pa][pb] (a, b, n);
	sums[1] = k->l2_squared[pa][pb] (a, b, n);
	k->cosine[pa][pb] (a, b, n, &c);
	sums[2] = c.ab;
	sums[3] = c.aa;
	sums[4] = c.bb;
}

/* Bits, so that 0 and -0 differ and NaN equals itself. */
static bool
same_bits(const float *x, const float *y)
{
	return memcmp(x, y, SUMS * sizeof(float)) == 0;
}

static const fx_tier all_tiers[] = {FX_TIER_SCALAR, FX_TIER_NEON, FX_TIER_AVX2, FX_TIER_AVX512};
static const char *const tier_names[] = {"scalar", "neon", "avx2", "avx512"};

#define TIERS 4

static const char *const precision_names[] = {"single", "half"};

/* ---- within the bound, at every length, for every filling */

static void
check_bound(const fx_kernels *k, filling kind)
{
	const fx_kernels *scalar = fx_kernels_of(FX_TIER_SCALAR);
	fx_precision pa,
				pb;
	long		beyond = 0;
	long		scalar_beyond = 0;
	long		asymmetric = 0;
	double		closest = 0;	/* largest share of the bound that was used */

	for (pa = 0; pa < FX_PRECISIONS; pa++)
		for (pb = 0; pb < FX_PRECISIONS; pb++)
		{
			size_t		n;

			sum_obviously(pa, pb);
			for (n = 0; n <= LONGEST; n++)
			{
				float		truth[SUMS];
				float		sums[SUMS];
				float		swapped[SUMS];
				float		swap;
				int			s;

				run(scalar, elements(&A, pa), pa, elements(&B, pb), pb, n, truth);
				run(k, elements(&A, pa), pa, elements(&B, pb), pb, n, sums);
				run(k, elements(&B, pb), pb, elements(&A, pa), pa, n, swapped);
				swap = swapped[3];
				swapped[3] = swapped[4];
				swapped[4] = swap;
				if (!same_bits(sums, swapped) && asymmetric++ == 0)
					diag("%s x %s, n %zu: not symmetric", precision_names[pa], precision_names[pb], n);
				for (s = 0; s < SUMS; s++)
				{
					long double m = magnitude[n][s];
					long double bound = FX_KERNEL_BOUND(n) * m + FX_KERNEL_UNDERFLOW(n);
					long double error = fabsl((long double) sums[s] - truth[s]);
					/* one rounding to float, and n in double */
					long double own = m * (0x1p-24L + (n + 3) * 0x1p-53L) + 0x1p-150L;

					/* "not <=" rather than ">": NaN must fail */
					if (!(error <= (kind == INTEGERS ? 0 : bound)) && beyond++ == 0)
						diag("%s, %s x %s, n %zu: %a, scalar %a, bound %Lg", sum_names[s],
							 precision_names[pa], precision_names[pb], n, sums[s], truth[s], bound);
					if (!(fabsl(truth[s] - exact[n][s]) <= own) && scalar_beyond++ == 0)
						diag("scalar %s, %s x %s, n %zu: %a, exact %La", sum_names[s],
							 precision_names[pa], precision_names[pb], n, truth[s], exact[n][s]);
					if (error > 0 && error / bound > closest)
						closest = (double) (error / bound);
				}
			}
		}
	ok(beyond == 0, "%s, %s: %s scalar at every length and precision (uses %.0f %% of the bound)",
	   k->name, filling_names[kind], kind == INTEGERS ? "equals" : "within the bound of", 100 * closest);
	ok(asymmetric == 0, "%s, %s: symmetric to the bit", k->name, filling_names[kind]);
	if (k == scalar)
		ok(scalar_beyond == 0, "scalar, %s: rounds the exact sums once", filling_names[kind]);
}

/* ---- every misalignment: operands end at the end of their allocation */

static char *
exact_allocation(size_t offset, size_t bytes)
{
	void	   *block = NULL;

	if (posix_memalign(&block, OFFSETS, offset + bytes > 0 ? offset + bytes : 1) != 0)
	{
		puts("Bail out! out of memory");
		exit(2);
	}
	return (char *) block;
}

static void
check_offsets(fx_tier *tiers, int count)
{
	long		wrong[TIERS] = {0};
	fx_precision pa,
				pb;
	size_t		n;
	int			t;

	for (n = 0; n <= LONGEST; n++)
		for (pa = 0; pa < FX_PRECISIONS; pa++)
			for (pb = 0; pb < FX_PRECISIONS; pb++)
			{
				size_t		size_a = n * fx_element_size(pa);
				size_t		size_b = n * fx_element_size(pb);
				float		aligned[TIERS][SUMS];
				size_t		offset;

				for (t = 0; t < count; t++)
					run(fx_kernels_of(tiers[t]), elements(&A, pa), pa, elements(&B, pb), pb, n,
						aligned[t]);
				for (offset = 0; offset < OFFSETS; offset++)
				{
					/* 37 is odd: each offset of b comes once as well, with another of a at each n */
					size_t		offset_b = (offset * 37 + n) % OFFSETS;
					char	   *block_a = exact_allocation(offset, size_a);
					char	   *block_b = exact_allocation(offset_b, size_b);

					memcpy(block_a + offset, elements(&A, pa), size_a);
					memcpy(block_b + offset_b, elements(&B, pb), size_b);
					for (t = 0; t < count; t++)
					{
						float		sums[SUMS];

						run(fx_kernels_of(tiers[t]), block_a + offset, pa, block_b + offset_b, pb, n,
							sums);
						if (!same_bits(sums, aligned[t]) && wrong[t]++ == 0)
							diag("n %zu, offsets %zu and %zu differ from aligned", n, offset, offset_b);
					}
					free(block_a);
					free(block_b);
				}
			}
	for (t = 0; t < count; t++)
		ok(wrong[t] == 0, "%s: the same bits at every length and misalignment",
		   fx_kernels_of(tiers[t])->name);
}

/* ---- no byte outside: pages that cannot be read stand before and after */

static char *
guarded_room(size_t *room)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	size_t		size = (LONGEST * 4 + page - 1) / page * page;
	char	   *map = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE,
						   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) != 0 ||
		mprotect(map + page + size, page, PROT_NONE) != 0)
	{
		puts("Bail out! mmap");
		exit(2);
	}
	*room = size;
	return map + page;
}

static void
check_guarded(const fx_kernels *k, char *room_a, char *room_b, size_t room)
{
	fx_precision pa,
				pb;
	size_t		n;
	long		wrong = 0;

	for (n = 0; n <= LONGEST; n++)
		for (pa = 0; pa < FX_PRECISIONS; pa++)
			for (pb = 0; pb < FX_PRECISIONS; pb++)
			{
				size_t		size_a = n * fx_element_size(pa);
				size_t		size_b = n * fx_element_size(pb);
				float		expected[SUMS];
				float		sums[SUMS];
				int			end;

				run(k, elements(&A, pa), pa, elements(&B, pb), pb, n, expected);
				for (end = 0; end < 2; end++)
				{
					char	   *a = room_a + (end ? room - size_a : 0);
					char	   *b = room_b + (end ? room - size_b : 0);

					memcpy(a, elements(&A, pa), size_a);
					memcpy(b, elements(&B, pb), size_b);
					run(k, a, pa, b, pb, n, sums);
					wrong += !same_bits(sums, expected);
				}
			}
	/* conversions read and write up to the edge of the page */
	for (n = 0; n <= LONGEST; n++)
	{
		char	   *from = room_a + room - 4 * n;
		char	   *to = room_b + room - 2 * n;

		memcpy(from, A.single, 4 * n);
		k->to_half((const float *) from, (uint16_t *) to, n);
		wrong += memcmp(to, A.half, 2 * n) != 0;
		k->to_float((const uint16_t *) to, (float *) from, n);
		if (n > 0)
		{
			float		last;

			memcpy(&last, from + 4 * (n - 1), 4);
			wrong += (long double) last != obvious_half(A.half[n - 1]);
		}
	}
	ok(wrong == 0, "%s: operands at both edges of inaccessible pages", k->name);
}

/* ---- halves */

/* The nearest half by search through all of them, the even one of two. */
static uint16_t
obvious_from_float(float value)
{
	uint16_t	sign = signbit(value) ? 0x8000 : 0;
	long double x = fabsl((long double) value);
	uint16_t	low = 0;
	uint16_t	high = 0x7c00;	/* stands for 65536 in the search */
	long double below,
				above;

	if (isnan(value))
		return sign | 0x7e00;
	if (x >= 65536)
		return sign | 0x7c00;
	while (high - low > 1)
	{
		uint16_t	middle = (uint16_t) ((low + high) / 2);

		if (obvious_half(middle) <= x)
			low = middle;
		else
			high = middle;
	}
	below = x - obvious_half(low);
	above = (high == 0x7c00 ? 65536.0L : obvious_half(high)) - x;
	if (below < above || (below == above && low % 2 == 0))
		return sign | low;
	return sign | high;
}

/* Converts in one call, so that whole vectors and tails are both met; compares bits, NaN by kind. */
static long
compare_to_half(const fx_kernels *k, const float *from, const uint16_t *expected, uint16_t *to,
				size_t n)
{
	long		wrong = 0;
	size_t		i;

	k->to_half(from, to, n);
	for (i = 0; i < n; i++)
	{
		bool		same = to[i] == expected[i];

		if (isnan(from[i]))
			same = to[i] == fx_half_from_float(from[i]) && (to[i] & 0x7e00) == 0x7e00 &&
				(to[i] & 0x8000) == (expected[i] & 0x8000);
		if (!same && wrong++ == 0)
			diag("%s: %a becomes %04x, not %04x", k->name, from[i], to[i], expected[i]);
	}
	return wrong;
}

#define HALVES 65536
#define SAMPLE (8 * HALVES + 2000003)

static void
check_halves(fx_tier *tiers, int count)
{
	float	   *floats = malloc(SAMPLE * sizeof(float));
	uint16_t   *expected = malloc(SAMPLE * sizeof(uint16_t));
	uint16_t   *halves = malloc(SAMPLE * sizeof(uint16_t));
	size_t		n = 0;
	size_t		i;
	int			t;

	if (floats == NULL || expected == NULL || halves == NULL)
	{
		puts("Bail out! out of memory");
		exit(2);
	}

	for (i = 0; i < HALVES; i++)
		halves[i] = (uint16_t) i;
	for (t = 0; t < count; t++)
	{
		const fx_kernels *k = fx_kernels_of(tiers[t]);
		long		wrong = 0;

		memset(floats, 0xaa, HALVES * sizeof(float));
		k->to_float(halves, floats, HALVES);
		for (i = 0; i < HALVES; i++)
		{
			long double value = obvious_half((uint16_t) i);
			float		scalar = fx_half_to_float((uint16_t) i);
			bool		same = memcmp(&scalar, &floats[i], 4) == 0 &&
				(signbit(scalar) != 0) == (i >= 0x8000) &&
				(isnan(value) ? isnan(scalar) : (long double) scalar == value);

			if (!same && wrong++ == 0)
				diag("%s: %04zx becomes %a", k->name, i, floats[i]);
			/* a NaN comes back quiet */
			expected[i] = (uint16_t) (isnan(value) ? i | 0x200 : i);
		}
		ok(wrong == 0, "%s: every half to float", k->name);
		wrong = 0;
		k->to_half(floats, halves, HALVES);
		for (i = 0; i < HALVES; i++)
			wrong += halves[i] != expected[i];
		ok(wrong == 0, "%s: every half to float and back", k->name);
		for (i = 0; i < HALVES; i++)
			halves[i] = (uint16_t) i;
	}

	/* every finite half's upper neighbour: the tie, just beside it, and in between; both signs */
	for (i = 0; i < 0x7c00; i++)
	{
		float		low = (float) obvious_half((uint16_t) i);
		float		high = i + 1 == 0x7c00 ? 65536.0f : (float) obvious_half((uint16_t) (i + 1));
		float		tie = low + (high - low) / 2;	/* exact: 11 bits */
		float		sign = i % 3 == 0 ? -1.0f : 1.0f;

		floats[n++] = sign * tie;
		floats[n++] = sign * nextafterf(tie, 0);
		floats[n++] = sign * nextafterf(tie, INFINITY);
		floats[n++] = sign * nextafterf(low, INFINITY);
		floats[n++] = sign * nextafterf(high, 0);
		floats[n++] = -sign * tie;
		floats[n++] = sign * low;
	}
	{
		static const float special[] = {0.0f, -0.0f, 65504.0f, 65519.99f, 65520.0f, -65520.0f, 65536.0f,
			1e10f, 3.4028234664e38f, -3.4028234664e38f, INFINITY, -INFINITY, NAN, -NAN, 0x1p-24f, 0x1p-25f,
			0x1.000002p-25f, 0x1p-26f, 0x1p-126f, 0x1p-149f, -0x1p-149f, 0x1.fffffep-127f};

		for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
			floats[n++] = special[i];
	}
	while (n < SAMPLE)
	{
		uint32_t	bits = random_bits();

		if (n % 2)				/* half of the sample around the range of half */
			bits = (bits & 0x807fffff) | (0x60 + random_bits() % 0x38) << 23;
		memcpy(&floats[n++], &bits, 4);
	}
	for (i = 0; i < n; i++)
		expected[i] = obvious_from_float(floats[i]);
	for (t = 0; t < count; t++)
		ok(compare_to_half(fx_kernels_of(tiers[t]), floats, expected, halves, n) == 0,
		   "%s: %zu floats to the nearest half", fx_kernels_of(tiers[t])->name, n);
	free(floats);
	free(expected);
	free(halves);
}

/* ---- what float cannot express */

/* NaN is near nothing. */
static bool
nearly(double x, double y, double unit)
{
	return fabs(x - y) <= 1e-12 * unit;
}

static void
check_extremes(const fx_kernels *k)
{
	static const float sizes[] = {0.0f, 0x1p-149f, 1e-30f, 0x1p-60f, 1.0f, 1e15f, 3.4028234664e38f};
	float		a[40],
				b[40];
	size_t		s,
				i;
	long		wrong = 0;
	long		usable = 0;

	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
	{
		double		square = (double) sizes[s] * sizes[s];
		fx_cosine_sums c;
		fx_cosine_wide_sums w;

		for (i = 0; i < 40; i++)
		{
			a[i] = i % 3 ? sizes[s] : -sizes[s];
			b[i] = i % 2 ? sizes[s] : -sizes[s];
		}
		k->cosine[FX_FLOAT32][FX_FLOAT32] (a, b, 40, &c);
		fx_cosine_sums_wide(a, FX_FLOAT32, b, FX_FLOAT32, 40, &w);
		wrong += !nearly(w.aa, 40 * square, square) || !nearly(w.bb, 40 * square, square);
		wrong += !nearly(fx_inner_wide(a, FX_FLOAT32, b, FX_FLOAT32, 40), w.ab, square);
		wrong += !nearly(fx_l2_squared_wide(a, FX_FLOAT32, b, FX_FLOAT32, 40),
						 w.aa + w.bb - 2 * w.ab, square);
		wrong += (w.aa == 0) != (sizes[s] == 0);
		/* only overflow may bring forth what is not finite */
		if (sizes[s] < 1e16f)
			wrong += !isfinite(c.ab) || !isfinite(c.aa) || !isfinite(c.bb);
		if (fx_cosine_sums_usable(&c))
		{
			usable++;
			wrong += fabs(c.ab / sqrt((double) c.aa * c.bb) - w.ab / sqrt(w.aa * w.bb)) > 1e-6;
		}
	}
	ok(wrong == 0, "%s: no NaN without overflow; the wide sums hold", k->name);
	/* 1 and 1e15; 2^-60 squared lies below the limit */
	ok(usable == 2, "%s: sums are usable exactly where float can express them", k->name);
}

static void
check_choice(void)
{
	int			t;
	const fx_kernels *best = NULL;

	ok(fx_tier_available(FX_TIER_AUTO) && fx_tier_available(FX_TIER_SCALAR),
	   "auto and scalar are always available");
	for (t = 0; t < TIERS; t++)
	{
		const fx_kernels *before = fx_kernels_active();
		const fx_kernels *k = fx_kernels_of(all_tiers[t]);

		ok(fx_tier_available(all_tiers[t]) == (k != NULL), "%s: availability and table agree", tier_names[t]);
		if (k != NULL)
		{
			best = k;
			ok(strcmp(k->name, tier_names[t]) == 0 && fx_kernels_force(all_tiers[t]) &&
			   fx_kernels_active() == k,
			   "%s: can be forced", tier_names[t]);
		}
		else
			ok(!fx_kernels_force(all_tiers[t]) && fx_kernels_active() == before,
			   "%s: not here, and forcing it changes nothing", tier_names[t]);
	}
	ok(fx_kernels_force(FX_TIER_AUTO) && fx_kernels_active() == best,
	   "auto takes the best tier, %s", best->name);
	ok(fx_kernels_of((fx_tier) 99) == NULL && !fx_kernels_force((fx_tier) 99), "an unknown tier is refused");
}

int
main(void)
{
	fx_tier		tiers[TIERS];
	int			count = 0;
	int			t;
	int			kind;
	size_t		room;
	char	   *room_a = guarded_room(&room);
	char	   *room_b = guarded_room(&room);

	ok(fx_kernels_active() == fx_kernels_of(FX_TIER_AUTO), "the best tier is active at first");
	check_choice();
	for (t = 0; t < TIERS; t++)
	{
		if (fx_tier_available(all_tiers[t]))
			tiers[count++] = all_tiers[t];
		else
			diag("%s is not available here and is not tested", tier_names[t]);
	}
	for (kind = 0; kind < FILLINGS; kind++)
	{
		fill(&A, (filling) kind);
		fill(&B, (filling) kind);
		for (t = 0; t < count; t++)
			check_bound(fx_kernels_of(tiers[t]), (filling) kind);
	}
	fill(&A, SIGNED);
	fill(&B, SIGNED);
	check_offsets(tiers, count);
	for (t = 0; t < count; t++)
	{
		check_guarded(fx_kernels_of(tiers[t]), room_a, room_b, room);
		check_extremes(fx_kernels_of(tiers[t]));
	}
	check_halves(tiers, count);
	return done_testing();
}

/*
 * code.h - short binary codes of templates, and the estimate of a score from
 * a code alone.  README.md tells the idea and the papers.
 *
 * Everything here speaks of a *score*, larger is better:
 *
 *		FX_COSINE		<q, o> of the two unit vectors, the cosine similarity
 *		FX_INNER		<q, o>
 *		FX_L2			<q, o> - |o|^2 / 2, which orders as the distance does
 *
 * A template o of dim elements becomes o' = R o, with R a random rotation into
 * padded dimensions, and x = o' - c, with c a centre that the caller chooses
 * (zeros will do).  The code of x has `bits` bits a dimension:
 *
 *		coarse code		the signs of x: padded / 8 bytes, interleaved in blocks
 *		middle code		the second bit of each dimension: one plane of padded / 8 bytes
 *		fine code		the bits after that: bits - 2 planes
 *
 * so that each stage reads only what the one before has not.
 *
 * All sums over codes are integers and the same in every tier, bit for bit.
 */
#ifndef FX_CODE_H
#define FX_CODE_H

#include "base/base.h"
#include "kernel/kernel.h"

#include <math.h>

#define FX_CODE_MIN_DIM		8
#define FX_CODE_MAX_DIM		4096
#define FX_CODE_MAX_BITS	8

/* Codes of a block lie side by side: 16 where a lane of 16 bytes is a column. */
#define FX_CODE_WIDTH		16

typedef enum fx_metric
{
	FX_COSINE = 0,
	FX_INNER = 1,
	FX_L2 = 2
} fx_metric;

/* ---- the rotation (rotate.c) */

/* dim rounded up to a multiple of 64 */
static inline uint32_t
fx_code_padded(uint32_t dim)
{
	return (dim + 63) / 64 * 64;
}

/*
 * A structured random rotation: rounds of random signs, a fast Hadamard
 * transform over the first and, in turn, the last power of two of elements,
 * and a mixing of the halves where padded is no power of two.  It is
 * orthogonal, and a function of (dim, seed) alone, on every machine.
 */
#define FX_ROTATION_ROUNDS	4

typedef struct fx_rotation
{
	uint32_t	dim;
	uint32_t	padded;
	uint32_t   *signs;			/* rounds x padded words, 0 or the sign bit of a float */
} fx_rotation;

extern fx_code fx_rotation_make(fx_rotation *rotation, uint32_t dim, uint64_t seed,
								const fx_env *env, fx_error *err);
extern void fx_rotation_free(fx_rotation *rotation, const fx_env *env);
/* from: dim elements, to: padded elements (64-byte aligned not required); no overlap */
extern void fx_rotate(const fx_rotation *rotation, const float *from, float *to);

/* ---- making codes (encode.c) */

/*
 * What goes with a coarse code.  The score is estimated as
 *
 *		<q, c> + add + scale * sum(sign_i q_i)
 *
 * with a standard deviation of about fx_coarse_spread(padded) * scale * |q|, or less: fx_query_along().
 * scale is bfloat16, rounded to nearest; add is 0 but for FX_L2, where it is -|o|^2 / 2.
 */
typedef struct fx_coarse_factors
{
	uint16_t	scale;
	float		add;
} fx_coarse_factors;

/*
 * What goes with the first n bits of a code, for n = 2 (middle) and n = bits (fine):
 *
 *		<q, c> + add + scale * sum(q_i (u_i - (2^n - 1) / 2)),   u_i the number that the n bits are
 *
 * with a standard deviation of spread * |q|, or less: fx_query_along().  add is that of the coarse code.
 */
typedef struct fx_level_factors
{
	float		scale;
	float		spread;
} fx_level_factors;

/* The scale of an entry that is no more: its score is NaN and never passes. */
#define FX_CODE_DEAD		0x7fc0

/* How an encoded vector turned out. */
typedef enum fx_code_kind
{
	FX_CODE_GOOD = 0,
	FX_CODE_ODD					/* no estimate can be trusted: score it exactly, always */
} fx_code_kind;

/*
 * Encodes one rotated vector o' (padded elements; of unit length for FX_COSINE)
 * against the centre c (padded elements).  signs takes padded / 8 bytes, planes
 * (bits - 1) * padded / 8 bytes, the most significant plane first, which is the
 * middle code; bit i % 8 of byte i / 8 is dimension i.  planes, middle and fine may
 * be NULL when bits is 1.
 * square is |o|^2 of the original (used by FX_L2).  scratch: 2 * padded floats.
 *
 * FX_CODE_ODD when the vector is zero, not finite, overflows, lies so
 * unfavourably to its signs that the spread above would be a lie, or, of another
 * metric than FX_COSINE, is nearer to the centre than 1e-4 of its length.  A
 * vector that equals its centre is FX_CODE_GOOD with scale 0.
 */
extern fx_code_kind fx_encode(fx_metric metric, uint32_t padded, int bits, const float *rotated,
							  const float *centre, double square, uint8_t *signs, fx_coarse_factors *coarse,
							  uint8_t *planes, fx_level_factors *middle, fx_level_factors *fine,
							  float *scratch);

/*
 * Codes lie in runs of n, a multiple of `width` (16, or 8 for templates so long that 16 do not fit a page).  A run is
 * cut in slices of 64 dimensions, so that what the first dimensions of all its codes say lies together; a slice holds
 * blocks of `width` codes, and in a block of a slice byte j (0 .. 7) of code s lies at j * width + s.
 */
#define FX_SLICE_DIMS		64

static inline size_t
fx_slice_size(uint32_t ncodes)
{
	return (size_t) ncodes * (FX_SLICE_DIMS / 8);
}

/* So many bytes are fetched ahead along with the first `dims` dimensions of so many codes: half of what those take. */
static inline size_t
fx_ahead_size(uint32_t ncodes, uint32_t dims)
{
	return (size_t) ncodes * dims / 16;
}

/* Writes a code into place `slot` of a run of n codes, or reads it from there. */
extern void fx_code_put(uint8_t *run, uint32_t n, uint32_t padded, uint32_t width, uint32_t slot,
						const uint8_t *signs);
extern void fx_code_get(const uint8_t *run, uint32_t n, uint32_t padded, uint32_t width, uint32_t slot,
						uint8_t *signs);

/* ---- scoring (query.c, and one file of kernels per tier) */

/*
 * A probe, made ready.  For the coarse stage each four dimensions have a table
 * of the 16 sums that their signs can give, rounded to 0 .. 63 with a common
 * step; so one byte shuffle scores four dimensions of as many codes as a vector
 * has bytes.  For the fine stage the elements are rounded to -127 .. 127.
 */
typedef struct fx_query
{
	fx_metric	metric;
	uint32_t	padded;
	int			bits;
	float		norm;			/* |q|, 1 for FX_COSINE */
	float		across;			/* length of the part of q at right angles to a vector, which errs; |q| at first */
	float		sum;			/* sum of q_i */
	float		step;			/* sum(sign_i q_i) = step * (table sum) + bias */
	float		bias;
	float		table_spread;	/* standard deviation of that rounding */
	float	   *biases;			/* bias of the first 64, 128, .. dimensions alone */
	float		fine_step;
	float		fine_spread;	/* standard deviation of sum of the rounding over a plane */
	uint8_t    *table;			/* padded / 4 tables of 16 bytes, in the kernels' order */
	int8_t	   *fine;			/* padded elements */
	void	   *memory;
} fx_query;

/*
 * rotated: the probe after fx_rotate() (of unit length before it for FX_COSINE), not centred.
 * May be called again on the same query, for another probe of the same shape, without new memory;
 * the first time *query is all zeros.
 */
extern fx_code fx_query_prepare(fx_query *query, fx_metric metric, uint32_t padded, int bits,
								const float *rotated, const fx_env *env, fx_error *err);
/*
 * What the pointers of a query lead to is so many bytes; a copy of *query is complete when it is told where a copy of
 * those lies, aligned for floats.
 */
extern size_t fx_query_size(uint32_t padded);
extern void fx_query_lies_in(fx_query *query, void *memory);
/*
 * Only vectors x (centred) matter with <q, x> >= along * |x|: what a code says of the part of q at right angles to x is
 * what errs, and that part is the shorter the longer the other one is.  Beyond 0.7 |q| bounds become no narrower: the
 * rounding of scales, which grows with the score, would no longer be small beside them.
 */
extern void fx_query_along(fx_query *query, float along);
/* Standard deviation of a coarse estimate per unit of its scale, the rounding of tables included. */
extern float fx_query_spread(const fx_query *query);
/*
 * Standard deviation, per unit of scale, of an estimate from the first `prefix` dimensions of a code alone: what those
 * say of the whole and what a coarse estimate errs, of vectors x with <q, x> = along * |x| as in fx_query_along().
 */
extern float fx_query_prefix_spread(const fx_query *query, uint32_t prefix, float along);
extern void fx_query_free(fx_query *query, const fx_env *env);

/*
 * Scores the first blocks of a run.  For code i of the run
 *
 *		upper[i] = base + add[i] + scale[i] * (signed_sum + margin)
 *
 * signed_sum is step * (table sum) + bias; add may be NULL (all 0).  Those with upper >= floor pass (NaN does not) if
 * bit s = i % 16 of wanted[i / 16] is set; wanted NULL: all are.  They are noted one behind the other, in their order;
 * what the arrays hold behind them has no meaning.  Only blocks with a bit set in wanted[] are read, or all of them
 * where fx_mostly_wanted() says so.  For width 8 two blocks share one word of wanted: bits 0-7 and 8-15.
 *
 * From `ahead` on, if not NULL, fx_ahead_size() bytes are fetched into the cache along the way, as for all ncodes: a
 * half of what comes next.  To fetch more at a time than memory gives while codes are scored is slower.
 *
 * By a prefix, a multiple of 64 dimensions, code i reaches prefix_floor with
 *
 *		base + add[i] + scale[i] * (padded / prefix * (signed_sum of those dimensions) + prefix_margin)
 */
typedef struct fx_coarse_run
{
	const uint8_t *codes;
	const uint16_t *scale;		/* bfloat16 */
	const float *add;
	const uint16_t *wanted;
	const char *ahead;
	uint32_t	ncodes;			/* of the run, scored or not */
	uint32_t	nblocks;		/* to be scored */
	uint32_t	width;			/* 16 or 8 */
	float		base;
	float		margin;
	float		floor;
	uint32_t	prefix;
	float		prefix_margin;
	float		prefix_floor;
	/* of those that pass; each has space for nblocks * width, rounded up to 16 */
	uint16_t   *slots;			/* i */
	float	   *upper;
	float	   *scales;
	float	   *bases;			/* base + add */
	float	   *sums;			/* signed_sum */
} fx_coarse_run;

/* So many words of wanted go with a run. */
static inline uint32_t
fx_wanted_words(const fx_coarse_run *run)
{
	return (run->nblocks * run->width + 15) / 16;
}

/* Whether half of the words have somebody who is wanted: then it is best to read all codes. */
static inline bool
fx_mostly_wanted(const fx_coarse_run *run)
{
	uint32_t	nwanted = 0;

	if (run->wanted == NULL)
		return true;
	for (uint32_t i = 0; i < fx_wanted_words(run); i++)
		nwanted += run->wanted[i] != 0;
	return nwanted * 2 >= fx_wanted_words(run);
}

typedef struct fx_code_kernels
{
	const char *name;
	/* as fx_rotate() and fx_encode() */
	void		(*rotate) (const fx_rotation *rotation, const float *from, float *to);
	fx_code_kind (*encode) (fx_metric metric, uint32_t padded, int bits, const float *rotated, const float *centre,
							double square, uint8_t *signs, fx_coarse_factors *coarse, uint8_t *planes,
							fx_level_factors *middle, fx_level_factors *fine, float *scratch);
	/* returns how many codes passed */
	uint32_t	(*coarse) (const fx_query *query, const fx_coarse_run *run);
	/*
	 * Which of the wanted codes reach the floor of the prefix, as bits like those of wanted; returns of how many words
	 * any is set.  No more than the prefix is read, or fetched ahead.
	 */
	uint32_t	(*prefix) (const fx_query *query, const fx_coarse_run *run, uint16_t *reach);
	/*
	 * One plane of several codes: sums[i] = sum over set bits j of fine[j], of the plane of
	 * padded / 8 bytes at planes + slots[i] * padded / 8.
	 */
	void		(*middle) (const int8_t *fine, const uint8_t *planes, const uint16_t *slots, uint32_t n,
						   uint32_t padded, int32_t *sums);
	/*
	 * sum over planes p of 2^(nplanes-1-p) * sum over set bits i of fine[i]: the weight of the
	 * most significant plane, which comes first, is the greatest
	 */
	int64_t		(*fine) (const int8_t *fine, const uint8_t *planes, uint32_t padded, int nplanes);
} fx_code_kernels;

/* The table for a tier, NULL where it is not available; as fx_kernels_of(). */
extern const fx_code_kernels *fx_code_kernels_of(fx_tier tier);
/* The table of the tier that fx_kernels_active() has: facesnxt's one setting forces both. */
extern const fx_code_kernels *fx_code_kernels_active(void);

/*
 * The score from n bits of a code: from the coarse stage's signed sum and the kernel's sum over the
 * n - 1 planes that follow.  base is <q, c> + add.  *spread takes the standard deviation, rounding
 * of the query included.
 */
static inline float
fx_level_score(const fx_query *query, int n, float base, const fx_level_factors *factors, float signed_sum,
			   int64_t plane_sum, float *spread)
{
	float		levels = (float) (1 << n);
	/* sum over set signs of q_i, from sum(sign_i q_i) */
	float		positive = (signed_sum + query->sum) / 2;
	float		total = levels / 2 * positive + query->fine_step * (float) plane_sum - (levels - 1) / 2 * query->sum;
	float		own = factors->spread * query->across;
	float		coarse = factors->scale * levels / 4 * query->table_spread;
	/* planes of weights 1, 2, .. 2^(n-2), each with the rounding of half of the elements */
	float		rounding = factors->scale * levels / 4 * query->fine_spread;

	*spread = sqrtf(own * own + coarse * coarse + rounding * rounding);
	return base + factors->scale * total;
}

/*
 * The coarse estimate's standard deviation per unit of scale * |q|: sqrt(padded (1 - a^2) / (padded - 1))
 * for the usual alignment a = sqrt(2 / pi) of a vector with its signs.
 */
extern float fx_coarse_spread(uint32_t padded);
/* The same of a vector of unit length with that alignment, and |q| = 1: 0.0335 at 512 dimensions. */
extern float fx_coarse_error(uint32_t padded);

/*
 * The factors of the middle stage in two bytes, relative to the scale of the coarse one: the scale in steps of
 * 1 / 128 from 1 / 2, and the spread of it, rounded up.
 */
extern uint16_t fx_middle_pack(const fx_coarse_factors *coarse, const fx_level_factors *middle);

/*
 * Upper bounds from the middle stage of n codes at once: score[i] as fx_level_score() for two bits,
 * upper[i] = score[i] + sigmas * spread.  factors, from fx_middle_pack(), are indexed by slots[i]; all others by i.
 */
extern void fx_middle_bounds(const fx_query *query, float sigmas, const uint16_t *factors, const uint16_t *slots,
							 uint32_t n, const float *scales, const float *bases, const float *sums,
							 const int32_t *plane_sums, float *score, float *upper);

/* A vector less aligned with its signs than this is FX_CODE_ODD. */
extern double fx_code_least_alignment(uint32_t padded);

static inline float
fx_bfloat16(uint16_t bits)
{
	union
	{
		uint32_t	u;
		float		f;
	}			both = {(uint32_t) bits << 16};

	return both.f;
}

/* Rounds to nearest even; value is finite. */
static inline uint16_t
fx_to_bfloat16(float value)
{
	union
	{
		float		f;
		uint32_t	u;
	}			both = {value};

	return (uint16_t) ((both.u + 0x7FFF + (both.u >> 16 & 1)) >> 16);
}

#endif							/* FX_CODE_H */

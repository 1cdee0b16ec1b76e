/*
 * gallery.c - synthetic templates as a binary COPY stream, for measurements.
 *
 *		gallery base|normal|hard persons dimensions [float|half [seed]] > file
 *		COPY t (person, template) FROM '/path/file' (FORMAT binary)
 *
 * An identity is a direction z with the variance spectrum i^-0.5; a photo is
 * normalise(z + s w), w with the spectrum i^-0.3, each spectrum's sum 1, z
 * normalised, s log-normal.  base: 1 + geometric(0.4) photos of each person, at
 * most 8 (s of median 0.65, sigma 0.25).  normal and hard: one new photo of each
 * of the same persons, s of median 0.75 and 1.3, sigma 0.25 and 0.35.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/template_text.h"
#include "kernel/kernel.h"

typedef struct random_state
{
	uint64_t	word;
	float		spare;
	int			has_spare;
} random_state;

static uint64_t
next_word(random_state *state)
{
	uint64_t	z = (state->word += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static float
uniform(random_state *state)
{
	return (float) (next_word(state) >> 40) * 0x1p-24f;
}

/* Marsaglia's polar method */
static float
normal(random_state *state)
{
	float		x, y, r;

	if (state->has_spare)
	{
		state->has_spare = 0;
		return state->spare;
	}
	do
	{
		uint64_t	word = next_word(state);

		x = (float) (int32_t) word * 0x1p-31f;
		y = (float) (int32_t) (word >> 32) * 0x1p-31f;
		r = x * x + y * y;
	} while (r >= 1 || r == 0);
	r = sqrtf(-2 * logf(r) / r);
	state->spare = y * r;
	state->has_spare = 1;
	return x * r;
}

static random_state
stream(uint64_t seed, uint64_t person, uint64_t kind)
{
	random_state state = {seed ^ (person * 0xD1B54A32D192ED03u) ^ (kind << 56), 0, 0};

	next_word(&state);
	return state;
}

static void
fail(const char *what)
{
	fprintf(stderr, "gallery: %s\n", what);
	exit(1);
}

static void
put32(uint32_t value)
{
	uint8_t		bytes[4] = {(uint8_t) (value >> 24), (uint8_t) (value >> 16), (uint8_t) (value >> 8), (uint8_t) value};

	fwrite(bytes, 4, 1, stdout);
}

static void
put16(uint16_t value)
{
	uint8_t		bytes[2] = {(uint8_t) (value >> 8), (uint8_t) value};

	fwrite(bytes, 2, 1, stdout);
}

int
main(int argc, char **argv)
{
	static const char header[] = "PGCOPY\n\377\r\n";
	int			kind = argc > 1 ? (!strcmp(argv[1], "base") ? 0 : !strcmp(argv[1], "normal") ? 1 :
								   !strcmp(argv[1], "hard") ? 2 : -1) : -1;
	uint64_t	persons = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int			dim = argc > 3 ? atoi(argv[3]) : 0;
	int			half = argc > 4 && !strcmp(argv[4], "half");
	uint64_t	seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	static const float medians[] = {0.65f, 0.75f, 1.3f};
	static const float sigmas[] = {0.25f, 0.25f, 0.35f};
	float	   *z_scale, *w_scale, *z, *photo;
	uint16_t   *narrow;
	uint8_t    *wire;
	double		z_sum = 0, w_sum = 0;
	fx_template_head head = {(uint32_t) dim, half ? FX_FLOAT16 : FX_FLOAT32, 0};

	if (kind < 0 || persons == 0 || dim < 1 || dim > 16000)
		fail("usage: gallery base|normal|hard persons dimensions [float|half [seed]]");
	z_scale = malloc(sizeof(float) * (size_t) dim);
	w_scale = malloc(sizeof(float) * (size_t) dim);
	z = malloc(sizeof(float) * (size_t) dim);
	photo = malloc(sizeof(float) * (size_t) dim);
	narrow = malloc(sizeof(uint16_t) * (size_t) dim);
	wire = malloc(fx_template_wire_size(&head));
	if (!z_scale || !w_scale || !z || !photo || !narrow || !wire)
		fail("no memory");
	for (int i = 0; i < dim; i++)
	{
		z_sum += pow(i + 1, -0.5);
		w_sum += pow(i + 1, -0.3);
	}
	for (int i = 0; i < dim; i++)
	{
		z_scale[i] = (float) sqrt(pow(i + 1, -0.5) / z_sum);
		w_scale[i] = (float) sqrt(pow(i + 1, -0.3) / w_sum);
	}

	fwrite(header, sizeof(header), 1, stdout);	/* with its final zero byte */
	put32(0);
	put32(0);
	for (uint64_t person = 0; person < persons; person++)
	{
		random_state identity = stream(seed, person, 1);
		random_state photos = stream(seed, person, 2 + (uint64_t) kind);
		int			count = 1;
		double		norm = 0;

		for (int i = 0; i < dim; i++)
		{
			z[i] = normal(&identity) * z_scale[i];
			norm += (double) z[i] * z[i];
		}
		for (int i = 0; i < dim; i++)
			z[i] /= (float) sqrt(norm);
		if (kind == 0)
			while (count < 8 && uniform(&identity) < 0.4f)
				count++;
		for (int n = 0; n < count; n++)
		{
			float		s = medians[kind] * expf(sigmas[kind] * normal(&photos));
			const void *elements = photo;

			norm = 0;
			for (int i = 0; i < dim; i++)
			{
				photo[i] = z[i] + s * normal(&photos) * w_scale[i];
				norm += (double) photo[i] * photo[i];
			}
			for (int i = 0; i < dim; i++)
				photo[i] /= (float) sqrt(norm);
			if (half)
			{
				fx_kernels_active()->to_half(photo, narrow, (size_t) dim);
				elements = narrow;
			}
			fx_template_wire_write(&head, elements, wire);
			put16(2);
			put32(4);
			put32((uint32_t) person);
			put32((uint32_t) fx_template_wire_size(&head));
			fwrite(wire, fx_template_wire_size(&head), 1, stdout);
		}
	}
	put16(0xFFFF);
	if (fflush(stdout) != 0 || ferror(stdout))
		fail("could not write");
	return 0;
}

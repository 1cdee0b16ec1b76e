/*
 * quality.c - does the unified score foretell errors?  Error against discard
 * on the shared photographs of LFW.
 *
 *	quality [-d DETECTOR] [-e RECOGNISER] [-o FILE]
 *
 * The first photograph of each person is enrolled, the second one of those
 * who have several is a probe.  A probe's false positive is a stranger's
 * reference at or above the threshold.  The probes of least quality are
 * left out, more and more of them; the threshold is that of FPIR 1 % among
 * all of them, or set anew among those who are left.  Beside the score: each
 * measure by itself, the length of the template before it is made 1, chance
 * (the mean over random orders), and the best order that there is.  Weights of
 * the score were fitted on every other person with a probe, the second, fourth
 * and so on; the others show what they are worth.
 * -o writes a line for each photograph: person, number, mate's and best
 * stranger's score (probes), components, native values.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quality/quality.h"
#include "tool/file.h"

#define MOST 8192
#define PATH 8192
#define DIMENSIONS 128
#define FPIR 0.01
#define ORDERS 200				/* random ones */

typedef struct sample
{
	char		person[128];
	int			number;
	float		template[DIMENSIONS];
	fx_measurement m[FX_MEASURES];
	double		length;			/* of the template, as the recogniser gives it */
	double		mate;			/* of a probe: score of its mate, and the best of a stranger */
	double		stranger;
	double		key;			/* by which it is discarded, the least first */
} sample;

static sample samples[MOST];
static sample *probe[MOST];
static int	count;
static int	probes;

static fx_network
load(const char *path)
{
	static const fx_model_limits limits = {256 << 20, (size_t) 1 << 31, 100000, 1000000000000ull};
	fx_network	n = {NULL, FX_BGR, {0, 0, 0}, 1, 0, 0, FX_HEAD_NONE};
	fx_error	err;
	size_t		length;
	uint8_t    *bytes = slurp(path, &length);

	if (fx_model_load(fx_env_malloc(), bytes, length, &limits, &n.model, &err) != FX_OK)
		die(path, err.detail);
	fx_head_recognise(n.model, &n.head, NULL);
	if (n.head == FX_HEAD_SCRFD || n.head == FX_HEAD_NONE)
	{
		n.order = strstr(path, "kennethwang") != NULL ? FX_BGR : FX_RGB;
		n.mean[0] = n.mean[1] = n.mean[2] = 127.5f;
		n.scale = n.head == FX_HEAD_SCRFD ? 1 / 128.0f : 1 / 127.5f;
	}
	free(bytes);
	return n;
}

static void
photo_path(char *path, const char *folder, const char *person, int number)
{
	snprintf(path, PATH, "%.2000s/%.1000s/%.1000s_%04d.jpg", folder, person, person, number);
}

/* Of what the recogniser gave last. */
static double
length_of(fx_network *recogniser)
{
	fx_shape	shape;
	fx_type		type;
	const float *v = fx_model_output(recogniser->model, 0, &shape, &type);
	double		squares = 0;

	for (int i = 0; i < DIMENSIONS; i++)
		squares += (double) v[i] * v[i];
	return sqrt(squares);
}

static void
take(const char *folder, const char *person, int number, fx_network *detector, fx_network *recogniser)
{
	static const fx_jpeg_limits limits = {64 << 20, 100000000, 100, (size_t) 1 << 30};
	const fx_env *env = fx_env_malloc();
	sample	   *s = &samples[count];
	char		path[PATH];
	fx_image	photo;
	fx_image	crop;
	fx_face    *faces = NULL;
	size_t		n;
	size_t		chosen;
	size_t		length;
	uint8_t    *bytes;
	fx_error	err;

	photo_path(path, folder, person, number);
	bytes = slurp(path, &length);
	if (fx_jpeg_decode(env, bytes, length, &limits, &photo, &err) != FX_OK)
		die(path, err.detail);
	free(bytes);
	if (fx_detect(env, detector, &photo, 0.5f, 0.3f, 1000, &faces, &n, &err) != FX_OK)
		die(path, err.detail);
	if (n > 0)
	{
		chosen = fx_central_face(faces, n, photo.width, photo.height);
		if (fx_align(env, &photo, &faces[chosen], &crop, &err) != FX_OK ||
			fx_recognise(env, recogniser, &crop, s->template, DIMENSIONS, &err) != FX_OK ||
			fx_assess(env, &photo, faces, n, chosen, s->m, &err) != FX_OK)
			die(path, err.detail);
		s->length = length_of(recogniser);
		fx_image_free(env, &crop);
		snprintf(s->person, sizeof(s->person), "%s", person);
		s->number = number;
		count++;
	}
	env->release(env->context, faces);
	fx_image_free(env, &photo);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
take_all(const char *folder, fx_network *detector, fx_network *recogniser)
{
	DIR		   *dir = opendir(folder);
	struct dirent *entry;
	char	   *names[MOST];
	int			n = 0;

	if (dir == NULL)
		die(folder, "no photographs");
	while ((entry = readdir(dir)) != NULL && n < MOST)
		if (entry->d_name[0] != '.')
			names[n++] = strdup(entry->d_name);
	closedir(dir);
	qsort(names, (size_t) n, sizeof(*names), by_name);
	for (int i = 0; i < n; i++)
	{
		char		path[PATH];
		int			taken = 0;

		/* numbers have gaps where the other half of LFW has the photograph */
		for (int number = 1; number < 600 && taken < 2 && count < MOST; number++)
		{
			photo_path(path, folder, names[i], number);
			if (access(path, R_OK) != 0)
				continue;
			take(folder, names[i], number, detector, recogniser);
			taken++;
		}
		free(names[i]);
	}
}

static double
likeness(const sample *a, const sample *b)
{
	double		sum = 0;

	for (int i = 0; i < DIMENSIONS; i++)
		sum += (double) a->template[i] * b->template[i];
	return sum;
}

/* Second photographs against all first ones. */
static void
search_all(void)
{
	for (int i = 1; i < count; i++)
	{
		sample	   *p = &samples[i];

		if (strcmp(p->person, samples[i - 1].person) != 0)
			continue;
		p->mate = likeness(p, &samples[i - 1]);
		p->stranger = -1;
		for (int j = 0; j < count; j++)
			if (strcmp(p->person, samples[j].person) != 0 &&
				(j == 0 || strcmp(samples[j - 1].person, samples[j].person) != 0))
				p->stranger = fmax(p->stranger, likeness(p, &samples[j]));
		probe[probes++] = p;
	}
}

/* ---- the curve */

static int
by_key(const void *a, const void *b)
{
	double		x = (*(sample *const *) a)->key;
	double		y = (*(sample *const *) b)->key;

	return x < y ? -1 : x > y;
}

static int
by_place(const void *a, const void *b)
{
	const sample *x = *(sample *const *) a;
	const sample *y = *(sample *const *) b;

	return x < y ? -1 : x > y;
}

static int
falling(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x > y ? -1 : x < y;
}

/* The threshold that FPIR needs among all probes but the first `left_out`. */
static double
threshold(int left_out)
{
	static double stranger[MOST];
	int			n = probes - left_out;

	for (int i = 0; i < n; i++)
		stranger[i] = probe[left_out + i]->stranger;
	qsort(stranger, (size_t) n, sizeof(double), falling);
	return stranger[(int) floor(FPIR * n)];
}

/* FNIR of all probes but the first `left_out`. */
static double
fnir(int left_out, double at)
{
	int			missed = 0;

	for (int i = left_out; i < probes; i++)
		missed += probe[i]->mate <= at;
	return (double) missed / (probes - left_out);
}

static const int percent[] = {0, 2, 5, 10, 15, 20, 30};

#define STEPS ((int) (sizeof(percent) / sizeof(*percent)))

static void
curve(const char *name)
{
	double		at = threshold(0);

	qsort(probe, (size_t) probes, sizeof(*probe), by_key);
	printf("%-28s", name);
	for (int i = 0; i < STEPS; i++)
		printf(" %7.4f", fnir(probes * percent[i] / 100, at));
	printf("   anew");
	for (int i = 0; i < STEPS; i++)
		printf(" %7.4f", fnir(probes * percent[i] / 100, threshold(probes * percent[i] / 100)));
	printf("\n");
}

static void
chance(void)
{
	double		sum[STEPS] = {0};
	double		at = threshold(0);

	srand(1);
	for (int k = 0; k < ORDERS; k++)
	{
		for (int i = 0; i < probes; i++)
			probe[i]->key = rand();
		qsort(probe, (size_t) probes, sizeof(*probe), by_key);
		for (int i = 0; i < STEPS; i++)
			sum[i] += fnir(probes * percent[i] / 100, at);
	}
	printf("%-28s", "chance");
	for (int i = 0; i < STEPS; i++)
		printf(" %7.4f", sum[i] / ORDERS);
	printf("\n");
}

/* The score on every other person, from the first or the second on. */
static void
half(int from, const char *name)
{
	sample	   *all[MOST];
	int			n = probes;

	/* as they were taken, by the names of persons */
	qsort(probe, (size_t) probes, sizeof(*probe), by_place);
	memcpy(all, probe, (size_t) n * sizeof(*all));
	probes = 0;
	for (int i = from; i < n; i += 2)
		probe[probes++] = all[i];
	for (int i = 0; i < probes; i++)
		probe[i]->key = probe[i]->m[FX_UNIFIED_SCORE].native;
	curve(name);
	memcpy(probe, all, (size_t) n * sizeof(*all));
	probes = n;
}

static void
write_lines(const char *path)
{
	FILE	   *file = fopen(path, "w");

	if (file == NULL)
		die(path, "cannot be written");
	fprintf(file, "person\tnumber\tmate\tstranger");
	for (int k = 0; k < FX_MEASURES; k++)
		fprintf(file, "\t%s", fx_measure_describe(k)->name);
	for (int k = 0; k < FX_MEASURES; k++)
		fprintf(file, "\tnative_%s", fx_measure_describe(k)->name);
	fprintf(file, "\n");
	for (int i = 0; i < count; i++)
	{
		fprintf(file, "%s\t%d\t%.6f\t%.6f", samples[i].person, samples[i].number, samples[i].mate, samples[i].stranger);
		for (int k = 0; k < FX_MEASURES; k++)
			fprintf(file, "\t%g", samples[i].m[k].component);
		for (int k = 0; k < FX_MEASURES; k++)
			fprintf(file, "\t%g", samples[i].m[k].known ? samples[i].m[k].native : NAN);
		fprintf(file, "\n");
	}
	fclose(file);
}

int
main(int argc, char **argv)
{
	const char *data = getenv("FACESNXT_DATA") != NULL ? getenv("FACESNXT_DATA") : "../shared/data";
	const char *lines = NULL;
	char		paths[3][4096];
	fx_network	detector;
	fx_network	recogniser;
	int			option;

	snprintf(paths[0], sizeof(paths[0]), "%s/models/yunet_n_320_320.onnx", data);
	snprintf(paths[1], sizeof(paths[1]), "%s/models/mobilefacenet.kennethwang.onnx", data);
	snprintf(paths[2], sizeof(paths[2]), "%s/faces/lfw", data);
	while ((option = getopt(argc, argv, "d:e:o:")) != -1)
		switch (option)
		{
			case 'd':
				snprintf(paths[0], sizeof(paths[0]), "%s", optarg);
				break;
			case 'e':
				snprintf(paths[1], sizeof(paths[1]), "%s", optarg);
				break;
			case 'o':
				lines = optarg;
				break;
			default:
				fprintf(stderr, "usage: quality [-d DETECTOR] [-e RECOGNISER] [-o FILE]\n");
				return 2;
		}
	if (access(paths[0], R_OK) != 0 || access(paths[1], R_OK) != 0 || access(paths[2], R_OK) != 0)
	{
		printf("left out: %s has no models or photographs\n", data);
		return 0;
	}
	detector = load(paths[0]);
	recogniser = load(paths[1]);
	take_all(paths[2], &detector, &recogniser);
	search_all();
	if (probes < 100)
		die(paths[2], "too few persons with two photographs");
	if (lines != NULL)
		write_lines(lines);

	printf("%d photographs, %d probes; FNIR at FPIR %g %% when the worst of them are left out:\n%-28s",
		   count, probes, 100 * FPIR, "by");
	for (int i = 0; i < STEPS; i++)
		printf(" %5d %%", percent[i]);
	printf("\n");
	for (int k = 0; k < FX_MEASURES; k++)
	{
		for (int i = 0; i < probes; i++)
			probe[i]->key = k == FX_UNIFIED_SCORE ? probe[i]->m[k].native : probe[i]->m[k].component;
		curve(fx_measure_describe(k)->name);
		if (k == FX_UNIFIED_SCORE)
		{
			half(0, "  persons not fitted to");
			half(1, "  persons fitted to");
		}
	}
	for (int i = 0; i < probes; i++)
		probe[i]->key = probe[i]->length;
	curve("length of the template");
	chance();
	for (int i = 0; i < probes; i++)
		probe[i]->key = probe[i]->mate;
	curve("the best order there is");
	fx_model_free(detector.model);
	fx_model_free(recogniser.model);
	return 0;
}

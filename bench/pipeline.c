/*
 * pipeline.c - one thread, milliseconds a photograph by stage: decode,
 * detect, align, recognise, and detect + extract together.
 *
 *	pipeline [-r ROUNDS] [-d DETECTOR] [-e RECOGNISER] [PHOTO...]
 *
 * Defaults: the 320 x 320 YuNet, the first MobileFaceNet and 100 photographs
 * of FACESNXT_DATA.  Prints the median over rounds of the mean over
 * photographs; pipeline_opencv.py sets it beside OpenCV's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infer/face.h"
#include "tool/file.h"

#define MAX_PHOTOS 2000
#define MAX_ROUNDS 99
#define MAX_DIMENSIONS 4096
#define STAGES 4

static const char *const stage_name[STAGES] = {"decode", "detect", "align", "recognise"};
static const fx_jpeg_limits jpeg_limits = {64 << 20, 100000000, 100, (size_t) 1 << 30};
static const fx_model_limits model_limits = {256 << 20, (size_t) 1 << 31, 100000, 1000000000000ull};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static fx_network
load(const char *path)
{
	/* channel order and scale do not change the time */
	fx_network	n = {NULL, FX_BGR, {0, 0, 0}, 1, 0, 0, FX_HEAD_NONE};
	fx_error	err;
	size_t		length;
	uint8_t    *bytes = slurp(path, &length);

	if (fx_model_load(fx_env_malloc(), bytes, length, &model_limits, &n.model, &err) != FX_OK)
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

static size_t
dimensions_of(fx_network *recogniser, const fx_image *crop)
{
	static float values[MAX_DIMENSIONS];
	fx_shape	shape;
	fx_type		type;
	size_t		n = 1;

	/* the first run fails on the number, which is known afterwards */
	(void) fx_recognise(fx_env_malloc(), recogniser, crop, values, 1, NULL);
	if (fx_model_output(recogniser->model, 0, &shape, &type) == NULL)
		die("recogniser", "does not run");
	for (int i = 0; i < shape.rank; i++)
		n *= (size_t) shape.dim[i];
	return n <= MAX_DIMENSIONS ? n : 0;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double
median(double *values, int n)
{
	qsort(values, (size_t) n, sizeof(double), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Adds each stage's milliseconds for one photograph; returns the number of faces. */
static size_t
one_photo(const uint8_t *bytes, size_t length, fx_network *detector, fx_network *recogniser,
		  size_t *dimensions, double spent[STAGES])
{
	static float values[MAX_DIMENSIONS];
	const fx_env *env = fx_env_malloc();
	fx_image	photo;
	fx_image	crop;
	fx_face    *faces;
	size_t		count;
	fx_error	err;
	double		t[STAGES + 1];

	t[0] = now();
	if (fx_jpeg_decode(env, bytes, length, &jpeg_limits, &photo, &err) != FX_OK)
		die("decode", err.detail);
	t[1] = now();
	if (fx_detect(env, detector, &photo, 0.5f, detector->head == FX_HEAD_YUNET ? 0.3f : 0.4f, 1000,
				  &faces, &count, &err) != FX_OK)
		die("detect", err.detail);
	t[2] = t[3] = t[4] = now();
	if (count > 0)
	{
		if (fx_align(env, &photo, &faces[fx_central_face(faces, count, photo.width, photo.height)],
					 &crop, &err) != FX_OK)
			die("align", err.detail);
		t[3] = now();
		if (*dimensions == 0)
			*dimensions = dimensions_of(recogniser, &crop);
		else if (fx_recognise(env, recogniser, &crop, values, *dimensions, &err) != FX_OK)
			die("recognise", err.detail);
		t[4] = now();
		fx_image_free(env, &crop);
	}
	for (int i = 0; i < STAGES; i++)
		spent[i] += t[i + 1] - t[i];
	env->release(env->context, faces);
	fx_image_free(env, &photo);
	return count;
}

/* The first 100 photographs of the test data's list. */
static int
default_photos(const char *data, char **photos)
{
	static char paths[100][4096];
	char		name[4096];
	char		line[512];
	FILE	   *list;
	int			n = 0;

	snprintf(name, sizeof(name), "%s/vectors/lfw_names.txt", data);
	list = fopen(name, "r");
	while (list != NULL && n < 100 && fgets(line, sizeof(line), list) != NULL)
	{
		line[strcspn(line, "\n")] = '\0';
		snprintf(paths[n], sizeof(paths[n]), "%s/faces/lfw/%s", data, line);
		photos[n] = paths[n];
		n++;
	}
	if (list != NULL)
		fclose(list);
	return n;
}

int
main(int argc, char **argv)
{
	const char *data = getenv("FACESNXT_DATA");
	static char *photos[MAX_PHOTOS];
	static uint8_t *bytes[MAX_PHOTOS];
	static size_t lengths[MAX_PHOTOS];
	static double time_of[STAGES + 2][MAX_ROUNDS];
	char		detector_path[4096];
	char		recogniser_path[4096];
	fx_network	detector;
	fx_network	recogniser;
	size_t		dimensions = 0;
	size_t		faces = 0;
	int			rounds = 5;
	int			n = 0;
	int			option;

	if (data == NULL || *data == '\0')
		data = "../shared/data";
	snprintf(detector_path, sizeof(detector_path), "%s/models/yunet_n_320_320.onnx", data);
	snprintf(recogniser_path, sizeof(recogniser_path), "%s/models/mobilefacenet.kennethwang.onnx", data);
	while ((option = getopt(argc, argv, "r:d:e:")) != -1)
		switch (option)
		{
			case 'r':
				rounds = atoi(optarg);
				break;
			case 'd':
				snprintf(detector_path, sizeof(detector_path), "%s", optarg);
				break;
			case 'e':
				snprintf(recogniser_path, sizeof(recogniser_path), "%s", optarg);
				break;
			default:
				return 2;
		}
	if (rounds < 1 || rounds > MAX_ROUNDS)
		die("-r", "1 to 99 rounds");
	for (int i = optind; i < argc && n < MAX_PHOTOS; i++)
		photos[n++] = argv[i];
	if (n == 0)
		n = default_photos(data, photos);
	if (n == 0)
	{
		printf("no photographs: FACESNXT_DATA is not there\n");
		return 0;
	}
	detector = load(detector_path);
	recogniser = load(recogniser_path);
	for (int i = 0; i < n; i++)
		bytes[i] = slurp(photos[i], &lengths[i]);

	/* the first round plans and warms up */
	for (int round = -1; round < rounds; round++)
	{
		double		spent[STAGES] = {0, 0, 0, 0};

		faces = 0;
		for (int i = 0; i < n; i++)
			faces += one_photo(bytes[i], lengths[i], &detector, &recogniser, &dimensions, spent);
		if (round < 0)
			continue;
		for (int s = 0; s < STAGES; s++)
		{
			time_of[s][round] = spent[s] / n;
			time_of[STAGES][round] += s > 0 ? spent[s] / n : 0;
			time_of[STAGES + 1][round] += spent[s] / n;
		}
	}
	printf("%d photographs, %zu faces, %d rounds; median milliseconds a photograph\n", n, faces, rounds);
	for (int s = 0; s < STAGES; s++)
		printf("%-16s %9.3f\n", stage_name[s], median(time_of[s], rounds));
	printf("%-16s %9.3f\n", "detect+extract", median(time_of[STAGES], rounds));
	printf("%-16s %9.3f\n", "all", median(time_of[STAGES + 1], rounds));
	for (int i = 0; i < n; i++)
		free(bytes[i]);
	fx_model_free(detector.model);
	fx_model_free(recogniser.model);
	return 0;
}

/*
 * face_test.c - from photographs to templates with the models of the test
 * data, against the landmarks and templates that OpenCV gave for the same
 * files; and the parts that need no model, on made-up numbers.
 *
 * FACESNXT_PHOTOS: how many of the photographs to compare (60), or "all".
 */
#include <math.h>

#include "infer/head.h"
#include "photo.h"
#include "tap.h"

#define DIMENSIONS 128
#define MAX_FACES 1000

/* ---- what needs no model */

static fx_face
face_at(float x, float y, float width, float height, float score)
{
	fx_face		f;

	memset(&f, 0, sizeof(f));
	f.x = x;
	f.y = y;
	f.width = width;
	f.height = height;
	f.score = score;
	return f;
}

static void
test_candidates(void)
{
	ledger		l;
	fx_env		env = ledger_env(&l);
	fx_candidates list = {&env, NULL, 0, 0};
	fx_face		f = face_at(1, 2, 3, 4, 0.5f);
	fx_error	err;
	bool		sane = true;
	float		score;

	ok(fx_candidates_add(&list, &f, &err) == FX_OK && list.count == 1, "a sound box is taken");
	f.width = 0;
	ok(fx_candidates_add(&list, &f, &err) == FX_OK && list.count == 1, "a box without area is dropped");
	f.width = NAN;
	ok(fx_candidates_add(&list, &f, &err) == FX_RANGE, "a box with NaN is refused");
	f.width = INFINITY;
	ok(fx_candidates_add(&list, &f, &err) == FX_RANGE, "an infinite box is refused");
	f = face_at(-1e30f, 1e30f, 1e30f, 4, 0.5f);
	ok(fx_candidates_add(&list, &f, &err) == FX_OK && list.faces[1].x == -FX_FARTHEST &&
	   list.faces[1].width == FX_FARTHEST, "far coordinates are clipped");
	f = face_at(1, 2, 3, 4, 0.5f);
	f.has_landmarks = true;
	f.landmark[4][1] = NAN;
	ok(fx_candidates_add(&list, &f, &err) == FX_RANGE, "a landmark that is NaN is refused");
	f.has_landmarks = false;
	while (list.count < FX_MAX_CANDIDATES && sane)
		sane = fx_candidates_add(&list, &f, &err) == FX_OK;
	ok(sane && fx_candidates_add(&list, &f, &err) == FX_LIMIT, "too many candidates: %s", err.detail);
	env.release(env.context, list.faces);
	ok(l.live == 0, "the list is one block");
	ok(fx_head_score(NAN, &score, &err) == FX_RANGE, "a score that is NaN is refused");
	ok(fx_head_score(1e30f, &score, &err) == FX_OK && score == 1, "a large score is 1");
	ok(fx_head_score(-INFINITY, &score, &err) == FX_OK && score == 0, "a small score is 0");
}

static void
test_central(void)
{
	fx_face		faces[3] = {face_at(0, 0, 20, 20, 0.9f), face_at(40, 40, 20, 20, 0.6f), face_at(60, 60, 20, 20, 0.8f)};

	ok(fx_central_face(faces, 3, 100, 100) == 1, "the face in the middle");
	faces[2].width = faces[2].height = 90;
	faces[2].x = faces[2].y = 10;
	ok(fx_central_face(faces, 3, 100, 100) == 2, "a large face counts as nearer");
}

/* The five positions of an aligned face, turned, scaled and moved. */
static fx_face
posed(double angle, double scale, double dx, double dy)
{
	static const double at[FX_LANDMARKS][2] = {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366},
	{41.5493, 92.3655}, {70.7299, 92.2041}};
	fx_face		f = face_at(0, 0, 1, 1, 1);

	f.has_landmarks = true;
	for (int i = 0; i < FX_LANDMARKS; i++)
	{
		f.landmark[i][0] = (float) (scale * (cos(angle) * at[i][0] - sin(angle) * at[i][1]) + dx);
		f.landmark[i][1] = (float) (scale * (sin(angle) * at[i][0] + cos(angle) * at[i][1]) + dy);
	}
	return f;
}

static void
test_quality(void)
{
	fx_image	crop;
	fx_quality	q;
	fx_face		f = posed(0.3, 2, 5, 5);

	if (fx_image_create(fx_env_malloc(), FX_CROP, FX_CROP, &crop, NULL) != FX_OK)
		return;
	memset(crop.pixels, 77, crop.stride * FX_CROP);
	fx_measure_quality(&f, &crop, &q);
	ok(q.brightness == 77 && q.contrast < 1e-3 && q.sharpness < 1e-3, "an even picture: %g, %g, %g",
	   q.brightness, q.contrast, q.sharpness);
	ok(fabs(q.eye_distance - 2 * 35.2377) < 0.01, "eyes %.2f pixels apart", q.eye_distance);
	ok(fabs(q.roll - (0.3 - 0.00553) * 180 / M_PI) < 0.05, "roll %.2f degrees", q.roll);
	ok(fabs(q.yaw) < 0.02 && q.pitch > 0.4 && q.pitch < 0.6, "a frontal face: yaw %.3f, pitch %.3f", q.yaw, q.pitch);
	f.landmark[2][0] += 40;
	fx_measure_quality(&f, &crop, &q);
	ok(q.yaw > 0.4, "the nose to the right: yaw %.3f", q.yaw);
	for (int y = 0; y < FX_CROP; y++)
		for (int x = 0; x < FX_CROP; x++)
			memset(crop.pixels + (size_t) y * crop.stride + 3 * x, (x + y) & 1 ? 200 : 100, 3);
	fx_measure_quality(&f, &crop, &q);
	ok(fabs(q.brightness - 150) < 0.01 && fabs(q.contrast - 50) < 0.01 && fabs(q.sharpness - 160000) < 1,
	   "a chessboard: %g, %g, %g", q.brightness, q.contrast, q.sharpness);
	memset(&f, 0, sizeof(f));
	fx_measure_quality(&f, &crop, &q);
	ok(q.roll == 0 && q.yaw == 0 && q.eye_distance == 0, "no landmarks, no pose");
	f.has_landmarks = true;
	fx_measure_quality(&f, &crop, &q);
	ok(isfinite(q.roll) && isfinite(q.yaw) && isfinite(q.pitch), "landmarks that coincide give numbers");
	fx_image_free(fx_env_malloc(), &crop);
}

static void
test_align(void)
{
	fx_image	photo;
	fx_image	crop;
	fx_face		f = posed(0, 1, 0, 0);
	fx_error	err;

	if (fx_image_create(fx_env_malloc(), 200, 150, &photo, NULL) != FX_OK)
		return;
	for (size_t i = 0; i < photo.stride * 150; i++)
		photo.pixels[i] = (uint8_t) (i * 7 + i / 600);
	ok(fx_align(fx_env_malloc(), &photo, &f, &crop, &err) == FX_OK && crop.width == FX_CROP &&
	   memcmp(crop.pixels + 9 * crop.stride, photo.pixels + 9 * photo.stride, 3 * FX_CROP) == 0,
	   "a face in its place is copied");
	fx_image_free(fx_env_malloc(), &crop);
	f.has_landmarks = false;
	ok(fx_align(fx_env_malloc(), &photo, &f, &crop, &err) == FX_MISMATCH && crop.pixels == NULL, "%s", err.detail);
	f = posed(0, 0, 50, 50);
	ok(fx_align(fx_env_malloc(), &photo, &f, &crop, &err) == FX_MISMATCH, "%s", err.detail);
	f = posed(0, 1, 0, 0);
	f.landmark[3][0] = NAN;
	ok(fx_align(fx_env_malloc(), &photo, &f, &crop, &err) == FX_RANGE, "%s", err.detail);
	f = posed(1, 1e5, -1e6, 1e6);
	ok(fx_align(fx_env_malloc(), &photo, &f, &crop, &err) == FX_OK, "a face of absurd size is cropped");
	fx_image_free(fx_env_malloc(), &crop);
	fx_image_free(fx_env_malloc(), &photo);
}

/* ---- models */

static fx_network
network(const char *name, fx_channel_order order, float mean, float divisor)
{
	static const fx_model_limits limits = {64 << 20, (size_t) 1 << 30, 10000, 100000000000ull};
	fx_network	n = {NULL, order, {mean, mean, mean}, 1 / divisor, 0, 0, FX_HEAD_NONE};
	char		path[256];
	size_t		length;
	uint8_t    *bytes;
	fx_error	err = {FX_OK, 0, ""};

	snprintf(path, sizeof(path), "models/%s", name);
	bytes = read_whole(data_path(path), &length);
	if (bytes != NULL && fx_model_load(fx_env_malloc(), bytes, length, &limits, &n.model, &err) != FX_OK)
		n.model = NULL;
	ok(n.model != NULL, "%s is loaded %s", name, err.detail);
	if (n.model != NULL)
		fx_head_recognise(n.model, &n.head, NULL);
	free(bytes);
	return n;
}

typedef struct expected
{
	char		file[200];
	int			count;
	double		value[15];		/* box, landmarks, score */
} expected;

/* The next line of the landmarks' table. */
static bool
next_expected(FILE *table, expected *e)
{
	char		line[1024];
	char	   *at;

	if (fgets(line, sizeof(line), table) == NULL || (at = strchr(line, ',')) == NULL ||
		(size_t) (at - line) >= sizeof(e->file))
		return false;
	*at++ = '\0';
	strcpy(e->file, line);
	e->count = (int) strtol(at, &at, 10);
	for (int i = 0; i < 15; i++)
		e->value[i] = strtod(at + 1, &at);
	return true;
}

static double
cosine(const float *a, const float *b)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;

	for (int i = 0; i < DIMENSIONS; i++)
	{
		ab += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

static double
iou(const fx_face *a, const fx_face *b)
{
	double		w = fmin(a->x + a->width, b->x + b->width) - fmax(a->x, b->x);
	double		h = fmin(a->y + a->height, b->y + b->height) - fmax(a->y, b->y);
	double		common = w > 0 && h > 0 ? w * h : 0;

	return common / ((double) a->width * a->height + (double) b->width * b->height - common);
}

/* The worst that a comparison met. */
typedef struct worst
{
	size_t		photos;
	size_t		failed;
	size_t		counts;			/* photographs with another number of faces */
	double		place;			/* pixels */
	double		score;
	double		cosine[2];
} worst;

static void
compare_photo(const expected *e, size_t row, fx_network *detector, fx_network recogniser[2], FILE *vectors[2], worst *w)
{
	const fx_env *env = fx_env_malloc();
	char		path[512];
	fx_image	photo;
	fx_image	crop = {0, 0, 0, NULL};
	fx_face    *faces = NULL;
	size_t		count = 0;
	fx_error	err = {FX_OK, 0, ""};
	const fx_face *f;

	w->photos++;
	snprintf(path, sizeof(path), "faces/lfw/%s", e->file);
	if (decode_file(data_path(path), &photo, &err) != FX_OK ||
		fx_detect(env, detector, &photo, 0.5f, 0.3f, MAX_FACES, &faces, &count, &err) != FX_OK || count == 0)
	{
		diag("%s: %zu faces, %s", e->file, count, err.detail);
		w->failed++;
		fx_image_free(env, &photo);
		return;
	}
	w->counts += count != (size_t) e->count;
	f = &faces[fx_central_face(faces, count, photo.width, photo.height)];
	w->place = fmax(w->place, fmax(fabs(f->x - e->value[0]), fabs(f->y - e->value[1])));
	w->place = fmax(w->place, fmax(fabs(f->width - e->value[2]), fabs(f->height - e->value[3])));
	for (int i = 0; i < 2 * FX_LANDMARKS; i++)
		w->place = fmax(w->place, fabs(f->landmark[i / 2][i % 2] - e->value[4 + i]));
	w->score = fmax(w->score, fabs(f->score - e->value[14]));
	if (fx_align(env, &photo, f, &crop, &err) != FX_OK)
		w->failed++;
	else
		for (int k = 0; k < 2; k++)
		{
			float		ours[DIMENSIONS];
			float		theirs[DIMENSIONS];

			fseek(vectors[k], (long) (row * sizeof(theirs)), SEEK_SET);
			if (fx_recognise(env, &recogniser[k], &crop, ours, DIMENSIONS, &err) != FX_OK ||
				fread(theirs, sizeof(theirs), 1, vectors[k]) != 1)
			{
				diag("%s: %s", e->file, err.detail);
				w->failed++;
			}
			else
				w->cosine[k] = fmin(w->cosine[k], cosine(ours, theirs));
		}
	fx_image_free(env, &crop);
	fx_image_free(env, &photo);
	env->release(env->context, faces);
}

static void
test_references(fx_network *detector, fx_network recogniser[2])
{
	FILE	   *table = fopen(data_path("vectors/lfw_yunet_n_320_landmarks.csv"), "r");
	FILE	   *vectors[2] = {fopen(data_path("vectors/lfw_kennethwang.f32"), "rb"),
	fopen(data_path("vectors/lfw_facegate.f32"), "rb")};
	const char *wanted = getenv("FACESNXT_PHOTOS");
	size_t		total = 7171;
	size_t		photos = wanted == NULL || *wanted == '\0' ? 60 : strcmp(wanted, "all") == 0 ? total
		: strtoul(wanted, NULL, 10);
	worst		w = {0, 0, 0, 0, 0, {1, 1}};
	char		header[1024];
	expected	e;

	if (table == NULL || vectors[0] == NULL || vectors[1] == NULL || fgets(header, sizeof(header), table) == NULL)
		skip(1, "the reference templates are not there (FACESNXT_DATA)");
	else
	{
		/* evenly over the whole list */
		for (size_t row = 0; next_expected(table, &e); row++)
			if ((row + 1) * photos / total != row * photos / total)
				compare_photo(&e, row, detector, recogniser, vectors, &w);
		ok(w.photos > 0 && w.failed == 0, "%zu photographs pass through", w.photos);
		ok(w.counts == 0, "as many faces in each as the reference found (%zu differ)", w.counts);
		ok(w.place < 0.02, "boxes and landmarks within 0.02 pixels (%.4f)", w.place);
		ok(w.score < 0.002, "scores within 0.002 (%.4f)", w.score);
		ok(w.cosine[0] >= 0.9999, "templates of the first recogniser: least cosine %.7f", w.cosine[0]);
		ok(w.cosine[1] >= 0.9999, "templates of the second recogniser: least cosine %.7f", w.cosine[1]);
	}
	for (int k = 0; k < 2; k++)
		if (vectors[k] != NULL)
			fclose(vectors[k]);
	if (table != NULL)
		fclose(table);
}

/* Faces of one file; release them. */
static size_t
count_faces(fx_network *detector, const char *file, float nms, fx_face **faces)
{
	fx_image	photo;
	size_t		count = 0;
	fx_error	err = {FX_OK, 0, ""};

	*faces = NULL;
	if (decode_file(data_path(file), &photo, &err) != FX_OK ||
		fx_detect(fx_env_malloc(), detector, &photo, 0.5f, nms, MAX_FACES, faces, &count, &err) != FX_OK)
		diag("%s: %s", file, err.detail);
	fx_image_free(fx_env_malloc(), &photo);
	return count;
}

static const char *const singles[] = {"faces/lfw/AJ_Lamas/AJ_Lamas_0001.jpg",
"faces/lfw/Aaron_Guiel/Aaron_Guiel_0001.jpg", "faces/lfw/Aaron_Tippin/Aaron_Tippin_0001.jpg"};

/* Every detector sees the groups, and agrees with the first one on single faces. */
static void
test_detector(const char *name, fx_network *detector, fx_network *first, float nms, const size_t group[3][2])
{
	static const char *const groups[3] = {"faces/groups/s_l.jpg", "faces/groups/1.jpg", "faces/groups/17.jpg"};
	double		least = 1;
	fx_face    *faces;

	for (int i = 0; i < 3; i++)
	{
		size_t		n = count_faces(detector, groups[i], nms, &faces);
		bool		sorted = true;

		for (size_t k = 1; k < n; k++)
			sorted = sorted && faces[k - 1].score >= faces[k].score;
		ok(n >= group[i][0] && n <= group[i][1] && sorted, "%s: %zu faces in %s, best first", name, n, groups[i]);
		fx_env_malloc()->release(NULL, faces);
	}
	for (int i = 0; i < 3; i++)
	{
		fx_face    *theirs;
		size_t		n = count_faces(detector, singles[i], nms, &faces);
		size_t		m = count_faces(first, singles[i], 0.3f, &theirs);
		double		best = 0;

		for (size_t k = 0; k < n && m > 0; k++)
			best = fmax(best, iou(&faces[k], &theirs[fx_central_face(theirs, m, 250, 250)]));
		least = fmin(least, best);
		fx_env_malloc()->release(NULL, faces);
		fx_env_malloc()->release(NULL, theirs);
	}
	ok(least > 0.6, "%s: overlap with YuNet's faces at least %.2f", name, least);
}

/* Wrong uses, numbers that overflow, interrupts and memory that runs out. */
static void
test_refusals(fx_network *detector, fx_network *recogniser)
{
	fx_image	photo;
	fx_face    *faces;
	size_t		count;
	float		values[2 * DIMENSIONS];
	fx_error	err;
	fx_network	n;
	ledger		l;
	fx_env		env = ledger_env(&l);
	fx_head		head;
	bool		sane = true;
	fx_code		code;

	if (decode_file(data_path(singles[0]), &photo, &err) != FX_OK)
		return;
	ok(fx_head_recognise(recogniser->model, &head, &err) == FX_UNSUPPORTED && head == FX_HEAD_NONE, "%s", err.detail);
	ok(fx_detect(&env, recogniser, &photo, 0.5f, 0.3f, 10, &faces, &count, &err) == FX_UNSUPPORTED, "%s", err.detail);
	ok(fx_detect(&env, detector, &photo, NAN, 0.3f, 10, &faces, &count, &err) == FX_RANGE, "%s", err.detail);
	ok(fx_recognise(&env, recogniser, &photo, values, DIMENSIONS, &err) == FX_MISMATCH, "%s", err.detail);
	n = *detector;
	n.width = 256;
	n.height = 256;
	ok(fx_detect(&env, &n, &photo, 0.5f, 0.3f, 10, &faces, &count, &err) == FX_MISMATCH, "%s", err.detail);
	n = *detector;
	n.scale = 1e38f;
	code = fx_detect(&env, &n, &photo, 0.5f, 0.3f, 10, &faces, &count, &err);
	ok(code == FX_RANGE || (code == FX_OK && count == 0), "numbers that overflow give no face (%d)", (int) code);
	n.scale = INFINITY;
	ok(fx_detect(&env, &n, &photo, 0.5f, 0.3f, 10, &faces, &count, &err) == FX_RANGE, "%s", err.detail);

	ok(fx_detect(&env, detector, &photo, 0.5f, 0.3f, 1, &faces, &count, &err) == FX_OK && count == 1,
	   "at most one face");
	if (count == 1)
	{
		fx_image	crop;

		code = fx_align(&env, &photo, &faces[0], &crop, &err);
		ok(code == FX_OK && fx_recognise(&env, recogniser, &crop, values, 2 * DIMENSIONS, &err) == FX_MISMATCH,
		   "%s", err.detail);
		n = *recogniser;
		n.scale = 1e38f;
		ok(fx_recognise(&env, &n, &crop, values, DIMENSIONS, &err) == FX_RANGE, "%s", err.detail);
		n = *recogniser;
		n.mean[1] = NAN;
		ok(fx_recognise(&env, &n, &crop, values, DIMENSIONS, &err) == FX_RANGE, "%s", err.detail);
		ok(fx_recognise(&env, recogniser, &crop, values, DIMENSIONS, &err) == FX_OK,
		   "after a failure the recogniser works as before");
		fx_image_free(&env, &crop);
	}
	env.release(env.context, faces);
	for (size_t k = 1; k < 100; k++)
	{
		size_t		live = l.live;

		env = ledger_env(&l);
		l.fail_at = k;
		code = fx_detect(&env, detector, &photo, 0.5f, 0.3f, 10, &faces, &count, &err);
		if (code == FX_OK)
			break;
		sane = sane && code == FX_NO_MEMORY && l.live == 0 && live == 0 && faces == NULL;
	}
	ok(sane && code == FX_OK, "detection survives each failed allocation");
	env.release(env.context, faces);
	ok(l.live == 0, "and holds nothing");
	env = ledger_env(&l);
	l.interrupt_at = 1;
	ok(fx_detect(&env, detector, &photo, 0.5f, 0.3f, 10, &faces, &count, &err) == FX_INTERRUPTED && l.live == 0,
	   "detection can be interrupted");
	fx_image_free(fx_env_malloc(), &photo);
}

/* Shapes from one pixel to long strips: each gives an answer. */
static void
test_odd_sizes(const char *name, fx_network *detector)
{
	static const int sizes[][2] = {{1, 1}, {31, 33}, {3000, 20}, {2, 2000}, {1300, 900}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		fx_image	photo;
		fx_face    *faces;
		size_t		count;
		fx_error	err = {FX_OK, 0, ""};

		if (fx_image_create(fx_env_malloc(), sizes[i][0], sizes[i][1], &photo, &err) != FX_OK)
			continue;
		memset(photo.pixels, 90, photo.stride * photo.height);
		ok(fx_detect(fx_env_malloc(), detector, &photo, 0.5f, 0.3f, 10, &faces, &count, &err) == FX_OK && count == 0,
		   "%s: no face in %d x %d gray pixels %s", name, sizes[i][0], sizes[i][1], err.detail);
		fx_env_malloc()->release(NULL, faces);
		fx_image_free(fx_env_malloc(), &photo);
	}
}

static void
test_models(void)
{
	/* least and most faces in the groups: what OpenCV's runs of the same models find, and two more or fewer */
	static const size_t by_yunet[3][2] = {{2, 2}, {53, 57}, {63, 67}};
	static const size_t by_large[3][2] = {{2, 2}, {50, 54}, {165, 169}};
	static const size_t by_small_scrfd[3][2] = {{2, 2}, {50, 54}, {113, 117}};
	static const size_t by_scrfd[3][2] = {{2, 2}, {50, 54}, {152, 156}};
	static const size_t by_ultraface[3][2] = {{4, 4}, {46, 50}, {126, 130}};
	/* OpenCV cannot run this one; the crowd has more than a thousand faces, which 1280 pixels begin to show */
	static const size_t by_open[3][2] = {{2, 2}, {50, 54}, {300, 900}};
	fx_network	yunet = network("yunet_n_320_320.onnx", FX_BGR, 0, 1);
	fx_network	large = network("face_detection_yunet_2023mar.onnx", FX_BGR, 0, 1);
	fx_network	open = network("yunet_n_dynamic.onnx", FX_BGR, 0, 1);
	fx_network	small_scrfd = network("scrfd_500m_kps.onnx", FX_RGB, 127.5f, 128);
	fx_network	scrfd = network("scrfd_2.5g_kps.onnx", FX_RGB, 127.5f, 128);
	fx_network	ultraface = network("version-RFB-320.onnx", FX_RGB, 127, 128);
	fx_network	recogniser[2] = {network("mobilefacenet.kennethwang.onnx", FX_BGR, 127.5f, 127.5f),
	network("mobilefacenet.facegate.onnx", FX_RGB, 127.5f, 127.5f)};
	fx_network *all[] = {&yunet, &large, &open, &small_scrfd, &scrfd, &ultraface, &recogniser[0], &recogniser[1]};
	bool		complete = true;

	for (int i = 0; i < 8; i++)
		complete = complete && all[i]->model != NULL;
	if (complete)
	{
		fx_face    *faces;
		fx_image	image;
		fx_image	crop;
		fx_error	err;

		ok(yunet.head == FX_HEAD_YUNET && large.head == FX_HEAD_YUNET && open.head == FX_HEAD_YUNET &&
		   small_scrfd.head == FX_HEAD_SCRFD && scrfd.head == FX_HEAD_SCRFD && ultraface.head == FX_HEAD_ULTRAFACE,
		   "every detector's head is recognised");
		test_references(&yunet, recogniser);
		test_detector("YuNet 320", &yunet, &yunet, 0.3f, by_yunet);
		test_detector("YuNet 640", &large, &yunet, 0.3f, by_large);
		test_detector("YuNet open", &open, &yunet, 0.3f, by_open);
		test_detector("SCRFD 0.5g", &small_scrfd, &yunet, 0.4f, by_small_scrfd);
		test_detector("SCRFD 2.5g", &scrfd, &yunet, 0.4f, by_scrfd);
		test_detector("UltraFace", &ultraface, &yunet, 0.3f, by_ultraface);
		if (count_faces(&ultraface, singles[0], 0.3f, &faces) > 0 &&
			decode_file(data_path(singles[0]), &image, &err) == FX_OK)
		{
			ok(!faces[0].has_landmarks && fx_align(fx_env_malloc(), &image, &faces[0], &crop, &err) == FX_MISMATCH,
			   "UltraFace: %s", err.detail);
			fx_image_free(fx_env_malloc(), &image);
		}
		else
			ok(false, "UltraFace finds a face");
		fx_env_malloc()->release(NULL, faces);
		test_refusals(&yunet, &recogniser[0]);
		test_odd_sizes("fixed", &yunet);
		test_odd_sizes("open", &open);
	}
	for (int i = 0; i < 8; i++)
		fx_model_free(all[i]->model);
}

int
main(void)
{
	test_candidates();
	test_central();
	test_quality();
	test_align();
	if (data_there("models") && data_there("faces"))
		test_models();
	else
		skip(1, "models and photographs are not there (FACESNXT_DATA)");
	return done_testing();
}

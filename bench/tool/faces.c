/*
 * faces.c - one network on many pictures of one size, for comparisons by
 * scripts (bench/equal_opencv.py).
 *
 *	faces MODEL.onnx WIDTH HEIGHT RGB|BGR MEAN SCALE [THRESHOLD NMS] <PICTURES >RESULTS
 *
 * PICTURES are WIDTH x HEIGHT pixels of three bytes, red first, one picture
 * after the other.  RESULTS, for each: the float outputs of the model in their
 * order; for a detector (which has THRESHOLD and NMS) then the number of faces
 * as a float and for each x, y, width, height, ten of landmarks, score.  The
 * names and sizes of the outputs go to standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "infer/face.h"

#define MAX_SIDE 4096

static void
load(const char *path, fx_network *network)
{
	fx_model_limits limits = {1 << 30, (size_t) 4 << 30, 100000, UINT64_C(1) << 45};
	fx_error	err = {0};
	size_t		length;
	uint8_t    *bytes = slurp(path, &length);

	if (fx_model_load(fx_env_malloc(), bytes, length, &limits, &network->model, &err) != FX_OK)
		die(path, err.detail);
	free(bytes);
}

static void
write_outputs(const fx_model *model, bool name)
{
	for (int i = 0; i < fx_model_output_count(model); i++)
	{
		fx_shape	shape;
		fx_type		type;
		size_t		count = 1;
		const float *values = fx_model_output(model, i, &shape, &type);

		if (values == NULL || type != FX_TYPE_FLOAT)
			die("model", "has an output that is not of floats");
		for (int d = 0; d < shape.rank; d++)
			count *= (size_t) shape.dim[d];
		if (name)
			fprintf(stderr, "%s %zu\n", fx_model_output_name(model, i), count);
		fwrite(values, sizeof(float), count, stdout);
	}
}

static void
write_faces(const fx_face *faces, size_t count)
{
	float		number = (float) count;

	fwrite(&number, sizeof(float), 1, stdout);
	for (size_t i = 0; i < count; i++)
	{
		const fx_face *f = &faces[i];
		float		row[15] = {f->x, f->y, f->width, f->height};

		if (f->has_landmarks)
			memcpy(row + 4, f->landmark, sizeof(f->landmark));
		row[14] = f->score;
		fwrite(row, sizeof(float), 15, stdout);
	}
}

int
main(int argc, char **argv)
{
	fx_network	network = {0};
	fx_image	image = {0};
	fx_error	err = {0};
	bool		detects = argc == 9;
	bool		first = true;
	size_t		size;

	if (argc != 7 && argc != 9)
		die("usage", "faces MODEL.onnx WIDTH HEIGHT RGB|BGR MEAN SCALE [THRESHOLD NMS] <PICTURES >RESULTS");
	network.width = image.width = atoi(argv[2]);
	network.height = image.height = atoi(argv[3]);
	if (image.width < 1 || image.height < 1 || image.width > MAX_SIDE || image.height > MAX_SIDE)
		die("usage", "a side is out of range");
	network.order = strcmp(argv[4], "BGR") == 0 ? FX_BGR : FX_RGB;
	network.mean[0] = network.mean[1] = network.mean[2] = (float) atof(argv[5]);
	network.scale = (float) atof(argv[6]);
	load(argv[1], &network);
	if (detects && fx_head_recognise(network.model, &network.head, &err) != FX_OK)
		die(argv[1], err.detail);
	image.stride = (size_t) image.width * 3;
	size = image.stride * (size_t) image.height;
	image.pixels = malloc(size);
	if (image.pixels == NULL)
		die("faces", "no memory");
	while (fread(image.pixels, 1, size, stdin) == size)
	{
		fx_face    *faces = NULL;
		size_t		count = 0;
		float		values[4096];

		if (detects)
		{
			if (fx_detect(fx_env_malloc(), &network, &image, (float) atof(argv[7]), (float) atof(argv[8]), 1000,
						  &faces, &count, &err) != FX_OK)
				die(argv[1], err.detail);
		}
		/* the right number of dimensions is known after a first run, which fails on a wrong one */
		else if (first)
			fx_recognise(fx_env_malloc(), &network, &image, values, 1, NULL);
		if (!detects)
		{
			fx_shape	shape;
			size_t		dimensions = 1;

			if (fx_model_output(network.model, 0, &shape, NULL) == NULL)
				die(argv[1], "does not run");
			for (int d = 0; d < shape.rank; d++)
				dimensions *= (size_t) shape.dim[d];
			if (dimensions > 4096 || fx_recognise(fx_env_malloc(), &network, &image, values, dimensions, &err) != FX_OK)
				die(argv[1], err.detail);
		}
		write_outputs(network.model, first);
		if (detects)
			write_faces(faces, count);
		fx_env_malloc()->release(fx_env_malloc()->context, faces);
		first = false;
	}
	free(image.pixels);
	fx_model_free(network.model);
	return 0;
}

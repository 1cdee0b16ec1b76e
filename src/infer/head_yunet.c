/*
 * head_yunet.c - YuNet (Wu, Peng, Yu 2023): anchor-free, one box a cell.
 *
 * At each stride the model gives class and object scores, a box as (offset of
 * the centre in cells, logarithm of the size in cells) and five landmarks as
 * offsets in cells.  The score of a cell is the geometric mean of the two.
 */
#include "infer/head.h"

#include <math.h>
#include <stdio.h>

static fx_code
output_of(const fx_head_run *run, const char *what, int stride, int columns,
		  const float **values, fx_error *err)
{
	char		name[16];
	int64_t		cells = (int64_t) (run->width / stride) * (run->height / stride);

	snprintf(name, sizeof(name), "%s_%d", what, stride);
	return fx_head_output(run->model, fx_model_output_index(run->model, name), cells, columns,
						  values, NULL, err);
}

static fx_code
read_stride(const fx_head_run *run, int stride, fx_candidates *list, fx_error *err)
{
	int			across = run->width / stride;
	int			down = run->height / stride;
	const float *class_score;
	const float *object_score;
	const float *box;
	const float *points;
	fx_code		code;

	if ((code = output_of(run, "cls", stride, 1, &class_score, err)) != FX_OK ||
		(code = output_of(run, "obj", stride, 1, &object_score, err)) != FX_OK ||
		(code = output_of(run, "bbox", stride, 4, &box, err)) != FX_OK ||
		(code = output_of(run, "kps", stride, 2 * FX_LANDMARKS, &points, err)) != FX_OK)
		return code;
	for (int y = 0; y < down; y++)
		for (int x = 0; x < across; x++, class_score++, object_score++, box += 4, points += 2 * FX_LANDMARKS)
		{
			fx_face		face;
			float		a;
			float		b;

			if ((code = fx_head_score(*class_score, &a, err)) != FX_OK ||
				(code = fx_head_score(*object_score, &b, err)) != FX_OK)
				return code;
			face.score = sqrtf(a * b);
			if (!(face.score > run->threshold))
				continue;
			face.width = expf(box[2]) * stride;
			face.height = expf(box[3]) * stride;
			face.x = (x + box[0]) * stride - face.width / 2;
			face.y = (y + box[1]) * stride - face.height / 2;
			face.has_landmarks = true;
			for (int i = 0; i < FX_LANDMARKS; i++)
			{
				face.landmark[i][0] = (points[2 * i] + x) * stride;
				face.landmark[i][1] = (points[2 * i + 1] + y) * stride;
			}
			if ((code = fx_candidates_add(list, &face, err)) != FX_OK)
				return code;
		}
	return FX_OK;
}

fx_code
fx_head_yunet(const fx_head_run *run, fx_candidates *list, fx_error *err)
{
	fx_code		code = FX_OK;

	for (int stride = 8; stride <= 32 && code == FX_OK; stride *= 2)
		code = read_stride(run, stride, list, err);
	return code;
}

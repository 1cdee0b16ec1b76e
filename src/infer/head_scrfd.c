/*
 * head_scrfd.c - SCRFD with landmarks (Guo, Deng, Lattas, Zafeiriou 2021).
 *
 * Nine outputs, in the order score, box, landmarks, each at strides 8, 16,
 * 32.  Each cell has the same number of anchors, all at its top left corner;
 * a box is the distances from there to left, top, right and bottom, in
 * strides.  The exporters' names differ, so outputs go by their order.
 */
#include "infer/head.h"

#define STRIDES 3

/* Anchors of one cell that are taken as sane. */
#define MAX_ANCHORS 8

static fx_code
read_stride(const fx_head_run *run, int level, fx_candidates *list, fx_error *err)
{
	int			stride = 8 << level;
	int			across = run->width / stride;
	int64_t		cells = (int64_t) across * (run->height / stride);
	int64_t		rows;
	int			anchors;
	const float *score;
	const float *box;
	const float *points;
	fx_code		code;

	if ((code = fx_head_output(run->model, level, -1, 1, &score, &rows, err)) != FX_OK)
		return code;
	if (cells == 0 || rows == 0 || rows % cells != 0 || rows / cells > MAX_ANCHORS)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION,
					   "%lld scores do not fit the %lld cells of stride %d",
					   (long long) rows, (long long) cells, stride);
	anchors = (int) (rows / cells);
	code = fx_head_output(run->model, level + STRIDES, rows, 4, &box, NULL, err);
	if (code == FX_OK)
		code = fx_head_output(run->model, level + 2 * STRIDES, rows, 2 * FX_LANDMARKS, &points, NULL, err);
	if (code != FX_OK)
		return code;
	for (int64_t row = 0; row < rows; row++, score++, box += 4, points += 2 * FX_LANDMARKS)
	{
		int64_t		cell = row / anchors;
		float		x = (float) (cell % across) * stride;
		float		y = (float) (cell / across) * stride;
		fx_face		face;

		if ((code = fx_head_score(*score, &face.score, err)) != FX_OK)
			return code;
		if (!(face.score > run->threshold))
			continue;
		face.x = x - box[0] * stride;
		face.y = y - box[1] * stride;
		face.width = x + box[2] * stride - face.x;
		face.height = y + box[3] * stride - face.y;
		face.has_landmarks = true;
		for (int i = 0; i < FX_LANDMARKS; i++)
		{
			face.landmark[i][0] = x + points[2 * i] * stride;
			face.landmark[i][1] = y + points[2 * i + 1] * stride;
		}
		if ((code = fx_candidates_add(list, &face, err)) != FX_OK)
			return code;
	}
	return FX_OK;
}

fx_code
fx_head_scrfd(const fx_head_run *run, fx_candidates *list, fx_error *err)
{
	fx_code		code = FX_OK;

	for (int level = 0; level < STRIDES && code == FX_OK; level++)
		code = read_stride(run, level, list, err);
	return code;
}

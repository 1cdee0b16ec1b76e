/*
 * head_ultraface.c - UltraFace ("Ultra-Light-Fast-Generic-Face-Detector-1MB").
 *
 * The exported graph applies its priors itself: "scores" holds (no face,
 * face) and "boxes" the corners as fractions of the input.  It finds no landmarks,
 * so its faces can be counted and shown but not aligned.
 */
#include "infer/head.h"

#include <string.h>

fx_code
fx_head_ultraface(const fx_head_run *run, fx_candidates *list, fx_error *err)
{
	const float *score;
	const float *box;
	int64_t		rows;
	fx_code		code;

	if ((code = fx_head_output(run->model, fx_model_output_index(run->model, "scores"), -1, 2,
							   &score, &rows, err)) != FX_OK ||
		(code = fx_head_output(run->model, fx_model_output_index(run->model, "boxes"), rows, 4,
							   &box, NULL, err)) != FX_OK)
		return code;
	for (int64_t row = 0; row < rows; row++, score += 2, box += 4)
	{
		fx_face		face;

		memset(&face, 0, sizeof(face));
		if ((code = fx_head_score(score[1], &face.score, err)) != FX_OK)
			return code;
		if (!(face.score > run->threshold))
			continue;
		face.x = box[0] * run->width;
		face.y = box[1] * run->height;
		face.width = box[2] * run->width - face.x;
		face.height = box[3] * run->height - face.y;
		if ((code = fx_candidates_add(list, &face, err)) != FX_OK)
			return code;
	}
	return FX_OK;
}

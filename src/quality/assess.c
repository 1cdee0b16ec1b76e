/*
 * assess.c - the list of measures, how native values become components, and
 * the unified score.
 */
#include "quality/frame.h"

#include <math.h>
#include <string.h>

/*
 * Weights are fitted to the scores of mates on half of the persons of LFW, and
 * rounded (docs/quality.md); those of exposure and eye distance, which hardly
 * vary there, are chosen.
 */
static const fx_measure_info list[FX_MEASURES] = {
	[FX_UNIFIED_SCORE] = {"unified_score", "Unified quality score",
	0x41, "weighted mean of components", 0},
	[FX_BACKGROUND_UNIFORMITY] = {"background_uniformity", "Background uniformity",
	0x42, "mean gradient", 0.10},
	[FX_ILLUMINATION_UNIFORMITY] = {"illumination_uniformity", "Illumination uniformity",
	0x43, "common share of two histograms", 0},
	[FX_LUMINANCE_MEAN] = {"luminance_mean", "Moments of the luminance distribution: mean",
	0x44, "0-1", 0.05},
	[FX_LUMINANCE_VARIANCE] = {"luminance_variance", "Moments of the luminance distribution: variance",
	0x45, "0-0.25", 0},
	[FX_LUMINANCE_SKEWNESS] = {"luminance_skewness", "Moments of the luminance distribution: skewness",
	0, "standardised", 0},
	[FX_LUMINANCE_KURTOSIS] = {"luminance_kurtosis", "Moments of the luminance distribution: kurtosis",
	0, "standardised; 3 of a normal distribution", 0},
	[FX_UNDER_EXPOSURE] = {"under_exposure_prevention", "Under-exposure prevention",
	0x46, "share of dark pixels", 0},
	[FX_OVER_EXPOSURE] = {"over_exposure_prevention", "Over-exposure prevention",
	0x47, "share of bright pixels", 0.05},
	[FX_DYNAMIC_RANGE] = {"dynamic_range", "Dynamic range",
	0x48, "bits", 0},
	[FX_SHARPNESS] = {"sharpness", "Sharpness",
	0x49, "fine detail, of the contrast", 0.10},
	[FX_COMPRESSION] = {"no_compression_artefacts", "No compression artefacts",
	0x4a, "steps at block borders", 0},
	[FX_NATURAL_COLOUR] = {"natural_colour", "Natural colour",
	0x4b, "distance in CIELAB", 0.05},
	[FX_SINGLE_FACE] = {"single_face_present", "Single face present",
	0x4c, "root of the ratio of areas", 0},
	[FX_INTER_EYE_DISTANCE] = {"inter_eye_distance", "Inter-eye distance",
	0x52, "pixels", 0.05},
	[FX_HEAD_SIZE] = {"head_size", "Head size",
	0x53, "eyes to chin, of the height", 0},
	[FX_MARGIN_LEFT] = {"margin_left", "Leftward crop of the face in the image",
	0x54, "eye distances", 0},
	[FX_MARGIN_RIGHT] = {"margin_right", "Rightward crop of the face in the image",
	0x55, "eye distances", 0},
	[FX_MARGIN_ABOVE] = {"margin_above", "Margin above the face in the image",
	0x56, "distances from eyes to chin", 0},
	[FX_MARGIN_BELOW] = {"margin_below", "Margin below the face in the image",
	0x57, "distances from eyes to chin", 0},
	[FX_POSE_YAW] = {"head_pose_yaw", "Head pose: yaw",
	0x58, "degrees", 0},
	[FX_POSE_PITCH] = {"head_pose_pitch", "Head pose: pitch",
	0x59, "degrees", 0.60},
	[FX_POSE_ROLL] = {"head_pose_roll", "Head pose: roll",
	0x5a, "degrees", 0},
};

const fx_measure_info *
fx_measure_describe(fx_measure measure)
{
	return &list[measure];
}

static double
sigmoid(double v, double middle, double width)
{
	return 1 / (1 + exp((middle - v) / width));
}

double
fx_component(fx_measure measure, double v)
{
	double		c = 0;

	switch (measure)
	{
		case FX_UNIFIED_SCORE:
			c = v;
			break;
		case FX_BACKGROUND_UNIFORMITY:
			c = 190 * (1 - sigmoid(v, 10, 100));
			break;
		case FX_ILLUMINATION_UNIFORMITY:
			c = 100 * pow(fmax(0, v), 0.3);
			break;
		case FX_LUMINANCE_MEAN:
			c = 100 * sigmoid(v, 0.2, 0.05) * (1 - sigmoid(v, 0.8, 0.05));
			break;
		case FX_LUMINANCE_VARIANCE:
			c = 100 * sin(60 * v / (60 * v + 1) * M_PI);
			break;
		case FX_LUMINANCE_SKEWNESS:
			c = 100 * (1 - sigmoid(fabs(v), 2, 0.4));
			break;
		case FX_LUMINANCE_KURTOSIS:
			c = 100 * (1 - sigmoid(v, 8, 1.2));
			break;
		case FX_UNDER_EXPOSURE:
			c = 120 * (0.832 - sigmoid(v, 0.92, 0.05));
			break;
		case FX_OVER_EXPOSURE:
			c = 1 / (v + 0.01);
			break;
		case FX_DYNAMIC_RANGE:
			c = 12.5 * v;
			break;
		case FX_SHARPNESS:
			c = 100 * sigmoid(v, 0.06, 0.02);
			break;
		case FX_COMPRESSION:
			c = 100 * (1 - sigmoid(v, 0.6, 0.12));
			break;
		case FX_NATURAL_COLOUR:
			c = 200 * (1 - sigmoid(v, 0, 10));
			break;
		case FX_SINGLE_FACE:
			c = 100 * (1 - v);
			break;
		case FX_INTER_EYE_DISTANCE:
			c = 100 * sigmoid(v, 70, 20);
			break;
		case FX_HEAD_SIZE:
			c = 200 * (1 - sigmoid(fabs(v - 0.45), 0, 0.05));
			break;
		case FX_MARGIN_LEFT:
		case FX_MARGIN_RIGHT:
			c = 100 * sigmoid(v, 0.9, 0.1);
			break;
		case FX_MARGIN_ABOVE:
			c = 100 * sigmoid(v, 1.4, 0.1);
			break;
		case FX_MARGIN_BELOW:
			c = 100 * sigmoid(v, 1.8, 0.1);
			break;
		case FX_POSE_YAW:
		case FX_POSE_PITCH:
		case FX_POSE_ROLL:
			c = 100 * cos(v * M_PI / 180) * cos(v * M_PI / 180);
			break;
		case FX_MEASURES:
			break;
	}
	/* not a number compares as neither */
	return c > 0 ? rint(fmin(100, c)) : 0;
}

bool
fx_unified_score(const fx_measurement measured[FX_MEASURES], double *score)
{
	double		sum = 0;
	double		weights = 0;

	for (int i = 0; i < FX_MEASURES; i++)
		if (measured[i].known)
		{
			sum += list[i].weight * measured[i].component;
			weights += list[i].weight;
		}
	*score = weights > 0 ? sum / weights : 0;
	return weights > 0;
}

fx_code
fx_assess(const fx_env *env, const fx_image *photo, const fx_face *faces, size_t count, size_t chosen,
		  fx_measurement measured[FX_MEASURES], fx_error *err)
{
	frame		f;
	fx_code		code;
	double		score;

	memset(measured, 0, FX_MEASURES * sizeof(*measured));
	if (chosen >= count || photo->width <= 0 || photo->height <= 0)
		return fx_fail(err, FX_MISMATCH, FX_NO_POSITION, "there is no such face in the photograph");
	measure_geometry(photo, faces, count, chosen, measured);
	if (!faces[chosen].has_landmarks)
		return FX_OK;
	code = frame_make(env, photo, &faces[chosen], &f, err);
	if (code != FX_OK)
		return code;
	measure_light(photo, &f, measured);
	code = measure_detail(env, photo, &faces[chosen], &f, measured, err);
	frame_free(env, &f);
	if (code == FX_OK && fx_unified_score(measured, &score))
		measured_as(measured, FX_UNIFIED_SCORE, score);
	return code;
}

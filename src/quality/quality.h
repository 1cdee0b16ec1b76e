/*
 * quality.h - how good the photograph of a face is, in the terms of ISO/IEC
 * 29794-5:2025 and its reference implementation OFIQ.
 *
 * Each measure has a native value in a unit of its own and a component, a
 * whole number from 0 (poor) to 100 (good).  docs/quality.md says of each what
 * it is, where its definition comes from, and where it departs from that.
 */
#ifndef FX_QUALITY_H
#define FX_QUALITY_H

#include "image/image.h"
#include "infer/face.h"

/* Raised when a measure's value for the same photograph changes: values are comparable within one version. */
#define FX_QUALITY_VERSION 1

/* In the order in which values are stored; a new one goes to the end. */
typedef enum fx_measure
{
	FX_UNIFIED_SCORE,
	FX_BACKGROUND_UNIFORMITY,
	FX_ILLUMINATION_UNIFORMITY,
	FX_LUMINANCE_MEAN,
	FX_LUMINANCE_VARIANCE,
	FX_LUMINANCE_SKEWNESS,
	FX_LUMINANCE_KURTOSIS,
	FX_UNDER_EXPOSURE,
	FX_OVER_EXPOSURE,
	FX_DYNAMIC_RANGE,
	FX_SHARPNESS,
	FX_COMPRESSION,
	FX_NATURAL_COLOUR,
	FX_SINGLE_FACE,
	FX_INTER_EYE_DISTANCE,
	FX_HEAD_SIZE,
	FX_MARGIN_LEFT,
	FX_MARGIN_RIGHT,
	FX_MARGIN_ABOVE,
	FX_MARGIN_BELOW,
	FX_POSE_YAW,
	FX_POSE_PITCH,
	FX_POSE_ROLL,
	FX_MEASURES
} fx_measure;

typedef struct fx_measurement
{
	bool		known;			/* false: it cannot be measured on this photograph */
	double		native;
	double		component;		/* whole number, 0..100 */
} fx_measurement;

/* What a measure is called here, in ISO/IEC 29794-5, and under which identifier OFIQ has it. */
typedef struct fx_measure_info
{
	const char *name;
	const char *element;
	int			ofiq;			/* 0: not in OFIQ */
	const char *unit;			/* of the native value */
	double		weight;			/* in the unified score */
} fx_measure_info;

extern const fx_measure_info *fx_measure_describe(fx_measure measure);

/* The component that a native value stands for; NaN gives 0. */
extern double fx_component(fx_measure measure, double native);

/* The unified score from the components: the mean of the known ones by their weights; false when none is known. */
extern bool fx_unified_score(const fx_measurement measured[FX_MEASURES], double *score);

/*
 * Measures face number chosen of the count that were found in the photograph.
 * What needs landmarks is unknown on a face without.
 */
extern fx_code fx_assess(const fx_env *env, const fx_image *photo, const fx_face *faces, size_t count,
						 size_t chosen, fx_measurement measured[FX_MEASURES], fx_error *err);

/* Degrees: how a head is turned, from five landmarks; false where they lie on a line. */
extern bool fx_head_pose(const fx_face *face, double *yaw, double *pitch, double *roll);

#endif							/* FX_QUALITY_H */

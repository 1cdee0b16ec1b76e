/*
 * face.h - from a photograph to boxes, landmarks and templates.
 *
 * A network (any model of infer.h plus how its pixels are prepared) is either
 * a detector, whose outputs one of three heads turns into faces, or a
 * recogniser, which turns an aligned 112x112 face into a template.
 */
#ifndef FX_FACE_H
#define FX_FACE_H

#include "image/image.h"
#include "infer/infer.h"

/*
 * The person's right eye, left eye, nose tip, right and left mouth corner: in
 * an upright face, left to right in the image.
 */
#define FX_LANDMARKS 5
#define FX_CROP 112				/* side of an aligned face, pixels */
#define FX_DYNAMIC_SIDE 1280	/* a dynamic detector sees no longer side than this, pixels */

typedef enum fx_channel_order
{
	FX_RGB = 0,
	FX_BGR = 1
} fx_channel_order;

/* How a detector's outputs are read; recognised by the names and shapes of its outputs. */
typedef enum fx_head
{
	FX_HEAD_NONE = 0,
	FX_HEAD_YUNET,				/* cls_, obj_, bbox_, kps_ at strides 8, 16, 32 */
	FX_HEAD_SCRFD,				/* score, distance and landmark maps, two anchors a cell, strides 8, 16, 32 */
	FX_HEAD_ULTRAFACE			/* scores and corner boxes with priors; no landmarks */
} fx_head;

typedef struct fx_network
{
	fx_model   *model;
	fx_channel_order order;
	float		mean[3];		/* in the order of the channels fed */
	float		scale;			/* (pixel - mean) * scale */
	/* of the input; 0: what the model declares, or the photo's own size rounded up to 32 (if it is open) */
	int			width;
	int			height;
	fx_head		head;
} fx_network;

/* One detected face; coordinates in pixels of the photograph, origin top left. */
typedef struct fx_face
{
	float		x;
	float		y;
	float		width;
	float		height;
	float		score;			/* 0..1 */
	bool		has_landmarks;
	float		landmark[FX_LANDMARKS][2];
} fx_face;

/* Measured on one face; each is a plain number with its unit, no verdict. */
typedef struct fx_quality
{
	float		eye_distance;	/* pixels between the eye landmarks in the photograph */
	float		sharpness;		/* variance of the Laplacian of the aligned luma */
	float		brightness;		/* mean luma of the aligned face, 0..255 */
	float		contrast;		/* standard deviation of the same */
	float		roll;			/* degrees, in-plane, from the eye line */
	/* -1..1: the nose's offset from the eyes' midpoint, in eye distances along the eye line */
	float		yaw;
	float		pitch;			/* nose position between eye line and mouth line: 0 eyes, 1 mouth */
} fx_quality;

/* Reads the head from the model's outputs; FX_UNSUPPORTED when none fits. */
extern fx_code fx_head_recognise(const fx_model *model, fx_head *head, fx_error *err);

/*
 * Finds faces, best score first.  *faces is allocated (release it through env) and may be
 * NULL with *count 0.  threshold in (0,1); nms: greatest intersection over
 * union of two kept boxes.  At most max_faces are kept.
 */
extern fx_code fx_detect(const fx_env *env, fx_network *detector, const fx_image *photo,
						 float threshold, float nms, size_t max_faces,
						 fx_face **faces, size_t *count, fx_error *err);

/* Intersection over union of two boxes, 0..1. */
extern double fx_face_overlap(const fx_face *a, const fx_face *b);

/* The face nearest the photograph's centre (large faces count as nearer); count > 0. */
extern size_t fx_central_face(const fx_face *faces, size_t count, int width, int height);

/* The face brought to the usual five-point position in a FX_CROP square. FX_MISMATCH without landmarks. */
extern fx_code fx_align(const fx_env *env, const fx_image *photo, const fx_face *face,
						fx_image *crop, fx_error *err);

/* The unit-length template of an aligned face; dimensions is the recogniser's output size. */
extern fx_code fx_recognise(const fx_env *env, fx_network *recogniser, const fx_image *crop,
							float *template_out, size_t dimensions, fx_error *err);

extern void fx_measure_quality(const fx_face *face, const fx_image *crop, fx_quality *quality);

#endif							/* FX_FACE_H */

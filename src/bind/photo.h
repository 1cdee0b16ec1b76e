/*
 * photo.h - what everything that decodes a photograph shares.
 */
#ifndef FACESNXT_BIND_PHOTO_H
#define FACESNXT_BIND_PHOTO_H

#include "compat.h"

#include "bind/model.h"
#include "image/image.h"

/* A photograph and the faces in it, best score first. */
typedef struct NxFaces
{
	fx_image	photo;
	fx_face    *face;
	size_t		count;
} NxFaces;

/* The limits that the settings facesnxt.max_photo_* state. */
extern fx_jpeg_limits nx_jpeg_limits(void);

extern void nx_find_faces(const fx_env *env, bytea *photo, NxModel *detector, float threshold, NxFaces *faces);

/* The face that is meant by 'only', 'best', 'largest', 'central' or a number; raises when that is not clear. */
extern const fx_face *nx_choose_face(const NxFaces *faces, const char *choice);

/* What is measured on a face, as jsonb; and the perceptual hash of its photograph. */
extern Datum nx_quality(const fx_env *env, const fx_image *photo, const fx_face *faces, size_t count, size_t chosen);
extern int64 nx_photo_hash(const fx_image *photo);

#endif							/* FACESNXT_BIND_PHOTO_H */

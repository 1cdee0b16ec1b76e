/*
 * photo.h - what everything that decodes a photograph shares.
 */
#ifndef FACESNXT_BIND_PHOTO_H
#define FACESNXT_BIND_PHOTO_H

#include "compat.h"

#include "image/image.h"

/* The limits that the settings facesnxt.max_photo_* state. */
extern fx_jpeg_limits nx_jpeg_limits(void);

#endif							/* FACESNXT_BIND_PHOTO_H */

/*
 * model.h - models of the registry, parsed and kept for the next call.
 */
#ifndef FACESNXT_BIND_MODEL_H
#define FACESNXT_BIND_MODEL_H

#include "compat.h"

#include "infer/face.h"

typedef enum NxKind
{
	NX_DETECTOR,
	NX_RECOGNISER
} NxKind;

/* A parsed model of this backend; valid until the next nx_model_get() of another one. */
typedef struct NxModel
{
	char		name[NAMEDATALEN];
	uint32		fingerprint;	/* what its templates carry; see facesnxt.load_model */
	uint8		sha256[32];
	NxKind		kind;
	int			dimension;		/* of a recogniser's template */
	fx_network	network;
	MemoryContext context;		/* everything the model holds */
	uint64		last_used;
} NxModel;

/*
 * The model of that name, or the one in use of that kind when name is NULL.
 * Raises NX204 when there is none; keep (may be NULL) is not evicted.
 */
extern NxModel *nx_model_get(NxKind kind, const char *name, const NxModel *keep);

#endif							/* FACESNXT_BIND_MODEL_H */

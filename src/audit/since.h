/*
 * since.h - the writer remembers what its last transactions did (since.c).
 */
#ifndef FACESNXT_AUDIT_SINCE_H
#define FACESNXT_AUDIT_SINCE_H

#include "compat.h"

/* A transaction of the writer begins. */
extern void fx_since_begin(void);

/* It does something that is not a search, and that a gate may look at. */
extern void fx_since_unknown(void);

/* Around its commit. */
extern void fx_since_before_commit(void);
extern void fx_since_committed(void);

#endif							/* FACESNXT_AUDIT_SINCE_H */

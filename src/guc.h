/*
 * guc.h - every setting of the extension; guc.c has a paragraph on each.
 */
#ifndef FACESNXT_GUC_H
#define FACESNXT_GUC_H

#include <stdbool.h>

extern int	facesnxt_audit_timeout;		/* ms */
extern int	facesnxt_kernel_tier;		/* fx_tier */
extern double facesnxt_mate_similarity;
extern int	facesnxt_max_photo_memory;	/* kB */
extern int	facesnxt_max_photo_pixels;	/* thousand pixels */
extern int	facesnxt_max_photo_scans;
extern int	facesnxt_max_photo_size;	/* kB */
extern int	facesnxt_min_face_size;		/* pixels */
extern int	facesnxt_model_cache_size;	/* kB */
extern int	facesnxt_probes;			/* lists; 0: by facesnxt_target_recall */
extern int	facesnxt_scan_workers;
extern int	facesnxt_scan_workers_per_search;
extern double facesnxt_target_recall;
extern bool facesnxt_wide_bounds;
extern int	facesnxt_writer_idle;		/* ms */

extern void facesnxt_guc_init(void);

#endif							/* FACESNXT_GUC_H */

/*
 * cluster.h - lists: templates grouped by where they lie on the leading
 * principal axes.
 *
 * A few dozen axes carry what clusters can know of a face; angles along them
 * cost an eighth of those over all dimensions and group as well.  Lists by
 * direction are more even than lists by distance, and better hints.
 *
 * Whatever takes several rows at a time multiplies matrices: fx_blas_load()
 * must have succeeded before (base/blas.h).
 */
#ifndef FX_CLUSTER_H
#define FX_CLUSTER_H

#include "base/base.h"

#define FX_CLUSTER_AXES			64
#define FX_CLUSTER_MAX_LISTS	32768

/* Nearest lists are found by products of so many points and lists, so that the space needed is bounded. */
#define FX_POINTS_AT_ONCE		256
#define FX_LISTS_AT_ONCE		1024

/* Axes and centres; x is a rotated template minus its centre, `padded` elements. */
typedef struct fx_clusters
{
	uint32_t	padded;
	uint32_t	axes;			/* at most padded and FX_CLUSTER_AXES */
	uint32_t	lists;
	float	   *basis;			/* axes x padded, orthonormal rows */
	float	   *centres;		/* lists x axes, rows of unit length, or zeros */
} fx_clusters;

/*
 * The leading principal axes of `count` rows of `padded` elements, of which `products` is the sum of outer
 * products (padded x padded; the upper triangle is read, both are written) and `sum` the sum.  basis takes
 * axes x padded.
 */
extern fx_code fx_find_axes(float *products, const double *sum, double count, uint32_t padded, uint32_t axes,
							float *basis, const fx_env *env, fx_error *err);

/* products += rows' rows, the upper triangle of padded x padded */
extern void fx_add_products(float *products, const float *rows, uint32_t count, uint32_t padded);

/* rows (count x padded) onto the axes: points takes count x axes */
extern void fx_project(const fx_clusters *clusters, const float *rows, uint32_t count, float *points);

/*
 * Spherical k-means: centres of `clusters->lists` lists from so many points (count x axes); count must be at least
 * lists.  fx_first_centres() takes points for centres, fx_better_centres() is one round.  The outcome is a function of
 * the points alone.
 */
extern void fx_first_centres(fx_clusters *clusters, const float *points, uint32_t count);
extern fx_code fx_better_centres(fx_clusters *clusters, const float *points, uint32_t count, const fx_env *env,
								 fx_error *err);

/* How near each list is to each point, greater is nearer: <point, centre>.  nearness takes count x lists. */
extern void fx_nearness(const fx_clusters *clusters, const float *points, uint32_t count, float *nearness);

/* Floats of scratch space that fx_nearest_lists() needs. */
static inline size_t
fx_nearest_scratch(uint32_t count, uint32_t lists)
{
	return (size_t) (count < FX_POINTS_AT_ONCE ? count : FX_POINTS_AT_ONCE) *
		(lists < FX_LISTS_AT_ONCE ? lists : FX_LISTS_AT_ONCE);
}

/* The nearest list of each point, the first of equally near ones. */
extern void fx_nearest_lists(const fx_clusters *clusters, const float *points, uint32_t count, uint32_t *lists,
							 float *scratch);

#endif							/* FX_CLUSTER_H */

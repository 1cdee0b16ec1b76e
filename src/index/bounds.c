/*
 * bounds.c - how wide bounds are: how often they may miss a row.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "guc.h"

/* Abramowitz & Stegun 26.2.23 */
double
fs_normal_quantile(double p)
{
	double		t = sqrt(-2 * log(p));

	return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/* How widely estimates err of those that have at least so much of the probe along them. */
static void
set_spread(fs_scan *scan, float along)
{
	fx_query_along(&scan->query, along);
	scan->spread = fx_query_spread(&scan->query);
}

/*
 * Where lists are left out, mates are to be found with the target's probability, and a mate is whoever is as
 * similar as the setting says.  Of other rows the lists left out hold a part anyway; of those that have the very
 * score of the floor the coarse stage may miss an eighth of that part.  The later stages, whose bounds are what
 * rows are ordered by, stay as for mates; without them the coarse stage does.
 */
void
fs_choose_sigmas(fs_scan *scan)
{
	double		missed = Min(1 - facesnxt_target_recall, 0.4);

	/* as long as there is no floor */
	scan->followed = -FLT_MAX;
	set_spread(scan, 0);
	scan->sigmas = FS_SIGMAS;
	if (scan->share < 1 && missed > 0)
	{
		scan->sigmas.coarse = Min(scan->sigmas.coarse, (float) fs_normal_quantile(missed));
		scan->sigmas.middle = Min(scan->sigmas.middle, (float) fs_normal_quantile(missed / 5));
		scan->sigmas.fine = Min(scan->sigmas.fine, (float) fs_normal_quantile(missed / 50));
	}
	scan->mates = scan->others = scan->sigmas.coarse;
	if (scan->share < 1 && missed > 0 && scan->fs->meta.metric == FX_COSINE && scan->fs->layout.middle_pages > 0)
		scan->others = Min(scan->mates, (float) fs_normal_quantile((1 - scan->share) / 8));
}

/*
 * A code errs in what it says of the part of the probe that is at right angles to its template.  Whoever reaches the
 * floor has at least its score along the probe, so that part is the shorter the higher the floor is.
 */
void
fs_follow_floor(fs_scan *scan)
{
	float		above;

	if (scan->followed == scan->floor)
		return;
	scan->followed = scan->floor;
	set_spread(scan, (scan->floor - scan->base) / scan->longest);
	if (scan->others >= scan->mates)
		return;
	above = ((float) facesnxt_mate_similarity - scan->floor) / fx_coarse_error(scan->fs->layout.padded);
	scan->sigmas.coarse = Max(scan->others, scan->mates - Max(above, 0));
}

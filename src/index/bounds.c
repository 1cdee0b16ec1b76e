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

double
fs_mates_missed(double part)
{
	return fs_normal_quantile(part * Min(1 - facesnxt_target_recall, 0.4));
}

/* Of the mates that may be missed, most are in lists that are left out. */
#define MISSED_BY_BOUNDS	0.1

/* How widely estimates err of those that have at least so much of the probe along them. */
static void
set_spread(fs_scan *scan, float along)
{
	fx_query_along(&scan->query, along);
	scan->spread = fx_query_spread(&scan->query);
}

/*
 * Where lists are left out, mates are to be found with the target's probability.  Of other rows the lists left out
 * hold a part anyway; of those that have the very score of the floor the coarse stage may miss an eighth of that part.
 * The later stages, whose bounds are what rows are ordered by, stay as for mates; without them the coarse stage does.
 */
void
fs_choose_sigmas(fs_scan *scan)
{
	double		missed = Min(1 - facesnxt_target_recall, 0.4);

	/* as long as there is no floor */
	scan->followed = -FLT_MAX;
	set_spread(scan, 0);
	scan->sigmas = facesnxt_wide_bounds ? FS_WIDE_SIGMAS : FS_SIGMAS;
	if (scan->share < 1 && missed > 0)
	{
		scan->sigmas.coarse = Min(scan->sigmas.coarse, (float) fs_normal_quantile(missed));
		scan->sigmas.middle = Min(scan->sigmas.middle, (float) fs_normal_quantile(missed / 5));
		scan->sigmas.fine = Min(scan->sigmas.fine, (float) fs_normal_quantile(missed / 50));
	}
	scan->mates = scan->others = scan->sigmas.coarse;
	if (scan->share < 1 && missed > 0 && scan->fs->meta.metric == FX_COSINE && scan->fs->layout.middle_pages > 0)
	{
		double		similarity = facesnxt_mate_similarity;

		scan->others = Min(scan->mates, (float) fs_normal_quantile((1 - scan->share) / 8));
		scan->coarse_error = fx_coarse_error(scan->fs->layout.padded);
		scan->mates_floor = (float) (similarity - fs_mates_missed(MISSED_BY_BOUNDS) *
									 hypot(scan->coarse_error, fs_mate_scatter(similarity)));
	}
}

/*
 * A code errs in what it says of the part of the probe that is at right angles to its template.  Whoever reaches the
 * floor has at least its score along the probe, so that part is the shorter the higher the floor is.
 */
void
fs_follow_floor(fs_scan *scan)
{
	if (scan->followed == scan->floor)
		return;
	scan->followed = scan->floor;
	set_spread(scan, (scan->floor - scan->base) / scan->longest);
	if (scan->others >= scan->mates)
		return;
	scan->sigmas.coarse = Max(scan->others, Min(scan->mates, (scan->floor - scan->mates_floor) / scan->coarse_error));
}

/*
 * guess.c - what a sample of pages tells before a pass: where the floor will
 * be, and how much of a code is enough to rule it out.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "guc.h"
#include "miscadmin.h"

/* Pages that are sampled: one in so many, more where those of a page are alike, but so few and so many. */
#define SAMPLE_SHARE		256
#define SAMPLE_SHARE_LISTS	128
#define MIN_SAMPLE_PAGES	32
#define MAX_SAMPLE_PAGES	64

/* The floor is guessed where so many times the rank should pass: too low costs time, too high another round. */
#define GUESS_RANK			2.5

/* ---- the sample */

/* The number of the p-th of npages pages at even distances. */
static uint32
sample_page(const fs_scan *scan, uint32 npages, uint32 p)
{
	return (uint32) ((uint64) p * scan->npages / npages);
}

/* Estimates of the codes of some pages. */
typedef struct estimate_sample
{
	float	   *estimates;
	uint32		n;
	double		scales;			/* their sum */
	double		scale;			/* their mean */
	double		mean;			/* of the estimates */
	double		variance;
	double		error;			/* standard deviation of what they err */
	double		each;			/* estimates of a page */
} estimate_sample;

static void
add_estimates(const fs_page_survivors *page, estimate_sample *sample)
{
	float		scales = 0;

	for (uint32 i = 0; i < page->count; i++)
	{
		sample->estimates[sample->n + i] = page->bases[i] + page->scales[i] * page->sums[i];
		scales += page->scales[i];
	}
	sample->n += page->count;
	sample->scales += scales;
}

/* Pages at even distances; while one is scored the next one's codes are fetched into the cache. */
static void
take_sample(fs_scan *scan, uint32 npages, estimate_sample *sample)
{
	fs_page_survivors *found = palloc(sizeof(fs_page_survivors));
	const fs_layout *layout = &scan->fs->layout;
	uint32		next = sample_page(scan, npages, 0);

	sample->estimates = palloc(sizeof(float) * npages * layout->entries);
	sample->n = 0;
	sample->scales = 0;
	/* everyone passes */
	scan->floor = -FLT_MAX;
	for (uint32 p = 0; p < npages; p++)
	{
		uint32		number = next;
		const char *ahead = NULL;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		next = sample_page(scan, npages, p + 1);
		if (p + 1 < npages)
		{
			fs_memory_prefetch(scan->memory, scan->pages[next].place.code);
			ahead = fs_send_for_page(scan, next);
		}
		buffer = fs_memory_pin(scan->memory, scan->index, scan->pages[number].place.code);
		fs_check_page(scan->index, buffer, FS_PAGE_CODE);
		(void) fs_find_survivors(scan, number, BufferGetPage(buffer), ahead, found);
		fs_send_for_half(layout, layout->padded, fs_second_half(layout, layout->padded, ahead));
		add_estimates(found, sample);
		ReleaseBuffer(buffer);
	}
	pfree(found);
}

/* Four sums at a time, none of which waits for another. */
static void
take_moments(estimate_sample *sample)
{
	double		sums[4] = {0};
	double		squares[4] = {0};

	for (uint32 i = 0; i < sample->n; i += 4)
		for (uint32 lane = 0; lane < 4; lane++)
		{
			double		estimate = i + lane < sample->n ? sample->estimates[i + lane] : 0;

			sums[lane] += estimate;
			squares[lane] += estimate * estimate;
		}
	sample->mean = (sums[0] + sums[1] + sums[2] + sums[3]) / sample->n;
	sample->variance = (squares[0] + squares[1] + squares[2] + squares[3]) / sample->n - sample->mean * sample->mean;
}

/* ---- a prefix of the codes */

/* Of the mates that may be missed, those that are by their prefix: a part, or few where lists are left out. */
#define MISSED_BY_PREFIX	0.3
#define MISSED_BESIDE_LISTS 0.1

/*
 * So many times as many codes as rows are wanted are to reach the floor of their prefix.  How many do depends on where
 * the probe lies: in 1 of 100 searches a sixth, and with too few there is another pass.  The nearest lists have more
 * than the sample says, since that takes all of those that are read for equal.
 */
#define PREFIX_ROWS			12
#define PREFIX_ROWS_LISTS	8

/* What is read behind a prefix, here and there, takes so many times as long as what is read in one piece. */
#define REST_COST			4

/* A prefix is worth its trouble if it costs so much of a whole code, at most; more where it spares second bits. */
#define PREFIX_COST			0.8
#define PREFIX_COST_ROWS	0.95

/* The share of a normal population above so many deviations. */
static double
normal_tail(double x)
{
	return 0.5 * erfc(x * M_SQRT1_2);
}

/*
 * Who looks for mates, and lets some be missed, need not read all of a code: by its first dimensions alone a mate is
 * told from nearly everyone else.  Chooses how many of them are read first, for the least cost in all: a block of 16
 * codes is read to its end where one of them reaches the floor of the prefix.  That floor is one that mates reach, and
 * so do enough others for the rows wanted.  False: no prefix would save much.
 */
static bool
choose_prefix(fs_scan *scan, const estimate_sample *sample)
{
	uint32		padded = scan->fs->layout.padded;
	double		similarity = facesnxt_mate_similarity;
	double		sought = Max(similarity, scan->least);
	double		scatter = fs_mate_scatter(similarity);
	double		true_variance = Max(sample->variance - sample->error * sample->error, 0);
	double		wanted = scan->least > -FLT_MAX ? 0 : (scan->share < 1 ? PREFIX_ROWS_LISTS : PREFIX_ROWS) * scan->rank;
	double		total = sample->each * scan->npages;
	double		least_cost = (wanted > 0 ? PREFIX_COST_ROWS : PREFIX_COST) * padded;
	float		along = (float) (sought - scan->base) / scan->longest;
	double		deviations;

	if (!(facesnxt_target_recall < 1) || !(sample->scale > 0) || scan->every_list || scan->phase > 0 ||
		scan->round > 0 || scan->fs->meta.metric != FX_COSINE || wanted > 0.1 * total)
		return false;
	deviations = fs_mates_missed(scan->share < 1 ? MISSED_BESIDE_LISTS : MISSED_BY_PREFIX);
	for (uint32 prefix = FX_SLICE_DIMS; prefix < padded; prefix += FX_SLICE_DIMS)
	{
		double		error = sample->scale * fx_query_prefix_spread(&scan->query, prefix, 0);
		double		mate_error = sample->scale * fx_query_prefix_spread(&scan->query, prefix, along);
		double		deviation = sqrt(true_variance + error * error);
		/* all mates but those reach it; of those who are less similar than is asked for there is no need */
		double		floor = Max(similarity - deviations * hypot(mate_error, scatter),
								scan->least - deviations * mate_error);
		double		reach;
		double		cost;

		if (wanted > 0)
			floor = Min(floor, sample->mean + fs_normal_quantile(wanted / total) * deviation);
		reach = normal_tail((floor - sample->mean) / deviation);
		cost = prefix + (1 - pow(1 - reach, 16)) * REST_COST * (padded - prefix);
		if (cost < least_cost)
		{
			least_cost = cost;
			scan->prefix = prefix;
			scan->prefix_floor = (float) sought;
			scan->prefix_margin = (float) ((sought - floor) / sample->scale);
		}
	}
	if (scan->prefix == 0)
		return false;
	scan->counters.every_code = false;
	return true;
}

/* ---- the floor */

/*
 * With middle codes: the score that GUESS_RANK times the rank should exceed, were scores normal, or cosines of random
 * directions.  Without: the bound that `target` should exceed.  Where two deviations are exceeded much more rarely than
 * that, there is no guess.
 */
static float
guess_floor(const fs_scan *scan, const estimate_sample *sample)
{
	float		tail = (float) (sample->mean + 2 * sqrt(sample->variance));
	uint32		beyond = 0;
	double		wanted;
	double		share;

	for (uint32 i = 0; i < sample->n; i++)
		beyond += sample->estimates[i] > tail;
	if (!(beyond > 0.85 * 0.02275 * sample->n))
		return -FLT_MAX;
	wanted = scan->fs->layout.middle_pages > 0 ? GUESS_RANK * scan->rank : scan->target;
	share = wanted / (sample->each * scan->npages);
	if (share > 0.2)
		return -FLT_MAX;
	if (scan->fs->layout.middle_pages > 0)
	{
		double		above = fs_normal_quantile(share) * sqrt(Max(sample->variance - sample->error * sample->error, 0));

		/* a cosine's tail is shorter than the normal one: on a sphere of n dimensions (1 - above^2)^(n / 2) */
		if (scan->fs->meta.metric == FX_COSINE)
			above = sqrt(1 - exp(-above * above));
		return (float) (sample->mean + above);
	}
	return (float) (sample->mean + fs_normal_quantile(share) * sqrt(sample->variance) +
					sample->scale * scan->sigmas.coarse * scan->spread);
}

float
fs_first_floor(fs_scan *scan)
{
	uint32		share = scan->fs->meta.lists > 1 ? SAMPLE_SHARE_LISTS : SAMPLE_SHARE;
	uint32		npages = Min(Max(scan->npages / share, MIN_SAMPLE_PAGES), MAX_SAMPLE_PAGES);
	estimate_sample sample;
	float		floor = -FLT_MAX;

	/* of those that pass by their prefix the best set the floor */
	if (scan->prefix > 0 || npages * 2 > scan->npages)
		return floor;
	take_sample(scan, npages, &sample);
	if (sample.n >= 1000)
	{
		take_moments(&sample);
		sample.scale = sample.scales / sample.n;
		sample.error = sample.scale * scan->spread;
		sample.each = (double) sample.n / npages;
		if (!choose_prefix(scan, &sample))
			floor = guess_floor(scan, &sample);
	}
	pfree(sample.estimates);
	return floor;
}

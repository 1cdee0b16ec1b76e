/*
 * coarse.c - the pass over every code.
 */
#include "index/scan.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

/* How many pages ahead the server's notes of where they lie are fetched into the cache. */
#define PIN_AHEAD			4

/* ---- the coarse stage of one page */

/*
 * Sends for the codes that the filter wants, if they are few; else false: then it is best to fetch all of the next page
 * meanwhile.
 */
static bool
send_for_few(const fx_coarse_run *run, uint32 padded)
{
	uint32		nwords = (run->nblocks * run->width + 15) / 16;
	uint32		size = (uint32) fx_block_size(padded, 16);
	uint32		nwanted = 0;

	for (uint32 i = 0; i < nwords; i++)
		nwanted += run->wanted[i] != 0;
	if (nwanted * 2 >= nwords)
		return false;
	for (uint32 i = 0; i < nwords; i++)
		if (run->wanted[i] != 0)
			fs_send_for((const char *) run->blocks + (Size) i * size, size);
	return true;
}

/*
 * Scores a page and notes who may reach the floor.  A pin is enough, here and for the codes of the later stages:
 * what a row's entry says does not change, and the entry does not move, as long as a snapshot may see the row, and
 * whoever changes a page leaves the bytes of other entries as they are (a copy of the page over itself at most).
 * An entry that is being written or wiped may get any score, and then its row is one that the snapshot does not see.
 */
void
fs_find_survivors(fs_scan *scan, uint32 number, Page page, const char *ahead, fs_page_survivors *found)
{
	const fs_layout *layout = &scan->fs->layout;
	uint32		used = FS_CODE_HEAD(page)->used;
	bool		filtered = scan->filter.ntests > 0;
	uint16		wanted[FS_MAX_CODES / 16];
	fx_coarse_run run;

	found->page = number;
	found->compared = found->count = 0;
	found->floor = scan->floor;
	if (used > layout->entries || FS_CODE_HEAD(page)->free > used)
		fs_complain_damaged(scan->index, scan->pages[number].place.code);
	if (used == 0)
		return;
	found->compared = filtered ?
		fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, used, wanted) :
		used - FS_CODE_HEAD(page)->free;
	if (filtered && found->compared == 0)
		return;
	run.blocks = FS_CODES(page);
	run.scale = FS_SCALES(page, layout);
	run.add = FS_ADDS(page, layout);
	run.wanted = filtered && found->compared < used ? wanted : NULL;
	run.nblocks = (used + layout->width - 1) / layout->width;
	run.width = layout->width;
	run.ahead = run.wanted != NULL && send_for_few(&run, layout->padded) ? NULL : ahead;
	run.base = scan->base;
	run.margin = scan->sigmas.coarse * scan->spread;
	run.floor = scan->floor;
	run.prefix = scan->prefix;
	run.prefix_margin = scan->prefix_margin;
	run.prefix_floor = scan->prefix_floor;
	run.slots = found->slots;
	run.upper = found->uppers;
	run.scales = found->scales;
	run.bases = found->bases;
	run.sums = found->sums;
	found->count = scan->kernels->coarse(&scan->query, &run);
}

const char *
fs_send_for_page(const fs_scan *scan, uint32 number)
{
	const char *page = fs_memory_place(scan->memory, scan->index, scan->pages[number].place.code);

	if (page == NULL)
		return NULL;
	__builtin_prefetch(page);
	fs_send_for(page + scan->fs->layout.scales, sizeof(uint16) * scan->fs->layout.entries);
	fs_filter_send_for(&scan->filter, &scan->fs->layout, &scan->fs->meta, page);
	return page + FS_CODES_OFFSET;
}

/* ---- passes */

/* The survivors of two pages: those of one are being found while those of the one before are bounded. */
typedef struct page_pair
{
	fs_page_survivors pages[2];
	int			current;
} page_pair;

/*
 * Every page, through both stages, for several probes at once.  While one page is scored the next one's codes are
 * fetched into the cache, and so are the middle codes of the page before.  The scans are of the same pages.
 */
static void
pass(fs_scan **scans, int nscans)
{
	fs_scan    *scan = scans[0];
	page_pair  *pairs = palloc_extended(sizeof(page_pair) * nscans, MCXT_ALLOC_HUGE);
	uint32		number;
	uint32		next;
	bool		more;

	for (int i = 0; i < nscans; i++)
	{
		pairs[i].current = 0;
		pairs[i].pages[1].count = 0;
	}
	fs_first_page(scan);
	more = fs_next_page(scan, &next);
	while (more)
	{
		Buffer		buffer;
		const char *ahead = NULL;

		CHECK_FOR_INTERRUPTS();
		number = next;
		more = fs_next_page(scan, &next);
		if (more)
		{
			if (next + PIN_AHEAD < scan->npages)
			{
				fs_memory_prefetch(scan->memory, scan->pages[next + PIN_AHEAD].place.code);
				fs_memory_prefetch(scan->memory, scan->pages[next + PIN_AHEAD].place.middle);
			}
			ahead = fs_send_for_page(scan, next);
		}
		buffer = fs_memory_pin(scan->memory, scan->index, scan->pages[number].place.code);
		fs_check_page(scan->index, buffer, FS_PAGE_CODE);
		facesnxt_test_old_snapshot(scan->snapshot, scan->index, BufferGetPage(buffer));
		for (int i = 0; i < nscans; i++)
		{
			page_pair  *pair = &pairs[i];
			fs_page_survivors *current = &pair->pages[pair->current];

			fs_take_shared_floor(scans[i]);
			fs_follow_floor(scans[i]);
			fs_find_survivors(scans[i], number, BufferGetPage(buffer), i == 0 ? ahead : NULL, current);
			if (scans[i]->round == 0 && number >= scans[i]->nagain)
				scans[i]->counters.codes += current->compared;
			scans[i]->counters.pages++;
			fs_send_for_middle(scans[i], current);
			pair->current = 1 - pair->current;
			fs_make_space(scans[i]);
			fs_finish_page(scans[i], &pair->pages[pair->current]);
		}
		ReleaseBuffer(buffer);
	}
	for (int i = 0; i < nscans; i++)
	{
		fs_make_space(scans[i]);
		fs_finish_page(scans[i], &pairs[i].pages[1 - pairs[i].current]);
	}
	pfree(pairs);
}

static void
begin_round(fs_scan *scan)
{
	Size		entries = (Size) scan->npages * scan->fs->layout.entries;

	if (scan->round > 0)
	{
		fs_take_survivors(scan, scan->npages);
		scan->ceiling = scan->floor;
		scan->target = Min((uint64) scan->target * FS_RANK_GROWTH, PG_INT32_MAX / 4);
		scan->rank = Min((uint64) scan->rank * FS_RANK_GROWTH, PG_INT32_MAX / 4);
	}
	scan->nsurvivors = 0;
	scan->nbest = 0;
	scan->least_best = -FLT_MAX;
	if (scan->best != NULL)
		pfree(scan->best);
	scan->best = palloc_extended(sizeof(float) * Min((Size) scan->rank, entries + 1), MCXT_ALLOC_HUGE);
	fs_make_space(scan);
	/* before the guess, which rests on them */
	fs_choose_sigmas(scan);
	scan->floor = Max(Min(fs_first_floor(scan), scan->ceiling), scan->least);
	if (scan->within_probe != NULL && scan->floor <= scan->least)
	{
		scan->sigmas = FS_LAST_SIGMAS;
		scan->mates = scan->others = scan->sigmas.coarse;
	}
}

void
fs_coarse_round(fs_scan **scans, int nscans)
{
	for (int i = 0; i < nscans; i++)
		begin_round(scans[i]);
	pass(scans, nscans);
	for (int i = 0; i < nscans; i++)
	{
		fs_scan    *scan = scans[i];

		fs_drop_below_floor(scan);
		scan->counters.survivors += scan->nsurvivors;
		scan->counters.rounds++;
		scan->round++;
		fs_fill_buckets(scan);
	}
}

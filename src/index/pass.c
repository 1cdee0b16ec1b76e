/*
 * pass.c - the pass over every code, and the rounds of passes.
 */
#include "index/scan.h"

#include <float.h>

#include "miscadmin.h"

/* How many pages ahead the server's notes of where they lie are fetched into the cache. */
#define PIN_AHEAD			4

/*
 * How many pages ahead what is looked at first is sent for: two where all codes are scored, the first half of them with
 * it; three where some are, as looking takes less time than what was sent for.
 */
#define ALL_AHEAD			2
#define SOME_AHEAD			3

typedef struct coming_page
{
	uint32		number;
	const char *codes;			/* NULL: it is not known where they are */
} coming_page;

/* A way over all pages: the one that is read, and where the codes are of those that are to be sent for meanwhile. */
typedef struct page_walk
{
	uint32		number;
	Buffer		buffer;
	const char *next;			/* codes of the next page; NULL: there is none, or it is not known where they are */
	const char *ahead;			/* the same of the one that the walk is ahead, whose head has just been sent for */
	coming_page coming[SOME_AHEAD]; /* a ring */
	uint32		depth;			/* of it */
	uint32		first;			/* of them */
	uint32		left;			/* so many */
} page_walk;

static void
begin_walk(fs_scan *scan, page_walk *walk, uint32 depth)
{
	fs_first_page(scan);
	walk->depth = depth;
	walk->first = walk->left = 0;
	while (walk->left < depth && fs_next_page(scan, &walk->coming[walk->left].number))
		walk->coming[walk->left++].codes = NULL;
}

/* Pins the next page, if there is one, and sends for what one that comes soon needs. */
static bool
walk_on(fs_scan *scan, page_walk *walk)
{
	coming_page *last;

	CHECK_FOR_INTERRUPTS();
	if (walk->left == 0)
		return false;
	last = &walk->coming[walk->first];
	walk->number = last->number;
	walk->first = (walk->first + 1) % walk->depth;
	walk->ahead = NULL;
	/* a ring that is not full has had the last page */
	if (walk->left == walk->depth && fs_next_page(scan, &last->number))
	{
		if (last->number + PIN_AHEAD < scan->npages)
		{
			fs_memory_prefetch(scan->memory, scan->pages[last->number + PIN_AHEAD].place.code);
			/* with a prefix few pages have survivors */
			if (scan->prefix == 0)
				fs_memory_prefetch(scan->memory, scan->pages[last->number + PIN_AHEAD].place.middle);
		}
		walk->ahead = last->codes = fs_send_for_page(scan, last->number);
	}
	else
		walk->left--;
	walk->next = walk->left > 0 ? walk->coming[walk->first].codes : NULL;
	walk->buffer = fs_memory_pin(scan->memory, scan->index, scan->pages[walk->number].place.code);
	fs_check_page(scan->index, walk->buffer, FS_PAGE_CODE);
	facesnxt_test_old_snapshot(scan->snapshot, scan->index, BufferGetPage(walk->buffer));
	return true;
}

static void
count_page(fs_scan *scan, const page_walk *walk, uint32 compared)
{
	if (scan->round == 0 && walk->number >= scan->nagain)
		scan->counters.codes += compared;
	scan->counters.pages++;
}

/* The survivors of two pages: those of one are being found while those of the one before are bounded. */
typedef struct page_pair
{
	fs_page_survivors pages[2];
	int			current;
} page_pair;

/*
 * Sends for some quarters of half a page's codes.  A kernel sends for the other half; this one is sent for between
 * pages, here and there, so that memory neither stands idle nor is asked for so much at once that all else waits.
 */
static void
send_for_quarters(const fs_scan *scan, const char *half, uint32 from, uint32 to)
{
	Size		quarter = fx_ahead_size(scan->fs->layout.entries, scan->fs->layout.padded) / 4;

	if (half != NULL)
		fs_send_for(half + from * quarter, (to - from) * quarter);
}

/*
 * The current page's survivors have been found: sends for their middle codes, and bounds those of the page before.
 * Three quarters of half a page's codes are sent for meanwhile, the last one soon.
 */
static void
pass_on(fs_scan *scan, page_pair *pair, const char *half)
{
	fs_send_for_middle(scan, &pair->pages[pair->current]);
	send_for_quarters(scan, half, 0, 1);
	pair->current = 1 - pair->current;
	fs_make_space(scan);
	fs_finish_page(scan, &pair->pages[pair->current]);
	pair->pages[pair->current].count = 0;
	send_for_quarters(scan, half, 1, 3);
}

/*
 * Asks for all lines of a page's codes at once.  They have been sent for, but what memory that is busy cannot take then
 * is dropped, and a kernel would find each line missing by itself.
 */
static void
ask_for_codes(const fs_layout *layout, Page page)
{
	const char *codes = (const char *) FS_CODES(page);

	for (uint32 at = 0; at < layout->padded / 8 * layout->entries; at += FS_CACHE_LINE)
		(void) *(const volatile char *) (codes + at);
}

/*
 * Every page, through both stages, for several probes at once.  While one page is scored half of the next one's codes
 * are fetched into the cache, and so are the middle codes of the page before; then the first half of the one behind.
 * The scans are of the same pages.
 */
static void
pass(fs_scan **scans, int nscans, page_pair *pairs)
{
	const fs_layout *layout = &scans[0]->fs->layout;
	page_walk	walk;

	begin_walk(scans[0], &walk, ALL_AHEAD);
	while (walk_on(scans[0], &walk))
	{
		const char *rest = fs_second_half(layout, layout->padded, walk.next);

		send_for_quarters(scans[0], walk.next, 3, 4);
		if (scans[0]->task != NULL)
			ask_for_codes(layout, BufferGetPage(walk.buffer));
		for (int i = 0; i < nscans; i++)
		{
			fs_take_shared_floor(scans[i]);
			fs_follow_floor(scans[i]);
			count_page(scans[i], &walk,
					   fs_find_survivors(scans[i], walk.number, BufferGetPage(walk.buffer), i == 0 ? rest : NULL,
										 &pairs[i].pages[pairs[i].current]));
			pass_on(scans[i], &pairs[i], i == 0 ? walk.ahead : NULL);
		}
		ReleaseBuffer(walk.buffer);
	}
	for (int i = 0; i < nscans; i++)
		pass_on(scans[i], &pairs[i], NULL);
}

/* A page some of whose codes are scored when the next one has been looked at: they are on their way to the cache. */
typedef struct later_page
{
	uint32		number;
	Buffer		buffer;			/* pinned; InvalidBuffer: there is no such page */
	const char *codes;			/* all of them are to be read; NULL: those that are have been sent for */
	fx_coarse_run run;
	uint16		wanted[FS_MAX_CODES / 16];
	uint16		reach[FS_MAX_CODES / 16];
} later_page;

/* Which codes reach the floor of their prefix: the rest of them is sent for. */
static bool
find_prefixes(const fs_scan *scan, const page_walk *walk, later_page *page)
{
	const fs_layout *layout = &scan->fs->layout;
	fx_coarse_run *run = &page->run;
	uint32		reaching;

	run->ahead = walk->ahead;
	run->prefix = scan->prefix;
	run->prefix_margin = scan->prefix_margin;
	run->prefix_floor = scan->prefix_floor;
	reaching = scan->kernels->prefix(&scan->query, run, page->reach);
	fs_send_for_half(layout, run->prefix, fs_second_half(layout, run->prefix, walk->ahead));
	if (reaching == 0)
		return false;
	run->wanted = page->reach;
	fs_send_for_wanted(run, run->prefix, layout->padded);
	return true;
}

/* Looks which codes of a page are to be scored; takes the pin over if any is.  Returns how many the filter wants. */
static uint32
look_at_page(const fs_scan *scan, const page_walk *walk, later_page *page)
{
	fx_coarse_run *run = &page->run;
	uint32		compared = fs_open_page(scan, walk->number, BufferGetPage(walk->buffer), page->wanted, run);

	page->buffer = InvalidBuffer;
	page->codes = NULL;
	if (compared == 0)
		return 0;
	if (scan->prefix > 0)
	{
		if (!find_prefixes(scan, walk, page))
			return compared;
	}
	else if (!fs_send_for_few(run, scan->fs->layout.padded))
		page->codes = (const char *) run->codes;
	fs_memory_prefetch(scan->memory, scan->pages[walk->number].place.middle);
	page->number = walk->number;
	page->buffer = walk->buffer;
	return compared;
}

/* Scores what is to be scored of a page, while half a page's codes are fetched; another half is behind it. */
static void
score_later(fs_scan *scan, later_page *page, const char *half, const char *behind, page_pair *pair)
{
	fs_take_shared_floor(scan);
	fs_follow_floor(scan);
	page->run.ahead = half;
	fs_score_page(scan, page->number, &page->run, &pair->pages[pair->current]);
	ReleaseBuffer(page->buffer);
	page->buffer = InvalidBuffer;
	pass_on(scan, pair, behind);
	send_for_quarters(scan, behind, 3, 4);
}

/*
 * As pass(), for a scan that scores some of the codes alone, by a filter or their prefixes: those of a page are scored
 * when it is known which of the next page's are to be.  Where those are all, so they probably are of the page behind.
 */
static void
pass_some(fs_scan *scan, page_pair *pair)
{
	const fs_layout *layout = &scan->fs->layout;
	page_walk	walk;
	later_page	pages[2];
	int			current = 0;
	const char *begun = NULL;	/* codes of the next page, whose first half has been sent for */

	pages[0].buffer = pages[1].buffer = InvalidBuffer;
	begin_walk(scan, &walk, SOME_AHEAD);
	while (walk_on(scan, &walk))
	{
		later_page *next = &pages[current];
		const char *rest;

		count_page(scan, &walk, look_at_page(scan, &walk, next));
		if (next->buffer == InvalidBuffer)
			ReleaseBuffer(walk.buffer);
		if (next->codes != begun)
			fs_send_for_half(layout, layout->padded, next->codes);
		rest = fs_second_half(layout, layout->padded, next->codes);
		begun = next->codes != NULL ? walk.next : NULL;
		current = 1 - current;
		if (pages[current].buffer != InvalidBuffer)
			score_later(scan, &pages[current], rest, begun, pair);
		else
		{
			fs_send_for_half(layout, layout->padded, rest);
			fs_send_for_half(layout, layout->padded, begun);
		}
	}
	current = 1 - current;
	if (pages[current].buffer != InvalidBuffer)
		score_later(scan, &pages[current], NULL, NULL, pair);
	pass_on(scan, pair, NULL);
}

void
fs_pass(fs_scan **scans, int nscans)
{
	page_pair  *pairs = palloc_extended(sizeof(page_pair) * nscans, MCXT_ALLOC_HUGE);

	for (int i = 0; i < nscans; i++)
	{
		pairs[i].current = 0;
		pairs[i].pages[0].count = pairs[i].pages[1].count = 0;
		scans[i]->nsurvivors = scans[i]->nbest = 0;
		scans[i]->least_best = -FLT_MAX;
		fs_make_space(scans[i]);
	}
	if (nscans == 1 && (scans[0]->prefix > 0 || scans[0]->filter.ntests > 0))
		pass_some(scans[0], pairs);
	else
		pass(scans, nscans, pairs);
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
	if (scan->best != NULL)
		pfree(scan->best);
	scan->best = palloc_extended(sizeof(float) * Min((Size) scan->rank, entries + 1), MCXT_ALLOC_HUGE);
	/* before the guess, which rests on them */
	fs_choose_sigmas(scan);
	scan->floor = Max(Min(fs_first_floor(scan), scan->ceiling), scan->least);
	if (scan->within_probe != NULL && scan->floor <= scan->least)
	{
		scan->sigmas = FS_LAST_SIGMAS;
		scan->mates = scan->others = scan->sigmas.coarse;
	}
	if (scan->counters.deviations == 0 || scan->mates < scan->counters.deviations)
		scan->counters.deviations = scan->mates;
}

void
fs_coarse_round(fs_scan **scans, int nscans)
{
	for (int i = 0; i < nscans; i++)
		begin_round(scans[i]);
	if (nscans > 1 || !fs_pass_with_workers(scans[0]))
		fs_pass(scans, nscans);
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

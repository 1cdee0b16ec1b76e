/*
 * pages.c - which pages a scan reads, and in which order.
 */
#include "index/scan.h"

#include "guc.h"

void
fs_choose_lists(fs_scan *scan, const float *rotated)
{
	const fs_meta *meta = &scan->fs->meta;

	scan->share = scan->every_list ? 1 : fs_share_by_settings(scan->index, meta);
	if (scan->share >= 1)
		return;
	scan->nearness = palloc(sizeof(float) * meta->lists);
	fs_list_nearness(scan->index, scan->fs, rotated, scan->nearness);
}

/* What is known of the lists while their pages are found. */
typedef struct page_finder
{
	fs_scan    *scan;
	uint32	   *sizes;			/* pages of each list; NULL: all lists are read, in the order of the file */
	uint32	   *places;			/* where the next page of each chosen list goes */
	uint32		tail;			/* pages of no list */
	uint32		rest;			/* pages of the lists that were left out */
} page_finder;

static void
count_pages(const fs_extent *extent, uint32 number, void *argument)
{
	page_finder *finder = argument;
	fs_scan    *scan = finder->scan;

	if (extent->list == FS_LIST_ODD)
		scan->nodd_pages += extent->pages;
	else if (extent->list == FS_LIST_NULL)
		scan->nnull_pages += extent->pages;
	else
	{
		scan->npages += extent->pages;
		if (finder->sizes == NULL || extent->list >= scan->fs->meta.lists)
			finder->tail += extent->pages;
		else
			finder->sizes[extent->list] += extent->pages;
	}
}

/* The pages of an extent, one after the other. */
static void
put_pages(const fs_scan *scan, const fs_extent *extent, fs_scan_page *to)
{
	for (uint32 i = 0; i < extent->pages; i++)
	{
		to[i].place = fs_extent_place(fs_layout_of(scan->fs, extent->list), extent, i);
		to[i].list = extent->list;
	}
}

static void
add_pages(const fs_extent *extent, uint32 number, void *argument)
{
	page_finder *finder = argument;
	fs_scan    *scan = finder->scan;
	fs_scan_page *to;

	if (extent->list == FS_LIST_ODD)
		to = scan->odd_pages + scan->nodd_pages, scan->nodd_pages += extent->pages;
	else if (extent->list == FS_LIST_NULL)
		to = scan->null_pages + scan->nnull_pages, scan->nnull_pages += extent->pages;
	else if (finder->sizes == NULL || extent->list >= scan->fs->meta.lists)
		to = scan->pages + finder->tail, finder->tail += extent->pages;
	else if (scan->chosen[extent->list])
		to = scan->pages + finder->places[extent->list], finder->places[extent->list] += extent->pages;
	else
		return;
	put_pages(scan, extent, to);
}

/* Those of the lists that were left out. */
static void
add_rest(const fs_extent *extent, uint32 number, void *argument)
{
	page_finder *finder = argument;
	fs_scan    *scan = finder->scan;

	if (extent->list >= scan->fs->meta.lists || scan->chosen[extent->list])
		return;
	put_pages(scan, extent, scan->pages + finder->rest);
	finder->rest += extent->pages;
}

static fs_scan_page *
page_array(uint32 n)
{
	return palloc_extended(sizeof(fs_scan_page) * Max(n, 1), MCXT_ALLOC_HUGE);
}

typedef struct ranked_list
{
	uint32		key;
	uint32		list;
} ranked_list;

#define DIGIT_BITS	11
#define DIGITS		(1 << DIGIT_BITS)

/* A number that is the less the greater x is. */
static inline uint32
descending_key(float x)
{
	uint32		bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits >> 31 ? bits : ~bits & PG_INT32_MAX;
}

/* The lists, the nearest first: sorted by the digits of their keys, the lowest digit first. */
static ranked_list *
rank_lists(const float *nearness, uint32 lists)
{
	ranked_list *from = palloc(sizeof(ranked_list) * lists);
	ranked_list *to = palloc(sizeof(ranked_list) * lists);

	for (uint32 i = 0; i < lists; i++)
	{
		from[i].key = descending_key(nearness[i]);
		from[i].list = i;
	}
	for (int shift = 0; shift < 32; shift += DIGIT_BITS)
	{
		uint32		places[DIGITS] = {0};
		uint32		place = 0;
		ranked_list *swap = from;

		for (uint32 i = 0; i < lists; i++)
			places[from[i].key >> shift & (DIGITS - 1)]++;
		for (uint32 digit = 0; digit < DIGITS; digit++)
		{
			uint32		count = places[digit];

			places[digit] = place;
			place += count;
		}
		for (uint32 i = 0; i < lists; i++)
			to[places[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	pfree(to);
	return from;
}

/*
 * Chooses the nearest lists, until they have their share of the pages or are as many as were asked for.  Their pages
 * come behind those of the tail, the nearest list's first.
 */
static void
plan(page_finder *finder)
{
	fs_scan    *scan = finder->scan;
	uint32		lists = scan->fs->meta.lists;
	ranked_list *order = rank_lists(scan->nearness, lists);
	double		wanted = scan->share * (scan->npages - finder->tail);
	uint32		pages = finder->tail;
	uint32		chosen = 0;

	while (chosen < lists &&
		   (facesnxt_probes > 0 ? chosen < (uint32) facesnxt_probes : pages - finder->tail < wanted))
	{
		uint32		list = order[chosen].list;

		scan->chosen[list] = true;
		finder->places[list] = pages;
		pages += finder->sizes[list];
		chosen++;
	}
	pfree(order);
	scan->counters.lists = chosen;
	scan->nrest = scan->npages - pages;
	scan->npages = pages;
}

void
fs_find_pages(fs_scan *scan)
{
	page_finder finder = {.scan = scan};
	uint32		lists = scan->fs->meta.lists;

	if (scan->nearness != NULL)
	{
		finder.sizes = palloc0(sizeof(uint32) * lists);
		finder.places = palloc(sizeof(uint32) * lists);
		scan->chosen = palloc0(sizeof(bool) * lists);
	}
	scan->npages = scan->nrest = scan->nodd_pages = scan->nnull_pages = 0;
	fs_extents_visit(scan->index, &scan->fs->meta, count_pages, &finder);
	scan->counters.lists = lists;
	if (scan->nearness != NULL)
		plan(&finder);
	scan->counters.every_code = scan->nrest == 0;
	scan->pages = page_array(scan->npages);
	scan->odd_pages = page_array(scan->nodd_pages);
	scan->null_pages = page_array(scan->nnull_pages);
	scan->nodd_pages = scan->nnull_pages = finder.tail = 0;
	fs_extents_visit(scan->index, &scan->fs->meta, add_pages, &finder);
	fs_first_page(scan);
}

bool
fs_begin_rest(fs_scan *scan)
{
	page_finder finder = {.scan = scan};
	const fs_scan_page *before = scan->pages;

	if (scan->phase == 1 || (scan->nrest == 0 && scan->prefix == 0))
		return false;
	scan->phase = 1;
	if (scan->prefix > 0)
	{
		/* numbers of pages stay, so that nobody is returned again */
		scan->nagain = scan->npages;
		fs_take_survivors(scan, scan->nagain + scan->nrest);
		scan->prefix = 0;
	}
	else
	{
		scan->taken = NULL;
		scan->ntaken = 0;
	}
	scan->npages = scan->nagain + scan->nrest;
	scan->pages = page_array(scan->npages);
	memcpy(scan->pages, before, sizeof(fs_scan_page) * scan->nagain);
	finder.rest = scan->nagain;
	if (scan->nrest > 0)
		fs_extents_visit(scan->index, &scan->fs->meta, add_rest, &finder);
	scan->counters.lists = scan->fs->meta.lists;
	scan->counters.every_code = true;
	return true;
}

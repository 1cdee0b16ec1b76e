/*
 * pages.c - which pages a scan reads, and in which order.
 */
#include "index/scan.h"

#include <math.h>

#include "guc.h"

void
fs_choose_lists(fs_scan *scan, const float *rotated)
{
	const fs_meta *meta = &scan->fs->meta;

	if (meta->lists == 1 || scan->every_list)
		return;
	if (facesnxt_probes > 0)
		scan->share = (uint32) facesnxt_probes < meta->lists ? 0 : 1;
	else
		scan->share = facesnxt_target_recall < 1 ?
			fs_share_needed(scan->index, meta, facesnxt_target_recall, facesnxt_mate_similarity) : 1;
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
	uint32	   *places;			/* where the next page of each list goes, in pages or in rest */
	bool	   *chosen;
	uint32		tail;			/* pages of no list */
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
	else
	{
		to = (finder->chosen[extent->list] ? scan->pages : scan->rest) + finder->places[extent->list];
		finder->places[extent->list] += extent->pages;
	}
	for (uint32 i = 0; i < extent->pages; i++)
	{
		to[i].place = fs_extent_place(fs_layout_of(scan->fs, extent->list), extent, i);
		to[i].list = extent->list;
	}
}

static fs_scan_page *
page_array(uint32 n)
{
	return palloc_extended(sizeof(fs_scan_page) * Max(n, 1), MCXT_ALLOC_HUGE);
}

typedef struct near_list
{
	float		nearness;
	uint32		list;
} near_list;

static int
by_nearness(const void *a, const void *b)
{
	const near_list *x = a;
	const near_list *y = b;

	if (x->nearness != y->nearness)
		return x->nearness > y->nearness ? -1 : 1;
	return x->list < y->list ? -1 : 1;
}

/* Chooses the nearest lists, until they have their share of the pages or are as many as were asked for. */
static void
plan(page_finder *finder)
{
	fs_scan    *scan = finder->scan;
	uint32		lists = scan->fs->meta.lists;
	near_list  *order = palloc(sizeof(near_list) * lists);
	double		wanted = scan->share * (scan->npages - finder->tail);
	uint32		pages = finder->tail;
	uint32		rest = 0;
	uint32		i;

	for (i = 0; i < lists; i++)
	{
		order[i].nearness = scan->nearness[i];
		order[i].list = i;
	}
	qsort(order, lists, sizeof(near_list), by_nearness);
	for (i = 0; i < lists && (facesnxt_probes > 0 ? i < (uint32) facesnxt_probes : pages - finder->tail < wanted); i++)
	{
		finder->chosen[order[i].list] = true;
		finder->places[order[i].list] = pages;
		pages += finder->sizes[order[i].list];
	}
	scan->counters.lists = i;
	for (; i < lists; i++)
	{
		finder->places[order[i].list] = rest;
		rest += finder->sizes[order[i].list];
	}
	scan->npages = pages;
	scan->nrest = rest;
	pfree(order);
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
		finder.chosen = palloc0(sizeof(bool) * lists);
	}
	scan->npages = scan->nrest = scan->nodd_pages = scan->nnull_pages = 0;
	fs_extents_visit(scan->index, &scan->fs->meta, count_pages, &finder);
	scan->counters.lists = lists;
	if (scan->nearness != NULL)
		plan(&finder);
	scan->counters.every_code = scan->nrest == 0;
	scan->pages = page_array(scan->npages);
	scan->rest = page_array(scan->nrest);
	scan->odd_pages = page_array(scan->nodd_pages);
	scan->null_pages = page_array(scan->nnull_pages);
	scan->nodd_pages = scan->nnull_pages = finder.tail = 0;
	fs_extents_visit(scan->index, &scan->fs->meta, add_pages, &finder);
	fs_first_chunk(scan);
}

bool
fs_begin_rest(fs_scan *scan)
{
	if (scan->phase == 1 || scan->nrest == 0)
		return false;
	scan->phase = 1;
	scan->pages = scan->rest;
	scan->npages = scan->nrest;
	scan->counters.lists = scan->fs->meta.lists;
	scan->counters.every_code = true;
	fs_first_chunk(scan);
	return true;
}

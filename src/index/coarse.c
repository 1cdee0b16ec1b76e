/*
 * coarse.c - the coarse stage of one page.
 */
#include "index/scan.h"

void
fs_send_for_wanted(const fx_coarse_run *run, uint32 from, uint32 padded)
{
	bool		whole = fx_mostly_wanted(run);

	for (uint32 i = 0; i < fx_wanted_words(run); i++)
	{
		const char *first = (const char *) run->codes + i * fx_slice_size(16);

		if (whole || run->wanted[i] != 0)
			for (uint32 slice = from / FX_SLICE_DIMS; slice < padded / FX_SLICE_DIMS; slice++)
				fs_send_for(first + slice * fx_slice_size(run->ncodes), fx_slice_size(16));
	}
}

bool
fs_send_for_few(const fx_coarse_run *run, uint32 padded)
{
	if (fx_mostly_wanted(run))
		return false;
	fs_send_for_wanted(run, 0, padded);
	return true;
}

uint32
fs_open_page(const fs_scan *scan, uint32 number, Page page, uint16 *wanted, fx_coarse_run *run)
{
	const fs_layout *layout = &scan->fs->layout;
	uint32		used = FS_CODE_HEAD(page)->used;
	uint32		compared;

	if (used > layout->entries || FS_CODE_HEAD(page)->free > used)
		fs_complain_damaged(scan->index, scan->pages[number].place.code);
	if (used == 0)
		return 0;
	compared = used - FS_CODE_HEAD(page)->free;
	run->wanted = NULL;
	if (scan->filter.ntests > 0)
	{
		compared = fs_filter_page(&scan->filter, layout, &scan->fs->meta, page, used, wanted);
		if (compared < used)
			run->wanted = wanted;
	}
	run->codes = FS_CODES(page);
	run->scale = FS_SCALES(page, layout);
	run->add = FS_ADDS(page, layout);
	run->ncodes = layout->entries;
	run->nblocks = (used + layout->width - 1) / layout->width;
	run->width = layout->width;
	run->base = scan->base;
	return compared;
}

void
fs_score_page(const fs_scan *scan, uint32 number, fx_coarse_run *run, fs_page_survivors *found)
{
	found->page = number;
	found->floor = scan->floor;
	run->margin = scan->sigmas.coarse * scan->spread;
	run->floor = scan->floor;
	run->slots = found->slots;
	run->upper = found->uppers;
	run->scales = found->scales;
	run->bases = found->bases;
	run->sums = found->sums;
	found->count = scan->kernels->coarse(&scan->query, run);
}

uint32
fs_find_survivors(fs_scan *scan, uint32 number, Page page, const char *ahead, fs_page_survivors *found)
{
	uint16		wanted[FS_MAX_CODES / 16];
	fx_coarse_run run;
	uint32		compared = fs_open_page(scan, number, page, wanted, &run);

	found->count = 0;
	if (compared > 0)
	{
		run.ahead = fs_send_for_few(&run, scan->fs->layout.padded) ? NULL : ahead;
		fs_score_page(scan, number, &run, found);
	}
	return compared;
}

const char *
fs_send_for_page(const fs_scan *scan, uint32 number)
{
	const char *page = fs_memory_place(scan->memory, scan->index, scan->pages[number].place.code);

	if (page == NULL)
		return NULL;
	fx_prefetch(page);
	fs_send_for(page + scan->fs->layout.scales, sizeof(uint16) * scan->fs->layout.entries);
	fs_filter_send_for(&scan->filter, &scan->fs->layout, &scan->fs->meta, page);
	return page + FS_CODES_OFFSET;
}

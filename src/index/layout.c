/*
 * layout.c - the arithmetic of pages: where each array lies.
 */
#include "index/index.h"

static uint32
align(uint32 offset, uint32 to)
{
	return (offset + to - 1) / to * to;
}

/* Lays the arrays of a code page of `entries` entries out; returns where they end. */
static uint32
lay_code_page(fs_layout *layout, const fs_meta *meta, uint32 entries)
{
	uint32		at = FS_CODES_OFFSET + layout->padded / 8 * entries;

	layout->entries = entries;
	layout->adds = 0;
	if (meta->metric == FX_L2 && layout->padded > 0)
	{
		layout->adds = at = align(at, sizeof(float));
		at += sizeof(float) * entries;
	}
	layout->scales = at = align(at, sizeof(uint16));
	at += sizeof(uint16) * entries;
	layout->tids = at = align(at, sizeof(uint16));
	at += sizeof(ItemPointerData) * entries;
	for (int i = 0; i < meta->nfilters; i++)
	{
		layout->words[i] = at = align(at, meta->filters[i].size);
		at += meta->filters[i].size * entries;
	}
	for (int i = 0; i < meta->nfilters; i++)
	{
		layout->nulls[i] = at = align(at, sizeof(uint16));
		at += align(entries, 16) / 8;
	}
	layout->end = at;
	return at;
}

static uint32
lay_fine_page(fs_layout *layout, uint32 entries)
{
	uint32		at = FS_CODES_OFFSET + layout->fine_bytes * entries;

	layout->fine_entries = entries;
	layout->fine_scales = at = align(at, sizeof(float));
	at += sizeof(float) * entries;
	layout->fine_spreads = at;
	at += sizeof(uint16) * entries;
	return at;
}

/* An entry takes less of a middle page than of a code page, so one is enough. */
static void
lay_middle_page(fs_layout *layout)
{
	layout->middle_pages = 1;
	layout->middle_factors = MAXALIGN(SizeOfPageHeaderData) + sizeof(fs_code_head);
	layout->middle_bytes = layout->padded / 8;
	layout->middle_codes = align(layout->middle_factors + sizeof(uint16) * layout->entries, FS_CACHE_LINE);
	Assert(layout->middle_codes + layout->middle_bytes * layout->entries <= FS_PAGE_BYTES);
}

void
fs_layout_init(fs_layout *layout, const fs_meta *meta, uint32 padded)
{
	uint32		entries;

	memset(layout, 0, sizeof(*layout));
	layout->padded = padded;

	/* as many blocks as fit; of half the width where not even one does */
	layout->width = FX_CODE_WIDTH;
	if (lay_code_page(layout, meta, layout->width) > FS_PAGE_BYTES)
		layout->width = FX_CODE_WIDTH / 2;
	entries = layout->width;
	if (lay_code_page(layout, meta, entries) > FS_PAGE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("entries of the index are too large for a page"),
				 errdetail("%u templates of %u dimensions with %u filter columns take %u bytes of %u.",
						   entries, meta->dim, meta->nfilters, layout->end, (unsigned) FS_PAGE_BYTES),
				 errhint("Index fewer filter columns.")));
	while (lay_code_page(layout, meta, entries + layout->width) <= FS_PAGE_BYTES)
		entries += layout->width;
	(void) lay_code_page(layout, meta, entries);

	if (padded == 0 || meta->bits < 2)
		return;
	lay_middle_page(layout);
	if (meta->bits > 2)
	{
		uint32		fine = 1;

		layout->fine_bytes = layout->padded / 8 * (meta->bits - 2);
		while (fine < layout->entries && lay_fine_page(layout, fine + 1) <= FS_PAGE_BYTES)
			fine++;
		(void) lay_fine_page(layout, fine);
		layout->fine_pages = (layout->entries + fine - 1) / fine;
	}
}

void
fs_page_init(Page page, fs_page_kind kind)
{
	fs_page_opaque *opaque;

	PageInit(page, BLCKSZ, sizeof(fs_page_opaque));
	opaque = FS_OPAQUE(page);
	opaque->next = InvalidBlockNumber;
	opaque->kind = kind;
	opaque->page_id = FS_PAGE_ID;
	/* what lies between pd_lower and pd_upper is not logged: nothing does */
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_upper;
	if (kind >= FS_PAGE_CODE)
	{
		FS_CODE_HEAD(page)->kind = kind;
		FS_CODE_HEAD(page)->page_id = FS_PAGE_ID;
	}
}

void
fs_code_page_init(Page page, const fs_layout *layout, uint32 list)
{
	fs_page_init(page, FS_PAGE_CODE);
	FS_CODE_HEAD(page)->list = list;
	for (uint32 i = 0; i < layout->entries; i++)
	{
		FS_SCALES(page, layout)[i] = FX_CODE_DEAD;
		ItemPointerSetInvalid(&FS_TIDS(page, layout)[i]);
	}
}

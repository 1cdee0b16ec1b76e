/*
 * page.h - the format of a facescan index on disk, and nothing else.
 *
 *		block 0			meta page
 *		blob pages		centre, lists, calibration: chains of bytes
 *		directory		a chain of pages: where the extents are
 *		extents			n code pages, n middle pages, n * R fine pages (R fixed per index)
 *
 * A code page holds, for a fixed number of entries, every field as an array:
 * the coarse codes in slices of 64 dimensions, their factors, heap pointers,
 * filter columns.  A scan reads the codes and factors of all pages and little else.
 * Entry i of the code page number p of an extent has its middle code in middle
 * page p, place i, and its fine code in fine page p * R + i / (entries of a fine
 * page).  Which of these there are follows from the bits per dimension: none
 * with 1, no fine pages with 2.
 *
 * Numbers are in the machine's byte order, as everywhere in PostgreSQL.
 */
#ifndef FACESNXT_INDEX_PAGE_H
#define FACESNXT_INDEX_PAGE_H

#include "compat.h"

#include "storage/bufpage.h"
#include "storage/itemptr.h"

#define FS_MAGIC			0x46584653	/* "FXFS" */
#define FS_VERSION			3

#define FS_META_BLOCK		0

/* ---- the last bytes of every page */

typedef enum fs_page_kind
{
	FS_PAGE_META = 1,
	FS_PAGE_BLOB = 2,
	FS_PAGE_DIRECTORY = 3,
	FS_PAGE_CODE = 4,
	FS_PAGE_MIDDLE = 5,
	FS_PAGE_FINE = 6
} fs_page_kind;

typedef struct fs_page_opaque
{
	BlockNumber next;			/* blob and directory pages: the chain; else InvalidBlockNumber */
	uint16		kind;			/* fs_page_kind */
	uint16		page_id;		/* FS_PAGE_ID, so that tools know the page */
} fs_page_opaque;

#define FS_PAGE_ID			0xFA5C

/* ---- the meta page */

#define FS_MAX_FILTERS		(INDEX_MAX_KEYS - 1)

/* How a filter column is stored: a word of 1, 2, 4 or 8 bytes. */
typedef struct fs_filter_format
{
	uint8		size;			/* bytes of a word */
	uint8		kind;			/* fs_filter_kind */
} fs_filter_format;

typedef struct fs_meta
{
	uint32		magic;
	uint32		version;
	/* the codes: fixed from the build on, but dim and model are 0 until the first template */
	uint16		dim;
	uint8		metric;			/* fx_metric */
	uint8		bits;			/* per dimension, the sign included: 1 is without fine codes */
	uint32		model;
	uint64		seed;			/* of the rotation */
	uint32		lists;			/* 1: flat */
	uint16		nfilters;
	uint16		axes;			/* that lists are told apart by; 0 where flat */
	fs_filter_format filters[FS_MAX_FILTERS];
	/* where things are */
	BlockNumber centre;			/* blob: padded floats, taken off before encoding; Invalid: all zeros */
	BlockNumber clusters;		/* blob: axes * padded floats of axes, lists * axes of centres; Invalid where flat */
	BlockNumber calibration;	/* blob: fs_calibration; Invalid: none */
	BlockNumber directory;		/* first page */
	BlockNumber directory_tail; /* last page */
	uint32		extents;		/* how many the directory has */
} fs_meta;

/* ---- directory pages */

typedef struct fs_extent
{
	BlockNumber start;			/* the first code page */
	uint32		list;
	uint16		pages;			/* code pages; as many middle and * R fine pages follow */
	uint16		room;			/* hint: the first code page that may have room */
} fs_extent;

/*
 * Lists that are no lists.  Where there are lists, rows that come when theirs is full go to the tail, which
 * every scan reads.
 */
#define FS_LIST_TAIL		0xFFFFFFFDu
#define FS_LIST_ODD			0xFFFFFFFEu	/* templates whose code says nothing: always scored exactly */
#define FS_LIST_NULL		0xFFFFFFFFu	/* rows without a template */

#define FS_MAX_EXTENT_PAGES	64

#define FS_PAGE_BYTES		(BLCKSZ - MAXALIGN(sizeof(fs_page_opaque)))

typedef struct fs_directory
{
	uint32		count;
	uint32		unused;
	fs_extent	extents[FLEXIBLE_ARRAY_MEMBER];
} fs_directory;

#define FS_EXTENTS_PER_PAGE \
	((FS_PAGE_BYTES - MAXALIGN(SizeOfPageHeaderData) - offsetof(fs_directory, extents)) / sizeof(fs_extent))

/* ---- blob pages */

/*
 * What share of the codes must be scanned, lists in the order of their nearness, for mates of a typical
 * similarity to be found with a certain probability.  Measured while the index is built.
 */
#define FS_SIMILARITIES		13	/* 0.30, 0.35 .. 0.90 */
#define FS_RECALLS			12	/* fs_recalls[] in lists.c */

typedef struct fs_calibration
{
	uint32		probes;			/* how many were tried for each similarity */
	float		shares[FS_SIMILARITIES][FS_RECALLS];
} fs_calibration;

#define FS_BLOB_BYTES		(FS_PAGE_BYTES - MAXALIGN(SizeOfPageHeaderData))

/* ---- code and fine pages */

/*
 * In the first cache line of code, middle and fine pages, so that a scan which
 * checks the kind need not touch the end of the page.
 */
typedef struct fs_code_head
{
	uint16		kind;			/* fs_page_kind again */
	uint16		page_id;		/* and FS_PAGE_ID */
	uint32		list;			/* this and what follows: code pages only */
	uint16		used;			/* slots from here on were never used */
	uint16		free;			/* free slots below used */
} fs_code_head;

/* More than any page has: an entry takes 6 bytes at least, its heap pointer; with a code, 16. */
#define FS_MAX_ENTRIES		(BLCKSZ / 4)
#define FS_MAX_CODES		(BLCKSZ / 16)

#define FS_CACHE_LINE		64

/* Codes begin at a cache line; page header and head lie before. */
#define FS_CODES_OFFSET		FS_CACHE_LINE

/*
 * Where the arrays of a code page and of a fine page lie.  All follows from
 * the meta page, so that it is computed once per scan or statement.
 */
typedef struct fs_layout
{
	uint32		padded;			/* dimensions of a code */
	uint32		width;			/* codes of a block, 16 or 8 */
	uint32		entries;		/* of a code page, a multiple of width */
	uint32		scales;			/* offset of uint16 scale[entries] */
	uint32		adds;			/* offset of float add[entries]; 0: none */
	uint32		tids;			/* offset of ItemPointerData tid[entries] */
	uint32		nulls[FS_MAX_FILTERS];	/* offset of a bitmap of entries bits, 1 is NULL */
	uint32		words[FS_MAX_FILTERS];	/* offset of the words of a filter column */
	uint32		end;
	/* middle pages; all 0 where there are none */
	uint32		middle_pages;	/* 0 or 1 for a code page */
	uint32		middle_factors; /* offset of uint16 factors[entries], right behind the head */
	uint32		middle_bytes;	/* of one code */
	uint32		middle_codes;	/* offset of the codes, the start of a cache line */
	/* fine pages; all 0 where there are none */
	uint32		fine_pages;		/* R */
	uint32		fine_entries;	/* of a fine page */
	uint32		fine_bytes;		/* of one code: all its planes */
	uint32		fine_scales;	/* offset of float scale[fine_entries] */
	uint32		fine_spreads;	/* offset of uint16 spread[fine_entries] */
} fs_layout;

#define FS_OPAQUE(page)		((fs_page_opaque *) PageGetSpecialPointer(page))
#define FS_META(page)		((fs_meta *) PageGetContents(page))
#define FS_DIRECTORY(page)	((fs_directory *) PageGetContents(page))
#define FS_CODE_HEAD(page)	((fs_code_head *) PageGetContents(page))
#define FS_CODES(page)		((uint8 *) (page) + FS_CODES_OFFSET)
#define FS_SCALES(page, layout)	((uint16 *) ((char *) (page) + (layout)->scales))
#define FS_ADDS(page, layout) \
	((layout)->adds == 0 ? NULL : (float *) ((char *) (page) + (layout)->adds))
#define FS_TIDS(page, layout)	((ItemPointerData *) ((char *) (page) + (layout)->tids))
#define FS_NULLS(page, layout, filter)	((uint8 *) (page) + (layout)->nulls[filter])
#define FS_WORDS(page, layout, filter)	((char *) (page) + (layout)->words[filter])

#endif							/* FACESNXT_INDEX_PAGE_H */

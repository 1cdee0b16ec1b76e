/*
 * index.h - what the files of the access method facescan share.
 *
 * One file per operation: build, insert, scan, vacuum, cost, check.  Beneath
 * them: layout.c (arithmetic of pages), meta.c, blob.c, extent.c (where things
 * are), filter.c (filter columns), entry.c (a row becomes an entry).
 */
#ifndef FACESNXT_INDEX_H
#define FACESNXT_INDEX_H

#include "compat.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/generic_xlog.h"
#include "common/pg_prng.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "base/prefetch.h"
#include "code/cluster.h"
#include "code/code.h"
#include "index/page.h"
#include "type/embedding.h"

/* The operator that orders, and the one that bounds (facesnxt.within). */
#define FS_ORDER_STRATEGY	1
#define FS_WITHIN_STRATEGY	2
/* Support function 1 of an operator class of the first column: its metric. */
#define FS_METRIC_PROC		1
/* Support function 2 of an operator class of a filter column: its fs_filter_kind. */
#define FS_FILTER_PROC		2

/* ---- options (options.c) */

typedef struct fs_options
{
	int32		vl_len_;
	int			lists;			/* 0: by the number of rows */
	int			refine_bits;	/* 0: none */
	int			sample;			/* rows */
} fs_options;

#define FS_DEFAULT_REFINE_BITS	4
#define FS_DEFAULT_SAMPLE		20000
#define FS_MIN_SAMPLE			100
#define FS_MAX_SAMPLE			10000000

extern void fs_options_init(void);
extern bytea *fs_options_parse(Datum reloptions, bool validate);
extern int	fs_option_bits(Relation index);	/* 1 where refine_bits is 0 */
extern int	fs_option_sample(Relation index);
extern int	fs_option_lists(Relation index);

/* ---- an open index: the meta page and what follows from it (meta.c, layout.c) */

typedef struct fs_index
{
	fs_meta		meta;			/* as read; hints may be old */
	fs_layout	plain;			/* of lists without codes: FS_LIST_ODD, FS_LIST_NULL */
	fs_layout	layout;			/* of all others; valid once meta.dim is set */
	fx_rotation rotation;		/* as above */
	float	   *centre;			/* padded */
	const fx_clusters *clusters;	/* NULL: not read yet (fs_clusters) */
	MemoryContext context;
	fx_env		env;
} fs_index;

static inline const fs_layout *
fs_layout_of(const fs_index *fs, uint32 list)
{
	return list >= FS_LIST_ODD ? &fs->plain : &fs->layout;
}

/* Where one code page is, its middle page, and where its fine pages begin; Invalid: there is none. */
typedef struct fs_place
{
	BlockNumber code;
	BlockNumber middle;
	BlockNumber fine;
} fs_place;

/* Sends for so many bytes: for the cache alone, so that it does not matter what is there. */
static inline void
fs_send_for(const char *from, Size bytes)
{
	for (Size at = 0; at < bytes; at += FS_CACHE_LINE)
		fx_prefetch(from + at);
}

/* Computes the layout; an error when an entry does not fit a page (54000).  padded 0: without codes. */
extern void fs_layout_init(fs_layout *layout, const fs_meta *meta, uint32 padded);
static inline BlockNumber
fs_fine_block(const fs_layout *layout, BlockNumber fine, uint32 slot, uint32 *fine_slot)
{
	*fine_slot = slot % layout->fine_entries;
	return fine + slot / layout->fine_entries;
}

extern void fs_page_init(Page page, fs_page_kind kind);

/* Reads and locks a page and checks that it is of this kind (XX002). */
extern Buffer fs_read(Relation index, BlockNumber block, int mode, fs_page_kind kind, BufferAccessStrategy strategy);
extern void fs_check_page(Relation index, Buffer buffer, fs_page_kind kind);
/* The same of a code page, and that its counts are possible. */
extern Buffer fs_read_code(Relation index, BlockNumber block, int mode, const fs_layout *layout,
						   BufferAccessStrategy strategy);
extern void fs_check_code_page(Relation index, Buffer buffer, const fs_layout *layout);
extern void fs_complain_damaged(Relation index, BlockNumber block) __attribute__((noreturn));

/* Reads the meta page; an error for another magic or version. */
extern void fs_meta_read(Relation index, fs_meta *meta);
/* Writes the meta page of a new index, without WAL where building is true. */
extern void fs_meta_create(Relation index, ForkNumber fork, const fs_meta *meta);
/* Sets what a build has found out later. */
extern void fs_meta_update(Relation index, const fs_meta *meta);
/* Sets dimension and model if an empty index did not know them; *meta is what holds then. */
extern void fs_meta_set_template(Relation index, fs_meta *meta, const Embedding *embedding);
/* The dimensions that an index takes, 54000 otherwise. */
extern void fs_check_dimensions(int dim);
/*
 * Opens an index in `context`: meta page, layout, rotation, centre.  Everything
 * is freed with the context.
 */
extern fs_index *fs_index_open(Relation index, MemoryContext context);
/* Fills in what follows from meta.dim, which must be set: layout, rotation, centre. */
extern void fs_index_complete(Relation index, fs_index *fs);
extern fx_metric fs_metric(Relation index);
/* Raises what a function of the pure ring reports; returns only for FX_OK. */
extern void fs_check_code(fx_code code, const fx_error *err);
/* OpenBLAS, for whoever multiplies matrices. */
extern void fs_load_blas(void);

static inline bool
fs_template_fits(const fs_index *fs, const Embedding *embedding)
{
	return embedding->dim == fs->meta.dim && embedding->model == fs->meta.model;
}

/* NX001 or NX002 unless the template, or the probe, fits what the index holds. */
extern void fs_check_probe(Relation index, const fs_index *fs, const Embedding *probe);
extern void fs_check_template(Relation index, const fs_index *fs, const Embedding *embedding);

/* ---- blobs (blob.c): chains of pages that hold bytes; written once, at build */

extern BlockNumber fs_blob_write(Relation index, const void *bytes, Size size);
extern void fs_blob_read(Relation index, BlockNumber start, void *bytes, Size size);

/* ---- extents (extent.c) */

typedef void (*fs_extent_visitor) (const fs_extent *extent, uint32 number, void *argument);

/* Calls the visitor for every extent, in the order of the directory. */
extern void fs_extents_visit(Relation index, const fs_meta *meta, fs_extent_visitor visitor, void *argument);

/*
 * Adds an extent of `pages` code pages for a list, its pages initialised.  `known` is how many
 * extents the caller has seen: when the directory has grown since, nothing is added and false is
 * returned, so that two sessions do not both make room.  In a build nothing is logged, known is
 * ignored, and the caller sees to it that only one process is here.
 */
extern bool fs_extent_add(Relation index, const fs_layout *layout, uint32 list, uint32 pages, uint32 known,
						  bool building, fs_extent *extent);

static inline fs_place
fs_extent_place(const fs_layout *layout, const fs_extent *extent, uint32 page)
{
	fs_place	place = {extent->start + page, InvalidBlockNumber, InvalidBlockNumber};

	if (layout->middle_pages > 0)
		place.middle = extent->start + extent->pages + page;
	if (layout->fine_pages > 0)
		place.fine = extent->start + extent->pages * 2 + page * layout->fine_pages;
	return place;
}

/*
 * Notes from which page on there may be room in extent `number`; a hint, not logged.  It is lowered always, but raised
 * from what the caller has `seen` alone: who finds pages full must not hide what VACUUM frees before them meanwhile.
 */
extern void fs_extent_note_room(Relation index, const fs_meta *meta, uint32 number, uint32 seen, uint32 room);

/* How large the next extent of a list with this many pages is. */
static inline uint32
fs_next_extent_pages(uint32 pages)
{
	return pages == 0 ? 1 : Min(pages, FS_MAX_EXTENT_PAGES);
}

/* ---- what a session remembers of an index (memory.c) */

typedef struct fs_memory fs_memory;

/*
 * Valid to the end of the transaction; NULL when there is no room for it.  What is in it is read through the
 * functions below, all of which take NULL.
 */
extern fs_memory *fs_memory_open(Relation index, uint64 seed);
/* Makes space for where so many pages are. */
extern void fs_memory_cover(fs_memory *memory, BlockNumber blocks);
/* Pins a page. */
extern Buffer fs_memory_pin(fs_memory *memory, Relation index, BlockNumber block);
/* Fetches into the cache what pinning the page will look at. */
extern void fs_memory_prefetch(const fs_memory *memory, BlockNumber block);
/* Where it saw the page, which may be elsewhere by now: an address for the cache alone.  NULL: it does not know. */
extern const char *fs_memory_place(fs_memory *memory, Relation index, BlockNumber block);
/* Notes how many rows a scan was asked for. */
extern void fs_memory_note_demand(fs_memory *memory, uint64 rows);
/* The same, of late; 0: not known. */
extern double fs_memory_demand(const fs_memory *memory);
/* Where the lists are kept: NULL until they have been. */
extern const fx_clusters *fs_memory_clusters(const fs_memory *memory);
extern void fs_memory_keep_clusters(fs_memory *memory, const fx_clusters *clusters);
/* Where what is kept is to be allocated. */
extern MemoryContext fs_memory_context(fs_memory *memory);

/* ---- lists (lists.c) */

/* Axes and centres of an index with lists. */
extern const fx_clusters *fs_clusters(Relation index, fs_index *fs);
/* Space for so many lists in a context. */
extern fx_clusters *fs_clusters_create(MemoryContext context, uint32 padded, uint32 axes, uint32 lists);
/* The blob of meta.clusters. */
extern BlockNumber fs_clusters_write(Relation index, const fx_clusters *clusters);
/* The list whose centre is nearest to a rotated template. */
extern uint32 fs_nearest_list(Relation index, fs_index *fs, const float *rotated);
/* How near each list is to it: nearness takes meta.lists. */
extern void fs_list_nearness(Relation index, fs_index *fs, const float *rotated, float *nearness);
/* What stands for the places of fs_calibration.shares. */
extern double fs_similarity(int number);
extern double fs_recall(int number);

/*
 * Mates who typically have a similarity are not all as similar: the standard deviation.  Of the probes of
 * bench/tool/gallery.c it is 0.24 of what the mean lacks to 1, both where that is 0.33 and 0.48, about means that are
 * a little above the settings they are searched with.
 */
static inline double
fs_mate_scatter(double similarity)
{
	return 0.2 * (1 - similarity);
}

/*
 * The share of the codes that these settings need, lists in the order of nearness; 1 where all are needed
 * (or not enough is known).
 */
extern double fs_share_needed(Relation index, const fs_meta *meta, double recall, double similarity);
/* The share by facesnxt.probes or else facesnxt.target_recall and facesnxt.mate_similarity. */
extern double fs_share_by_settings(Relation index, const fs_meta *meta);

extern void fs_code_page_init(Page page, const fs_layout *layout, uint32 list);

/* Pages of all kinds that belong to one code page, itself included. */
static inline uint32
fs_pages_of_code_page(const fs_layout *layout)
{
	return 1 + layout->middle_pages + layout->fine_pages;
}

/* ---- filter columns (word.c, filter.c) */

typedef enum fs_filter_kind
{
	FS_FILTER_SIGNED = 1,		/* the value itself: smallint, integer, bigint, date */
	FS_FILTER_UNSIGNED = 2,		/* oid, boolean, "char" */
	FS_FILTER_PREFIX = 3,		/* the first 8 bytes, most significant first: uuid; condition.c */
	FS_FILTER_HASH = 4			/* hash of 8 bytes: text; condition.c; equality only */
} fs_filter_kind;

/* Words are widened to 64 bits so that their unsigned order is the column's: signed columns have this bit turned. */
#define FS_SIGN_BIT			(UINT64CONST(1) << 63)

/* How the columns after the first are stored. */
extern void fs_filter_formats(Relation index, fs_meta *meta);

typedef struct fs_test fs_test;

typedef struct fs_filter
{
	int			ntests;
	fs_test    *tests;
	bool		never;			/* a NULL or an empty array: no row can pass */
} fs_filter;

/* Turns scan keys on filter columns into tests, in the current memory context. */
extern void fs_filter_init(fs_filter *filter, Relation index, const fs_meta *meta, ScanKey keys, int nkeys);
/*
 * The tests as bytes for another process; returns how many, which are all written only where there is as much space.
 * Loaded, they lie in part where they were saved; what is no pointer in *filter is copied with it.
 */
extern Size fs_filter_save(const fs_filter *filter, char *to, Size space);
extern void fs_filter_load(fs_filter *filter, const char *from);
/*
 * Tests the entries of a code page: bit i % 16 of wanted[i / 16] is set for those below `used` that
 * pass.  Returns how many.
 */
extern uint32 fs_filter_page(const fs_filter *filter, const fs_layout *layout, const fs_meta *meta, Page page,
							 uint32 used, uint16 *wanted);
/* Sends for what the tests will read of a page at this address. */
extern void fs_filter_send_for(const fs_filter *filter, const fs_layout *layout, const fs_meta *meta,
							   const char *page);
/*
 * The word of a value of so many bytes, widened so that its unsigned order is the column's; writing it to a place of
 * a code page; reading it (false: NULL).
 */
extern uint64 fs_filter_word(const fs_filter_format *format, int16 size, Oid collation, Datum value);
extern void fs_filter_put(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot,
						  const uint64 *words, const bool *isnull);
extern bool fs_filter_get(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot, int filter,
						  uint64 *word);

/* ---- entries (entry.c) */

/* A row, ready to be put into a page. */
typedef struct fs_entry
{
	uint32		list;
	ItemPointerData tid;
	fx_coarse_factors coarse;
	fx_level_factors middle;
	fx_level_factors fine;
	uint8	   *signs;			/* padded / 8 */
	uint8	   *planes;			/* the middle code, then the fine code */
	uint64		words[FS_MAX_FILTERS];
	bool		isnull[FS_MAX_FILTERS];
} fs_entry;

/* Buffers to encode with; made once per build or statement. */
typedef struct fs_encoder
{
	fs_index   *fs;
	float	   *floats;			/* max(dim, ...) */
	float	   *rotated;
	float	   *scratch;
	fs_entry	entry;
} fs_encoder;

extern fs_encoder *fs_encoder_create(fs_index *fs);
/*
 * Encodes one row into encoder->entry.  values and isnull are those of the index's columns.  A template
 * that does not fit the index is an error, unless the row is dead but for old snapshots (tolerant):
 * then it is scored exactly by whoever still sees it.  entry.list is FS_LIST_NULL, FS_LIST_ODD or 0; the
 * caller finds out which list it is from encoder->rotated where there are several.
 */
extern void fs_encode(Relation index, fs_encoder *encoder, Datum *values, bool *isnull, ItemPointer tid,
					  bool tolerant);
/* The template as floats, of unit length for FX_COSINE; false for what has no direction or overflows. */
extern bool fs_template_floats(const fs_index *fs, const Embedding *embedding, float *floats, double *square);
/* Puts an entry into a free slot: each page's part. */
extern void fs_entry_put_code(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot,
							  const fs_entry *entry);
extern void fs_entry_put_middle(const fs_layout *layout, Page page, uint32 slot, const fs_entry *entry);
extern void fs_entry_put_fine(const fs_layout *layout, Page page, uint32 fine_slot, const fs_entry *entry);
/* Makes a slot free and wipes what the entry said. */
extern void fs_entry_clear_code(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot);
extern void fs_entry_clear_middle(const fs_layout *layout, Page page, uint32 slot);
extern void fs_entry_clear_fine(const fs_layout *layout, Page page, uint32 fine_slot);
/* The first free slot; layout->entries when there is none. */
extern uint32 fs_free_slot(const fs_layout *layout, Page page);

/* ---- a greatest distance (within.c) */

/* Probe and distance of a probe_range; false when one of them is NULL or NaN: nothing is within. */
extern bool fs_range_of_datum(Datum datum, Embedding **probe, double *distance);

/* ---- functions of SQL (check.c, info.c, many.c, recall.c) */

/* A draw from the standard normal distribution. */
extern float fs_any_normal(pg_prng_state *random);
/* How similar some mate is, if mates typically are as similar as that. */
extern double fs_some_similarity(double typical, pg_prng_state *random);
/* Opens a facescan index and its table for one of them. */
extern Relation fs_open_index(Oid oid, LOCKMODE mode, Relation *heap);
/* What the planner asks of an index before it uses one. */
extern void fs_check_usable(Relation index);

/* Who called, with what rights and settings. */
typedef struct fs_caller
{
	Oid			user;
	int			context;
	int			settings;
} fs_caller;

/* Where expressions of an index or its condition are computed for somebody who did not write them. */
extern fs_caller fs_become_owner(Relation heap);
extern void fs_become_caller(const fs_caller *caller);

/* ---- the operations */

extern IndexBuildResult *fs_build(Relation heap, Relation index, IndexInfo *info);
extern void fs_build_empty(Relation index);
extern bool fs_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
					  IndexUniqueCheck unique, bool unchanged, IndexInfo *info);
extern IndexBulkDeleteResult *fs_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											 IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *fs_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void fs_cost(struct PlannerInfo *root, struct IndexPath *path, double loops, Cost *startup, Cost *total,
					Selectivity *selectivity, double *correlation, double *pages);
extern IndexScanDesc fs_begin_scan(Relation index, int nkeys, int norderbys);
extern void fs_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool fs_get_tuple(IndexScanDesc scan, ScanDirection direction);
extern void fs_end_scan(IndexScanDesc scan);

#endif							/* FACESNXT_INDEX_H */

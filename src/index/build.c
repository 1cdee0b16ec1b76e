/*
 * build.c - CREATE INDEX, one pass over the table.
 *
 * A sample gives the centre (build_sample.c).  Then every row is encoded and
 * laid into a sheet in private memory, an image of one code page and its fine
 * pages; a full sheet is copied into the next free page of the current extent.
 * Nothing is logged until the end, when all pages are, so the memory needed is
 * a few sheets, whatever the size of the table.  With lists, entries are sorted
 * by list in between (build_sort.c).
 */
#include "index/build.h"

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

/* Blocks that are logged at once; the server puts 32 into a record. */
#define LOG_PIECE	1024

/* ---- sheets */

static int
sheet_number(uint32 list)
{
	return list == FS_LIST_ODD ? 1 : list == FS_LIST_NULL ? 2 : 0;
}

static void
sheet_init(fs_sheet *sheet, const fs_index *fs, uint32 list)
{
	const fs_layout *layout = fs_layout_of(fs, list);

	if (sheet->pages == NULL)
		sheet->pages = palloc((Size) BLCKSZ * fs_pages_of_code_page(layout));
	sheet->list = list;
	sheet->count = 0;
	fs_code_page_init(sheet->pages, layout, list);
	for (uint32 i = 1; i < fs_pages_of_code_page(layout); i++)
		fs_page_init(sheet->pages + BLCKSZ * i, i == 1 ? FS_PAGE_MIDDLE : FS_PAGE_FINE);
}

static void
write_page(Relation index, BlockNumber block, const char *image)
{
	Buffer		buffer = ReadBuffer(index, block);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	memcpy(BufferGetPage(buffer), image, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* How many pages the list should get next: just what it needs where that is known, else more and more. */
static uint32
extent_pages(const fs_builder *builder, const fs_layout *layout, const fs_growth *growth)
{
	uint32		pages;

	if (builder->sizes == NULL || growth->list >= FS_LIST_ODD)
		return fs_next_extent_pages(growth->pages);
	pages = (pg_atomic_read_u32(&builder->sizes[growth->list]) + layout->entries - 1) / layout->entries;
	return Min(pages - growth->pages, FS_MAX_EXTENT_PAGES);
}

/* The next free code page of a list. */
static fs_place
next_place(fs_builder *builder, uint32 list)
{
	const fs_layout *layout = fs_layout_of(builder->fs, list);
	fs_growth  *growth = &builder->shared->growth[sheet_number(list)];
	fs_place	place;

	LWLockAcquire(&builder->shared->lock, LW_EXCLUSIVE);
	if (growth->list != list)
	{
		memset(growth, 0, sizeof(*growth));
		growth->list = list;
	}
	if (growth->next == growth->extent.pages)
	{
		(void) fs_extent_add(builder->index, layout, list, extent_pages(builder, layout, growth), 0, true,
							 &growth->extent);
		growth->pages += growth->extent.pages;
		growth->next = 0;
	}
	place = fs_extent_place(layout, &growth->extent, growth->next++);
	LWLockRelease(&builder->shared->lock);
	return place;
}

/* Room that the first inserts should find; what is not noted, the first vacuum finds. */
static void
note_partial(fs_build_shared *shared, BlockNumber block)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	if (shared->npartial < FS_MAX_PARTIAL)
		shared->partial[shared->npartial++] = block;
	LWLockRelease(&shared->lock);
}

static void
flush(fs_builder *builder, fs_sheet *sheet)
{
	const fs_layout *layout = fs_layout_of(builder->fs, sheet->list);
	fs_place	place = next_place(builder, sheet->list);

	CHECK_FOR_INTERRUPTS();
	if (sheet->count < layout->entries && (builder->sizes == NULL || sheet->list >= FS_LIST_ODD))
		note_partial(builder->shared, place.code);
	write_page(builder->index, place.code, sheet->pages);
	if (layout->middle_pages > 0)
		write_page(builder->index, place.middle, sheet->pages + BLCKSZ);
	for (uint32 i = 0; i < layout->fine_pages; i++)
		write_page(builder->index, place.fine + i, sheet->pages + BLCKSZ * (2 + i));
	sheet_init(sheet, builder->fs, sheet->list);
}

void
fs_build_put(fs_builder *builder, const fs_entry *entry)
{
	const fs_layout *layout = fs_layout_of(builder->fs, entry->list);
	fs_sheet   *sheet = &builder->sheets[sheet_number(entry->list)];

	if (sheet->pages != NULL && sheet->list != entry->list && sheet->count > 0)
		flush(builder, sheet);
	if (sheet->pages == NULL || sheet->list != entry->list)
		sheet_init(sheet, builder->fs, entry->list);
	fs_entry_put_code(layout, &builder->fs->meta, sheet->pages, sheet->count, entry);
	if (layout->middle_pages > 0)
		fs_entry_put_middle(layout, sheet->pages + BLCKSZ, sheet->count, entry);
	if (layout->fine_pages > 0)
		fs_entry_put_fine(layout, sheet->pages + BLCKSZ * (2 + sheet->count / layout->fine_entries),
						  sheet->count % layout->fine_entries, entry);
	if (++sheet->count == layout->entries)
		flush(builder, sheet);
}

void
fs_build_flush(fs_builder *builder)
{
	for (int i = 0; i < FS_SHEETS; i++)
		if (builder->sheets[i].pages != NULL && builder->sheets[i].count > 0)
			flush(builder, &builder->sheets[i]);
}

/* ---- the pass over the table */

/* The sample had no template at all; only one process is here then. */
static void
learn_template(fs_builder *builder, const Embedding *embedding)
{
	MemoryContext old = MemoryContextSwitchTo(builder->fs->context);
	fs_meta		meta;

	fs_check_dimensions(embedding->dim);
	builder->fs->meta.dim = embedding->dim;
	builder->fs->meta.model = embedding->model;
	fs_index_complete(builder->index, builder->fs);
	builder->encoder = fs_encoder_create(builder->fs);
	fs_meta_read(builder->index, &meta);
	meta.dim = embedding->dim;
	meta.model = embedding->model;
	fs_meta_update(builder->index, &meta);
	MemoryContextSwitchTo(old);
}

static void
add_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *argument)
{
	fs_builder *builder = argument;
	MemoryContext old = MemoryContextSwitchTo(builder->row);

	if (builder->fs->meta.dim == 0 && !isnull[0] && alive)
		learn_template(builder, embedding_of_datum(values[0]));
	fs_encode(index, builder->encoder, values, isnull, tid, !alive);
	MemoryContextSwitchTo(old);
	if (builder->sorter != NULL)
		fs_sorter_put(builder);
	else
		fs_build_put(builder, &builder->encoder->entry);
	MemoryContextReset(builder->row);
	builder->index_tuples++;
}

void
fs_build_scan(fs_builder *builder, TableScanDesc scan, bool progress)
{
	builder->row = AllocSetContextCreate(CurrentMemoryContext, "facescan build", ALLOCSET_DEFAULT_SIZES);
	builder->encoder = fs_encoder_create(builder->fs);
	builder->heap_tuples = table_index_build_scan(builder->heap, builder->index, builder->info, true, progress,
												  add_row, builder, scan);
	if (builder->sorter == NULL)
		fs_build_flush(builder);
	MemoryContextDelete(builder->row);
}

/* ---- an empty index */

static void
new_meta(Relation index, fs_meta *meta)
{
	int			dim;
	fx_precision precision;

	if (!OidIsValid(index_getprocid(index, 1, FS_METRIC_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("first column of a facescan index must be a template"),
				 errhint("Put the column of type facesnxt.embedding first, and columns to filter by behind it.")));
	for (int i = 2; i <= IndexRelationGetNumberOfKeyAttributes(index); i++)
		if (!OidIsValid(index_getprocid(index, i, FS_FILTER_PROC)))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("column %d of a facescan index must be a filter column", i),
					 errdetail("A facescan index orders by its first column alone."),
					 errhint("Make an index for each column of templates.")));

	memset(meta, 0, sizeof(*meta));
	meta->magic = FS_MAGIC;
	meta->version = FS_VERSION;
	meta->metric = fs_metric(index);
	meta->bits = fs_option_bits(index);
	meta->lists = 1;
	meta->centre = meta->clusters = meta->calibration = InvalidBlockNumber;
	if (!pg_strong_random(&meta->seed, sizeof(meta->seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random seed for the index")));
	fs_filter_formats(index, meta);
	/* a declared dimension that cannot be indexed is told at once, not with the first row */
	if (embedding_typmod(TupleDescAttr(RelationGetDescr(index), 0)->atttypmod, &dim, &precision))
		fs_check_dimensions(dim);
}

/* Meta page and an empty directory. */
static void
create_pages(Relation index, ForkNumber fork, fs_meta *meta)
{
	Buffer		buffer;

	meta->directory = meta->directory_tail = FS_META_BLOCK + 1;
	fs_meta_create(index, fork, meta);
	buffer = ReadBufferExtended(index, fork, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	START_CRIT_SECTION();
	fs_page_init(BufferGetPage(buffer), FS_PAGE_DIRECTORY);
	MarkBufferDirty(buffer);
	if (fork == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
fs_build_empty(Relation index)
{
	fs_meta		meta;

	new_meta(index, &meta);
	create_pages(index, INIT_FORKNUM, &meta);
}

/* ---- all of it */

/* What is known of the room in each extent, while they are visited in order. */
typedef struct room_state
{
	const fs_builder *builder;
	uint32	   *rooms;			/* of each extent */
	uint32	   *left;			/* entries of each list that later extents have; NULL: flat */
} room_state;

/* Full extents say so, so that the first insert need not try them all. */
static void
note_room(const fs_extent *extent, uint32 number, void *argument)
{
	room_state *state = argument;
	const fs_builder *builder = state->builder;
	uint32		room = extent->pages;

	if (state->left != NULL && extent->list < FS_LIST_ODD)
	{
		uint32		entries = builder->fs->layout.entries;

		room = Min(state->left[extent->list] / entries, extent->pages);
		state->left[extent->list] -= Min(state->left[extent->list], entries * extent->pages);
	}
	else
	{
		const fs_build_shared *shared = builder->shared;

		for (int i = 0; i < FS_SHEETS; i++)
			if (shared->growth[i].extent.start == extent->start)
				room = shared->growth[i].next;
		for (uint32 i = 0; i < shared->npartial; i++)
			if (shared->partial[i] >= extent->start && shared->partial[i] < extent->start + room)
				room = shared->partial[i] - extent->start;
	}
	state->rooms[number] = room;
}

static void
set_rooms(fs_builder *builder)
{
	fs_meta		meta;
	room_state	state = {.builder = builder};

	fs_meta_read(builder->index, &meta);
	state.rooms = palloc_extended(sizeof(uint32) * Max(meta.extents, 1), MCXT_ALLOC_HUGE);
	if (builder->sizes != NULL)
	{
		state.left = palloc(sizeof(uint32) * meta.lists);
		for (uint32 i = 0; i < meta.lists; i++)
			state.left[i] = pg_atomic_read_u32(&builder->sizes[i]);
	}
	fs_extents_visit(builder->index, &meta, note_room, &state);
	for (uint32 i = 0; i < meta.extents; i++)
	{
		CHECK_FOR_INTERRUPTS();
		fs_extent_note_room(builder->index, &meta, i, 0, state.rooms[i]);
	}
}

/* All pages, in pieces, since the server's function tells nobody how far it is; it can be interrupted. */
static void
write_log(Relation index)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(index);

	fs_progress_begin(FS_PHASE_LOG, 0, blocks);
	for (BlockNumber block = 0; block < blocks;)
	{
		BlockNumber end = block + Min(LOG_PIECE, blocks - block);

		log_newpage_range(index, MAIN_FORKNUM, block, end, true);
		fs_progress_blocks(block = end);
	}
}

IndexBuildResult *
fs_build(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	fs_builder	builder = {.heap = heap, .index = index, .info = info};
	fs_index   *fs;
	fs_meta		meta;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));

	new_meta(index, &meta);
	create_pages(index, MAIN_FORKNUM, &meta);
	fs = fs_index_open(index, CurrentMemoryContext);
	builder.fs = fs;

	builder.sample = fs_sample_take(&builder, fs);
	meta = fs->meta;
	fs_meta_update(index, &meta);

	/* the pass over the table sets the blocks itself */
	fs_progress_begin(FS_PHASE_ENCODE, 0, 0);
	fs_build_run(&builder);
	set_rooms(&builder);

	if (fs->meta.lists > 1)
	{
		fs_meta_read(index, &meta);
		meta.calibration = fs_calibrate(&builder, fs, builder.sample);
		fs_meta_update(index, &meta);
	}

	if (RelationNeedsWAL(index))
		write_log(index);
	fs_progress_end();

	result->heap_tuples = builder.heap_tuples;
	result->index_tuples = builder.index_tuples;
	return result;
}

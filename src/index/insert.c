/*
 * insert.c - one row into the index.
 *
 * The row goes into the first free slot that the hints lead to, under an
 * exclusive lock of one code page, its middle and its fine page, in one WAL record.
 * Nothing is locked to the end of the transaction, and nothing is moved, so
 * a scan that runs meanwhile misses nothing.
 */
#include "index/index.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* What a statement keeps from row to row. */
typedef struct insert_state
{
	fs_index   *fs;
	fs_encoder *encoder;
	MemoryContext row;			/* emptied after each row */
	/* the page that took the last row */
	uint32		number;			/* of its extent */
	fs_extent	extent;
	uint32		page;
	bool		valid;
} insert_state;

/* The search for an extent with room. */
typedef struct room_search
{
	uint32		list;
	uint32		from;			/* extents before this one were found full */
	uint32		pages;			/* code pages of the list */
	bool		found;
	uint32		number;
	fs_extent	extent;
} room_search;

static void
look_for_room(const fs_extent *extent, uint32 number, void *argument)
{
	room_search *search = argument;

	if (extent->list != search->list)
		return;
	search->pages += extent->pages;
	if (!search->found && number >= search->from && extent->room < extent->pages)
	{
		search->found = true;
		search->number = number;
		search->extent = *extent;
	}
}

/* Puts the entry into this page if it has a free slot. */
static bool
put(Relation index, const fs_index *fs, const fs_extent *extent, uint32 page, const fs_entry *entry)
{
	const fs_layout *layout = fs_layout_of(fs, extent->list);
	fs_place	place = fs_extent_place(layout, extent, page);
	Buffer		buffer = fs_read_code(index, place.code, BUFFER_LOCK_EXCLUSIVE, layout, NULL);
	Buffer		middle = InvalidBuffer;
	Buffer		fine = InvalidBuffer;
	uint32		fine_slot = 0;
	uint32		slot = fs_free_slot(layout, BufferGetPage(buffer));
	GenericXLogState *xlog;

	if (slot >= layout->entries)
	{
		UnlockReleaseBuffer(buffer);
		return false;
	}
	if (BlockNumberIsValid(place.middle))
		middle = fs_read(index, place.middle, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_MIDDLE, NULL);
	if (BlockNumberIsValid(place.fine))
		fine = fs_read(index, fs_fine_block(layout, place.fine, slot, &fine_slot), BUFFER_LOCK_EXCLUSIVE,
					   FS_PAGE_FINE, NULL);
	xlog = GenericXLogStart(index);
	fs_entry_put_code(layout, &fs->meta, GenericXLogRegisterBuffer(xlog, buffer, 0), slot, entry);
	if (BufferIsValid(middle))
		fs_entry_put_middle(layout, GenericXLogRegisterBuffer(xlog, middle, 0), slot, entry);
	if (BufferIsValid(fine))
		fs_entry_put_fine(layout, GenericXLogRegisterBuffer(xlog, fine, 0), fine_slot, entry);
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(buffer);
	if (BufferIsValid(middle))
		UnlockReleaseBuffer(middle);
	if (BufferIsValid(fine))
		UnlockReleaseBuffer(fine);
	return true;
}

/* Tries the pages of an extent, from the hinted one on, and moves the hint. */
static bool
put_into_extent(Relation index, insert_state *state, const fs_entry *entry)
{
	uint32		page = state->page;

	while (page < state->extent.pages && !put(index, state->fs, &state->extent, page, entry))
		page++;
	if (page != state->page)
		fs_extent_note_room(index, &state->fs->meta, state->number, state->page, page);
	state->page = page;
	return page < state->extent.pages;
}

static void
put_somewhere(Relation index, insert_state *state, const fs_entry *entry)
{
	fs_index   *fs = state->fs;
	uint32		list = entry->list;
	uint32		from = 0;

	if (state->valid && state->extent.list == list && put_into_extent(index, state, entry))
		return;
	for (;;)
	{
		room_search search = {.list = list, .from = from};
		fs_meta		meta;

		CHECK_FOR_INTERRUPTS();
		fs_meta_read(index, &meta);
		/* what else it says, a template's dimension above all, is taken over by fs_insert() alone */
		fs->meta.directory = meta.directory;
		fs->meta.extents = meta.extents;
		fs_extents_visit(index, &fs->meta, look_for_room, &search);
		if (!search.found && fs->meta.lists > 1 && list < FS_LIST_TAIL)
		{
			/* a list does not grow: a page for each would cost more than reading the tail */
			list = FS_LIST_TAIL;
			from = 0;
			if (state->valid && state->extent.list == list && put_into_extent(index, state, entry))
				return;
			continue;
		}
		if (!search.found)
		{
			fs_extent	extent;

			/* whoever was quicker made room for both */
			(void) fs_extent_add(index, fs_layout_of(fs, list), list,
								 fs_next_extent_pages(search.pages), fs->meta.extents, false, &extent);
			continue;
		}
		state->number = search.number;
		state->extent = search.extent;
		state->page = search.extent.room;
		state->valid = true;
		if (put_into_extent(index, state, entry))
			return;
		from = search.number + 1;
	}
}

bool
fs_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap, IndexUniqueCheck unique,
		  bool unchanged, IndexInfo *info)
{
	insert_state *state = info->ii_AmCache;
	MemoryContext old;

	if (state == NULL)
	{
		old = MemoryContextSwitchTo(info->ii_Context);
		state = palloc0(sizeof(insert_state));
		state->fs = fs_index_open(index, info->ii_Context);
		state->row = AllocSetContextCreate(info->ii_Context, "facescan insert", ALLOCSET_SMALL_SIZES);
		info->ii_AmCache = state;
		MemoryContextSwitchTo(old);
	}
	if (state->encoder == NULL)
	{
		old = MemoryContextSwitchTo(info->ii_Context);
		if (state->fs->meta.dim == 0 && !isnull[0])
		{
			Embedding  *embedding = embedding_of_datum(values[0]);

			fs_meta_set_template(index, &state->fs->meta, embedding);
			fs_index_complete(index, state->fs);
		}
		if (state->fs->meta.dim != 0)
			state->encoder = fs_encoder_create(state->fs);
		MemoryContextSwitchTo(old);
	}

	old = MemoryContextSwitchTo(state->row);
	if (state->encoder != NULL)
	{
		fs_entry   *entry = &state->encoder->entry;

		fs_encode(index, state->encoder, values, isnull, tid, false);
		if (entry->list < FS_LIST_ODD && state->fs->meta.lists > 1)
			entry->list = fs_nearest_list(index, state->fs, state->encoder->rotated);
		put_somewhere(index, state, entry);
	}
	else
	{
		/* no template yet: a row without one needs no encoder */
		fs_encoder *encoder = fs_encoder_create(state->fs);

		fs_encode(index, encoder, values, isnull, tid, false);
		put_somewhere(index, state, &encoder->entry);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row);
	return false;
}

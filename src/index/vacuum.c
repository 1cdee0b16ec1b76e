/*
 * vacuum.c - entries of dead rows are wiped, and their slots used again.
 *
 * Nothing is moved: a scan that runs meanwhile finds every entry where it was.
 * What an entry said about a face is overwritten with zeros (expungement):
 * first in the middle and fine pages, then in the code page, which is what says that the
 * slot is in use; so a crash between the two leaves an entry that the next
 * vacuum wipes again, and never a code that no vacuum will find.
 */
#include "index/index.h"

#include "commands/vacuum.h"
#include "miscadmin.h"

typedef struct vacuum_state
{
	Relation	index;
	fs_index   *fs;
	BufferAccessStrategy strategy;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	uint16	   *dead;			/* slots of the page at hand */
	uint32		ndead;
} vacuum_state;

static void
wipe_middle(vacuum_state *state, const fs_layout *layout, BlockNumber block)
{
	Buffer		buffer = fs_read(state->index, block, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_MIDDLE, state->strategy);
	GenericXLogState *xlog = GenericXLogStart(state->index);
	Page		page = GenericXLogRegisterBuffer(xlog, buffer, 0);

	for (uint32 i = 0; i < state->ndead; i++)
		fs_entry_clear_middle(layout, page, state->dead[i]);
	GenericXLogFinish(xlog);
	UnlockReleaseBuffer(buffer);
}

/* Wipes the fine codes of the dead slots, page by page. */
static void
wipe_fine(vacuum_state *state, const fs_layout *layout, BlockNumber fine)
{
	uint32		i = 0;

	while (i < state->ndead)
	{
		uint32		fine_slot;
		BlockNumber block = fs_fine_block(layout, fine, state->dead[i], &fine_slot);
		Buffer		buffer = fs_read(state->index, block, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_FINE, state->strategy);
		GenericXLogState *xlog = GenericXLogStart(state->index);
		Page		page = GenericXLogRegisterBuffer(xlog, buffer, 0);

		for (; i < state->ndead && fs_fine_block(layout, fine, state->dead[i], &fine_slot) == block; i++)
			fs_entry_clear_fine(layout, page, fine_slot);
		GenericXLogFinish(xlog);
		UnlockReleaseBuffer(buffer);
	}
}

/* Vacuums one code page; true when it has room afterwards. */
static bool
vacuum_page(vacuum_state *state, const fs_layout *layout, fs_place place)
{
	const fs_meta *meta = &state->fs->meta;
	Buffer		buffer = fs_read_code(state->index, place.code, BUFFER_LOCK_SHARE, layout, state->strategy);
	Page		page = BufferGetPage(buffer);
	uint32		used = FS_CODE_HEAD(page)->used;
	bool		room;

	/*
	 * An entry that is inserted once the lock is given up belongs to a row
	 * that this vacuum has not seen dead, and a dead one stays where it is:
	 * only vacuum frees slots, and only one vacuum runs on a table.
	 */
	state->ndead = 0;
	for (uint32 i = 0; i < used; i++)
	{
		ItemPointer tid = &FS_TIDS(page, layout)[i];

		if (!ItemPointerIsValid(tid))
			continue;
		if (state->callback(tid, state->callback_state))
			state->dead[state->ndead++] = i;
		else
			state->stats->num_index_tuples++;
	}
	room = state->ndead > 0 || FS_CODE_HEAD(page)->free > 0 || used < layout->entries;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	if (state->ndead > 0)
	{
		GenericXLogState *xlog;

		if (BlockNumberIsValid(place.middle))
			wipe_middle(state, layout, place.middle);
		if (BlockNumberIsValid(place.fine))
			wipe_fine(state, layout, place.fine);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		xlog = GenericXLogStart(state->index);
		page = GenericXLogRegisterBuffer(xlog, buffer, 0);
		for (uint32 i = 0; i < state->ndead; i++)
			fs_entry_clear_code(layout, meta, page, state->dead[i]);
		GenericXLogFinish(xlog);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		state->stats->tuples_removed += state->ndead;
	}
	ReleaseBuffer(buffer);
	return room;
}

/* The extents as they were when vacuum began; later ones hold no dead row. */
typedef struct extent_list
{
	fs_extent  *extents;
	uint32		count;
} extent_list;

static void
collect(const fs_extent *extent, uint32 number, void *argument)
{
	extent_list *list = argument;

	list->extents[list->count++] = *extent;
}

static void
vacuum_extents(vacuum_state *state)
{
	fs_index   *fs = state->fs;
	extent_list list = {palloc_extended(sizeof(fs_extent) * Max(fs->meta.extents, 1), MCXT_ALLOC_HUGE), 0};

	fs_extents_visit(state->index, &fs->meta, collect, &list);
	state->stats->num_index_tuples = 0;
	state->dead = palloc(sizeof(uint16) * FS_MAX_ENTRIES);
	for (uint32 i = 0; i < list.count; i++)
	{
		const fs_extent *extent = &list.extents[i];
		const fs_layout *layout = fs_layout_of(fs, extent->list);
		uint32		room = extent->pages;

		for (uint32 page = 0; page < extent->pages; page++)
		{
			facesnxt_vacuum_delay_point();
			if (vacuum_page(state, layout, fs_extent_place(layout, extent, page)) && room == extent->pages)
				room = page;
		}
		/* lowered, if it is above that by now */
		if (room < extent->pages)
			fs_extent_note_room(state->index, &fs->meta, i, room, room);
	}
}

IndexBulkDeleteResult *
fs_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
			   void *callback_state)
{
	vacuum_state state = {0};

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	state.index = info->index;
	state.strategy = info->strategy;
	state.stats = stats;
	state.callback = callback;
	state.callback_state = callback_state;
	state.fs = fs_index_open(info->index, CurrentMemoryContext);
	vacuum_extents(&state);
	return stats;
}

IndexBulkDeleteResult *
fs_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	/* nobody was removed, or an ANALYZE alone: there is nothing to clean, and nothing was counted */
	if (info->analyze_only || stats == NULL)
		return stats;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}

/*
 * extent.c - the directory of extents, and how a list gets more pages.
 *
 * The directory only grows.  Whoever adds an extent holds the heavyweight lock
 * of the meta page, which is taken for nothing else (in a build the builders
 * have a lock of their own).  The order is such that a crash at any instant
 * leaves at worst pages that no extent names:
 *
 *		1. the file is extended and the new pages are initialised and logged
 *		2. one record puts the extent into the directory and counts it in the meta page
 */
#include "index/index.h"

#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

static bool
is_possible(const fs_meta *meta, const fs_extent *extent, BlockNumber blocks)
{
	/* the other pages of an extent are checked when they are read */
	return (extent->list < meta->lists || extent->list >= FS_LIST_TAIL) &&
		extent->pages >= 1 && extent->pages <= FS_MAX_EXTENT_PAGES &&
		extent->start < blocks && extent->pages <= blocks - extent->start;
}

void
fs_extents_visit(Relation index, const fs_meta *meta, fs_extent_visitor visitor, void *argument)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	fs_extent  *extents = palloc(sizeof(fs_extent) * FS_EXTENTS_PER_PAGE);
	BlockNumber block = meta->directory;
	uint32		number = 0;

	/* extents that were added after the meta page was read are none of the caller's */
	while (number < meta->extents)
	{
		Buffer		buffer = fs_read(index, block, BUFFER_LOCK_SHARE, FS_PAGE_DIRECTORY, NULL);
		fs_directory *directory = FS_DIRECTORY(BufferGetPage(buffer));
		uint32		count = directory->count;
		BlockNumber next = FS_OPAQUE(BufferGetPage(buffer))->next;

		if (count == 0 || count > FS_EXTENTS_PER_PAGE)
			fs_complain_damaged(index, block);
		memcpy(extents, directory->extents, sizeof(fs_extent) * count);
		UnlockReleaseBuffer(buffer);
		for (uint32 i = 0; i < count && number < meta->extents; i++, number++)
		{
			if (!is_possible(meta, &extents[i], blocks))
				fs_complain_damaged(index, block);
			visitor(&extents[i], number, argument);
		}
		block = next;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(extents);
}

void
fs_extent_note_room(Relation index, const fs_meta *meta, uint32 number, uint32 seen, uint32 room)
{
	BlockNumber block = meta->directory;
	Buffer		buffer;
	fs_directory *directory;

	for (; number >= FS_EXTENTS_PER_PAGE; number -= FS_EXTENTS_PER_PAGE)
	{
		buffer = fs_read(index, block, BUFFER_LOCK_SHARE, FS_PAGE_DIRECTORY, NULL);
		block = FS_OPAQUE(BufferGetPage(buffer))->next;
		UnlockReleaseBuffer(buffer);
	}
	buffer = fs_read(index, block, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_DIRECTORY, NULL);
	directory = FS_DIRECTORY(BufferGetPage(buffer));
	if (number < directory->count)
	{
		uint16	   *hint = &directory->extents[number].room;

		if (room < *hint || (room > *hint && *hint == seen))
		{
			*hint = room;
			MarkBufferDirtyHint(buffer, true);
		}
	}
	UnlockReleaseBuffer(buffer);
}

/* Extends the file by the pages of an extent; returns the first block. */
static BlockNumber
extend(Relation index, const fs_layout *layout, uint32 list, uint32 pages, bool building)
{
	uint32		total = pages * fs_pages_of_code_page(layout);
	BlockNumber start = InvalidBlockNumber;

	LockRelationForExtension(index, ExclusiveLock);
	for (uint32 i = 0; i < total; i++)
	{
		Buffer		buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);

		if (i == 0)
			start = BufferGetBlockNumber(buffer);
		if (i < pages)
			fs_code_page_init(BufferGetPage(buffer), layout, list);
		else
			fs_page_init(BufferGetPage(buffer), i < pages * 2 ? FS_PAGE_MIDDLE : FS_PAGE_FINE);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
	UnlockRelationForExtension(index, ExclusiveLock);
	if (!building && RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, start, start + total, true);
	return start;
}

/*
 * Puts the extent into the directory's last page, or into a new one behind it.
 * Nobody else adds one meanwhile.
 */
static void
enter(Relation index, const fs_extent *extent, BlockNumber tail, bool building)
{
	Buffer		buffer = fs_read(index, tail, BUFFER_LOCK_SHARE, FS_PAGE_DIRECTORY, NULL);
	bool		full = FS_DIRECTORY(BufferGetPage(buffer))->count == FS_EXTENTS_PER_PAGE;
	Buffer		metabuffer;
	Buffer		newbuffer = InvalidBuffer;
	GenericXLogState *xlog = NULL;
	Page		page;
	Page		metapage;
	fs_directory *directory;

	UnlockReleaseBuffer(buffer);
	if (full)
	{
		LockRelationForExtension(index, ExclusiveLock);
		newbuffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
		UnlockRelationForExtension(index, ExclusiveLock);
	}
	metabuffer = fs_read(index, FS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_META, NULL);
	buffer = fs_read(index, tail, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_DIRECTORY, NULL);

	if (building)
	{
		page = BufferGetPage(buffer);
		metapage = BufferGetPage(metabuffer);
	}
	else
	{
		xlog = GenericXLogStart(index);
		page = GenericXLogRegisterBuffer(xlog, buffer, 0);
		metapage = GenericXLogRegisterBuffer(xlog, metabuffer, 0);
	}

	if (full)
	{
		Page		newpage = building ? BufferGetPage(newbuffer) :
			GenericXLogRegisterBuffer(xlog, newbuffer, GENERIC_XLOG_FULL_IMAGE);

		fs_page_init(newpage, FS_PAGE_DIRECTORY);
		FS_OPAQUE(page)->next = BufferGetBlockNumber(newbuffer);
		FS_META(metapage)->directory_tail = BufferGetBlockNumber(newbuffer);
		page = newpage;
	}
	directory = FS_DIRECTORY(page);
	directory->extents[directory->count++] = *extent;
	FS_META(metapage)->extents++;

	if (building)
	{
		MarkBufferDirty(buffer);
		MarkBufferDirty(metabuffer);
		if (full)
			MarkBufferDirty(newbuffer);
	}
	else
		GenericXLogFinish(xlog);
	UnlockReleaseBuffer(buffer);
	UnlockReleaseBuffer(metabuffer);
	if (full)
		UnlockReleaseBuffer(newbuffer);
}

bool
fs_extent_add(Relation index, const fs_layout *layout, uint32 list, uint32 pages, uint32 known, bool building,
			  fs_extent *extent)
{
	fs_meta		meta;
	bool		add;

	if (!building)
		LockPage(index, FS_META_BLOCK, ExclusiveLock);
	fs_meta_read(index, &meta);
	add = building || meta.extents == known;
	if (add)
	{
		extent->list = list;
		extent->pages = pages;
		extent->room = 0;
		extent->start = extend(index, layout, list, pages, building);
		enter(index, extent, meta.directory_tail, building);
	}
	if (!building)
		UnlockPage(index, FS_META_BLOCK, ExclusiveLock);
	return add;
}

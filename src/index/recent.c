/*
 * recent.c - where the pages of an index were last seen in shared memory.
 *
 * A scan pins every code page.  Finding a page through the server's table of
 * buffers costs several cache misses, more than scoring ten codes; to look
 * whether it is still where it was costs one.  So each session remembers, for
 * the indexes that it scanned last, four bytes a page.
 */
#include "index/scan.h"

#include "storage/buf_internals.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define REMEMBERED	8

static fs_recent recents[REMEMBERED];
static uint64 clock_hand;

fs_recent *
fs_recent_open(Relation index)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	fs_recent  *recent = NULL;

	for (int i = 0; i < REMEMBERED; i++)
		if (recents[i].buffers != NULL && facesnxt_same_file(recents[i].file, facesnxt_file_of(index)))
			recent = &recents[i];
	if (recent == NULL)
	{
		/* the one not used for longest makes room; a scan that still uses it notices by the file */
		recent = &recents[0];
		for (int i = 1; i < REMEMBERED; i++)
			if (recents[i].used < recent->used)
				recent = &recents[i];
		if (recent->buffers != NULL)
			pfree(recent->buffers);
		recent->buffers = NULL;
		recent->blocks = 0;
		recent->demand = 0;
		recent->file = facesnxt_file_of(index);
	}
	if (recent->blocks < blocks)
	{
		Size		size = sizeof(Buffer) * (Size) blocks;
		Buffer	   *buffers = MemoryContextAllocExtended(CacheMemoryContext, size,
														 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);

		if (buffers == NULL)
			return NULL;
		if (recent->buffers != NULL)
		{
			memcpy(buffers, recent->buffers, sizeof(Buffer) * recent->blocks);
			pfree(recent->buffers);
		}
		recent->buffers = buffers;
		recent->blocks = blocks;
	}
	recent->used = ++clock_hand;
	return recent;
}

Buffer
fs_recent_pin(fs_recent *recent, Relation index, BlockNumber block)
{
	Buffer		buffer;

	if (recent == NULL || block >= recent->blocks || !facesnxt_same_file(recent->file, facesnxt_file_of(index)))
		return ReadBuffer(index, block);
	buffer = recent->buffers[block];
	if (buffer != InvalidBuffer && ReadRecentBuffer(recent->file, MAIN_FORKNUM, block, buffer))
		return buffer;
	return recent->buffers[block] = ReadBuffer(index, block);
}

void
fs_recent_note_demand(fs_recent *recent, Relation index, uint64 rows)
{
	/* a few that ask for less do not make the next one that asks for more pay with a second pass */
	if (recent != NULL && facesnxt_same_file(recent->file, facesnxt_file_of(index)))
		recent->demand = Max((double) rows, recent->demand * 0.8);
}

uint32
fs_recent_rank(const fs_recent *recent)
{
	if (recent == NULL || recent->demand == 0)
		return FS_FIRST_RANK;
	/* scores of fine codes are off by a few places */
	return (uint32) Min(recent->demand * 4 / 3 + 8, FS_GREATEST_RANK);
}

void
fs_recent_prefetch(const fs_recent *recent, BlockNumber block)
{
	/* a temporary table's buffers have negative numbers */
	if (recent != NULL && block < recent->blocks && recent->buffers[block] > 0)
		__builtin_prefetch(GetBufferDescriptor(recent->buffers[block] - 1));
}

/*
 * memory.c - what a session remembers of the indexes that it used last.
 *
 * Where their pages were last seen in shared memory: a scan pins every code
 * page, and finding a page through the server's table of buffers costs
 * several cache misses, more than scoring ten codes; to look whether it is
 * still where it was costs one.  Four bytes a page.
 *
 * The lists' centres, a megabyte that every scan and every insert needs.
 *
 * How many rows scans were asked for, since no access method is told LIMIT.
 *
 * What is remembered is valid for one build of an index, which the file and
 * the seed tell.  It is not forgotten within a transaction that has used it,
 * so that an open scan can rely on it.
 */
#include "index/index.h"

#include "storage/buf_internals.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#define REMEMBERED	64

struct fs_memory
{
	MemoryContext context;		/* NULL: this place is free */
	facesnxt_file file;
	uint64		seed;
	LocalTransactionId user;	/* the last one */
	uint64		used;			/* when */
	BlockNumber blocks;
	Buffer	   *buffers;		/* of each block; InvalidBuffer: not seen yet */
	double		demand;
	const fx_clusters *clusters;
};

static fs_memory memories[REMEMBERED];
static uint64 clock_hand;

static fs_memory *
find(Relation index, uint64 seed)
{
	for (int i = 0; i < REMEMBERED; i++)
		if (memories[i].context != NULL && memories[i].seed == seed &&
			facesnxt_same_file(memories[i].file, facesnxt_file_of(index)))
			return &memories[i];
	return NULL;
}

/* A free place, or the one not used for longest, but none that this transaction uses. */
static fs_memory *
make_place(void)
{
	fs_memory  *place = NULL;

	for (int i = 0; i < REMEMBERED; i++)
	{
		if (memories[i].context == NULL)
			return &memories[i];
		if (memories[i].user != facesnxt_local_transaction() && (place == NULL || memories[i].used < place->used))
			place = &memories[i];
	}
	if (place != NULL)
	{
		MemoryContextDelete(place->context);
		place->context = NULL;
	}
	return place;
}

/* Space for the buffers of so many blocks; false without memory: pages are then found as everyone else finds them. */
static bool
make_space(fs_memory *memory, BlockNumber blocks)
{
	Buffer	   *buffers;

	if (blocks <= memory->blocks)
		return true;
	buffers = MemoryContextAllocExtended(memory->context, sizeof(Buffer) * (Size) blocks,
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);
	if (buffers == NULL)
		return false;
	if (memory->buffers != NULL)
	{
		memcpy(buffers, memory->buffers, sizeof(Buffer) * memory->blocks);
		pfree(memory->buffers);
	}
	memory->buffers = buffers;
	memory->blocks = blocks;
	return true;
}

fs_memory *
fs_memory_open(Relation index, uint64 seed)
{
	fs_memory  *memory = find(index, seed);
	BlockNumber blocks = RelationGetNumberOfBlocks(index);

	if (memory == NULL)
	{
		MemoryContext context;

		memory = make_place();
		if (memory == NULL)
			return NULL;
		context = AllocSetContextCreate(CacheMemoryContext, "facescan memory", ALLOCSET_SMALL_SIZES);
		memset(memory, 0, sizeof(*memory));
		memory->context = context;
		memory->file = facesnxt_file_of(index);
		memory->seed = seed;
	}
	(void) make_space(memory, blocks);
	memory->user = facesnxt_local_transaction();
	memory->used = ++clock_hand;
	return memory;
}

Buffer
fs_memory_pin(fs_memory *memory, Relation index, BlockNumber block)
{
	Buffer		buffer;

	if (memory == NULL || block >= memory->blocks)
		return ReadBuffer(index, block);
	buffer = memory->buffers[block];
	if (buffer != InvalidBuffer && ReadRecentBuffer(memory->file, MAIN_FORKNUM, block, buffer))
		return buffer;
	return memory->buffers[block] = ReadBuffer(index, block);
}

void
fs_memory_prefetch(const fs_memory *memory, BlockNumber block)
{
	/* a temporary table's buffers have negative numbers */
	if (memory != NULL && block < memory->blocks && memory->buffers[block] > 0)
		__builtin_prefetch(GetBufferDescriptor(memory->buffers[block] - 1));
}

const char *
fs_memory_place(fs_memory *memory, Relation index, BlockNumber block)
{
	if (memory == NULL || block >= memory->blocks)
		return NULL;
	/* the first time in a session */
	if (memory->buffers[block] == InvalidBuffer)
	{
		memory->buffers[block] = ReadBuffer(index, block);
		ReleaseBuffer(memory->buffers[block]);
	}
	return BufferGetPage(memory->buffers[block]);
}

uint32
fs_memory_blocks(void)
{
	uint32		blocks = 0;

	for (int i = 0; i < REMEMBERED; i++)
		if (memories[i].context != NULL)
			blocks = Max(blocks, memories[i].blocks);
	return blocks;
}

uint32
fs_memory_tell(const fs_memory *memory, Buffer *buffers, uint32 space)
{
	uint32		blocks = memory != NULL ? Min(memory->blocks, space) : 0;

	/* a temporary table's buffers mean nothing to another process, but then there are no other processes */
	if (blocks > 0)
		memcpy(buffers, memory->buffers, sizeof(Buffer) * blocks);
	return blocks;
}

void
fs_memory_learn(fs_memory *memory, const Buffer *buffers, uint32 blocks)
{
	if (memory != NULL && blocks > 0 && make_space(memory, blocks))
		memcpy(memory->buffers, buffers, sizeof(Buffer) * blocks);
}

void
fs_memory_note_demand(fs_memory *memory, uint64 rows, bool part)
{
	/* a few that ask for less do not make the next one that asks for more pay with a second pass */
	if (memory != NULL)
		memory->demand = Max((double) rows, part ? memory->demand : memory->demand * 0.8);
}

double
fs_memory_demand(const fs_memory *memory)
{
	return memory != NULL ? memory->demand : 0;
}

const fx_clusters *
fs_memory_clusters(const fs_memory *memory)
{
	return memory != NULL ? memory->clusters : NULL;
}

void
fs_memory_keep_clusters(fs_memory *memory, const fx_clusters *clusters)
{
	memory->clusters = clusters;
}

MemoryContext
fs_memory_context(fs_memory *memory)
{
	return memory->context;
}

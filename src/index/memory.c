/*
 * memory.c - what a session remembers of the indexes that it used last.
 *
 * Where their pages were last seen in shared memory: a scan pins every code
 * page, and finding a page through the server's table of buffers costs
 * several cache misses, more than scoring ten codes; to look whether it is
 * still where it was costs one.  Four bytes a page.  Of pages that it has not
 * seen, a session guesses it by those that it has.
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

/* A page's buffer is guessed from that of a page so many blocks before it at most. */
#define GUESS_DISTANCE	512
/* If the page right before it is known, so many buffers behind that are looked at. */
#define GUESS_WINDOW	8

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

/* A free place, or the one not used for longest, but none that this transaction uses; a worker's pass is in none. */
static fs_memory *
make_place(void)
{
	LocalTransactionId user = facesnxt_local_transaction();
	fs_memory  *place = NULL;

	for (int i = 0; i < REMEMBERED; i++)
	{
		if (memories[i].context == NULL)
			return &memories[i];
		if ((memories[i].user != user || !LocalTransactionIdIsValid(user)) &&
			(place == NULL || memories[i].used < place->used))
			place = &memories[i];
	}
	if (place != NULL)
	{
		MemoryContextDelete(place->context);
		place->context = NULL;
	}
	return place;
}

void
fs_memory_cover(fs_memory *memory, BlockNumber blocks)
{
	Buffer	   *buffers;

	if (memory == NULL || blocks <= memory->blocks)
		return;
	buffers = MemoryContextAllocExtended(memory->context, sizeof(Buffer) * (Size) blocks,
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);
	/* then pages are found as everyone else finds them */
	if (buffers == NULL)
		return;
	if (memory->buffers != NULL)
	{
		memcpy(buffers, memory->buffers, sizeof(Buffer) * memory->blocks);
		pfree(memory->buffers);
	}
	memory->buffers = buffers;
	memory->blocks = blocks;
}

fs_memory *
fs_memory_open(Relation index, uint64 seed)
{
	fs_memory  *memory = find(index, seed);

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
	memory->user = facesnxt_local_transaction();
	memory->used = ++clock_hand;
	return memory;
}

/* Whether a buffer seems to hold the page: a look without its lock, at what may change meanwhile. */
static bool
seems_to_hold(int64 buffer, BlockNumber block)
{
	return buffer > 0 && buffer <= NBuffers && GetBufferDescriptor(buffer - 1)->tag.blockNum == block;
}

/*
 * Where a page may be that has not been seen: as far behind one that was seen as in the file, where pages were written
 * or read one after the other; or a little behind the page before it, where others were read in between.
 */
static Buffer
guess_buffer(const fs_memory *memory, BlockNumber block)
{
	uint32		most = Min(block, GUESS_DISTANCE);

	for (uint32 i = 1; i <= most; i++)
	{
		int64		before = memory->buffers[block - i];

		if (before == InvalidBuffer)
			continue;
		for (int64 buffer = before + i; buffer < before + i + (i == 1 ? GUESS_WINDOW : 1); buffer++)
			if (seems_to_hold(buffer, block))
				return (Buffer) buffer;
		break;
	}
	return InvalidBuffer;
}

Buffer
fs_memory_pin(fs_memory *memory, Relation index, BlockNumber block)
{
	Buffer		buffer;

	if (memory == NULL || block >= memory->blocks)
		return ReadBuffer(index, block);
	buffer = memory->buffers[block];
	if (buffer == InvalidBuffer)
		buffer = guess_buffer(memory, block);
	if (buffer == InvalidBuffer || !ReadRecentBuffer(memory->file, MAIN_FORKNUM, block, buffer))
		buffer = ReadBuffer(index, block);
	return memory->buffers[block] = buffer;
}

void
fs_memory_prefetch(const fs_memory *memory, BlockNumber block)
{
	/* a temporary table's buffers have negative numbers */
	if (memory != NULL && block < memory->blocks && memory->buffers[block] > 0)
		fx_prefetch(GetBufferDescriptor(memory->buffers[block] - 1));
}

const char *
fs_memory_place(fs_memory *memory, Relation index, BlockNumber block)
{
	if (memory == NULL || block >= memory->blocks)
		return NULL;
	/* the first time in a session */
	if (memory->buffers[block] == InvalidBuffer)
		ReleaseBuffer(fs_memory_pin(memory, index, block));
	return BufferGetPage(memory->buffers[block]);
}

void
fs_memory_note_demand(fs_memory *memory, uint64 rows)
{
	/* a few that ask for less do not make the next one that asks for more pay with a second pass */
	if (memory != NULL)
		memory->demand = Max((double) rows, memory->demand * 0.8);
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

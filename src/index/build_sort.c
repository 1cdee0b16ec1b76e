/*
 * build_sort.c - the entries of an index with lists, sorted by list.
 *
 * Nearest lists are found for a batch of rows by one matrix product.  The
 * server's sort gets what the rest leaves of maintenance_work_mem, and does the
 * merging when several processes sort their shares.
 */
#include "index/build.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

/* Rows whose lists are found at once. */
#define BATCH	FX_POINTS_AT_ONCE

/* An entry as it is sorted: this, then words, nulls, signs and planes. */
typedef struct packed_entry
{
	ItemPointerData tid;
	fx_coarse_factors coarse;
	fx_level_factors middle;
	fx_level_factors fine;
} packed_entry;

struct fs_sorter
{
	MemoryContext context;
	Tuplesortstate *sort;
	TupleTableSlot *in;
	TupleTableSlot *out;
	/* the batch: entries with codes; not where others' entries are merged */
	uint32		count;
	Size		size;			/* of a packed entry, its varlena header included */
	char	   *entries;		/* BATCH * size */
	float	   *rows;			/* BATCH * padded: template minus centre */
	float	   *points;			/* BATCH * axes */
	uint32	   *lists;			/* BATCH */
	float	   *scratch;		/* of fx_nearest_lists() */
};

/*
 * Of a process's memory (kB) what is left for the sort beside axes and centres, a page of codes, the points that the
 * calibration needs, and `batch` bytes. Little memory goes to the sort for a quarter at least: a smaller one merges
 * its runs again and again.
 */
static int
sort_memory(const fs_builder *builder, int memory, Size batch)
{
	const fs_index *fs = builder->fs;
	Size		beside = batch + BLCKSZ * (Size) fs_pages_of_code_page(&fs->layout) +
		sizeof(float) * fs->meta.axes * (Size) (fs->layout.padded + fs->meta.lists);

	if (builder->sample != NULL)
		beside += sizeof(float) * (fs->meta.axes + 1) * (Size) builder->sample->npoints;
	return (int) Max(memory - (int64) (beside / 1024), memory / 4);
}

fs_sorter *
fs_sorter_begin(fs_builder *builder, int memory, SortCoordinate coordinate)
{
	const fs_index *fs = builder->fs;
	bool		merging = coordinate != NULL && !coordinate->isWorker;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "facescan sort", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	fs_sorter  *sorter = palloc0(sizeof(fs_sorter));
	TupleDesc	desc = CreateTemplateTupleDesc(2);
	AttrNumber	column = 1;
	Oid			less = Int4LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;
	uint32		padded = fs->layout.padded;

	fs_load_blas();
	sorter->context = context;
	TupleDescInitEntry(desc, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "entry", BYTEAOID, -1, 0);
	sorter->in = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sorter->out = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	sorter->size = MAXALIGN(VARHDRSZ + sizeof(packed_entry) + (sizeof(uint64) + sizeof(bool)) * fs->meta.nfilters +
							padded / 8 + fs->layout.middle_bytes + fs->layout.fine_bytes);
	if (!merging)
	{
		sorter->entries = palloc(sorter->size * BATCH);
		sorter->rows = palloc_extended(sizeof(float) * BATCH * padded, MCXT_ALLOC_HUGE);
		sorter->points = palloc(sizeof(float) * BATCH * fs->meta.axes);
		sorter->lists = palloc(sizeof(uint32) * BATCH);
		sorter->scratch = palloc(sizeof(float) * fx_nearest_scratch(BATCH, fs->meta.lists));
	}
	sorter->sort = tuplesort_begin_heap(desc, 1, &column, &less, &collation, &nulls_first,
										sort_memory(builder, memory, MemoryContextMemAllocated(context, true)),
										coordinate, TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
	return sorter;
}

static char *
append(char *to, const void *from, Size size)
{
	memcpy(to, from, size);
	return to + size;
}

static void
pack(const fs_builder *builder, const fs_entry *entry, char *to)
{
	const fs_index *fs = builder->fs;
	packed_entry packed = {entry->tid, entry->coarse, entry->middle, entry->fine};

	SET_VARSIZE(to, builder->sorter->size);
	to = append(to + VARHDRSZ, &packed, sizeof(packed));
	to = append(to, entry->words, sizeof(uint64) * fs->meta.nfilters);
	to = append(to, entry->isnull, sizeof(bool) * fs->meta.nfilters);
	to = append(to, entry->signs, fs->layout.padded / 8);
	(void) append(to, entry->planes, fs->layout.middle_bytes + fs->layout.fine_bytes);
}

static const char *
take(const char *from, void *to, Size size)
{
	memcpy(to, from, size);
	return from + size;
}

static void
unpack(const fs_builder *builder, const char *from, fs_entry *entry)
{
	const fs_index *fs = builder->fs;
	packed_entry packed;

	from = take(from, &packed, sizeof(packed));
	entry->tid = packed.tid;
	entry->coarse = packed.coarse;
	entry->middle = packed.middle;
	entry->fine = packed.fine;
	from = take(from, entry->words, sizeof(uint64) * fs->meta.nfilters);
	from = take(from, entry->isnull, sizeof(bool) * fs->meta.nfilters);
	from = take(from, entry->signs, fs->layout.padded / 8);
	(void) take(from, entry->planes, fs->layout.middle_bytes + fs->layout.fine_bytes);
}

static void
sort_entry(fs_sorter *sorter, uint32 list, char *packed)
{
	TupleTableSlot *slot = ExecClearTuple(sorter->in);

	slot->tts_values[0] = Int32GetDatum((int32) list);
	slot->tts_values[1] = PointerGetDatum(packed);
	slot->tts_isnull[0] = slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sorter->sort, slot);
}

/* Finds the lists of the batch and sorts its entries. */
static void
finish_batch(fs_builder *builder)
{
	fs_sorter  *sorter = builder->sorter;
	const fx_clusters *clusters = fs_clusters(builder->index, builder->fs);

	CHECK_FOR_INTERRUPTS();
	fx_project(clusters, sorter->rows, sorter->count, sorter->points);
	fx_nearest_lists(clusters, sorter->points, sorter->count, sorter->lists, sorter->scratch);
	for (uint32 i = 0; i < sorter->count; i++)
	{
		pg_atomic_fetch_add_u32(&builder->sizes[sorter->lists[i]], 1);
		sort_entry(sorter, sorter->lists[i], sorter->entries + sorter->size * i);
	}
	sorter->count = 0;
}

void
fs_sorter_put(fs_builder *builder)
{
	fs_sorter  *sorter = builder->sorter;
	const fs_index *fs = builder->fs;
	const fs_entry *entry = &builder->encoder->entry;
	char	   *packed = sorter->entries + sorter->size * sorter->count;
	float	   *row = sorter->rows + (Size) fs->layout.padded * sorter->count;

	pack(builder, entry, packed);
	if (entry->list >= FS_LIST_ODD)
	{
		sort_entry(sorter, entry->list, packed);
		return;
	}
	for (uint32 i = 0; i < fs->layout.padded; i++)
		row[i] = builder->encoder->rotated[i] - fs->centre[i];
	if (++sorter->count == BATCH)
		finish_batch(builder);
}

void
fs_sorter_finish(fs_builder *builder)
{
	if (builder->sorter->count > 0)
		finish_batch(builder);
	tuplesort_performsort(builder->sorter->sort);
}

void
fs_sorter_write(fs_builder *builder)
{
	fs_sorter  *sorter = builder->sorter;
	fs_encoder *encoder = fs_encoder_create(builder->fs);
	int64		done = 0;

	while (tuplesort_gettupleslot(sorter->sort, true, false, sorter->out, NULL))
	{
		bool		isnull;

		encoder->entry.list = (uint32) DatumGetInt32(slot_getattr(sorter->out, 1, &isnull));
		unpack(builder, VARDATA_ANY(DatumGetPointer(slot_getattr(sorter->out, 2, &isnull))), &encoder->entry);
		fs_build_put(builder, &encoder->entry);
		fs_progress_tuples(++done);
		CHECK_FOR_INTERRUPTS();
	}
	fs_build_flush(builder);
}

void
fs_sorter_end(fs_builder *builder)
{
	ExecDropSingleTupleTableSlot(builder->sorter->in);
	ExecDropSingleTupleTableSlot(builder->sorter->out);
	tuplesort_end(builder->sorter->sort);
	MemoryContextDelete(builder->sorter->context);
	builder->sorter = NULL;
}

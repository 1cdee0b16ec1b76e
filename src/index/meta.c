/*
 * meta.c - the meta page, and an index opened for use.
 */
#include "index/index.h"

#include "base/blas.h"
#include "bind/env.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

void
fs_check_page(Relation index, Buffer buffer, fs_page_kind kind)
{
	Page		page = BufferGetPage(buffer);

	if (PageIsNew(page) || ((PageHeader) page)->pd_special != FS_PAGE_BYTES ||
		(kind >= FS_PAGE_CODE ?
		 FS_CODE_HEAD(page)->page_id != FS_PAGE_ID || FS_CODE_HEAD(page)->kind != kind :
		 FS_OPAQUE(page)->page_id != FS_PAGE_ID || FS_OPAQUE(page)->kind != kind))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has an unexpected page at block %u",
						RelationGetRelationName(index), BufferGetBlockNumber(buffer)),
				 errdetail("A page of kind %d was expected.", kind),
				 errhint("REINDEX the index.")));
}

void
fs_complain_damaged(Relation index, BlockNumber block)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is damaged at block %u", RelationGetRelationName(index), block),
			 errhint("REINDEX the index.")));
}

Buffer
fs_read(Relation index, BlockNumber block, int mode, fs_page_kind kind, BufferAccessStrategy strategy)
{
	Buffer		buffer;

	/* a chain that ends early; this very number would make the file longer */
	if (block == InvalidBlockNumber)
		fs_complain_damaged(index, block);
	buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	LockBuffer(buffer, mode);
	fs_check_page(index, buffer, kind);
	return buffer;
}

void
fs_check_code_page(Relation index, Buffer buffer, const fs_layout *layout)
{
	fs_code_head *head = FS_CODE_HEAD(BufferGetPage(buffer));

	fs_check_page(index, buffer, FS_PAGE_CODE);
	if (head->used > layout->entries || head->free > head->used)
		fs_complain_damaged(index, BufferGetBlockNumber(buffer));
}

Buffer
fs_read_code(Relation index, BlockNumber block, int mode, const fs_layout *layout, BufferAccessStrategy strategy)
{
	Buffer		buffer = fs_read(index, block, mode, FS_PAGE_CODE, strategy);

	fs_check_code_page(index, buffer, layout);
	return buffer;
}

void
fs_meta_read(Relation index, fs_meta *meta)
{
	Buffer		buffer = ReadBuffer(index, FS_META_BLOCK);
	Page		page = BufferGetPage(buffer);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (PageIsNew(page) || FS_META(page)->magic != FS_MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is not a facescan index", RelationGetRelationName(index)),
				 errhint("REINDEX the index.")));
	if (FS_META(page)->version != FS_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has format version %u", RelationGetRelationName(index), FS_META(page)->version),
				 errdetail("This library reads version %d.", FS_VERSION),
				 errhint("REINDEX the index, or install the library that wrote it.")));
	fs_check_page(index, buffer, FS_PAGE_META);
	*meta = *FS_META(page);
	UnlockReleaseBuffer(buffer);
	if (meta->nfilters > FS_MAX_FILTERS || meta->metric > FX_L2 || meta->bits < 1 ||
		meta->bits > FX_CODE_MAX_BITS || meta->lists < 1 || meta->lists > FX_CLUSTER_MAX_LISTS ||
		(meta->lists > 1 && (meta->axes < 1 || meta->axes > FX_CLUSTER_AXES ||
							 meta->clusters == InvalidBlockNumber)) ||
		meta->dim > FX_CODE_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("meta page of index \"%s\" is damaged", RelationGetRelationName(index)),
				 errhint("REINDEX the index.")));
}

void
fs_meta_create(Relation index, ForkNumber fork, const fs_meta *meta)
{
	Buffer		buffer;
	Page		page;

	LockRelationForExtension(index, ExclusiveLock);
	buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);
	UnlockRelationForExtension(index, ExclusiveLock);
	Assert(BufferGetBlockNumber(buffer) == FS_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	START_CRIT_SECTION();
	fs_page_init(page, FS_PAGE_META);
	*FS_META(page) = *meta;
	MarkBufferDirty(buffer);
	/* an unlogged index starts again from this page after a crash */
	if (fork == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
fs_check_code(fx_code code, const fx_error *err)
{
	if (code == FX_OK)
		return;
	CHECK_FOR_INTERRUPTS();
	if (code == FX_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (code == FX_NO_LIBRARY)
		nx_no_library(err);
	elog(ERROR, "codes of an index: %s", err->detail);
}

void
fs_load_blas(void)
{
	fx_error	err;

	fs_check_code(fx_blas_load(&err), &err);
}

fx_metric
fs_metric(Relation index)
{
	return (fx_metric) DatumGetInt32(FunctionCall0Coll(index_getprocinfo(index, 1, FS_METRIC_PROC), InvalidOid));
}

void
fs_index_complete(Relation index, fs_index *fs)
{
	fx_error	err;
	Size		size = fx_code_padded(fs->meta.dim) * sizeof(float);

	fs_layout_init(&fs->layout, &fs->meta, fx_code_padded(fs->meta.dim));
	fs_check_code(fx_rotation_make(&fs->rotation, fs->meta.dim, fs->meta.seed, &fs->env, &err), &err);
	fs->centre = MemoryContextAllocZero(fs->context, size);
	if (fs->meta.centre != InvalidBlockNumber)
		fs_blob_read(index, fs->meta.centre, fs->centre, size);
}

fs_index *
fs_index_open(Relation index, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	fs_index   *fs = palloc0(sizeof(fs_index));

	fs->context = context;
	fs->env = nx_env(context);
	fs_meta_read(index, &fs->meta);
	fs_layout_init(&fs->plain, &fs->meta, 0);
	if (fs->meta.dim != 0)
		fs_index_complete(index, fs);
	MemoryContextSwitchTo(old);
	return fs;
}

void
fs_check_dimensions(int dim)
{
	if (dim < FX_CODE_MIN_DIM || dim > FX_CODE_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("templates of %d dimensions cannot be indexed", dim),
				 errdetail("An index takes %d to %d dimensions.", FX_CODE_MIN_DIM, FX_CODE_MAX_DIM),
				 errhint("Search them without an index.")));
}

void
fs_meta_update(Relation index, const fs_meta *meta)
{
	Buffer		buffer = fs_read(index, FS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_META, NULL);

	*FS_META(BufferGetPage(buffer)) = *meta;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

void
fs_meta_set_template(Relation index, fs_meta *meta, const Embedding *embedding)
{
	Buffer		buffer;

	fs_check_dimensions(embedding->dim);
	buffer = fs_read(index, FS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, FS_PAGE_META, NULL);
	if (FS_META(BufferGetPage(buffer))->dim == 0)
	{
		GenericXLogState *xlog = GenericXLogStart(index);
		fs_meta    *new = FS_META(GenericXLogRegisterBuffer(xlog, buffer, 0));

		new->dim = embedding->dim;
		new->model = embedding->model;
		GenericXLogFinish(xlog);
	}
	*meta = *FS_META(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
}

void
fs_check_template(Relation index, const fs_index *fs, const Embedding *embedding)
{
	if (embedding->dim != fs->meta.dim)
		ereport(ERROR,
				(errcode(ERRCODE_NX_DIMENSION_MISMATCH),
				 errmsg("index \"%s\" holds templates of %u dimensions, not %u",
						RelationGetRelationName(index), fs->meta.dim, embedding->dim),
				 errhint("Templates of one model have one dimension. "
						 "Index each model in a partial index of its own; "
						 "REINDEX one that holds none of its first model any more.")));
	if (embedding->model != fs->meta.model)
		ereport(ERROR,
				(errcode(ERRCODE_NX_MODEL_MISMATCH),
				 errmsg("index \"%s\" holds templates of model %08x, not %08x",
						RelationGetRelationName(index), fs->meta.model, embedding->model),
				 errhint("Templates of two models have nothing in common. "
						 "Index each model in a partial index of its own; "
						 "REINDEX one that holds none of its first model any more.")));
}

/* The held values are not told: whoever asks may not see a single row. */
void
fs_check_probe(Relation index, const fs_index *fs, const Embedding *probe)
{
	if (probe->dim != fs->meta.dim)
		ereport(ERROR,
				(errcode(ERRCODE_NX_DIMENSION_MISMATCH),
				 errmsg("index \"%s\" holds templates of other than %u dimensions",
						RelationGetRelationName(index), probe->dim),
				 errhint("Search with a probe of the model that made the templates.")));
	if (probe->model != fs->meta.model)
		ereport(ERROR,
				(errcode(ERRCODE_NX_MODEL_MISMATCH),
				 errmsg("index \"%s\" holds templates of another model than %08x",
						RelationGetRelationName(index), probe->model),
				 errhint("Search with a probe of the model that made the templates.")));
}

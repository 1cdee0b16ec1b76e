/*
 * blob.c - chains of pages that hold bytes: centres and calibration.  They
 * are written once, while the index is built.
 */
#include "index/index.h"

#include "storage/lmgr.h"

static Buffer
new_page(Relation index, fs_page_kind kind)
{
	Buffer		buffer;

	LockRelationForExtension(index, ExclusiveLock);
	buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_NORMAL, NULL);
	UnlockRelationForExtension(index, ExclusiveLock);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	fs_page_init(BufferGetPage(buffer), kind);
	MarkBufferDirty(buffer);
	return buffer;
}

BlockNumber
fs_blob_write(Relation index, const void *bytes, Size size)
{
	const char *from = bytes;
	Buffer		buffer = new_page(index, FS_PAGE_BLOB);
	BlockNumber start = BufferGetBlockNumber(buffer);

	for (;;)
	{
		Size		part = Min(size, FS_BLOB_BYTES);
		Buffer		next;

		memcpy(PageGetContents(BufferGetPage(buffer)), from, part);
		from += part;
		size -= part;
		if (size == 0)
			break;
		next = new_page(index, FS_PAGE_BLOB);
		FS_OPAQUE(BufferGetPage(buffer))->next = BufferGetBlockNumber(next);
		UnlockReleaseBuffer(buffer);
		buffer = next;
	}
	UnlockReleaseBuffer(buffer);
	return start;
}

void
fs_blob_read(Relation index, BlockNumber start, void *bytes, Size size)
{
	char	   *to = bytes;
	BlockNumber block = start;

	while (size > 0)
	{
		Size		part = Min(size, FS_BLOB_BYTES);
		Buffer		buffer = fs_read(index, block, BUFFER_LOCK_SHARE, FS_PAGE_BLOB, NULL);

		memcpy(to, PageGetContents(BufferGetPage(buffer)), part);
		block = FS_OPAQUE(BufferGetPage(buffer))->next;
		UnlockReleaseBuffer(buffer);
		to += part;
		size -= part;
	}
}

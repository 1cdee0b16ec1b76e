/*
 * word.c - what a row has in its filter columns, as words beside its code.
 */
#include "index/index.h"

#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

void
fs_filter_formats(Relation index, fs_meta *meta)
{
	TupleDesc	desc = RelationGetDescr(index);

	meta->nfilters = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	for (int i = 0; i < meta->nfilters; i++)
	{
		fs_filter_format *format = &meta->filters[i];
		int16		length = TupleDescAttr(desc, i + 1)->attlen;

		format->kind = DatumGetInt32(FunctionCall0Coll(index_getprocinfo(index, i + 2, FS_FILTER_PROC), InvalidOid));
		format->size = format->kind >= FS_FILTER_PREFIX ? 8 : length;
		if (format->size != 1 && format->size != 2 && format->size != 4 && format->size != 8)
			elog(ERROR, "operator class of filter column %d stores words of %d bytes", i + 2, length);
	}
}

uint64
fs_filter_word(const fs_filter_format *format, int16 size, Oid collation, Datum value)
{
	switch ((fs_filter_kind) format->kind)
	{
		case FS_FILTER_PREFIX:
			{
				uint64		word;

				memcpy(&word, DatumGetUUIDP(value)->data, sizeof(word));
				return pg_ntoh64(word);
			}
		case FS_FILTER_HASH:
			/* the server's own hash knows collations in which unlike texts are equal */
			return (uint64) DatumGetInt64(DirectFunctionCall2Coll(hashtextextended, collation, value,
																  Int64GetDatum(0)));
		case FS_FILTER_SIGNED:
			switch (size)
			{
				case 2:
					return (uint64) (int64) DatumGetInt16(value) ^ FS_SIGN_BIT;
				case 4:
					return (uint64) (int64) DatumGetInt32(value) ^ FS_SIGN_BIT;
				default:
					return (uint64) DatumGetInt64(value) ^ FS_SIGN_BIT;
			}
		case FS_FILTER_UNSIGNED:
			return format->size == 1 ? (uint8) DatumGetChar(value) : DatumGetObjectId(value);
	}
	elog(ERROR, "unknown kind of filter column: %d", format->kind);
}

void
fs_filter_put(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot, const uint64 *words,
			  const bool *isnull)
{
	for (int i = 0; i < meta->nfilters; i++)
	{
		char	   *to = FS_WORDS(page, layout, i) + meta->filters[i].size * slot;
		uint8	   *nulls = FS_NULLS(page, layout, i) + slot / 8;
		uint64		word = words[i];

		/* the low bytes; the turned sign bit is told by the next one below it */
		switch (meta->filters[i].size)
		{
			case 1:
				*(uint8 *) to = (uint8) word;
				break;
			case 2:
				*(uint16 *) to = (uint16) word;
				break;
			case 4:
				*(uint32 *) to = (uint32) word;
				break;
			default:
				*(uint64 *) to = meta->filters[i].kind == FS_FILTER_SIGNED ? word ^ FS_SIGN_BIT : word;
				break;
		}
		if (isnull[i])
			*nulls |= 1 << slot % 8;
		else
			*nulls &= ~(1 << slot % 8);
	}
}

bool
fs_filter_get(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot, int filter, uint64 *word)
{
	const char *from = FS_WORDS(page, layout, filter) + meta->filters[filter].size * slot;
	bool		is_signed = meta->filters[filter].kind == FS_FILTER_SIGNED;

	switch (meta->filters[filter].size)
	{
		case 1:
			*word = *(const uint8 *) from;
			break;
		case 2:
			*word = is_signed ? (uint64) (int64) *(const int16 *) from ^ FS_SIGN_BIT : *(const uint16 *) from;
			break;
		case 4:
			*word = is_signed ? (uint64) (int64) *(const int32 *) from ^ FS_SIGN_BIT : *(const uint32 *) from;
			break;
		default:
			*word = is_signed ? *(const uint64 *) from ^ FS_SIGN_BIT : *(const uint64 *) from;
			break;
	}
	return (FS_NULLS(page, layout, filter)[slot / 8] >> slot % 8 & 1) == 0;
}

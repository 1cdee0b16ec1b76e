/*
 * entry.c - a row becomes an entry, and an entry lies in a page.
 */
#include "index/index.h"

#include <float.h>
#include <math.h>

/* |o|^2 of what is scored by codes; anything longer is scored exactly. */
#define GREATEST_SQUARE	1e16

fs_encoder *
fs_encoder_create(fs_index *fs)
{
	fs_encoder *encoder = palloc0(sizeof(fs_encoder));
	Size		padded = fs->layout.padded;

	encoder->fs = fs;
	encoder->floats = palloc(sizeof(float) * padded);
	encoder->rotated = palloc(sizeof(float) * padded);
	encoder->scratch = palloc(sizeof(float) * 2 * padded);
	encoder->entry.signs = palloc(padded / 8);
	encoder->entry.planes = palloc(Max(fs->layout.middle_bytes + fs->layout.fine_bytes, 1));
	return encoder;
}

bool
fs_template_floats(const fs_index *fs, const Embedding *embedding, float *floats, double *square)
{
	double		sum = 0;

	if (embedding->precision == FX_FLOAT32)
		memcpy(floats, embedding->elements, sizeof(float) * embedding->dim);
	else
		fx_kernels_active()->to_float((const uint16_t *) embedding->elements, floats, embedding->dim);
	for (int i = 0; i < embedding->dim; i++)
		sum += (double) floats[i] * floats[i];
	*square = sum;
	/* squares of floats neither overflow nor vanish in double */
	if (fs->meta.metric != FX_COSINE)
		/* nor must the squares of a score's deviation in float */
		return sum <= GREATEST_SQUARE;
	else
	{
		double		scale;

		if (sum == 0)
			return false;
		scale = 1 / sqrt(sum);
		for (int i = 0; i < embedding->dim; i++)
			floats[i] = (float) (floats[i] * scale);
	}
	return true;
}

void
fs_encode(Relation index, fs_encoder *encoder, Datum *values, bool *isnull, ItemPointer tid, bool tolerant)
{
	const fs_index *fs = encoder->fs;
	fs_entry   *entry = &encoder->entry;
	Embedding  *embedding;
	double		square;

	entry->tid = *tid;
	for (int i = 0; i < fs->meta.nfilters; i++)
	{
		entry->isnull[i] = isnull[i + 1];
		entry->words[i] = isnull[i + 1] ? 0 : fs_filter_word(&fs->meta.filters[i], fs->meta.filters[i].size,
																index->rd_indcollation[i + 1],
																values[i + 1]);
	}

	/* what has no trustworthy code gets a code of zeros that is never looked at */
	memset(&entry->coarse, 0, sizeof(entry->coarse));
	memset(&entry->middle, 0, sizeof(entry->middle));
	memset(&entry->fine, 0, sizeof(entry->fine));
	if (isnull[0])
		entry->list = FS_LIST_NULL;
	else
	{
		embedding = embedding_of_datum(values[0]);
		if (!tolerant)
			fs_check_template(index, fs, embedding);
		entry->list = FS_LIST_ODD;
		if (fs_template_fits(fs, embedding) && fs_template_floats(fs, embedding, encoder->floats, &square))
		{
			fx_rotate(&fs->rotation, encoder->floats, encoder->rotated);
			if (fx_encode((fx_metric) fs->meta.metric, fs->layout.padded, fs->meta.bits, encoder->rotated,
						  fs->centre, square, entry->signs, &entry->coarse,
						  entry->planes, &entry->middle, &entry->fine, encoder->scratch) == FX_CODE_GOOD)
				entry->list = 0;
		}
		if ((Pointer) embedding != DatumGetPointer(values[0]))
			pfree(embedding);
	}
	if (entry->list >= FS_LIST_ODD)
	{
		memset(entry->signs, 0, fs->layout.padded / 8);
		memset(entry->planes, 0, fs->layout.middle_bytes + fs->layout.fine_bytes);
	}
}

/* A positive float as bfloat16, rounded up. */
static uint16
spread_up(float value)
{
	union
	{
		float		f;
		uint32		u;
	}			both = {value};

	return (uint16) Min((both.u + 0xFFFF) >> 16, 0x7F7F);
}

void
fs_entry_put_code(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot, const fs_entry *entry)
{
	fs_code_head *head = FS_CODE_HEAD(page);

	fx_code_put(FS_CODES(page), layout->entries, layout->padded, layout->width, slot, entry->signs);
	FS_SCALES(page, layout)[slot] = entry->coarse.scale;
	if (layout->adds != 0)
		FS_ADDS(page, layout)[slot] = entry->coarse.add;
	FS_TIDS(page, layout)[slot] = entry->tid;
	fs_filter_put(layout, meta, page, slot, entry->words, entry->isnull);
	if (slot < head->used)
		head->free--;
	else
		head->used = slot + 1;
}

void
fs_entry_put_middle(const fs_layout *layout, Page page, uint32 slot, const fs_entry *entry)
{
	memcpy((char *) page + layout->middle_codes + layout->middle_bytes * slot, entry->planes, layout->middle_bytes);
	((uint16 *) ((char *) page + layout->middle_factors))[slot] = fx_middle_pack(&entry->coarse, &entry->middle);
}

void
fs_entry_put_fine(const fs_layout *layout, Page page, uint32 fine_slot, const fs_entry *entry)
{
	memcpy((char *) page + FS_CODES_OFFSET + layout->fine_bytes * fine_slot, entry->planes + layout->middle_bytes,
		   layout->fine_bytes);
	((float *) ((char *) page + layout->fine_scales))[fine_slot] = entry->fine.scale;
	((uint16 *) ((char *) page + layout->fine_spreads))[fine_slot] = spread_up(entry->fine.spread);
}

void
fs_entry_clear_code(const fs_layout *layout, const fs_meta *meta, Page page, uint32 slot)
{
	static const uint8 no_signs[FX_CODE_MAX_DIM / 8];
	static const uint64 no_words[FS_MAX_FILTERS];
	static const bool no_nulls[FS_MAX_FILTERS];
	fs_code_head *head = FS_CODE_HEAD(page);

	fx_code_put(FS_CODES(page), layout->entries, layout->padded, layout->width, slot, no_signs);
	FS_SCALES(page, layout)[slot] = FX_CODE_DEAD;
	if (layout->adds != 0)
		FS_ADDS(page, layout)[slot] = 0;
	ItemPointerSetInvalid(&FS_TIDS(page, layout)[slot]);
	fs_filter_put(layout, meta, page, slot, no_words, no_nulls);
	head->free++;
}

void
fs_entry_clear_middle(const fs_layout *layout, Page page, uint32 slot)
{
	memset((char *) page + layout->middle_codes + layout->middle_bytes * slot, 0, layout->middle_bytes);
	((uint16 *) ((char *) page + layout->middle_factors))[slot] = 0;
}

void
fs_entry_clear_fine(const fs_layout *layout, Page page, uint32 fine_slot)
{
	memset((char *) page + FS_CODES_OFFSET + layout->fine_bytes * fine_slot, 0, layout->fine_bytes);
	((float *) ((char *) page + layout->fine_scales))[fine_slot] = 0;
	((uint16 *) ((char *) page + layout->fine_spreads))[fine_slot] = 0;
}

uint32
fs_free_slot(const fs_layout *layout, Page page)
{
	fs_code_head *head = FS_CODE_HEAD(page);

	if (head->free > 0)
	{
		ItemPointerData *tids = FS_TIDS(page, layout);

		for (uint32 i = 0; i < head->used; i++)
			if (!ItemPointerIsValid(&tids[i]))
				return i;
	}
	return head->used;
}

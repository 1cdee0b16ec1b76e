/*
 * options.c - what WITH (...) of CREATE INDEX may say.
 */
#include "index/index.h"

#include "access/reloptions.h"

static relopt_kind kind;

void
fs_options_init(void)
{
	kind = add_reloption_kind();
	add_int_reloption(kind, "lists",
					  "lists that templates are grouped into, 1 for none, 0 for as many as suit the rows", 0, 0,
					  FX_CLUSTER_MAX_LISTS, AccessExclusiveLock);
	add_int_reloption(kind, "refine_bits",
					  "bits per dimension of the second stage, 0 for none", FS_DEFAULT_REFINE_BITS, 0, FX_CODE_MAX_BITS,
					  AccessExclusiveLock);
	add_int_reloption(kind, "sample",
					  "rows that are sampled before the build", FS_DEFAULT_SAMPLE, FS_MIN_SAMPLE, FS_MAX_SAMPLE,
					  AccessExclusiveLock);
}

bytea *
fs_options_parse(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{.optname = "lists", .opttype = RELOPT_TYPE_INT, .offset = offsetof(fs_options, lists)},
		{.optname = "refine_bits", .opttype = RELOPT_TYPE_INT, .offset = offsetof(fs_options, refine_bits)},
		{.optname = "sample", .opttype = RELOPT_TYPE_INT, .offset = offsetof(fs_options, sample)},
	};
	fs_options *options = build_reloptions(reloptions, validate, kind, sizeof(fs_options), table, lengthof(table));

	if (validate && options != NULL && options->refine_bits == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("refine_bits must be 0 or 2 to %d", FX_CODE_MAX_BITS),
				 errdetail("The first bit of a dimension is in the coarse code already."),
				 errhint("Use 0 for an index without refinement codes.")));
	return (bytea *) options;
}

int
fs_option_bits(Relation index)
{
	fs_options *options = (fs_options *) index->rd_options;
	int			bits = options ? options->refine_bits : FS_DEFAULT_REFINE_BITS;

	return Max(bits, 1);
}

int
fs_option_sample(Relation index)
{
	fs_options *options = (fs_options *) index->rd_options;

	return options ? options->sample : FS_DEFAULT_SAMPLE;
}

int
fs_option_lists(Relation index)
{
	fs_options *options = (fs_options *) index->rd_options;

	return options ? options->lists : 0;
}

/*
 * filter.c - filter columns: words beside the codes, tested inside the scan.
 *
 * So a row-level-security qual or `agency = ANY (...)` costs no recall: what
 * does not pass never competes.  A page is tested as a whole before its codes
 * are read, and codes of blocks in which nothing passes are not read at all.
 */
#include "index/index.h"

#include "access/stratnum.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

typedef enum test_kind
{
	TEST_IS_NULL,
	TEST_NOT_NULL,
	TEST_RANGE,					/* low <= word <= high, in the column's order */
	TEST_SET,					/* one of sorted words */
	TEST_TABLE					/* one of the words from low on that the table marks */
} test_kind;

/* A set whose words span no more than this is tested by a table of bytes. */
#define TABLE_SPAN		65536

struct fs_test
{
	test_kind	kind;
	int			filter;
	bool		is_signed;
	uint64		low;
	uint64		high;
	uint64	   *words;
	int			nwords;
	uint8	   *table;			/* high - low + 1 marks, and a 0 */
};

static int
compare_words(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static void init_range(fs_test *test, fs_filter *filter, const fs_filter_format *format, StrategyNumber strategy,
					   uint64 word);

/*
 * A set of words from an array argument; NULL elements equal nothing.  Less
 * than any is less than the greatest, greater than any greater than the least.
 */
static void
init_set(fs_test *test, fs_filter *filter, const fs_filter_format *format, StrategyNumber strategy, Oid collation,
		 Datum array)
{
	ArrayType  *values = DatumGetArrayTypeP(array);
	int16		length;
	bool		byval;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(ARR_ELEMTYPE(values), &length, &byval, &align);
	deconstruct_array(values, ARR_ELEMTYPE(values), length, byval, align, &elements, &nulls, &n);
	test->words = palloc(sizeof(uint64) * Max(n, 1));
	test->nwords = 0;
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			test->words[test->nwords++] = fs_filter_word(format, length, collation, elements[i]);
	if (test->nwords == 0)
	{
		filter->never = true;
		return;
	}
	qsort(test->words, test->nwords, sizeof(uint64), compare_words);
	test->low = test->words[0];
	test->high = test->words[test->nwords - 1];
	if (strategy != BTEqualStrategyNumber)
		init_range(test, filter, format, strategy, strategy < BTEqualStrategyNumber ? test->high : test->low);
	else if (test->high - test->low < TABLE_SPAN)
	{
		uint64		span = test->high - test->low + 1;

		test->table = palloc0(span + 1);
		for (int i = 0; i < test->nwords; i++)
			test->table[test->words[i] - test->low] = 1;
		/* without gaps it is a range, which is tested faster */
		test->kind = memchr(test->table, 0, span) == NULL ? TEST_RANGE : TEST_TABLE;
		if (test->kind == TEST_RANGE)
			test->table = NULL;
	}
	else
		test->kind = TEST_SET;
}

/* A comparison with one value becomes a range of words. */
static void
init_range(fs_test *test, fs_filter *filter, const fs_filter_format *format, StrategyNumber strategy, uint64 word)
{
	bool		prefix = format->kind == FS_FILTER_PREFIX;

	test->kind = TEST_RANGE;
	test->low = 0;
	test->high = PG_UINT64_MAX;
	switch (strategy)
	{
		case BTLessStrategyNumber:
			/* what has the same prefix may still be less */
			if (!prefix && word == 0)
				filter->never = true;
			test->high = prefix ? word : word - 1;
			break;
		case BTLessEqualStrategyNumber:
			test->high = word;
			break;
		case BTEqualStrategyNumber:
			test->low = test->high = word;
			break;
		case BTGreaterEqualStrategyNumber:
			test->low = word;
			break;
		case BTGreaterStrategyNumber:
			if (!prefix && word == PG_UINT64_MAX)
				filter->never = true;
			test->low = prefix ? word : word + 1;
			break;
		default:
			elog(ERROR, "unknown strategy of a filter column: %d", strategy);
	}
}

/* The last test becomes a part of an earlier one where both are ranges of one column. */
static void
join_ranges(fs_filter *filter)
{
	fs_test    *last = &filter->tests[filter->ntests - 1];

	for (int t = 0; t < filter->ntests - 1; t++)
	{
		fs_test    *test = &filter->tests[t];

		if (test->filter != last->filter || test->kind != TEST_RANGE || last->kind != TEST_RANGE)
			continue;
		test->low = Max(test->low, last->low);
		test->high = Min(test->high, last->high);
		filter->never |= test->low > test->high;
		memset(last, 0, sizeof(*last));
		filter->ntests--;
		return;
	}
}

void
fs_filter_init(fs_filter *filter, Relation index, const fs_meta *meta, ScanKey keys, int nkeys)
{
	memset(filter, 0, sizeof(*filter));
	filter->tests = palloc0(sizeof(fs_test) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		ScanKey		key = &keys[i];
		fs_test    *test = &filter->tests[filter->ntests];
		const fs_filter_format *format;

		if (key->sk_attno < 2)
			continue;
		filter->ntests++;
		test->filter = key->sk_attno - 2;
		format = &meta->filters[test->filter];
		test->is_signed = format->kind == FS_FILTER_SIGNED;
		if (key->sk_flags & SK_SEARCHNULL)
			test->kind = TEST_IS_NULL;
		else if (key->sk_flags & SK_SEARCHNOTNULL)
			test->kind = TEST_NOT_NULL;
		else if (key->sk_flags & SK_ISNULL)
			filter->never = true;
		else
		{
			Oid			collation = index->rd_indcollation[key->sk_attno - 1];
			/* integers are compared with those of other sizes, too */
			int16		size = OidIsValid(key->sk_subtype) && format->kind == FS_FILTER_SIGNED ?
				get_typlen(key->sk_subtype) : format->size;

			if (key->sk_flags & SK_SEARCHARRAY)
				init_set(test, filter, format, key->sk_strategy, collation, key->sk_argument);
			else
				init_range(test, filter, format, key->sk_strategy,
						   fs_filter_word(format, size, collation, key->sk_argument));
			join_ranges(filter);
		}
	}
}

/* ---- for another process */

/* Copies bytes behind those that are there, if there is space; counts them in any case. */
static void
put(char *to, Size space, Size *size, const void *bytes, Size n)
{
	Size		at = *size;

	*size += MAXALIGN(n);
	if (n > 0 && *size <= space)
		memcpy(to + at, bytes, n);
}

/* Bytes of a test's table: its marks, and a 0. */
static Size
table_size(const fs_test *test)
{
	return test->table != NULL ? test->high - test->low + 2 : 0;
}

Size
fs_filter_save(const fs_filter *filter, char *to, Size space)
{
	Size		size = 0;

	put(to, space, &size, filter->tests, sizeof(fs_test) * filter->ntests);
	for (int t = 0; t < filter->ntests; t++)
	{
		const fs_test *test = &filter->tests[t];

		put(to, space, &size, test->words, sizeof(uint64) * test->nwords);
		put(to, space, &size, test->table, table_size(test));
	}
	return size;
}

void
fs_filter_load(fs_filter *filter, const char *from)
{
	filter->tests = palloc(sizeof(fs_test) * Max(filter->ntests, 1));
	memcpy(filter->tests, from, sizeof(fs_test) * filter->ntests);
	from += MAXALIGN(sizeof(fs_test) * filter->ntests);
	for (int t = 0; t < filter->ntests; t++)
	{
		fs_test    *test = &filter->tests[t];

		test->words = (uint64 *) from;
		from += MAXALIGN(sizeof(uint64) * test->nwords);
		if (test->table != NULL)
			test->table = (uint8 *) from;
		from += MAXALIGN(table_size(test));
	}
}

/* ---- the entries of a page */

/* Clears ok[i] for words outside a range; the type decides width and order. */
#define TEST_WORDS(type, low, high) \
	do { \
		const type *words_ = (const type *) words; \
		type		low_ = (type) (low); \
		type		high_ = (type) (high); \
		for (uint32 i_ = 0; i_ < n; i_++) \
			ok[i_] &= (uint8) ((words_[i_] >= low_) & (words_[i_] <= high_)); \
	} while (0)

static void
test_range(const fs_test *test, const fs_filter_format *format, const char *words, uint32 n, uint8 *ok)
{
	uint64		low = test->low;
	uint64		high = test->high;

	if (test->is_signed)
	{
		/* bounds beyond what the column can hold are drawn in */
		int64		least = format->size == 2 ? PG_INT16_MIN : format->size == 4 ? PG_INT32_MIN : PG_INT64_MIN;
		int64		most = format->size == 2 ? PG_INT16_MAX : format->size == 4 ? PG_INT32_MAX : PG_INT64_MAX;
		int64		from = Max((int64) (low ^ FS_SIGN_BIT), least);
		int64		to = Min((int64) (high ^ FS_SIGN_BIT), most);

		if (from > to)
			memset(ok, 0, n);
		else if (format->size == 2)
			TEST_WORDS(int16, from, to);
		else if (format->size == 4)
			TEST_WORDS(int32, from, to);
		else
			TEST_WORDS(int64, from, to);
	}
	else
	{
		uint64		most = format->size == 1 ? PG_UINT8_MAX : format->size == 4 ? PG_UINT32_MAX : PG_UINT64_MAX;

		if (low > most)
			memset(ok, 0, n);
		else if (format->size == 1)
			TEST_WORDS(uint8, low, Min(high, most));
		else if (format->size == 4)
			TEST_WORDS(uint32, low, Min(high, most));
		else
			TEST_WORDS(uint64, low, high);
	}
}

/* Clears ok[i] for words that the table does not mark; what lies beyond it meets its last byte, which is 0. */
#define LOOK_UP_WORDS(type, turn) \
	do { \
		const type *words_ = (const type *) words; \
		uint64		end_ = test->high - test->low + 1; \
		for (uint32 i_ = 0; i_ < n; i_++) \
		{ \
			uint64		at_ = ((uint64) words_[i_] ^ (turn)) - test->low; \
			ok[i_] &= test->table[Min(at_, end_)]; \
		} \
	} while (0)

static void
test_table(const fs_test *test, const fs_filter_format *format, const char *words, uint32 n, uint8 *ok)
{
	if (test->is_signed)
	{
		/* widened with their sign, which is then turned */
		if (format->size == 2)
			LOOK_UP_WORDS(int16, FS_SIGN_BIT);
		else if (format->size == 4)
			LOOK_UP_WORDS(int32, FS_SIGN_BIT);
		else
			LOOK_UP_WORDS(int64, FS_SIGN_BIT);
	}
	else if (format->size == 1)
		LOOK_UP_WORDS(uint8, 0);
	else if (format->size == 4)
		LOOK_UP_WORDS(uint32, 0);
	else
		LOOK_UP_WORDS(uint64, 0);
}

static void
test_set(const fs_test *test, const fs_layout *layout, const fs_meta *meta, Page page, uint32 n, uint8 *ok)
{
	for (uint32 i = 0; i < n; i++)
	{
		uint64		word;

		if (!ok[i])
			continue;
		(void) fs_filter_get(layout, meta, page, i, test->filter, &word);
		ok[i] = word >= test->low && word <= test->high &&
			bsearch(&word, test->words, test->nwords, sizeof(uint64), compare_words) != NULL;
	}
}

/* Eight bytes of 0 or 1 as bits, the first one lowest. */
static uint16
pack_eight(const uint8 *ok)
{
	uint64		eight;

	memcpy(&eight, ok, sizeof(eight));
#ifdef WORDS_BIGENDIAN
	eight = pg_bswap64(eight);
#endif
	return (uint16) ((eight * UINT64CONST(0x0102040810204080)) >> 56);
}

void
fs_filter_send_for(const fs_filter *filter, const fs_layout *layout, const fs_meta *meta, const char *page)
{
	for (int t = 0; t < filter->ntests; t++)
	{
		int			i = filter->tests[t].filter;

		fs_send_for(page + layout->words[i], meta->filters[i].size * layout->entries);
		fx_prefetch(page + layout->nulls[i]);
	}
}

uint32
fs_filter_page(const fs_filter *filter, const fs_layout *layout, const fs_meta *meta, Page page, uint32 used,
			   uint16 *wanted)
{
	uint8		ok[FS_MAX_ENTRIES];
	uint32		groups = (layout->entries + 15) / 16;
	uint32		count = 0;

	memset(ok, 1, used);
	memset(ok + used, 0, groups * 16 - used);
	for (int t = 0; t < filter->ntests; t++)
	{
		const fs_test *test = &filter->tests[t];
		const fs_filter_format *format = &meta->filters[test->filter];
		const char *words = FS_WORDS(page, layout, test->filter);

		if (test->kind == TEST_RANGE)
			test_range(test, format, words, used, ok);
		else if (test->kind == TEST_TABLE)
			test_table(test, format, words, used, ok);
		else if (test->kind == TEST_SET)
			test_set(test, layout, meta, page, used, ok);
	}
	for (uint32 g = 0; g < groups; g++)
	{
		uint16		bits = pack_eight(ok + g * 16) | pack_eight(ok + g * 16 + 8) << 8;

		for (int t = 0; t < filter->ntests; t++)
		{
			const fs_test *test = &filter->tests[t];
			const uint8 *nulls = FS_NULLS(page, layout, test->filter) + g * 2;
			uint16		null = nulls[0] | nulls[1] << 8;

			bits &= test->kind == TEST_IS_NULL ? null : ~null;
		}
		wanted[g] = bits;
		/* the builtin is a call where the processor's instruction may be missing */
		count += pg_number_of_ones[bits & 0xFF] + pg_number_of_ones[bits >> 8];
	}
	return count;
}

/*
 * condition.c - conditions of which the index knows too little: of a uuid it
 * has the first bytes, of a text a hash, and it tests one greatest distance.
 *
 * They are tested on the row itself, inside the scan.  What is left to the
 * executor is counted by EXPLAIN ANALYZE, which would tell whoever asks how
 * many rows a policy hides.
 */
#include "index/scan.h"

#include "access/stratnum.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* One of the values of an array, and its word, by which they are sorted where equality is asked for. */
typedef struct element
{
	uint64		word;
	Datum		value;
} element;

struct fs_condition
{
	ScanKey		key;
	const fs_filter_format *format; /* of a column whose words are looked up; NULL: each element is compared */
	Oid			collation;
	element    *elements;		/* of an array, without its NULLs */
	int			nelements;
};

static int
by_word(const void *a, const void *b)
{
	uint64		x = ((const element *) a)->word;
	uint64		y = ((const element *) b)->word;

	return x < y ? -1 : x > y;
}

static void
take_array(fs_condition *condition)
{
	ArrayType  *array = DatumGetArrayTypeP(condition->key->sk_argument);
	int16		length;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, byval, align, &values, &nulls, &n);
	condition->elements = palloc_extended(sizeof(element) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			condition->elements[condition->nelements++] = (element) {
				condition->format == NULL ? 0 :
					fs_filter_word(condition->format, length, condition->collation, values[i]), values[i]
			};
	if (condition->format != NULL)
		qsort(condition->elements, condition->nelements, sizeof(element), by_word);
}

static void
add_condition(fs_scan *scan, ScanKey key)
{
	fs_condition *condition = &scan->conditions[scan->nconditions++];
	int			filter = key->sk_attno - 2;

	*condition = (fs_condition) {.key = key};
	if (filter >= 0)
		condition->collation = scan->index->rd_indcollation[key->sk_attno - 1];
	if (filter >= 0 && key->sk_strategy == BTEqualStrategyNumber)
		condition->format = &scan->fs->meta.filters[filter];
	if (key->sk_flags & SK_SEARCHARRAY)
		take_array(condition);
}

/* What is asked of the template: that there is one, or none, or a greatest distance. */
static void
take_template_key(fs_scan *scan, ScanKey key, ScanKey *within)
{
	Embedding  *probe;
	double		distance;

	if (key->sk_flags & SK_SEARCHNULL)
		scan->only_nulls = true;
	else if (key->sk_flags & SK_SEARCHNOTNULL)
		scan->skip_nulls = true;
	else if (key->sk_strategy != FS_WITHIN_STRATEGY)
		elog(ERROR, "unknown search key on the template of a facescan index");
	else if (key->sk_flags & SK_ISNULL)
		scan->filter.never = true;
	else if (key->sk_flags & SK_SEARCHARRAY)
		add_condition(scan, key);
	else if (!fs_range_of_datum(key->sk_argument, &probe, &distance))
		scan->filter.never = true;
	else
	{
		/* of several the last says which rows are looked for */
		if (*within != NULL)
			add_condition(scan, *within);
		*within = key;
		scan->within_probe = probe;
		scan->within_distance = distance;
	}
}

void
fs_take_keys(fs_scan *scan, ScanKey keys, int nkeys)
{
	const int	no_value = SK_SEARCHNULL | SK_SEARCHNOTNULL | SK_ISNULL;
	ScanKey		within = NULL;

	scan->skip_nulls = scan->only_nulls = false;
	scan->within_probe = NULL;
	scan->conditions = palloc(sizeof(fs_condition) * Max(nkeys, 1));
	scan->nconditions = 0;
	for (int i = 0; i < nkeys; i++)
		if (keys[i].sk_attno == 1)
			take_template_key(scan, &keys[i], &within);
		else if (!(keys[i].sk_flags & no_value) &&
				 scan->fs->meta.filters[keys[i].sk_attno - 2].kind >= FS_FILTER_PREFIX)
			add_condition(scan, &keys[i]);
}

static bool
compare(const fs_condition *condition, Datum value, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	/* NULL where a range is of no probe */
	InitFunctionCallInfoData(*fcinfo, &condition->key->sk_func, 2, condition->key->sk_collation, NULL, NULL);
	fcinfo->args[0] = (NullableDatum) {value, false};
	fcinfo->args[1] = (NullableDatum) {argument, false};
	result = FunctionCallInvoke(fcinfo);
	return !fcinfo->isnull && DatumGetBool(result);
}

/* Whether a value that is not NULL is what is asked for, or one of an array. */
static bool
holds(const fs_condition *condition, Datum value)
{
	uint64		word = 0;
	int			low = 0;
	int			high = condition->nelements;

	if (!(condition->key->sk_flags & SK_SEARCHARRAY))
		return compare(condition, value, condition->key->sk_argument);
	/* the first element whose word is not less */
	if (condition->format != NULL)
		word = fs_filter_word(condition->format, condition->format->size, condition->collation, value);
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (condition->elements[middle].word < word)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < condition->nelements && condition->elements[low].word == word; low++)
		if (compare(condition, value, condition->elements[low].value))
			return true;
	return false;
}

bool
fs_conditions_hold(fs_scan *scan)
{
	for (int i = 0; i < scan->nconditions; i++)
	{
		bool		isnull;
		Datum		value = fs_value_of_row(scan, scan->conditions[i].key->sk_attno - 1, &isnull);

		if (isnull || !holds(&scan->conditions[i], value))
			return false;
	}
	return true;
}

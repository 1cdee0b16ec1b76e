/*
 * place.c - one arena in which the buffers of a plan follow each other.
 */
#include <string.h>

#include "infer/ops.h"

#define LINE 64					/* every buffer starts on a cache line */

/* A buffer in the arena, needed from step `first` to step `last`. */
typedef struct storage
{
	size_t		size;
	size_t		offset;
	int			first;
	int			last;
} storage;

typedef struct layout
{
	fx_model   *model;
	storage    *all;
	int			count;
	int		   *home;			/* value: its storage; -1: none */
	int		   *last;			/* value: the last step that reads it; -1: none */
	int		   *scratch;		/* step: its storage; -1: none */
} layout;

static size_t
value_bytes(const fx_value *value)
{
	return (value->count * fx_type_size(value->type) + LINE - 1) / LINE * LINE;
}

static int
add_storage(layout *l, size_t size, int first, int last)
{
	storage    *s = &l->all[l->count];

	s->size = size;
	s->offset = 0;
	s->first = first;
	s->last = last < first ? first : last;
	return l->count++;
}

/* Operand k of a step; the addend counts as the last. */
static int
operand(const fx_node *node, int k)
{
	return k < node->inputs ? node->in[k] : node->addend;
}

/* True when the step may write its result over operand k: nobody reads that buffer afterwards. */
static bool
may_overwrite(const layout *l, const fx_node *node, int k, int step)
{
	const fx_model *model = l->model;
	int			v = operand(node, k);
	int			home = v >= 0 ? l->home[v] : -1;

	if (home < 0 || l->all[home].last > step || l->all[home].first < 0 ||
		value_bytes(&model->values[node->result]) > l->all[home].size)
		return false;
	for (int other = 0; other <= node->inputs; other++)
	{
		int			w = operand(node, other);

		if (other != k && w >= 0 && l->home[w] == home && (w != v || node->addend >= 0))
			return false;
	}
	return true;
}

/* The storage of a step's first output: that of an operand where it can be, else a new one. */
static int
home_of_result(layout *l, const fx_node *node, int step)
{
	int			last = l->last[node->result];

	if (node->alias && l->home[node->in[0]] >= 0)
	{
		storage    *s = &l->all[l->home[node->in[0]]];

		if (last > s->last)
			s->last = last;
		return l->home[node->in[0]];
	}
	for (int k = 0; k <= node->inputs; k++)
	{
		bool		wanted = k == node->inputs ? node->addend >= 0 : k < 32 && (node->in_place >> k & 1);

		if (wanted && may_overwrite(l, node, k, step))
		{
			storage    *s = &l->all[l->home[operand(node, k)]];

			if (last > s->last)
				s->last = last;
			return l->home[operand(node, k)];
		}
	}
	return add_storage(l, value_bytes(&l->model->values[node->result]), step, last);
}

static fx_code
list_storages(layout *l, fx_error *err)
{
	fx_model   *model = l->model;
	fx_heap    *heap = &model->plan_heap;
	size_t		values = (size_t) model->value_count;
	size_t		scratch;

	l->home = fx_heap_alloc_array(heap, values + 1, sizeof(int));
	l->last = fx_heap_alloc_array(heap, values + 1, sizeof(int));
	l->scratch = fx_heap_alloc_array(heap, (size_t) model->step_count + 1, sizeof(int));
	l->all = fx_heap_alloc_array(heap, values + (size_t) model->step_count + 1, sizeof(storage));
	if (l->home == NULL || l->last == NULL || l->scratch == NULL || l->all == NULL)
		return fx_heap_fail(heap, err);
	for (int v = 0; v < model->value_count; v++)
		l->home[v] = l->last[v] = -1;
	for (int s = 0; s < model->step_count; s++)
		for (int k = 0; k <= model->nodes[model->steps[s]].inputs; k++)
			if (operand(&model->nodes[model->steps[s]], k) >= 0)
				l->last[operand(&model->nodes[model->steps[s]], k)] = s;
	for (int i = 0; i < model->output_count; i++)
		l->last[model->outputs[i]] = model->step_count;
	/* an input is the caller's to fill and keeps its contents through the run */
	for (int i = 0; i < model->input_count; i++)
		l->home[model->inputs[i]] = add_storage(l, value_bytes(&model->values[model->inputs[i]]), -1,
												model->step_count);
	for (int s = 0; s < model->step_count; s++)
	{
		const fx_node *node = &model->nodes[model->steps[s]];

		l->scratch[s] = -1;
		for (int k = 0; k < node->outputs; k++)
		{
			int			v = k == 0 ? node->result : node->out[k];

			if (v >= 0)
				l->home[v] = k == 0 ? home_of_result(l, node, s)
					: add_storage(l, value_bytes(&model->values[v]), s, l->last[v]);
		}
		if (node->scratch == 0)
			continue;
		if (!fx_mul_size(node->scratch, sizeof(float), &scratch) || scratch > model->limits.max_memory)
			return fx_node_fail(err, FX_LIMIT, node, "needs more scratch memory than the limit");
		l->scratch[s] = add_storage(l, (scratch + LINE - 1) / LINE * LINE, s, s);
	}
	return FX_OK;
}

/* Indices of storages, largest first (shell sort: few, and no library that allocates). */
static void
sort_by_size(const storage *all, int *order, int count)
{
	for (int i = 0; i < count; i++)
		order[i] = i;
	for (int gap = count / 2; gap > 0; gap /= 2)
		for (int i = gap; i < count; i++)
		{
			int			moved = order[i];
			int			j = i;

			for (; j >= gap && all[order[j - gap]].size < all[moved].size; j -= gap)
				order[j] = order[j - gap];
			order[j] = moved;
		}
}

/*
 * Largest first, each at the lowest offset that is free for as long as it is
 * needed.  `placed` is kept in the order of offsets.
 */
static fx_code
pack(layout *l, size_t *total, fx_error *err)
{
	fx_heap    *heap = &l->model->plan_heap;
	int		   *order = fx_heap_alloc_array(heap, (size_t) l->count + 1, sizeof(int));
	int		   *placed = fx_heap_alloc_array(heap, (size_t) l->count + 1, sizeof(int));

	if (order == NULL || placed == NULL)
		return fx_heap_fail(heap, err);
	sort_by_size(l->all, order, l->count);
	*total = 0;
	for (int i = 0; i < l->count; i++)
	{
		storage    *s = &l->all[order[i]];
		size_t		offset = 0;
		int			at;

		if (fx_is_interrupted(l->model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted while a model was planned");
		for (int j = 0; j < i; j++)
		{
			const storage *p = &l->all[placed[j]];

			if (p->last < s->first || s->last < p->first || p->size == 0)
				continue;
			if (p->offset >= offset + s->size)
				break;
			if (p->offset + p->size > offset)
				offset = p->offset + p->size;
		}
		s->offset = offset;
		if (offset + s->size > *total)
			*total = offset + s->size;
		if (*total > l->model->limits.max_memory)
			return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "the model needs more memory than the limit of %zu bytes",
						   l->model->limits.max_memory);
		for (at = i; at > 0 && l->all[placed[at - 1]].offset > offset; at--)
			placed[at] = placed[at - 1];
		placed[at] = order[i];
	}
	fx_heap_release(heap, order);
	fx_heap_release(heap, placed);
	return FX_OK;
}

fx_code
fx_place_buffers(fx_model *model, fx_error *err)
{
	layout		l = {0};
	fx_code		code;

	l.model = model;
	code = list_storages(&l, err);
	if (code == FX_OK)
		code = pack(&l, &model->arena_size, err);
	if (code != FX_OK)
		return code;
	model->arena = fx_heap_alloc(&model->plan_heap, model->arena_size);
	if (model->arena == NULL)
		return fx_heap_fail(&model->plan_heap, err);
	for (int v = 0; v < model->value_count; v++)
		if (l.home[v] >= 0)
			model->values[v].data = (char *) model->arena + l.all[l.home[v]].offset;
	for (int s = 0; s < model->step_count; s++)
		if (l.scratch[s] >= 0)
			model->nodes[model->steps[s]].scratch_data =
				(float *) ((char *) model->arena + l.all[l.scratch[s]].offset);
	fx_heap_release(&model->plan_heap, l.home);
	fx_heap_release(&model->plan_heap, l.last);
	fx_heap_release(&model->plan_heap, l.scratch);
	fx_heap_release(&model->plan_heap, l.all);
	return FX_OK;
}

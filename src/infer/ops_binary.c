/*
 * ops_binary.c - two or more operands, broadcast against each other.
 *
 * The walk over both operands is joined first, so that equal shapes, a single
 * number and a number per channel all become long inner loops with strides 1
 * and 0.
 */
#include <math.h>
#include <string.h>

#include "infer/ops.h"

/* o[i] = a[i * sa] op b[i * sb]; strides are 0 or 1 */
typedef fx_code (*row_function) (const void *a, const void *b, void *o, size_t n, ptrdiff_t sa, ptrdiff_t sb);

#define ROW(name, type, expression) \
static FX_VECTOR_LOOPS fx_code \
row_##name(const void *from_a, const void *from_b, void *to, size_t n, ptrdiff_t sa, ptrdiff_t sb) \
{ \
	const type *pa = from_a; \
	const type *pb = from_b; \
	type	   *o = to; \
	if (sa == 1 && sb == 1) \
		for (size_t i = 0; i < n; i++) \
		{ \
			type		a = pa[i]; \
			type		b = pb[i]; \
			o[i] = (type) (expression); \
		} \
	else if (sa == 1) \
	{ \
		type		b = *pb; \
		for (size_t i = 0; i < n; i++) \
		{ \
			type		a = pa[i]; \
			o[i] = (type) (expression); \
		} \
	} \
	else \
	{ \
		type		a = *pa; \
		for (size_t i = 0; i < n; i++) \
		{ \
			type		b = pb[(ptrdiff_t) i * sb]; \
			o[i] = (type) (expression); \
		} \
	} \
	return FX_OK; \
}

ROW(add_f, float, a + b)
ROW(sub_f, float, a - b)
ROW(mul_f, float, a * b)
ROW(div_f, float, a / b)
ROW(max_f, float, a > b || a != a ? a : b)
ROW(min_f, float, a < b || a != a ? a : b)
ROW(pow_f, float, powf(a, b))
ROW(prelu_f, float, a < 0 ? a * b : a)

/* integers wrap, as they do in every runtime */
ROW(add_i, int64_t, (uint64_t) a + (uint64_t) b)
ROW(sub_i, int64_t, (uint64_t) a - (uint64_t) b)
ROW(mul_i, int64_t, (uint64_t) a * (uint64_t) b)
ROW(max_i, int64_t, a > b ? a : b)
ROW(min_i, int64_t, a < b ? a : b)

static fx_code
row_div_i(const void *from_a, const void *from_b, void *to, size_t n, ptrdiff_t sa, ptrdiff_t sb)
{
	const int64_t *a = from_a;
	const int64_t *b = from_b;
	int64_t    *o = to;

	for (size_t i = 0; i < n; i++)
	{
		int64_t		x = a[(ptrdiff_t) i * sa];
		int64_t		y = b[(ptrdiff_t) i * sb];

		if (y == 0 || (y == -1 && x == INT64_MIN))
			return FX_RANGE;
		o[i] = x / y;
	}
	return FX_OK;
}

static const struct
{
	const char *name;
	row_function floats;
	row_function ints;			/* NULL: not built */
}			rows[] = {
	{"Add", row_add_f, row_add_i},
	{"Sub", row_sub_f, row_sub_i},
	{"Mul", row_mul_f, row_mul_i},
	{"Div", row_div_f, row_div_i},
	{"Max", row_max_f, row_max_i},
	{"Min", row_min_f, row_min_i},
	{"Sum", row_add_f, row_add_i},
	{"Pow", row_pow_f, NULL},
	{"PRelu", row_prelu_f, NULL},
	{NULL, NULL, NULL}
};

static row_function
row_of(const fx_node *node, fx_type type)
{
	for (int i = 0; rows[i].name != NULL; i++)
		if (strcmp(rows[i].name, node->op->name) == 0)
			return type == FX_TYPE_FLOAT ? rows[i].floats : rows[i].ints;
	return NULL;
}

static fx_code
shape_many(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *first = fx_in(model, node, 0);
	fx_shape	shape;
	fx_code		code;

	if (first == NULL)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks an operand");
	shape = first->shape;
	for (int i = 0; i < node->inputs; i++)
	{
		const fx_value *in = fx_in(model, node, i);

		code = fx_need_type(model, node, i, first->type, err);
		if (code != FX_OK)
			return code;
		if (!fx_broadcast(&shape, &in->shape, &shape))
			return fx_node_fail(err, FX_MISMATCH, node, "has operands whose shapes do not fit each other");
	}
	if (row_of(node, first->type) == NULL)
		return fx_node_fail(err, FX_UNSUPPORTED, node, "has operands of a type that is not built for it");
	if (node->inputs <= 2)
		for (int i = 0; i < node->inputs; i++)
			if (fx_shape_equal(&shape, &fx_in(model, node, i)->shape))
				node->in_place |= 1u << i;
	code = fx_set_output(model, node, 0, first->type, &shape, err);
	if (code == FX_OK)
		node->work = (uint64_t) fx_out(model, node, 0)->count * (uint64_t) node->inputs;
	return code;
}

/* The slope is broadcast to the input, never the other way. */
static fx_code
shape_prelu(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *x = fx_in(model, node, 0);
	const fx_value *slope = fx_in(model, node, 1);
	fx_shape	shape;
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (x == NULL || slope == NULL)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks an operand");
	if (!fx_broadcast(&x->shape, &slope->shape, &shape) || !fx_shape_equal(&shape, &x->shape))
		return fx_node_fail(err, FX_MISMATCH, node, "has a slope that does not fit its input");
	return fx_same_shape(model, node, err);
}

static fx_code
combine(const fx_node *node, const fx_value *a, const fx_value *b, fx_value *out, fx_error *err)
{
	row_function row = row_of(node, out->type);
	size_t		size = fx_type_size(out->type);
	size_t		at[FX_MAX_WALK] = {0};
	fx_walk		walk_a;
	fx_walk		walk_b;
	fx_walk		walk;
	ptrdiff_t	ia = 0;
	ptrdiff_t	ib = 0;
	size_t		io = 0;
	int			inner;

	if (out->count == 0)
		return FX_OK;
	fx_walk_broadcast(&a->shape, &out->shape, &walk_a);
	fx_walk_broadcast(&b->shape, &out->shape, &walk_b);
	walk.rank = 0;
	for (int i = 0; i < out->shape.rank; i++)
		fx_walk_push(&walk, walk_a.dim[i], walk_a.a[i], walk_b.a[i]);
	fx_walk_join(&walk);
	inner = walk.rank - 1;
	for (;;)
	{
		int			i;
		fx_code		code = row((const char *) a->data + ia * (ptrdiff_t) size,
							   (const char *) b->data + ib * (ptrdiff_t) size,
							   (char *) out->data + io * size, walk.dim[inner], walk.a[inner], walk.b[inner]);

		if (code != FX_OK)
			return fx_node_fail(err, code, node, "divides an integer by zero");
		io += walk.dim[inner];
		for (i = inner - 1; i >= 0; i--)
		{
			ia += walk.a[i];
			ib += walk.b[i];
			if (++at[i] < walk.dim[i])
				break;
			ia -= walk.a[i] * (ptrdiff_t) walk.dim[i];
			ib -= walk.b[i] * (ptrdiff_t) walk.dim[i];
			at[i] = 0;
		}
		if (i < 0)
			return FX_OK;
	}
}

static fx_code
run_many(fx_model *model, fx_node *node, fx_error *err)
{
	fx_value   *out = fx_out(model, node, 0);
	const fx_value *first = fx_in(model, node, 0);
	fx_code		code = FX_OK;

	if (node->inputs == 1)
	{
		if (out->count > 0 && out->data != first->data)
			memcpy(out->data, first->data, out->count * fx_type_size(out->type));
		return FX_OK;
	}
	for (int i = 1; i < node->inputs && code == FX_OK; i++)
		code = combine(node, i == 1 ? first : out, fx_in(model, node, i), out, err);
	return code;
}

#define TWO(name) {name, 2, 2, 1, false, NULL, shape_many, NULL, NULL, run_many}
#define MANY(name) {name, 1, FX_MAX_NODE_VALUES, 1, false, NULL, shape_many, NULL, NULL, run_many}

const fx_operator fx_ops_binary[] = {
	TWO("Add"), TWO("Sub"), TWO("Mul"), TWO("Div"), TWO("Pow"),
	MANY("Max"), MANY("Min"), MANY("Sum"),
	{"PRelu", 2, 2, 1, false, NULL, shape_prelu, NULL, NULL, run_many},
	{0}
};

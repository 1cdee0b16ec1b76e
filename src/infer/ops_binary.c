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

#define ROW(name, type, expression) ROW_OF(name, type, type, type, expression)

#define ROW_OF(name, type_a, type_b, type_o, expression) \
static FX_VECTOR_LOOPS fx_code \
row_##name(const void *from_a, const void *from_b, void *to, size_t n, ptrdiff_t sa, ptrdiff_t sb) \
{ \
	const type_a *pa = from_a; \
	const type_b *pb = from_b; \
	type_o	   *o = to; \
	if (sa == 1 && sb == 1) \
		for (size_t i = 0; i < n; i++) \
		{ \
			type_a		a = pa[i]; \
			type_b		b = pb[i]; \
			o[i] = (type_o) (expression); \
		} \
	else if (sa == 1) \
	{ \
		type_b		b = *pb; \
		for (size_t i = 0; i < n; i++) \
		{ \
			type_a		a = pa[i]; \
			o[i] = (type_o) (expression); \
		} \
	} \
	else \
	{ \
		type_a		a = *pa; \
		for (size_t i = 0; i < n; i++) \
		{ \
			type_b		b = pb[(ptrdiff_t) i * sb]; \
			o[i] = (type_o) (expression); \
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

/* By squaring; a negative exponent leaves 0, or the sign of a unit. */
static int64_t
power(int64_t base, int64_t exponent)
{
	uint64_t	result = 1;
	uint64_t	square = (uint64_t) base;

	if (exponent < 0)
		return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
	for (; exponent > 0; exponent >>= 1)
	{
		if (exponent & 1)
			result *= square;
		square *= square;
	}
	return (int64_t) result;
}

/* Toward zero; what does not fit becomes the nearest end. */
static int64_t
whole(double x)
{
	if (x != x)
		return 0;
	return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t) x;
}

ROW(pow_i, int64_t, power(a, b))
ROW_OF(pow_fi, float, int64_t, float, powf(a, (float) b))
ROW_OF(pow_if, int64_t, float, int64_t, whole(pow((double) a, (double) b)))
ROW_OF(equal_f, float, float, int64_t, a == b)
ROW_OF(equal_i, int64_t, int64_t, int64_t, a == b)

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
	row_function of[2][2];		/* [is a int64][is b int64]; NULL: not built */
	bool		truth;			/* the result is a bool, else of a's type */
}			rows[] = {
	{"Add", {{row_add_f, NULL}, {NULL, row_add_i}}, false},
	{"Sub", {{row_sub_f, NULL}, {NULL, row_sub_i}}, false},
	{"Mul", {{row_mul_f, NULL}, {NULL, row_mul_i}}, false},
	{"Div", {{row_div_f, NULL}, {NULL, row_div_i}}, false},
	{"Max", {{row_max_f, NULL}, {NULL, row_max_i}}, false},
	{"Min", {{row_min_f, NULL}, {NULL, row_min_i}}, false},
	{"Sum", {{row_add_f, NULL}, {NULL, row_add_i}}, false},
	{"Pow", {{row_pow_f, row_pow_fi}, {row_pow_if, row_pow_i}}, false},
	{"PRelu", {{row_prelu_f, NULL}, {NULL, NULL}}, false},
	{"Equal", {{row_equal_f, NULL}, {NULL, row_equal_i}}, true},
	{NULL, {{NULL, NULL}, {NULL, NULL}}, false}
};

static row_function
row_of(const fx_node *node, fx_type a, fx_type b, bool *truth)
{
	for (int i = 0; rows[i].name != NULL; i++)
		if (strcmp(rows[i].name, node->op->name) == 0)
		{
			*truth = rows[i].truth;
			return rows[i].of[a == FX_TYPE_INT64][b == FX_TYPE_INT64];
		}
	return NULL;
}

static fx_code
shape_many(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *first = fx_in(model, node, 0);
	fx_shape	shape;
	fx_type		type;
	bool		truth = false;
	fx_code		code;

	if (first == NULL)
		return fx_node_fail(err, FX_MALFORMED, node, "lacks an operand");
	shape = first->shape;
	for (int i = 0; i < node->inputs; i++)
	{
		const fx_value *in = fx_in(model, node, i);

		if (in == NULL)
			return fx_node_fail(err, FX_MALFORMED, node, "lacks its operand %d", i);
		if (row_of(node, first->type, in->type, &truth) == NULL)
			return fx_node_fail(err, FX_UNSUPPORTED, node, "has operands of types that are not built for it");
		if (!fx_broadcast(&shape, &in->shape, &shape))
			return fx_node_fail(err, FX_MISMATCH, node, "has operands whose shapes do not fit each other");
	}
	type = truth ? FX_TYPE_INT64 : first->type;
	if (node->inputs <= 2)
		for (int i = 0; i < node->inputs; i++)
			if (fx_in(model, node, i)->type == type && fx_shape_equal(&shape, &fx_in(model, node, i)->shape))
				node->in_place |= 1u << i;
	code = fx_set_output(model, node, 0, type, &shape, err);
	if (code == FX_OK)
		fx_out(model, node, 0)->declared = truth ? FX_ELEMENT_BOOL : first->declared;
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
	bool		truth;
	row_function row = row_of(node, a->type, b->type, &truth);
	size_t		size_a = fx_type_size(a->type);
	size_t		size_b = fx_type_size(b->type);
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
		fx_code		code = row((const char *) a->data + ia * (ptrdiff_t) size_a,
							   (const char *) b->data + ib * (ptrdiff_t) size_b,
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
	TWO("Equal"),
	MANY("Max"), MANY("Min"), MANY("Sum"),
	{"PRelu", 2, 2, 1, false, NULL, shape_prelu, NULL, NULL, run_many},
	{0}
};

/*
 * ops_matmul.c - products of matrices by the BLAS.
 */
#include "infer/ops.h"

#include "base/blas.h"

typedef struct gemm_params
{
	float		alpha;
	float		beta;
	bool		trans_a;
	bool		trans_b;
} gemm_params;

static fx_code
check_gemm(fx_loader *loader, fx_node *node, fx_error *err)
{
	gemm_params *params = fx_params(loader, sizeof(gemm_params));

	if (params == NULL)
		return loader->code;
	params->alpha = fx_attr_float(loader, "alpha", 1);
	params->beta = fx_attr_float(loader, "beta", 1);
	params->trans_a = fx_attr_int(loader, "transA", 0) != 0;
	params->trans_b = fx_attr_int(loader, "transB", 0) != 0;
	return loader->code != FX_OK ? loader->code : fx_blas_load(err);
}

static fx_code
set_work(fx_node *node, const fx_value *out, size_t inner, fx_error *err)
{
	if (__builtin_mul_overflow((uint64_t) out->count, (uint64_t) (inner == 0 ? 1 : inner), &node->work))
		return fx_node_fail(err, FX_LIMIT, node, "is too large a product");
	return FX_OK;
}

static fx_code
shape_gemm(fx_model *model, fx_node *node, fx_error *err)
{
	const gemm_params *params = node->params;
	const fx_value *a = fx_in(model, node, 0);
	const fx_value *b = fx_in(model, node, 1);
	const fx_value *c = fx_in(model, node, 2);
	fx_shape	shape = {2, {0}};
	fx_shape	whole;
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (a->shape.rank != 2 || b->shape.rank != 2 ||
		a->shape.dim[!params->trans_a] != b->shape.dim[params->trans_b])
		return fx_node_fail(err, FX_MISMATCH, node, "has matrices that do not fit each other");
	shape.dim[0] = a->shape.dim[params->trans_a];
	shape.dim[1] = b->shape.dim[!params->trans_b];
	if (c != NULL && (!fx_broadcast(&c->shape, &shape, &whole) || !fx_shape_equal(&whole, &shape)))
		return fx_node_fail(err, FX_MISMATCH, node, "has a third operand that does not fit its product");
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &shape, err);
	return code != FX_OK ? code
		: set_work(node, fx_out(model, node, 0), (size_t) a->shape.dim[!params->trans_a], err);
}

static fx_code
run_gemm(fx_model *model, fx_node *node, fx_error *err)
{
	const gemm_params *params = node->params;
	const fx_value *a = fx_in(model, node, 0);
	const fx_value *b = fx_in(model, node, 1);
	const fx_value *c = fx_in(model, node, 2);
	fx_value   *out = fx_out(model, node, 0);
	float	   *y = out->data;
	int			k = (int) a->shape.dim[!params->trans_a];
	fx_walk		walk;

	if (out->count == 0)
		return FX_OK;
	if (c != NULL)
	{
		fx_walk_broadcast(&c->shape, &out->shape, &walk);
		fx_walk_copy(&walk, c->data, y, sizeof(float));
	}
	if (c == NULL || k == 0)
		for (size_t i = 0; i < out->count; i++)
			y[i] = c != NULL ? y[i] * params->beta : 0;
	if (k > 0)
		fx_blas.sgemm(CblasRowMajor, params->trans_a ? CblasTrans : CblasNoTrans,
					  params->trans_b ? CblasTrans : CblasNoTrans, (int) out->shape.dim[0], (int) out->shape.dim[1], k,
					  params->alpha, a->data, (int) a->shape.dim[1], b->data, (int) b->shape.dim[1],
					  c != NULL ? params->beta : 0, y, (int) out->shape.dim[1]);
	return FX_OK;
}

/* ---- MatMul: as numpy.matmul, batch dimensions broadcast */

typedef struct product
{
	fx_shape	a;				/* at least two dimensions each */
	fx_shape	b;
	fx_shape	batch_a;		/* what precedes the matrices */
	fx_shape	batch_b;
	fx_shape	batch;
	fx_shape	out;
} product;

static fx_code
check_matmul(fx_loader *loader, fx_node *node, fx_error *err)
{
	(void) loader;
	(void) node;
	return fx_blas_load(err);
}

static bool
place_matmul(const fx_value *a, const fx_value *b, product *p)
{
	bool		row = a->shape.rank == 1;
	bool		column = b->shape.rank == 1;

	if (a->shape.rank < 1 || b->shape.rank < 1)
		return false;
	p->a = a->shape;
	p->b = b->shape;
	if (row)
	{
		p->a.rank = 2;
		p->a.dim[1] = p->a.dim[0];
		p->a.dim[0] = 1;
	}
	if (column)
	{
		p->b.rank = 2;
		p->b.dim[1] = 1;
	}
	if (p->a.dim[p->a.rank - 1] != p->b.dim[p->b.rank - 2])
		return false;
	p->batch_a = p->a;
	p->batch_a.rank -= 2;
	p->batch_b = p->b;
	p->batch_b.rank -= 2;
	if (!fx_broadcast(&p->batch_a, &p->batch_b, &p->batch))
		return false;
	p->out = p->batch;
	if (!row)
		p->out.dim[p->out.rank++] = p->a.dim[p->a.rank - 2];
	if (!column)
		p->out.dim[p->out.rank++] = p->b.dim[p->b.rank - 1];
	return true;
}

static fx_code
shape_matmul(fx_model *model, fx_node *node, fx_error *err)
{
	product		p;
	fx_code		code = fx_need_floats(model, node, err);

	if (code != FX_OK)
		return code;
	if (!place_matmul(fx_in(model, node, 0), fx_in(model, node, 1), &p))
		return fx_node_fail(err, FX_MISMATCH, node, "has matrices that do not fit each other");
	code = fx_set_output(model, node, 0, FX_TYPE_FLOAT, &p.out, err);
	return code != FX_OK ? code : set_work(node, fx_out(model, node, 0), (size_t) p.a.dim[p.a.rank - 1], err);
}

/* The offset of matrix `at` of the batch in an operand that is broadcast to it. */
static size_t
batch_offset(const fx_shape *part, const fx_shape *whole, size_t at, size_t matrix)
{
	size_t		offset = 0;
	size_t		stride = matrix;

	for (int i = whole->rank - 1; i >= 0; i--)
	{
		int			d = i - (whole->rank - part->rank);
		size_t		index = at % (size_t) whole->dim[i];

		at /= (size_t) whole->dim[i];
		if (d < 0)
			continue;
		if (part->dim[d] != 1)
			offset += index * stride;
		stride *= (size_t) part->dim[d];
	}
	return offset;
}

static fx_code
run_matmul(fx_model *model, fx_node *node, fx_error *err)
{
	const fx_value *a = fx_in(model, node, 0);
	const fx_value *b = fx_in(model, node, 1);
	fx_value   *out = fx_out(model, node, 0);
	float	   *y = out->data;
	product		p;
	size_t		m;
	size_t		n;
	size_t		k;
	size_t		batches;

	if (!place_matmul(a, b, &p) || out->count == 0)
		return FX_OK;
	m = (size_t) p.a.dim[p.a.rank - 2];
	k = (size_t) p.a.dim[p.a.rank - 1];
	n = (size_t) p.b.dim[p.b.rank - 1];
	batches = fx_span(&p.batch, 0, p.batch.rank);
	for (size_t i = 0; i < batches; i++, y += m * n)
	{
		if (fx_is_interrupted(model))
			return fx_fail(err, FX_INTERRUPTED, FX_NO_POSITION, "interrupted in node %s", node->name);
		for (size_t j = 0; k == 0 && j < m * n; j++)
			y[j] = 0;
		if (k > 0)
			fx_blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int) m, (int) n, (int) k, 1,
						  (const float *) a->data + batch_offset(&p.batch_a, &p.batch, i, m * k), (int) k,
						  (const float *) b->data + batch_offset(&p.batch_b, &p.batch, i, k * n), (int) n,
						  0, y, (int) n);
	}
	return FX_OK;
}

const fx_operator fx_ops_matmul[] = {
	{"Gemm", 2, 3, 1, false, check_gemm, shape_gemm, NULL, NULL, run_gemm},
	{"MatMul", 2, 2, 1, false, check_matmul, shape_matmul, NULL, NULL, run_matmul},
	{0}
};

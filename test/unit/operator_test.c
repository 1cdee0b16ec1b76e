/*
 * operator_test.c - norms, pads and the forms of opset 18, of which the ONNX
 * project's node tests of the test data have nothing or too little: against
 * slow obvious versions, and malformed in every way that their checks know.
 */
#include "onnx_run.h"

/* ---- activations and norms */

static void
test_norms(void)
{
	static const int64_t dims[3] = {2, 3, 5};

	for (int p = 1; p <= 2; p++)
		for (int axis = -3; axis < 3; axis++)
		{
			int			along = axis < 0 ? axis + 3 : axis;
			size_t		inner = product(dims + along + 1, (size_t) (2 - along));
			size_t		n = (size_t) dims[along];
			outcome		o;

			reset();
			set_input(1, dims, 3);
			set_int(NODE1("LpNormalization", "x", "y"), 0, "p", p);
			set_int(&nodes[0], 1, "axis", axis);
			fill(x, 30);
			for (size_t i = 0; i < 30; i++)
			{
				size_t		first = i / (inner * n) * inner * n + i % inner;
				double		sum = 0;

				for (size_t k = 0; k < n; k++)
					sum += p == 1 ? fabs((double) x[first + k * inner]) : pow((double) x[first + k * inner], 2);
				want[i] = (double) x[i] / (p == 1 ? sum : sqrt(sum));
			}
			o = run(x);
			ok(near(&o, want, 30), "LpNormalization p %d along axis %d", p, axis);
			fx_model_free(o.model);
		}
	reset();
	opset.version = 14;
	NODE1("HardSwish", "x", "y");
	{
		outcome		o;

		for (int i = 0; i < 32; i++)
		{
			x[i] = (float) (i - 16) / 3;
			want[i] = (double) x[i] * fmax(0, fmin(1, (double) x[i] / 6 + 0.5));
		}
		o = run(x);
		ok(near(&o, want, 32), "HardSwish");
		fx_model_free(o.model);
	}
}

/* ---- padding, windows */

static int64_t
mirrored(int64_t at, int64_t size, bool edge)
{
	if (edge)
		return at < 0 ? 0 : at >= size ? size - 1 : at;
	while (at < 0 || at >= size)
		at = at < 0 ? -at : 2 * (size - 1) - at;
	return at;
}

static void
test_pad(void)
{
	static const int64_t dims[3] = {2, 3, 4};
	static int64_t rank[1] = {6};
	static int64_t pads[6] = {1, 0, 3, 0, 2, 2};
	static int64_t wanted[3] = {3, 5, 9};
	static int64_t listed[4] = {2, 1, 3, 0};
	static int64_t axes[2] = {-1, 0};
	static int64_t twice[2] = {1, -2};
	static int64_t far[2] = {0, 3};
	static int64_t minus[6] = {0, 0, -1, 0, 0, 0};
	static int64_t four[1] = {4};
	static int64_t two[1] = {2};
	outcome		o;

	fill(x, 24);
	for (int edge = 0; edge < 2; edge++)
	{
		for (int i = 0; i < 135; i++)
		{
			int64_t		a = mirrored(i / 45 - 1, 2, edge);
			int64_t		b = mirrored(i / 9 % 5, 3, edge);
			int64_t		c = mirrored(i % 9 - 3, 4, edge);

			want[i] = (double) x[(a * 3 + b) * 4 + c];
		}
		reset();
		set_input(1, dims, 3);
		set_word(NODE2("Pad", "x", "p", "y"), 0, "mode", edge ? "edge" : "reflect");
		add_weight("p", 7, rank, 1, pads, 48);
		o = run(x);
		ok(has_shape(&o, 3, wanted) && near(&o, want, 135), "Pad by %s", edge ? "the edge" : "reflection");
		fx_model_free(o.model);
	}
	/* opset 18: pads of the last and the first dimension */
	reset();
	opset.version = 18;
	set_input(1, dims, 3);
	add_node("Pad", 4, (const char *const[]) {"x", "p", "", "a", "y"});
	add_weight("p", 7, four, 1, listed, 32);
	add_weight("a", 7, two, 1, axes, 16);
	for (int i = 0; i < 81; i++)
	{
		int			a = i / 27 - 1;
		int			b = i / 9 % 3;
		int			c = i % 9 - 2;

		want[i] = a >= 0 && a < 2 && c >= 0 && c < 4 ? (double) x[(a * 3 + b) * 4 + c] : 0;
	}
	o = run(x);
	ok(has_shape(&o, 3, (const int64_t[]) {3, 3, 9}) && near(&o, want, 81), "Pad of the axes listed");
	fx_model_free(o.model);
	for (int kind = 0; kind < 2; kind++)
	{
		reset();
		opset.version = 18;
		add_node("Pad", 4, (const char *const[]) {"x", "p", "", "a", "y"});
		add_weight("p", 7, four, 1, listed, 32);
		add_weight("a", 7, two, 1, kind == 0 ? twice : far, 16);
		if (kind == 0)
			set_input(1, dims, 3);
		else
			set_input(1, dims, 2);
		refuse(kind == 0 ? FX_MALFORMED : FX_MISMATCH, kind == 0 ? "twice" : "axis 3",
			   kind == 0 ? "an axis listed twice is refused" : "an axis outside is refused");
	}
	reset();
	set_input(1, dims, 3);
	NODE2("Pad", "x", "p", "y");
	add_weight("p", 7, rank, 1, minus, 48);
	refuse(FX_UNSUPPORTED, "-1", "a negative pad is refused");
	reset();
	set_input(1, dims, 3);
	set_word(NODE2("Pad", "x", "p", "y"), 0, "mode", "reflect");
	pads[1] = 3;
	add_weight("p", 7, rank, 1, pads, 48);
	refuse(FX_MISMATCH, "its own elements", "a reflection of more than there is is refused");
	pads[1] = 0;
	reset();
	set_input(1, dims, 3);
	set_word(NODE2("Pad", "x", "p", "y"), 0, "mode", "wrap");
	add_weight("p", 7, rank, 1, pads, 48);
	refuse(FX_UNSUPPORTED, "wrap", "a mode that is not built is refused by name");
	for (int kind = 0; kind < 3; kind++)
	{
		OnnxFile__Node *node;
		OnnxFile__Attribute *value;

		reset();
		opset.version = 10;
		set_input(7, dims, 3);
		node = NODE1("Pad", "x", "y");
		set_ints(node, 0, "pads", pads, 6);
		value = set_attribute(node, 1, "value", 1);
		value->has_f = true;
		value->f = kind == 0 ? 8.9e19f : kind == 1 ? -8.9e19f : NAN;
		refuse(FX_MISMATCH, "pads integers", "a number that is no integer pads none");
	}
}

/* ---- the forms of opset 18 */

static void
test_opset_18(void)
{
	static const int64_t dims[2] = {2, 7};
	static int64_t one[1] = {1};
	static int64_t minus_one[1] = {-1};
	static int64_t none[1] = {0};
	static int64_t two[1] = {2};
	static float scales[2] = {2, 1};
	static int64_t axes[2] = {3, 2};
	static int64_t same[2] = {3, -1};
	outcome		o;

	/* 7 in three parts: 3, 3, 1; the last one is the output */
	fill(x, 32);
	reset();
	opset.version = 18;
	set_input(1, dims, 2);
	set_int(NODE1("Split", "x", "a"), 0, "axis", 1);
	set_int(&nodes[0], 1, "num_outputs", 3);
	nodes[0].output = (char *[]) {"a", "b", "y"};
	nodes[0].n_output = 3;
	want[0] = (double) x[6];
	want[1] = (double) x[13];
	o = run(x);
	ok(has_shape(&o, 2, (const int64_t[]) {2, 1}) && near(&o, want, 2),
	   "Split into parts of which the last is smaller");
	fx_model_free(o.model);
	nodes[0].n_attribute = 1;
	refuse(FX_MALFORMED, "num_outputs", "Split without sizes and num_outputs is refused");
	set_int(&nodes[0], 1, "num_outputs", 4);
	refuse(FX_MALFORMED, "num_outputs 4", "another number of outputs is refused");
	for (int kind = 0; kind < 3; kind++)
	{
		reset();
		opset.version = 18;
		set_input(1, dims, 2);
		NODE2(kind == 0 ? "ReduceMean" : "ReduceL2", "x", "a", "y");
		set_int(&nodes[0], 0, "keepdims", 0);
		set_int(&nodes[0], 1, "noop_with_empty_axes", kind == 2);
		add_weight("a", 7, kind == 2 ? none : one, 1, minus_one, kind == 2 ? 0 : 8);
		for (int i = 0; i < 14; i++)
			want[i] = kind == 2 ? (double) x[i] : 0;
		for (int i = 0; i < 14 && kind < 2; i++)
			want[i / 7] += kind == 0 ? (double) x[i] / 7 : (double) x[i] * (double) x[i];
		for (int i = 0; i < 2 && kind == 1; i++)
			want[i] = sqrt(want[i]);
		o = run(x);
		ok(near(&o, want, kind == 2 ? 14 : 2), "%s with axes as an operand%s", kind == 0 ? "ReduceMean" : "ReduceL2",
		   kind == 2 ? ", none of them" : "");
		fx_model_free(o.model);
	}
	reset();
	opset.version = 18;
	add_node("Resize", 3, (const char *const[]) {"x", "", "s", "y"});
	set_ints(&nodes[0], 0, "axes", axes, 2);
	set_word(&nodes[0], 1, "coordinate_transformation_mode", "asymmetric");
	set_word(&nodes[0], 2, "nearest_mode", "floor");
	add_weight("s", 1, two, 1, scales, 8);
	for (int i = 0; i < 64; i++)
		want[i] = (double) x[i / 8 * 4 + i % 8 / 2];
	o = run(x);
	ok(has_shape(&o, 4, (const int64_t[]) {1, 2, 4, 8}) && near(&o, want, 64), "Resize of the axes listed");
	fx_model_free(o.model);
	set_int(&nodes[0], 3, "antialias", 1);
	refuse(FX_UNSUPPORTED, "antialias", "a filter against aliasing is refused by name");
	set_word(&nodes[0], 3, "keep_aspect_ratio_policy", "not_larger");
	refuse(FX_UNSUPPORTED, "not_larger", "a policy that is not built is refused by name");
	nodes[0].n_attribute = 3;
	set_ints(&nodes[0], 0, "axes", same, 2);
	nodes[0].n_attribute = 3;
	refuse(FX_MALFORMED, "twice", "an axis listed twice is refused");
	set_ints(&nodes[0], 0, "axes", axes, 1);
	nodes[0].n_attribute = 3;
	refuse(FX_MISMATCH, "2 scales for 1", "two scales for one axis are refused");
	reset();
	opset.version = 18;
	NODE1("Einsum", "x", "y")->name = "sum_of_all";
	{
		fx_model   *model = NULL;
		fx_error	err;

		ok(load_plan(&usual, 1, &model, &err) == FX_UNSUPPORTED && strstr(err.detail, "Einsum \"sum_of_all\"") != NULL,
		   "an operator that is not built is refused by its name and that of its node");
		fx_model_free(model);
	}
}

int
main(void)
{
	test_norms();
	test_pad();
	test_opset_18();
	ok(the_meter.blocks == 0, "nothing is left allocated");
	return done_testing();
}

/*
 * operator_test.c - operators for which the ONNX project's node tests of the
 * test data have nothing or too little: against slow obvious versions in
 * double precision, and malformed in every way that their checks know.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_build.h"
#include "tap.h"

static uint64_t state = 20250801;

static int
between(int low, int high)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return low + (int) ((state >> 33) % (uint64_t) (high - low + 1));
}

static float
uniform(void)
{
	return (float) between(-1000000, 1000000) * 1e-6f;
}

/* A free dimension is one. */
static size_t
product(const int64_t *dims, size_t rank)
{
	size_t		count = 1;

	for (size_t i = 0; i < rank; i++)
		count *= dims[i] < 0 ? 1 : (size_t) dims[i];
	return count;
}

/* ---- one run of the graph that was built */

typedef struct outcome
{
	fx_model   *model;
	fx_code		code;
	fx_error	err;
	fx_shape	shape;
	fx_type		type;
	const float *y;
	const int64_t *whole;
	size_t		count;
} outcome;

static outcome
run(const float *x)
{
	outcome		o = {0};

	o.code = load_plan(&usual, 1, &o.model, &o.err);
	if (o.code == FX_OK)
	{
		const fx_shape *shape = fx_model_input_shape(o.model, 0);

		memcpy(fx_model_input(o.model, 0), x, product(shape->dim, (size_t) shape->rank) * sizeof(float));
		o.code = fx_model_run(o.model, &o.err);
	}
	if (o.code != FX_OK)
	{
		diag("code %d: %s", (int) o.code, o.err.detail);
		return o;
	}
	o.y = fx_model_output(o.model, 0, &o.shape, &o.type);
	o.whole = (const int64_t *) o.y;
	o.count = product(o.shape.dim, (size_t) o.shape.rank);
	return o;
}

static bool
near(const outcome *o, const double *want, size_t count)
{
	if (o->code != FX_OK || o->count != count || o->type != FX_TYPE_FLOAT)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!(fabs((double) o->y[i] - want[i]) <= 1e-5 + 1e-5 * fabs(want[i])))
		{
			diag("element %zu is %g, not %g", i, (double) o->y[i], want[i]);
			return false;
		}
	return true;
}

static bool
has_shape(const outcome *o, int rank, const int64_t *dims)
{
	bool		same = o->code == FX_OK && o->shape.rank == rank;

	for (int i = 0; same && i < rank; i++)
		same = o->shape.dim[i] == dims[i];
	return same;
}

/* What was built is refused by name of operator and node, with the word. */
static void
refuse(fx_code wanted, const char *word, const char *what)
{
	fx_model   *model = NULL;
	fx_error	err = {0};
	fx_code		code = load_plan(&usual, 1, &model, &err);
	char		who[64];

	snprintf(who, sizeof(who), "%s \"%s\"", nodes[0].op_type, nodes[0].output[0]);
	if (code == FX_OK)
	{
		const fx_shape *shape = fx_model_input_shape(model, 0);

		memset(fx_model_input(model, 0), 0, product(shape->dim, (size_t) shape->rank) * sizeof(float));
		code = fx_model_run(model, &err);
	}
	if (!ok(code == wanted && strstr(err.detail, word) != NULL && strstr(err.detail, who) != NULL, "%s", what))
		diag("code %d: %s", (int) code, err.detail);
	fx_model_free(model);
}

static float x[4096];
static float numbers[4096];
static double want[65536];

static void
fill(float *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = uniform();
}

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

/* ---- types */

static void
test_types(void)
{
	static int64_t four[1] = {4};
	static uint16_t halves[4] = {0x3c00, 0xc000, 0x0001, 0x7bff};	/* 1, -2, 2^-24, 65504 */
	static uint16_t cut[4] = {0x3f80, 0xc000, 0x4049, 0x7f7f};	/* 1, -2, 3.140625, about 3.39e38 */
	static double doubles[4] = {1, -2, 0.1, 1e10};
	static int32_t typed[4] = {0x3c00, 0xc000, 0x0001, 0x7bff};
	static uint64_t large[4] = {0, 1, 2, UINT64_C(1) << 63};
	static int8_t bytes[4] = {-128, -1, 0, 127};
	static const double half_values[4] = {1, -2, 0x1p-24, 65504};
	static const double cut_values[4] = {1, -2, 3.140625, 0x1.fep127};
	outcome		o;

	for (int kind = 0; kind < 4; kind++)
	{
		OnnxFile__Tensor *w;

		reset();
		NODE2("Add", "x", "w", "y");
		w = kind == 0 ? add_weight("w", 10, four, 1, halves, 8) : kind == 1 ? add_weight("w", 16, four, 1, cut, 8)
			: kind == 2 ? add_weight("w", 11, four, 1, doubles, 32) : add_weight("w", 10, four, 1, NULL, 0);
		if (kind == 3)
		{
			w->has_raw_data = false;
			w->int32_data = typed;
			w->n_int32_data = 4;
		}
		memset(x, 0, sizeof(x));
		for (int i = 0; i < 32; i++)
			want[i] = kind == 1 ? cut_values[i % 4] : kind == 2 ? doubles[i % 4] : half_values[i % 4];
		o = run(x);
		ok(near(&o, want, 32), "weights of %s are added", kind == 1 ? "bfloat16" : kind == 2 ? "double"
		   : kind == 0 ? "half" : "half in a list of integers");
		fx_model_free(o.model);
	}
	reset();
	set_input(10, (const int64_t[]) {4}, 1);
	NODE2("Add", "x", "w", "h");
	NODE1("Cast", "h", "y");
	set_int(&nodes[1], 0, "to", 10);
	add_weight("w", 10, four, 1, halves, 8);
	for (int i = 0; i < 4; i++)
		x[i] = 0.1f;
	o = run(x);
	ok(o.code == FX_OK && o.y[0] == 0x1.198p0f && o.y[1] == -0x1.e68p0f && o.y[3] == 65504,
	   "half in, half out: a cast to it rounds");
	fx_model_free(o.model);
	reset();
	set_input(1, (const int64_t[]) {4}, 1);
	set_int(NODE1("Cast", "x", "y"), 0, "to", 3);
	x[0] = 127.9f;
	x[1] = -3.7f;
	x[2] = 300;
	x[3] = NAN;
	o = run(x);
	ok(o.code == FX_OK && o.y[0] == 127 && o.y[1] == -3 && o.y[2] == 44 && o.y[3] == 0,
	   "a cast to int8 goes toward zero and keeps 8 bits");
	fx_model_free(o.model);
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", 13, four, 1, large, 32);
	{
		fx_model   *model = NULL;
		fx_error	err;

		ok(load_plan(&usual, 1, &model, &err) == FX_UNSUPPORTED && strstr(err.detail, "\"w\"") != NULL,
		   "a number of 64 bits that int64 cannot hold is refused");
		fx_model_free(model);
		reset();
		NODE2("Add", "x", "w", "y");
		add_weight("w", 10, four, 1, halves, 6);
		ok(load_plan(&usual, 1, &model, &err) == FX_MALFORMED && strstr(err.detail, "\"w\"") != NULL,
		   "three halves for four elements are refused");
		fx_model_free(model);
		reset();
		NODE2("Add", "x", "w", "y");
		add_weight("w", 3, four, 1, bytes, 4)->n_int32_data = 4;
		weights[0].int32_data = typed;
		ok(load_plan(&usual, 1, &model, &err) == FX_MALFORMED, "a weight with its numbers twice is refused");
		fx_model_free(model);
	}
	reset();
	set_int(NODE1("Cast", "x", "y"), 0, "to", 8);
	refuse(FX_UNSUPPORTED, "type 8", "a cast to strings is refused");
	reset();
	set_int(NODE1("Cast", "x", "y"), 0, "to", INT64_C(1) << 40);
	refuse(FX_UNSUPPORTED, "casts", "a cast to a type that does not exist is refused");
	reset();
	NODE3("Where", "x", "x", "x", "y");
	refuse(FX_UNSUPPORTED, "operand 0", "a condition of floats is refused");
	reset();
	NODE2("GatherElements", "x", "i", "y");
	{
		static int64_t one[4] = {1, 1, 1, 1};
		static int64_t far[1] = {7};

		add_weight("i", 7, one, 4, far, 8);
		refuse(FX_MISMATCH, "index 7", "an index outside is refused while running");
	}
}

/* ---- quantised numbers */

static double
to_even(double v)
{
	double		r = floor(v + 0.5);

	return v + 0.5 == r && fmod(r, 2) != 0 ? r - 1 : r;
}

static double
saturate(double v, bool is_signed)
{
	return is_signed ? fmax(-128, fmin(127, v)) : fmax(0, fmin(255, v));
}

static void
test_quantize(void)
{
	static const int64_t dims[3] = {2, 3, 4};
	static int64_t three[1] = {3};
	static float scales[3] = {0.5f, 0.01f, 2};
	static int8_t zeros[3] = {-5, 0, 100};
	static int64_t weight_dims[4] = {2, 2, 1, 1};
	static int64_t two[1] = {2};
	static int8_t weight_bytes[4] = {-128, 127, 3, -4};
	static float weight_scales[2] = {0.25f, 0.5f};
	static int8_t weight_zeros[2] = {1, -2};
	outcome		o;

	reset();
	opset.version = 13;
	set_input(1, dims, 3);
	NODE3("QuantizeLinear", "x", "s", "z", "y");
	add_weight("s", 1, three, 1, scales, 12);
	add_weight("z", 3, three, 1, zeros, 3);
	for (int i = 0; i < 24; i++)
	{
		int			c = i / 4 % 3;

		x[i] = i % 4 == 0 ? 0.25f * scales[c] * (float) between(-20, 20) : uniform() * 40;
		want[i] = saturate(to_even((double) (x[i] / scales[c])) + zeros[c], true);
	}
	o = run(x);
	ok(near(&o, want, 24), "QuantizeLinear by channel: halves to even, saturated");
	fx_model_free(o.model);
	reset();
	opset.version = 13;
	set_input(3, dims, 3);
	NODE3("DequantizeLinear", "x", "s", "z", "y");
	set_int(&nodes[0], 0, "axis", -2);
	add_weight("s", 1, three, 1, scales, 12);
	add_weight("z", 3, three, 1, zeros, 3);
	for (int i = 0; i < 24; i++)
	{
		x[i] = (float) between(-128, 127);
		want[i] = ((double) x[i] - zeros[i / 4 % 3]) * (double) scales[i / 4 % 3];
	}
	o = run(x);
	ok(near(&o, want, 24), "DequantizeLinear by channel");
	fx_model_free(o.model);
	/* weights of 8 bits become those of a plain convolution while the file is read */
	reset();
	opset.version = 13;
	NODE3("DequantizeLinear", "q", "s", "z", "w");
	set_int(&nodes[0], 0, "axis", 0);
	NODE2("Conv", "x", "w", "y");
	add_weight("q", 3, weight_dims, 4, weight_bytes, 4);
	add_weight("s", 1, two, 1, weight_scales, 8);
	add_weight("z", 3, two, 1, weight_zeros, 2);
	fill(x, 32);
	for (int m = 0; m < 2; m++)
		for (int i = 0; i < 16; i++)
			want[m * 16 + i] = (double) weight_scales[m] * ((weight_bytes[2 * m] - weight_zeros[m]) * (double) x[i] +
															 (weight_bytes[2 * m + 1] - weight_zeros[m]) * (double) x[16 + i]);
	o = run(x);
	ok(near(&o, want, 32), "a convolution with weights of 8 bits");
	fx_model_free(o.model);
	reset();
	opset.version = 13;
	NODE3("QuantizeLinear", "x", "s", "z", "y");
	add_weight("s", 1, three, 1, scales, 12);
	add_weight("z", 3, three, 1, zeros, 3);
	refuse(FX_MISMATCH, "operand 1", "three scales for two channels are refused");
	reset();
	opset.version = 13;
	set_int(NODE2("QuantizeLinear", "x", "s", "y"), 0, "axis", 4);
	add_weight("s", 1, three, 1, scales, 12);
	refuse(FX_MISMATCH, "axis 4", "an axis outside is refused");
	reset();
	NODE3("QuantizeLinear", "x", "s", "z", "y");
	add_weight("s", 1, (int64_t[]) {1}, 1, scales, 4);
	add_weight("z", 1, (int64_t[]) {1}, 1, scales, 4);
	refuse(FX_UNSUPPORTED, "int8 nor uint8", "a zero point of float is refused");
	reset();
	NODE2("DequantizeLinear", "x", "s", "y");
	add_weight("s", 1, (int64_t[]) {1}, 1, scales, 4);
	refuse(FX_UNSUPPORTED, "not quantised", "floats of the graph's input cannot be dequantised");
}

typedef struct qconv
{
	int			groups;
	int			in;				/* channels of a group */
	int			out;
	int			kernel;
	int			pad;
	int			stride;
	bool		x_signed;
	bool		y_signed;
	bool		by_channel;
	bool		bias;
} qconv;

#define Q_SIDE 7

static void
test_qconv(qconv q)
{
	static int8_t w_bytes[4096];
	static uint8_t x_zero[1];
	static uint8_t y_zero[1];
	static float w_scale[64];
	static int8_t w_zero[64];
	static int32_t biases[64];
	static float x_scale = 0.02f;
	static float y_scale = 0.11f;
	int64_t		dims[4] = {2, q.groups * q.in, Q_SIDE, Q_SIDE};
	int64_t		w_dims[4] = {q.groups * q.out, q.in, q.kernel, q.kernel};
	int64_t		channels[1] = {q.by_channel ? q.groups * q.out : 1};
	int64_t		out_channels[1] = {q.groups * q.out};
	int64_t		one[1] = {1};
	int64_t		pads[4] = {q.pad, q.pad, 0, q.pad};
	int64_t		strides[2] = {q.stride, q.stride};
	int			out_h = (Q_SIDE + q.pad - q.kernel) / q.stride + 1;
	int			out_w = (Q_SIDE + 2 * q.pad - q.kernel) / q.stride + 1;
	size_t		count = 0;
	bool		right;
	outcome		o;

	x_zero[0] = q.x_signed ? (uint8_t) -7 : 120;
	y_zero[0] = q.y_signed ? (uint8_t) 12 : 131;
	for (size_t i = 0; i < product(w_dims, 4); i++)
		w_bytes[i] = (int8_t) between(-128, 127);
	for (int c = 0; c < out_channels[0]; c++)
	{
		w_scale[c] = 0.003f + 0.0001f * (float) (c % 7);
		w_zero[c] = (int8_t) (q.by_channel ? c % 5 - 2 : 3);
		biases[c] = between(-20000, 20000);
	}
	for (size_t i = 0; i < product(dims, 4); i++)
		x[i] = (float) (q.x_signed ? between(-128, 127) : between(0, 255));
	for (int n = 0; n < 2; n++)
		for (int m = 0; m < out_channels[0]; m++)
			for (int y = 0; y < out_h; y++)
				for (int z = 0; z < out_w; z++)
				{
					int			s = q.by_channel ? m : 0;
					double		sum = q.bias ? biases[m] : 0;

					for (int c = 0; c < q.in; c++)
						for (int k = 0; k < q.kernel * q.kernel; k++)
						{
							int			iy = y * q.stride - q.pad + k / q.kernel;
							int			ix = z * q.stride - q.pad + k % q.kernel;
							int			plane = n * (int) dims[1] + m / q.out * q.in + c;

							if (iy >= 0 && iy < Q_SIDE && ix >= 0 && ix < Q_SIDE)
								sum += ((double) x[(plane * Q_SIDE + iy) * Q_SIDE + ix] -
										(q.x_signed ? (int8_t) x_zero[0] : x_zero[0])) *
									(w_bytes[(m * q.in + c) * q.kernel * q.kernel + k] - w_zero[s]);
						}
					want[count++] = saturate(to_even(sum * (double) x_scale * (double) w_scale[s] / (double) y_scale) +
											 (q.y_signed ? (int8_t) y_zero[0] : y_zero[0]), q.y_signed);
				}
	reset();
	set_input(q.x_signed ? 3 : 2, dims, 4);
	add_node("QLinearConv", q.bias ? 9 : 8, q.bias ?
			 (const char *const[]) {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b", "y"} :
			 (const char *const[]) {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "y"});
	set_int(&nodes[0], 0, "group", q.groups);
	set_ints(&nodes[0], 1, "pads", pads, 4);
	set_ints(&nodes[0], 2, "strides", strides, 2);
	add_weight("xs", 1, one, 0, &x_scale, 4);
	add_weight("xz", q.x_signed ? 3 : 2, one, 0, x_zero, 1);
	add_weight("w", 3, w_dims, 4, w_bytes, product(w_dims, 4));
	add_weight("ws", 1, channels, 1, w_scale, (size_t) channels[0] * 4);
	add_weight("wz", 3, channels, 1, w_zero, (size_t) channels[0]);
	add_weight("ys", 1, one, 0, &y_scale, 4);
	add_weight("yz", q.y_signed ? 3 : 2, one, 0, y_zero, 1);
	if (q.bias)
		add_weight("b", 6, out_channels, 1, biases, (size_t) out_channels[0] * 4);
	o = run(x);
	right = o.code == FX_OK && o.count == count;
	/* a tie may fall either way where the scale is no power of two */
	for (size_t i = 0; right && i < count; i++)
		right = fabs((double) o.y[i] - want[i]) <= 1;
	for (size_t i = 0, off = 0; right && i < count; i++)
		right = (off += (double) o.y[i] != want[i]) <= count / 500;
	ok(right, "QLinearConv: %d groups of %d to %d, kernel %d, stride %d, %s to %s%s%s", q.groups, q.in, q.out, q.kernel,
	   q.stride, q.x_signed ? "int8" : "uint8", q.y_signed ? "int8" : "uint8", q.by_channel ? ", by channel" : "",
	   q.bias ? ", bias" : "");
	fx_model_free(o.model);
}

static void
test_qconv_refused(void)
{
	static float scale[3] = {1, 1, 1};
	static uint8_t zero[3];
	static int8_t w[8];
	static const char *const names[] = {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b", "y"};
	static const struct
	{
		int64_t		scales;
		int64_t		zeros;
		int32_t		zero_type;
		int32_t		bias_type;
		const char *word;
		const char *what;
	}			cases[] = {
		{3, 1, 2, 6, "operand 4", "three scales for two channels are refused"},
		{2, 3, 2, 6, "operand 5", "three zero points for two scales are refused"},
		{1, 1, 6, 6, "int8 nor uint8", "a zero point of int32 is refused"},
		{1, 1, 2, 1, "int32", "a bias of float is refused"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t		one[1] = {1};
		int64_t		two[1] = {2};
		int64_t		w_dims[4] = {2, 2, 1, 1};
		int64_t		scales[1] = {cases[i].scales};
		int64_t		zeros[1] = {cases[i].zeros};

		reset();
		set_input(2, (const int64_t[]) {1, 2, 4, 4}, 4);
		add_node("QLinearConv", 9, names);
		add_weight("xs", 1, one, 1, scale, 4);
		add_weight("xz", 2, one, 1, zero, 1);
		add_weight("w", 3, w_dims, 4, w, 4);
		add_weight("ws", 1, scales, 1, scale, 4 * (size_t) scales[0]);
		add_weight("wz", 3, zeros, 1, w, (size_t) zeros[0]);
		add_weight("ys", 1, one, 1, scale, 4);
		add_weight("yz", cases[i].zero_type, one, 1, scale, cases[i].zero_type == 6 ? 4 : 1);
		add_weight("b", cases[i].bias_type, two, 1, scale, 8);
		refuse(cases[i].zero_type == 6 ? FX_UNSUPPORTED : FX_MISMATCH, cases[i].word, cases[i].what);
	}
}

/* ---- transposed convolution */

typedef struct deconv
{
	int			groups;
	int			in;				/* channels of a group */
	int			out;
	int			h;
	int			w;
	int			kernel;
	int			stride;
	int			dilation;
	int			pad[4];
	int			more;
	const char *auto_pad;		/* or NULL */
} deconv;

static void
test_deconv(deconv d)
{
	int64_t		dims[4] = {2, d.groups * d.in, d.h, d.w};
	int64_t		w_dims[4] = {d.groups * d.in, d.out, d.kernel, d.kernel};
	int64_t		strides[2] = {d.stride, d.stride};
	int64_t		dilations[2] = {d.dilation, d.dilation};
	int64_t		more[2] = {d.more, d.more};
	int64_t		pads[4] = {d.pad[0], d.pad[1], d.pad[2], d.pad[3]};
	int64_t		channels[1] = {d.groups * d.out};
	int			out[2];
	float	   *bias = numbers + 4000;
	outcome		o;
	int64_t		wanted[4];
	size_t		count;

	for (int a = 0; a < 2; a++)
	{
		int			size = a == 0 ? d.h : d.w;
		int			whole = (size - 1) * d.stride + d.more + (d.kernel - 1) * d.dilation + 1;

		if (d.auto_pad == NULL)
			out[a] = whole - d.pad[a] - d.pad[a + 2];
		else
		{
			int			rest = whole - size * d.stride;

			out[a] = size * d.stride;
			d.pad[a] = rest < 0 ? 0 : strcmp(d.auto_pad, "SAME_UPPER") == 0 ? rest / 2 : rest - rest / 2;
		}
	}
	fill(x, product(dims, 4));
	fill(numbers, 4096);
	count = (size_t) (2 * d.groups * d.out * out[0] * out[1]);
	for (size_t i = 0; i < count; i++)
		want[i] = (double) bias[i / (size_t) (out[0] * out[1]) % (size_t) (d.groups * d.out)];
	for (int n = 0; n < 2; n++)
		for (int c = 0; c < d.groups * d.in; c++)
			for (int m = 0; m < d.out; m++)
				for (int i = 0; i < d.h * d.w; i++)
					for (int k = 0; k < d.kernel * d.kernel; k++)
					{
						int			y = i / d.w * d.stride - d.pad[0] + k / d.kernel * d.dilation;
						int			z = i % d.w * d.stride - d.pad[1] + k % d.kernel * d.dilation;
						int			channel = c / d.in * d.out + m;

						if (y >= 0 && y < out[0] && z >= 0 && z < out[1])
							want[((n * d.groups * d.out + channel) * out[0] + y) * out[1] + z] +=
								(double) x[(n * d.groups * d.in + c) * d.h * d.w + i] *
								(double) numbers[(c * d.out + m) * d.kernel * d.kernel + k];
					}
	reset();
	set_input(1, dims, 4);
	NODE3("ConvTranspose", "x", "w", "b", "y");
	set_int(&nodes[0], 0, "group", d.groups);
	set_ints(&nodes[0], 1, "strides", strides, 2);
	set_ints(&nodes[0], 2, "dilations", dilations, 2);
	set_ints(&nodes[0], 3, "output_padding", more, 2);
	if (d.auto_pad != NULL)
		set_word(&nodes[0], 4, "auto_pad", d.auto_pad);
	else
		set_ints(&nodes[0], 4, "pads", pads, 4);
	add_weight("w", 1, w_dims, 4, numbers, product(w_dims, 4) * 4);
	add_weight("b", 1, channels, 1, bias, (size_t) channels[0] * 4);
	o = run(x);
	wanted[0] = 2;
	wanted[1] = d.groups * d.out;
	wanted[2] = out[0];
	wanted[3] = out[1];
	ok(has_shape(&o, 4, wanted) && near(&o, want, count),
	   "ConvTranspose: %d groups of %d to %d, %dx%d, kernel %d, stride %d, dilation %d, pads %d %d %d %d, %d more%s%s",
	   d.groups, d.in, d.out, d.h, d.w, d.kernel, d.stride, d.dilation, d.pad[0], d.pad[1], d.pad[2], d.pad[3], d.more,
	   d.auto_pad != NULL ? ", " : "", d.auto_pad != NULL ? d.auto_pad : "");
	fx_model_free(o.model);
}

static void
build_deconv(int64_t *w_dims)
{
	reset();
	NODE2("ConvTranspose", "x", "w", "y");
	add_weight("w", 1, w_dims, 4, numbers, product(w_dims, 4) * 4);
}

static void
test_deconv_refused(void)
{
	static int64_t good[4] = {2, 1, 3, 3};
	static int64_t other[4] = {3, 1, 3, 3};
	static int64_t pads[4] = {3, 3, 3, 3};
	static int64_t minus[2] = {-1, 0};
	static int64_t zero[2] = {0, 4};
	static int64_t huge[2] = {INT64_C(1) << 40, 4};
	static int64_t kernel[2] = {2, 2};

	build_deconv(other);
	refuse(FX_MISMATCH, "3 channels", "weights for other channels are refused");
	build_deconv(good);
	set_ints(&nodes[0], 0, "pads", pads, 4);
	refuse(FX_MISMATCH, "cuts off", "pads that leave nothing are refused");
	build_deconv(good);
	set_ints(&nodes[0], 0, "output_padding", minus, 2);
	refuse(FX_MALFORMED, "output_padding", "a negative output_padding is refused");
	build_deconv(good);
	set_ints(&nodes[0], 0, "output_shape", zero, 2);
	refuse(FX_MALFORMED, "output_shape", "an output_shape of 0 is refused");
	build_deconv(good);
	set_ints(&nodes[0], 0, "output_shape", huge, 2);
	refuse(FX_MALFORMED, "output_shape", "an output_shape beyond any picture is refused");
	build_deconv(good);
	set_ints(&nodes[0], 0, "kernel_shape", kernel, 2);
	refuse(FX_MISMATCH, "kernel_shape", "a kernel_shape other than that of the weights is refused");
	build_deconv(good);
	set_int(&nodes[0], 0, "group", 0);
	refuse(FX_MALFORMED, "0 groups", "no groups are refused");
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
}

/* Greatest number and where it stands, with every automatic pad. */
static void
test_auto_pad(void)
{
	static const char *const words[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
	static int64_t kernel[2] = {3, 2};
	static int64_t strides[2] = {2, 3};
	static int64_t w_dims[4] = {1, 2, 3, 2};

	for (int a = 0; a < 3; a++)
	{
		int			out_h = a == 2 ? 1 : 2;
		int			out_w = a == 2 ? 1 : 2;
		int			rest_h = 2 * (2 - 1) + 3 - 4;
		int			rest_w = 3 * (2 - 1) + 2 - 4;
		int			top = a == 0 ? rest_h / 2 : a == 1 ? rest_h - rest_h / 2 : 0;
		int			left = a == 0 ? rest_w / 2 : a == 1 ? rest_w - rest_w / 2 : 0;
		outcome		o;

		fill(x, 32);
		fill(numbers, 12);
		for (int i = 0; i < out_h * out_w; i++)
		{
			want[i] = 0;
			for (int k = 0; k < 12; k++)
			{
				int			y = i / out_w * 2 - top + k / 2 % 3;
				int			z = i % out_w * 3 - left + k % 2;

				if (y >= 0 && y < 4 && z >= 0 && z < 4)
					want[i] += (double) numbers[k] * (double) x[(k / 6 * 4 + y) * 4 + z];
			}
		}
		reset();
		set_ints(NODE2("Conv", "x", "w", "y"), 0, "strides", strides, 2);
		set_word(&nodes[0], 1, "auto_pad", words[a]);
		add_weight("w", 1, w_dims, 4, numbers, 48);
		o = run(x);
		ok(has_shape(&o, 4, (const int64_t[]) {1, 1, out_h, out_w}) && near(&o, want, (size_t) (out_h * out_w)),
		   "Conv with the pad %s", words[a]);
		fx_model_free(o.model);
		reset();
		set_ints(NODE1("MaxPool", "x", "m"), 0, "kernel_shape", kernel, 2);
		set_ints(&nodes[0], 1, "strides", strides, 2);
		set_word(&nodes[0], 2, "auto_pad", words[a]);
		nodes[0].output = (char *[]) {"m", "y"};
		nodes[0].n_output = 2;
		o = run(x);
		if (ok(o.code == FX_OK && o.type == FX_TYPE_INT64 && o.count == (size_t) (2 * out_h * out_w),
			   "indices of MaxPool with the pad %s", words[a]))
		{
			bool		right = true;

			for (int i = 0; i < 2 * out_h * out_w; i++)
			{
				int			best = -1;

				for (int k = 0; k < 6; k++)
				{
					int			y = i / out_w % out_h * 2 - top + k / 2;
					int			z = i % out_w * 3 - left + k % 2;
					int			at = (i / (out_h * out_w) * 4 + y) * 4 + z;

					if (y >= 0 && y < 4 && z >= 0 && z < 4 && (best < 0 || x[at] > x[best]))
						best = at;
				}
				right = right && o.whole[i] == best;
			}
			ok(right, "and they are where the greatest numbers stand");
		}
		fx_model_free(o.model);
	}
	reset();
	set_ints(NODE1("MaxPool", "x", ""), 0, "kernel_shape", kernel, 2);
	nodes[0].output = (char *[]) {"", "y"};
	nodes[0].n_output = 2;
	refuse(FX_MALFORMED, "lacks its output", "a pool with indices alone is refused");
	reset();
	NODE1("Dropout", "x", "");
	nodes[0].output = (char *[]) {"", "y"};
	nodes[0].n_output = 2;
	refuse(FX_MALFORMED, "lacks its output", "a mask alone is refused");
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
	ok(has_shape(&o, 2, (const int64_t[]) {2, 1}) && near(&o, want, 2), "Split into parts of which the last is smaller");
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
	test_types();
	test_quantize();
	for (int i = 0; i < 12; i++)
		test_qconv((qconv) {i % 3 == 2 ? between(2, 5) : 1, i % 3 == 2 ? 1 : between(1, 9), i % 3 == 2 ? 1 : between(1, 20),
					i % 4 == 0 ? 1 : 3, i % 4 == 0 ? 0 : 1, i % 2 + 1, i % 2 == 0, i % 3 == 0, i % 2 == 1, i % 4 != 3});
	test_qconv_refused();
	for (int i = 0; i < 24; i++)
		test_deconv((deconv) {between(1, 3), between(1, 3), between(1, 4), between(1, 6), between(1, 6), between(2, 4),
					between(1, 3), between(1, 2), {between(0, 1), between(0, 1), between(0, 1), between(0, 0)},
					between(0, 1), i % 4 == 0 ? "SAME_UPPER" : i % 4 == 1 ? "SAME_LOWER" : NULL});
	test_deconv_refused();
	test_pad();
	test_auto_pad();
	test_opset_18();
	ok(the_meter.blocks == 0, "nothing is left allocated");
	return done_testing();
}

/*
 * operator_type_test.c - numbers that are held as others: half, bfloat16,
 * double, integers, and the quantised operators, against slow obvious versions
 * and malformed.
 */
#include "onnx_run.h"

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
			want[m * 16 + i] = (double) weight_scales[m] *
				((weight_bytes[2 * m] - weight_zeros[m]) * (double) x[i] +
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

int
main(void)
{
	test_types();
	test_quantize();
	for (int i = 0; i < 12; i++)
	{
		bool		depthwise = i % 3 == 2;
		qconv		q = {0};

		q.groups = depthwise ? between(2, 5) : 1;
		q.in = depthwise ? 1 : between(1, 9);
		q.out = depthwise ? 1 : between(1, 20);
		q.kernel = i % 4 == 0 ? 1 : 3;
		q.pad = i % 4 == 0 ? 0 : 1;
		q.stride = i % 2 + 1;
		q.x_signed = i % 2 == 0;
		q.y_signed = i % 3 == 0;
		q.by_channel = i % 2 == 1;
		q.bias = i % 4 != 3;
		test_qconv(q);
	}
	test_qconv_refused();
	ok(the_meter.blocks == 0, "nothing is left allocated");
	return done_testing();
}

/*
 * operator_window_test.c - transposed convolutions, automatic pads and the
 * indices of MaxPool, against slow obvious versions and malformed.
 */
#include "onnx_run.h"

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
	static int64_t most[2] = {INT32_MAX / 4, 0};

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
	set_ints(&nodes[0], 0, "output_padding", most, 2);
	set_ints(&nodes[0], 1, "output_shape", kernel, 2);
	refuse(FX_LIMIT, "too large", "more padding than any picture has is refused though little of it is kept");
	build_deconv(good);
	set_int(&nodes[0], 0, "group", 0);
	refuse(FX_MALFORMED, "0 groups", "no groups are refused");
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

int
main(void)
{
	for (int i = 0; i < 24; i++)
	{
		deconv		d = {0};

		d.groups = between(1, 3);
		d.in = between(1, 3);
		d.out = between(1, 4);
		d.h = between(1, 6);
		d.w = between(1, 6);
		d.kernel = between(2, 4);
		d.stride = between(1, 3);
		d.dilation = between(1, 2);
		for (int p = 0; p < 3; p++)
			d.pad[p] = between(0, 1);
		d.more = between(0, 1);
		d.auto_pad = i % 4 == 0 ? "SAME_UPPER" : i % 4 == 1 ? "SAME_LOWER" : NULL;
		test_deconv(d);
	}
	test_deconv_refused();
	test_auto_pad();
	ok(the_meter.blocks == 0, "nothing is left allocated");
	return done_testing();
}

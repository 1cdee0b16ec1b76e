/*
 * graph_test.c - graphs built here: hostile ones, and what limits, interrupts
 * and folding do.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_build.h"
#include "tap.h"

static void
expect(fx_code wanted, const char *word, const char *what)
{
	fx_model   *model = NULL;
	fx_error	err = {0};
	fx_code		code = load_plan(&usual, 1, &model, &err);

	if (!ok(code == wanted && (word == NULL || strstr(err.detail, word) != NULL), "%s", what))
		diag("code %d: %s", (int) code, err.detail);
	fx_model_free(model);
}

/* ---- hostile graphs */

static void
test_structure(void)
{
	reset();
	NODE2("Add", "x", "b", "a");
	NODE1("Relu", "a", "b");
	NODE1("Relu", "b", "y");
	expect(FX_MALFORMED, "depends on itself", "a cycle is refused");
	reset();
	NODE1("Relu", "x", "y");
	NODE2("Add", "x", "c", "c");
	expect(FX_MALFORMED, "Add", "a node that reads itself is refused though no output needs it");
	reset();
	NODE2("Add", "x", "nowhere", "y");
	expect(FX_MALFORMED, "\"nowhere\"", "a name without a producer is refused by name");
	reset();
	NODE1("Relu", "x", "y");
	NODE1("Neg", "x", "y");
	expect(FX_MALFORMED, "another producer", "two producers of one name are refused");
	reset();
	NODE1("Relu", "x", "x");
	expect(FX_MALFORMED, "another producer", "a node that makes an input is refused");
	reset();
	NODE1("Relu", "x", "z");
	expect(FX_MALFORMED, "\"y\"", "an output without a producer is refused");
	reset();
	NODE1("Frobnicate", "x", "y");
	expect(FX_UNSUPPORTED, "Frobnicate", "an unknown operator is refused by name");
	reset();
	NODE1("Relu", "x", "y");
	NODE1("Frobnicate", "x", "unused");
	expect(FX_OK, NULL, "an unknown operator that no output needs is dropped");
	reset();
	NODE1("Relu", "t", "y");
	NODE1("Neg", "x", "t");
	expect(FX_OK, NULL, "nodes in another order are put in order");
	reset();
	NODE1("Relu", "x", "y")->domain = "com.example";
	expect(FX_UNSUPPORTED, "domain", "another domain is refused");
	for (int version = 5; version <= 19; version += 14)
	{
		reset();
		opset.version = version;
		NODE1("Relu", "x", "y");
		expect(FX_UNSUPPORTED, "opset", "an opset out of range is refused");
	}
	reset();
	NODE1("Relu", "\xff\n", "y");
	expect(FX_MALFORMED, "\"??\"", "bytes of a name that cannot be shown are not shown");
}

static void
test_weights(void)
{
	float		numbers[64] = {0};
	int64_t		huge[8] = {1 << 20, 1 << 20, 1 << 20, 1 << 20, 1, 1, 1, 1};
	int64_t		many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
	int64_t		negative[1] = {-4};
	int64_t		four[1] = {4};
	int64_t		zero[1] = {0};

	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, four, 1, numbers, 12);
	expect(FX_MALFORMED, "\"w\"", "a weight shorter than its dimensions is refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, huge, 8, numbers, 16);
	expect(FX_LIMIT, "\"w\"", "dimensions whose product overflows are refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, many, 9, numbers, 4);
	expect(FX_LIMIT, "9 dimensions", "nine dimensions are refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, negative, 1, numbers, 16);
	expect(FX_MALFORMED, "-4", "a negative dimension is refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, four, 1, numbers, 16)->has_data_location = true;
	weights[0].data_location = 1;
	expect(FX_UNSUPPORTED, "another file", "external data is refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", 8, four, 1, numbers, 8);
	expect(FX_UNSUPPORTED, "type 8", "a weight of strings is refused where it is read");
	reset();
	output_info.name = "w";
	add_weight("w", 8, four, 1, numbers, 8);
	expect(FX_UNSUPPORTED, "\"w\"", "and where the graph hands it out");
	reset();
	onnx_file__attribute__init(&attributes[0]);
	attributes[0].name = "value";
	attributes[0].t = add_weight("", 8, four, 1, numbers, 8);
	graph.n_initializer = 0;
	attribute_list[0] = &attributes[0];
	add_node("Constant", 0, (const char *const[]) {"y"});
	nodes[0].attribute = attribute_list;
	nodes[0].n_attribute = 1;
	expect(FX_UNSUPPORTED, "\"y\"", "and where a Constant makes it");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, four, 1, numbers, 16);
	add_weight("w", FX_TYPE_FLOAT, four, 1, numbers, 16);
	expect(FX_MALFORMED, "twice", "a weight that is there twice is refused");
	reset();
	NODE2("Add", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, zero, 1, numbers, 0);
	expect(FX_MISMATCH, "Add", "an empty operand does not fit four columns");
	reset();
	NODE2("Conv", "x", "w", "y");
	add_weight("w", FX_TYPE_FLOAT, four, 1, numbers, 16);
	expect(FX_MISMATCH, "Conv", "weights of one dimension are no convolution");
}

static void
test_attributes(void)
{
	static int64_t perm[4] = {0, 1, 1, 3};
	static int64_t strides[2] = {0, 1};
	static int64_t kernel[2] = {9, 9};

	reset();
	set_ints(NODE1("Transpose", "x", "y"), 0, "perm", perm, 4);
	expect(FX_MALFORMED, "Transpose", "a perm that is no permutation is refused");
	reset();
	set_ints(NODE1("Relu", "x", "y"), 0, "surprise", perm, 4);
	expect(FX_UNSUPPORTED, "surprise", "an attribute that nobody knows is refused by name");
	reset();
	set_ints(NODE1("LeakyRelu", "x", "y"), 0, "alpha", perm, 1);
	expect(FX_MALFORMED, "alpha", "an attribute of the wrong type is refused");
	reset();
	NODE1("MaxPool", "x", "y");
	expect(FX_MALFORMED, "kernel_shape", "a pool without a window is refused");
	reset();
	set_ints(NODE1("MaxPool", "x", "y"), 0, "kernel_shape", kernel, 2);
	expect(FX_MISMATCH, "larger than its input", "a window larger than its input is refused");
	reset();
	set_ints(NODE1("MaxPool", "x", "y"), 0, "kernel_shape", kernel, 2);
	set_ints(&nodes[0], 1, "strides", strides, 2);
	expect(FX_MALFORMED, "strides", "a stride of 0 is refused");
}

static void
test_limits(void)
{
	static int64_t repeats[4] = {1000, 1000, 1000, 1};
	int64_t		four[1] = {4};
	fx_model_limits limits = usual;
	fx_model   *model = NULL;
	fx_error	err;
	uint8_t		junk[64];

	reset();
	NODE2("Tile", "x", "r", "y");
	add_weight("r", FX_TYPE_INT64, four, 1, repeats, sizeof(repeats));
	expect(FX_LIMIT, "Tile", "a tensor beyond the memory limit is refused before it is made");
	reset();
	NODE1("Relu", "x", "y");
	limits.max_bytes = 10;
	ok(load(&limits, &model, &err) == FX_LIMIT && model == NULL, "a file beyond its limit is refused");
	limits = usual;
	limits.max_nodes = 0;
	ok(load(&limits, &model, &err) == FX_LIMIT, "more nodes than the limit are refused");
	limits = usual;
	limits.max_memory = 500;
	ok(load(&limits, &model, &err) == FX_LIMIT, "a parse beyond the memory limit is refused");
	limits = usual;
	limits.max_operations = 31;
	ok(load_plan(&limits, 1, &model, &err) == FX_LIMIT, "32 operations are beyond a limit of 31");
	fx_model_free(model);
	limits.max_operations = 32;
	ok(load_plan(&limits, 1, &model, &err) == FX_OK && fx_model_operations(model) == 32, "and within one of 32");
	fx_model_free(model);
	ok(load_plan(&usual, INT64_MAX, &model, &err) == FX_LIMIT, "an input whose size overflows is refused");
	ok(fx_model_run(model, &err) == FX_MISMATCH, "a model without a plan does not run");
	fx_model_free(model);
	memset(junk, 0xa5, sizeof(junk));
	ok(fx_model_load(&metered, junk, sizeof(junk), &usual, &model, &err) == FX_MALFORMED, "junk is no model");
	ok(fx_model_load(&metered, junk, 0, &usual, &model, &err) == FX_MALFORMED, "nothing is no model");
}

/* ---- right graphs */

static void
test_chain(void)
{
	char		from[24] = "x";
	char		to[24];
	fx_model   *model = NULL;
	fx_error	err;
	float	   *x;
	const float *y;
	bool		right = true;

	reset();
	for (int i = 0; i < 500; i++)
	{
		snprintf(to, sizeof(to), i == 499 ? "y" : "v%d", i);
		NODE1("Neg", from, to);
		memcpy(from, to, sizeof(from));
	}
	ok(load_plan(&usual, 3, &model, &err) == FX_OK, "a chain of 500 nodes is planned");
	x = fx_model_input(model, 0);
	for (int i = 0; i < 96; i++)
		x[i] = (float) i;
	ok(fx_model_run(model, &err) == FX_OK, "and runs");
	y = fx_model_output(model, 0, NULL, NULL);
	for (int i = 0; i < 96; i++)
		right = right && y[i] == (float) i;
	ok(right, "500 negations give the input");
	ok(fx_model_memory(model) < 400 * 1024, "in two buffers, not 500 (%zu bytes)", fx_model_memory(model));
	fx_model_free(model);
}

static float bn_weights[5][2] = {{0}, {2, 3}, {1, -1}, {0.5f, 0.25f}, {1, 4}};
static float conv_weights[4] = {1, 2, -1, 0.5f};

/* y = Relu(BN(Conv(x)) + x): everything folds into one convolution. */
static void
build_residual(void)
{
	static int64_t conv_dims[4] = {2, 2, 1, 1};
	static int64_t two[1] = {2};

	reset();
	NODE2("Conv", "x", "w", "c");
	add_node("BatchNormalization", 5, (const char *const[]) {"c", "g", "b", "m", "v", "n"});
	NODE2("Add", "x", "n", "s");
	NODE1("Relu", "s", "y");
	add_weight("w", FX_TYPE_FLOAT, conv_dims, 4, conv_weights, sizeof(conv_weights));
	add_weight("g", FX_TYPE_FLOAT, two, 1, bn_weights[1], 8);
	add_weight("b", FX_TYPE_FLOAT, two, 1, bn_weights[2], 8);
	add_weight("m", FX_TYPE_FLOAT, two, 1, bn_weights[3], 8);
	add_weight("v", FX_TYPE_FLOAT, two, 1, bn_weights[4], 8);
}

static double
residual(const float *image, int channel, int at)
{
	double		conv = conv_weights[channel * 2] * image[at] + conv_weights[channel * 2 + 1] * image[16 + at];
	double		scale = bn_weights[1][channel] / sqrt(bn_weights[4][channel] + 1e-5);
	double		sum = (conv - bn_weights[3][channel]) * scale + bn_weights[2][channel] + image[channel * 16 + at];

	return sum > 0 ? sum : 0;
}

static void
test_folding(void)
{
	fx_model   *model = NULL;
	fx_error	err;
	double		worst = 0;
	float	   *x;
	const float *y;

	build_residual();
	ok(load_plan(&usual, 2, &model, &err) == FX_OK, "a residual block is planned for two images");
	x = fx_model_input(model, 0);
	for (int i = 0; i < 64; i++)
		x[i] = sinf((float) i) * 3;
	ok(fx_model_run(model, &err) == FX_OK, "and runs");
	y = fx_model_output(model, 0, NULL, NULL);
	for (int n = 0; n < 2; n++)
		for (int c = 0; c < 2; c++)
			for (int i = 0; i < 16; i++)
				worst = fmax(worst, fabs(y[n * 32 + c * 16 + i] - residual(x + n * 32, c, i)));
	ok(worst < 1e-5, "folded batch normalisation, residual and activation are right (%g)", worst);
	fx_model_free(model);
}

/* The convolution's own output is read twice: its sum must not replace it. */
static void
test_no_folding(void)
{
	static int64_t conv_dims[4] = {2, 2, 1, 1};
	fx_model   *model = NULL;
	fx_error	err;
	double		worst = 0;
	float	   *x;
	const float *y;

	reset();
	NODE2("Conv", "x", "w", "c");
	NODE1("Relu", "c", "r");
	NODE2("Sub", "r", "c", "y");
	add_weight("w", FX_TYPE_FLOAT, conv_dims, 4, conv_weights, sizeof(conv_weights));
	ok(load_plan(&usual, 1, &model, &err) == FX_OK, "a convolution with two readers is planned");
	x = fx_model_input(model, 0);
	for (int i = 0; i < 32; i++)
		x[i] = cosf((float) i);
	ok(fx_model_run(model, &err) == FX_OK, "and runs");
	y = fx_model_output(model, 0, NULL, NULL);
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < 16; i++)
		{
			double		conv = conv_weights[c * 2] * x[i] + conv_weights[c * 2 + 1] * x[16 + i];

			worst = fmax(worst, fabs(y[c * 16 + i] - (conv > 0 ? 0 : -conv)));
		}
	ok(worst < 1e-5, "relu(c) - c is right (%g)", worst);
	fx_model_free(model);
}

/* Shape -> Cast -> Cast -> Slice -> Concat: known when planned. */
static void
test_shapes_as_data(void)
{
	static int64_t one[1] = {1};
	static int64_t start[1] = {0};
	static int64_t rest[1] = {-1};
	fx_model   *model = NULL;
	fx_error	err;
	fx_shape	shape;

	reset();
	opset.version = 12;
	NODE1("Shape", "x", "s");
	NODE3("Slice", "s", "start", "end", "first");
	NODE2("Mul", "first", "one", "product");
	add_node("Concat", 2, (const char *const[]) {"product", "rest", "wanted"});
	NODE2("Reshape", "x", "wanted", "y");
	onnx_file__attribute__init(&attributes[0]);
	attributes[0].name = "axis";
	attributes[0].has_type = attributes[0].has_i = true;
	attributes[0].type = 2;
	attribute_list[0] = &attributes[0];
	nodes[3].attribute = attribute_list;
	nodes[3].n_attribute = 1;
	add_weight("start", FX_TYPE_INT64, one, 1, start, 8);
	add_weight("end", FX_TYPE_INT64, one, 1, one, 8);
	add_weight("one", FX_TYPE_INT64, one, 1, one, 8);
	add_weight("rest", FX_TYPE_INT64, one, 1, rest, 8);
	ok(load_plan(&usual, 5, &model, &err) == FX_OK, "a shape computed from a shape is known when planned");
	fx_model_output(model, 0, &shape, NULL);
	ok(shape.rank == 2 && shape.dim[0] == 5 && shape.dim[1] == 32, "and right");
	fx_model_free(model);
}

static void
test_interrupts(void)
{
	fx_model   *model = NULL;
	fx_error	err;
	float		before;
	long		calls;

	build_residual();
	ok(load_plan(&usual, 2, &model, &err) == FX_OK, "a model to be interrupted is planned");
	for (int i = 0; i < 64; i++)
		((float *) fx_model_input(model, 0))[i] = (float) i;
	fx_model_run(model, &err);
	before = ((const float *) fx_model_output(model, 0, NULL, NULL))[63];
	the_meter.calls = 0;
	fx_model_run(model, &err);
	calls = the_meter.calls;
	ok(calls > 0, "a run asks whether to stop");
	for (long stop = 1; stop <= calls; stop++)
	{
		the_meter.calls = 0;
		the_meter.stop_at = stop;
		ok(fx_model_run(model, &err) == FX_INTERRUPTED, "stop %ld ends the run", stop);
	}
	the_meter.stop_at = 0;
	ok(fx_model_run(model, &err) == FX_OK && ((const float *) fx_model_output(model, 0, NULL, NULL))[63] == before,
	   "an interrupted model runs again with the same result");
	fx_model_free(model);
}

/* Every allocation fails in turn; the code is right and nothing is left behind. */
static void
test_no_memory(void)
{
	bool		right = true;
	bool		done = false;
	int			failures = 0;

	build_residual();
	for (long n = 1; !done && n < 5000; n++)
	{
		fx_model   *model = NULL;
		fx_error	err;
		fx_code		code;

		the_meter.requests = 0;
		the_meter.fail_at = n;
		code = load_plan(&usual, 2, &model, &err);
		the_meter.fail_at = 0;
		done = code == FX_OK;
		failures += !done;
		right = right && (done || code == FX_NO_MEMORY);
		fx_model_free(model);
		right = right && the_meter.blocks == 0;
	}
	ok(done && failures > 20 && right, "each of %d failed allocations is reported and leaves nothing", failures);
}

int
main(void)
{
	test_structure();
	test_weights();
	test_attributes();
	test_limits();
	test_chain();
	test_folding();
	test_no_folding();
	test_shapes_as_data();
	test_interrupts();
	test_no_memory();
	ok(the_meter.blocks == 0, "nothing is left allocated");
	return done_testing();
}

/*
 * ops.h - what the operator files share: the table, attributes, operands.
 */
#ifndef FX_OPS_H
#define FX_OPS_H

#include "infer/graph.h"
#include "infer/onnx.pb-c.h"

/* One node of the file while its attributes are read.  The first error sticks. */
typedef struct fx_loader
{
	fx_model   *model;
	fx_heap    *file;			/* owns the parsed file */
	const OnnxFile__Node *source;
	fx_node    *node;
	uint64_t	read;			/* bit i: attribute i was asked for */
	fx_code		code;
	fx_error   *err;
} fx_loader;

/* ops.c: NULL when the operator is not built */
extern const fx_operator *fx_find_operator(const char *name);

/* Each family ends with a row whose name is NULL. */
extern const fx_operator fx_ops_unary[];
extern const fx_operator fx_ops_binary[];
extern const fx_operator fx_ops_shape[];
extern const fx_operator fx_ops_constant[];
extern const fx_operator fx_ops_move[];
extern const fx_operator fx_ops_pad[];
extern const fx_operator fx_ops_select[];
extern const fx_operator fx_ops_cut[];
extern const fx_operator fx_ops_conv[];
extern const fx_operator fx_ops_deconv[];
extern const fx_operator fx_ops_quantize[];
extern const fx_operator fx_ops_pool[];
extern const fx_operator fx_ops_norm[];
extern const fx_operator fx_ops_matmul[];
extern const fx_operator fx_ops_reduce[];
extern const fx_operator fx_ops_resize[];

/* ---- attributes (attribute.c) */

extern bool fx_attr_present(const fx_loader *loader, const char *name);
extern int64_t fx_attr_int(fx_loader *loader, const char *name, int64_t otherwise);
extern float fx_attr_float(fx_loader *loader, const char *name, float otherwise);
/* At most `most` numbers; returns how many, -1 when the attribute is absent. */
extern int	fx_attr_ints(fx_loader *loader, const char *name, int64_t *numbers, int most);
extern int	fx_attr_floats(fx_loader *loader, const char *name, float *numbers, int most);
/* The index in the NULL-terminated list of choices; a word off the list is refused. */
extern int	fx_attr_choice(fx_loader *loader, const char *name, const char *const *choices, int otherwise);
/* NULL when absent. */
extern OnnxFile__Tensor *fx_attr_tensor(fx_loader *loader, const char *name);
/* An attribute that changes nothing here. */
extern void fx_attr_ignore(fx_loader *loader, const char *name);
/* The node's parameters, zeroed; NULL (and the loader's error set) without memory. */
extern void *fx_params(fx_loader *loader, size_t size);
/* Records a failure of the node being read. */
extern fx_code fx_loader_fail(fx_loader *loader, fx_code code, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* ---- the parts of a file (graph_read.c), in this order; nodes are allocated by the caller */

struct fx_names;
extern fx_code fx_read_opset(fx_model *model, const OnnxFile__Model *file, fx_error *err);
extern fx_code fx_read_weights(fx_model *model, fx_heap *file, struct fx_names *names, OnnxFile__Graph *graph,
							   fx_error *err);
extern fx_code fx_read_inputs(fx_model *model, struct fx_names *names, const OnnxFile__Graph *graph, fx_error *err);
extern fx_code fx_read_node_outputs(fx_model *model, struct fx_names *names, const OnnxFile__Node *source, int number,
									fx_error *err);
extern fx_code fx_read_node_inputs(fx_model *model, struct fx_names *names, const OnnxFile__Node *source,
								   fx_node *node, fx_error *err);
extern fx_code fx_read_outputs(fx_model *model, struct fx_names *names, const OnnxFile__Graph *graph, fx_error *err);

/* tensor.c: the tensor's numbers become the value's constant data */
extern fx_code fx_read_tensor(fx_model *model, fx_heap *file, OnnxFile__Tensor *tensor,
							  fx_value *value, fx_error *err);

/* tensor.c: float or int64 for an element type of ONNX; false when it is not built (strings, complex numbers) */
extern bool fx_held_as(int declared, fx_type *type);
/* tensor.c: every number of the value as it would be in that type: rounded to half, cut to 8 bits, ... */
extern void fx_cut_to(int declared, const fx_value *from, fx_value *to);

/* tensor.c: `from` as printable ASCII, cut to the room */
extern void fx_printable(const char *from, char *to, size_t room);

/* ---- operands */

static inline fx_value *
fx_in(const fx_model *model, const fx_node *node, int i)
{
	return i < node->inputs && node->in[i] >= 0 ? &model->values[node->in[i]] : NULL;
}

static inline fx_value *
fx_out(const fx_model *model, const fx_node *node, int i)
{
	return i < node->outputs && node->out[i] >= 0 ? &model->values[node->out[i]] : NULL;
}

extern fx_code fx_node_fail(fx_error *err, fx_code code, const fx_node *node, const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* Checks the shape (sizes, overflow, limits) and gives it to output i; an absent output is skipped. */
extern fx_code fx_set_output(fx_model *model, fx_node *node, int i, fx_type type, const fx_shape *shape,
							 fx_error *err);
/* Output 0 has the type and shape of input 0. */
extern fx_code fx_same_shape(fx_model *model, fx_node *node, fx_error *err);
extern fx_code fx_need_type(const fx_model *model, const fx_node *node, int i, fx_type type, fx_error *err);
/* Every operand that is present is float. */
extern fx_code fx_need_floats(const fx_model *model, const fx_node *node, fx_error *err);
/* Numbers that a shape depends on; refused when they are known only while running. */
extern fx_code fx_known_ints(const fx_model *model, const fx_node *node, int i, int64_t *numbers, int most,
							 int *count, fx_error *err);
extern fx_code fx_known_floats(const fx_model *model, const fx_node *node, int i, float *numbers, int most,
							   int *count, fx_error *err);
/* -rank..rank-1 (plus `extra` at the end) to 0..; FX_MISMATCH outside. */
extern fx_code fx_axis(const fx_node *node, int64_t axis, int rank, int *out, fx_error *err);
/* Reads the attribute axis, 0 where there is none, into the node's parameters, an int64. */
extern fx_code fx_check_axis_zero(fx_loader *loader, fx_node *node, fx_error *err);
/* The common shape by the rules of multidirectional broadcasting. */
extern bool fx_broadcast(const fx_shape *a, const fx_shape *b, fx_shape *out);
/* Product of dim[from..to-1]; within FX_MAX_ELEMENTS for any checked shape. */
extern size_t fx_span(const fx_shape *shape, int from, int to);
extern bool fx_shape_equal(const fx_shape *a, const fx_shape *b);

/* ---- strided walks (stride.c) */

#define FX_MAX_WALK (2 * FX_MAX_RANK)

/* Two tensors walked together: strides in elements, 0 repeats. */
typedef struct fx_walk
{
	int			rank;
	size_t		dim[FX_MAX_WALK];
	ptrdiff_t	a[FX_MAX_WALK];
	ptrdiff_t	b[FX_MAX_WALK];
} fx_walk;

/* Row-major strides in elements. */
extern void fx_strides(const fx_shape *shape, ptrdiff_t *strides);
extern void fx_walk_push(fx_walk *walk, size_t dim, ptrdiff_t a, ptrdiff_t b);
/* Drops dimensions of size 1 and joins those that run through in both tensors; leaves rank >= 1. */
extern void fx_walk_join(fx_walk *walk);
/* A walk over `whole` in which `part` is broadcast as a. b is whole itself. */
extern void fx_walk_broadcast(const fx_shape *part, const fx_shape *whole, fx_walk *walk);
/* a (with a's strides) is copied to b (with b's strides); size is that of an element: 4 or 8. */
extern void fx_walk_copy(fx_walk *walk, const void *a, void *b, size_t size);

/* ---- sliding windows of convolutions and pools (window.c) */

#define FX_MAX_EXTENT 65536		/* kernel, stride, dilation, pad: products of two fit 64 bits with room */

enum							/* auto_pad */
{
	FX_PAD_GIVEN,
	FX_PAD_SAME_UPPER,
	FX_PAD_SAME_LOWER,
	FX_PAD_VALID
};

typedef struct fx_window_params
{
	int			rank;			/* spatial dimensions given by the attributes; 0: none given */
	int			auto_pad;		/* FX_PAD_... */
	bool		ceil_mode;
	int64_t		kernel[2];		/* height, width; 0: not given */
	int64_t		stride[2];
	int64_t		dilation[2];
	int64_t		pad[4];			/* top, left, bottom, right */
} fx_window_params;

typedef struct fx_window
{
	int			kernel[2];
	int			stride[2];
	int			dilation[2];
	int			pad[4];
	int			in[2];
	int			out[2];
} fx_window;

extern void fx_window_attributes(fx_loader *loader, fx_window_params *params);
/* For an input of [N, C, W] or [N, C, H, W]; kernel overrides when the weights say so. */
extern fx_code fx_window_place(const fx_node *node, const fx_window_params *params, const fx_shape *input,
							   const int64_t *kernel, fx_window *window, fx_error *err);

/* ---- convolution parameters, which folding rewrites */

struct fx_conv_spec;

typedef struct fx_conv_params
{
	fx_window_params window;
	int64_t		group;
} fx_conv_params;

extern const fx_operator *fx_conv_operator(void);

/* ops_conv.c: what Conv and QLinearConv share; x, w and b are operands, b perhaps absent */
extern fx_code fx_conv_attributes(fx_loader *loader, fx_node *node, fx_error *err);
extern fx_code fx_conv_shape(fx_model *model, fx_node *node, int x, int w, int b, fx_error *err);
extern fx_code fx_conv_spec_of(const fx_model *model, const fx_node *node, int x, int w, struct fx_conv_spec *spec,
							   fx_error *err);

/* What a node does to a convolution before it, read for fusing; false when it is no such activation. */
extern bool fx_leaky_slope(const fx_node *node, float *slope);
extern bool fx_clip_bounds(const fx_model *model, const fx_node *node, float *low, float *high);
extern float fx_batchnorm_epsilon(const fx_node *node);

#endif							/* FX_OPS_H */

/*
 * graph.h - a loaded model inside: values, nodes, and what an operator sees.
 *
 * Only files of this folder include it; callers see infer.h.
 */
#ifndef FX_GRAPH_H
#define FX_GRAPH_H

#include "infer/heap.h"
#include "infer/infer.h"

#define FX_LEAST_OPSET 7
#define FX_GREATEST_OPSET 18
#define FX_MAX_NAME 1024		/* bytes of a name in the file */
#define FX_MAX_NODE_VALUES 1024	/* inputs, and outputs, of one node */
#define FX_MAX_ATTRIBUTES 64	/* of one node */
#define FX_MAX_ELEMENTS INT32_MAX	/* of one tensor: offsets fit every integer used on them */

/*
 * Element types of ONNX (TensorProto.DataType).  Whatever a file declares is
 * held as float or int64; see fx_held_as().
 */
typedef enum fx_element
{
	FX_ELEMENT_FLOAT = 1,
	FX_ELEMENT_UINT8 = 2,
	FX_ELEMENT_INT8 = 3,
	FX_ELEMENT_UINT16 = 4,
	FX_ELEMENT_INT16 = 5,
	FX_ELEMENT_INT32 = 6,
	FX_ELEMENT_INT64 = 7,
	FX_ELEMENT_BOOL = 9,
	FX_ELEMENT_HALF = 10,
	FX_ELEMENT_DOUBLE = 11,
	FX_ELEMENT_UINT32 = 12,
	FX_ELEMENT_UINT64 = 13,
	FX_ELEMENT_BFLOAT16 = 16
} fx_element;

/* Loops that the compiler should turn into vector code though the build says -O2. */
#if defined(__GNUC__) && !defined(__clang__)
#define FX_VECTOR_LOOPS __attribute__((optimize("O3", "no-math-errno", "no-trapping-math")))
#else
#define FX_VECTOR_LOOPS
#endif

typedef struct fx_operator fx_operator;
struct fx_loader;

/* A tensor of the graph: a weight, an input, or what a node makes. */
typedef struct fx_value
{
	const char *name;
	int			producer;		/* node; -1: weight or input */
	int			uses;			/* nodes (one count per operand) and graph outputs that read it */
	bool		input;			/* of the graph */
	bool		output;			/* of the graph */
	bool		constant;		/* data is known since the load */
	bool		known;			/* data is known at plan time: constant, or computed from shapes */
	fx_type		type;			/* how it is held */
	int			declared;		/* fx_element; what it was or would be in ONNX, where that is known */
	fx_shape	shape;
	size_t		count;			/* elements of shape */
	void	   *data;			/* constant, known, or the planned place */
	int			root;			/* plan: the value whose storage this one shares (itself: its own) */
} fx_value;

typedef struct fx_node
{
	const fx_operator *op;
	char		name[96];		/* printable, for errors: operator and name of the file */
	int			opset;
	int			inputs;
	int			outputs;
	int		   *in;				/* values; -1: an optional operand left out */
	int		   *out;
	void	   *params;			/* attributes as the operator read them; lives as long as the model */
	bool		dead;

	/* set by every plan */
	void	   *state;			/* what the operator prepared */
	bool		alias;			/* out[0] is in[0] under another shape: nothing to run */
	unsigned	in_place;		/* bit i: out[0] may be written over in[i] */
	uint64_t	work;			/* multiply-adds, or elements where nothing is multiplied */
	size_t		scratch;		/* floats */
	float	   *scratch_data;
	bool		folded;			/* computed while planning */
	int			result;			/* what out[0] is after activations were fused in */
	int			addend;			/* value added before the activation; -1: none */
	int			activation;		/* node fused in; -1: none */
} fx_node;

/* An operator of ONNX; see README.md for how to add one. */
struct fx_operator
{
	const char *name;
	int			least_inputs;
	int			most_inputs;
	int			most_outputs;	/* a further output that somebody reads is refused */
	bool		shape_only;		/* reads the shape of its input, not the data */
	/* Reads every attribute it knows; one that stays unread is refused. */
	fx_code		(*check) (struct fx_loader *loader, fx_node *node, fx_error *err);
	/* Sets shape and type of the outputs, and node->work, alias, in_place, scratch. */
	fx_code		(*shape) (fx_model *model, fx_node *node, fx_error *err);
	/* May be NULL: makes node->state on model->plan_heap. An operator with it is not folded. */
	fx_code		(*prepare) (fx_model *model, fx_node *node, fx_error *err);
	void		(*unprepare) (fx_model *model, fx_node *node);	/* NULL: the heap does it */
	/* NULL when alias is always set. */
	fx_code		(*run) (fx_model *model, fx_node *node, fx_error *err);
};

struct fx_model
{
	fx_budget	budget;
	fx_heap		heap;			/* weights and structure */
	fx_heap		plan_heap;		/* all that depends on input shapes */
	fx_model_limits limits;
	int			opset;
	fx_value   *values;
	int			value_count;
	int			value_room;
	fx_node    *nodes;			/* in an order in which they can run */
	int			node_count;
	int		   *inputs;			/* values */
	fx_shape   *input_shapes;	/* as declared */
	int			input_count;
	int		   *outputs;		/* values */
	int			output_count;
	uint64_t	folded_work;	/* spent on constants at load */

	bool		planned;
	fx_shape   *planned_shapes; /* input_count */
	int		   *steps;			/* nodes to run, in order */
	int			step_count;
	uint64_t	operations;
	void	   *arena;
	size_t		arena_size;
};

/* fold.c: at load, per-channel constants into convolution weights */
extern fx_code fx_fold_weights(fx_model *model, fx_error *err);

/*
 * fold.c: at plan, activations and residual sums into convolutions; order[i]
 * is the node that runs at place i, or -1.
 */
extern fx_code fx_fuse(fx_model *model, int *order, fx_error *err);

/* plan.c: shapes, memory and data of a node whose operands are all known */
extern fx_code fx_evaluate(fx_model *model, fx_node *node, fx_heap *heap, uint64_t *work, fx_error *err);
extern fx_code fx_infer_shapes(fx_model *model, fx_node *node, uint64_t *work, fx_error *err);
extern void fx_plan_free(fx_model *model);

/* place.c: where each buffer of the planned steps lies */
extern fx_code fx_place_buffers(fx_model *model, fx_error *err);

/* graph.c */
extern fx_code fx_add_value(fx_model *model, const char *name, int *index, fx_error *err);
extern void fx_count_uses(fx_model *model);
extern void fx_drop_unused_weights(fx_model *model);

static inline bool
fx_is_interrupted(const fx_model *model)
{
	return model->budget.env->interrupted(model->budget.env->context);
}

static inline size_t
fx_type_size(fx_type type)
{
	return type == FX_TYPE_INT64 ? sizeof(int64_t) : sizeof(float);
}

#endif							/* FX_GRAPH_H */

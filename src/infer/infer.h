/*
 * infer.h - a small ONNX graph runner for convolutional face models.
 *
 * A model is read from hostile bytes, checked, folded (batch normalisation
 * into convolutions, activations into the node before), and planned: every
 * buffer of a run is laid out once for an input shape and used again by each
 * run.  Pictures are float32 in NCHW order.
 */
#ifndef FX_INFER_H
#define FX_INFER_H

#include "base/base.h"

#define FX_MAX_RANK 8

typedef struct fx_model fx_model;

/*
 * How numbers are held.  A file may declare others: half, bfloat16, double and
 * 8-bit integers are held as float, other integers and bool as int64.
 */
typedef enum fx_type
{
	FX_TYPE_FLOAT = 1,			/* the numbers are ONNX's TensorProto.DataType */
	FX_TYPE_INT64 = 7
} fx_type;

typedef struct fx_shape
{
	int			rank;			/* 0..FX_MAX_RANK */
	int64_t		dim[FX_MAX_RANK];	/* -1 in a model's input: any size */
} fx_shape;

/* What a model may cost; each must be > 0. */
typedef struct fx_model_limits
{
	size_t		max_bytes;		/* of the ONNX file */
	size_t		max_memory;		/* of weights, plan and buffers together */
	size_t		max_nodes;
	uint64_t	max_operations;	/* multiply-adds of one run */
} fx_model_limits;

/*
 * Reads, checks and folds a model.  The bytes are not needed afterwards.
 * FX_MALFORMED: not ONNX, a cyclic graph, a name without a producer, weights of the
 * wrong length; FX_UNSUPPORTED: an operator, attribute or type that is not built;
 * FX_LIMIT: see fx_model_limits.
 */
extern fx_code fx_model_load(const fx_env *env, const uint8_t *bytes, size_t length,
							 const fx_model_limits *limits, fx_model **model, fx_error *err);
extern void fx_model_free(fx_model *model);

/* Bytes held now: weights, plan and buffers. */
extern size_t fx_model_memory(const fx_model *model);

/* The multiply-adds of one run as planned. */
extern uint64_t fx_model_operations(const fx_model *model);

/* Inputs that are not weights, and outputs, in the order of the file. */
extern int	fx_model_input_count(const fx_model *model);
extern int	fx_model_output_count(const fx_model *model);
extern const char *fx_model_input_name(const fx_model *model, int index);
extern const char *fx_model_output_name(const fx_model *model, int index);
extern int	fx_model_output_index(const fx_model *model, const char *name);	/* -1: none */
/* As declared by the file, before planning; -1 marks a free dimension. */
extern const fx_shape *fx_model_input_shape(const fx_model *model, int index);
extern fx_type fx_model_input_type(const fx_model *model, int index);

/*
 * Plans every buffer for these input shapes (one per input; no -1).  Does
 * nothing when the plan is for these shapes already.  FX_MISMATCH names the
 * node whose operands do not fit.
 */
extern fx_code fx_model_plan(fx_model *model, const fx_shape *inputs, fx_error *err);

/* The planned input buffer, to be filled before each run (dense, row-major). */
extern void *fx_model_input(fx_model *model, int index);

/* Runs the plan.  FX_INTERRUPTED leaves the model usable. */
extern fx_code fx_model_run(fx_model *model, fx_error *err);

/* A result of the last run; valid until the next run, plan or free. */
extern const void *fx_model_output(const fx_model *model, int index, fx_shape *shape, fx_type *type);

#endif							/* FX_INFER_H */

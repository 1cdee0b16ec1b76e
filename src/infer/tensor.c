/*
 * tensor.c - weights of the file become constant values.
 */
#include <math.h>
#include <string.h>

#include "infer/ops.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw_data of ONNX is little-endian and is used in place"
#endif

#define EXTERNAL 1				/* TensorProto.DataLocation */

void
fx_printable(const char *from, char *to, size_t room)
{
	size_t		n = 0;

	for (; from != NULL && *from != '\0' && n + 1 < room; from++)
		to[n++] = *from >= 0x20 && *from < 0x7f ? *from : '?';
	to[n] = '\0';
}

/* dims of the file to a checked shape and its number of elements. */
static fx_code
read_shape(const OnnxFile__Tensor *tensor, const char *shown, fx_shape *shape, size_t *count, fx_error *err)
{
	*count = 1;
	if (tensor->n_dims > FX_MAX_RANK)
		return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "tensor \"%s\" has %zu dimensions; at most %d are read",
					   shown, tensor->n_dims, FX_MAX_RANK);
	shape->rank = (int) tensor->n_dims;
	for (int i = 0; i < shape->rank; i++)
	{
		int64_t		dim = tensor->dims[i];

		if (dim < 0)
			return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "tensor \"%s\" has the dimension %lld",
						   shown, (long long) dim);
		shape->dim[i] = dim;
		if (!fx_mul_size(*count, (size_t) dim, count) || *count > FX_MAX_ELEMENTS)
			return fx_fail(err, FX_LIMIT, FX_NO_POSITION, "tensor \"%s\" has too many elements", shown);
	}
	return FX_OK;
}

/*
 * The bytes stay where the parser put them when they are in the file's own
 * form and on a boundary; else they are copied.  FX_MALFORMED: their number
 * differs from that of dims.
 */
fx_code
fx_read_tensor(fx_model *model, fx_heap *file, OnnxFile__Tensor *tensor, fx_value *value, fx_error *err)
{
	char		shown[64];
	size_t		count;
	size_t		bytes;
	const void *typed;
	size_t		typed_count;
	fx_code		code;

	fx_printable(tensor->name, shown, sizeof(shown));
	if (tensor->data_location == EXTERNAL || tensor->n_external_data > 0)
		return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
					   "tensor \"%s\" keeps its data in another file", shown);
	code = read_shape(tensor, shown, &value->shape, &count, err);
	if (code != FX_OK)
		return code;
	value->constant = value->known = true;
	value->count = count;
	value->type = (fx_type) tensor->data_type;
	value->data = NULL;
	if (tensor->data_type == FX_TYPE_FLOAT)
	{
		typed = tensor->float_data;
		typed_count = tensor->n_float_data;
	}
	else if (tensor->data_type == FX_TYPE_INT64)
	{
		typed = tensor->int64_data;
		typed_count = tensor->n_int64_data;
	}
	else
		return FX_OK;			/* refused if a node that matters reads it */
	bytes = count * fx_type_size(value->type);
	if (tensor->has_raw_data ? tensor->raw_data.len != bytes || typed_count != 0 : typed_count != count)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION,
					   "tensor \"%s\" has %zu elements by its dimensions, but its data do not have that length",
					   shown, count);
	if (bytes > 0 && tensor->has_raw_data)
	{
		value->data = tensor->raw_data.data;
		tensor->raw_data.data = NULL;
		tensor->raw_data.len = 0;
		fx_heap_move(file, &model->heap, value->data);
		return FX_OK;
	}
	value->data = fx_heap_alloc(&model->heap, bytes);
	if (value->data == NULL)
		return fx_heap_fail(&model->heap, err);
	if (bytes > 0)
		memcpy(value->data, typed, bytes);
	return FX_OK;
}

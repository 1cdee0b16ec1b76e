/*
 * tensor.c - weights of the file become constant values, and every element
 * type of ONNX that is read becomes one of the two that are held.
 */
#include <string.h>

#include "base/half.h"
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

bool
fx_held_as(int declared, fx_type *type)
{
	switch (declared)
	{
		case FX_ELEMENT_FLOAT:
		case FX_ELEMENT_HALF:
		case FX_ELEMENT_BFLOAT16:
		case FX_ELEMENT_DOUBLE:
		case FX_ELEMENT_INT8:
		case FX_ELEMENT_UINT8:
			*type = FX_TYPE_FLOAT;
			return true;
		case FX_ELEMENT_INT64:
		case FX_ELEMENT_UINT64:
		case FX_ELEMENT_INT32:
		case FX_ELEMENT_UINT32:
		case FX_ELEMENT_INT16:
		case FX_ELEMENT_UINT16:
		case FX_ELEMENT_BOOL:
			*type = FX_TYPE_INT64;
			return true;
		default:
			return false;
	}
}

/* Bytes of one element of raw_data. */
static size_t
raw_size(int declared)
{
	switch (declared)
	{
		case FX_ELEMENT_INT8:
		case FX_ELEMENT_UINT8:
		case FX_ELEMENT_BOOL:
			return 1;
		case FX_ELEMENT_HALF:
		case FX_ELEMENT_BFLOAT16:
		case FX_ELEMENT_INT16:
		case FX_ELEMENT_UINT16:
			return 2;
		case FX_ELEMENT_FLOAT:
		case FX_ELEMENT_INT32:
		case FX_ELEMENT_UINT32:
			return 4;
		default:
			return 8;
	}
}

/* How many numbers there are in the list that belongs to the type. */
static size_t
typed_count(const OnnxFile__Tensor *tensor)
{
	switch (tensor->data_type)
	{
		case FX_ELEMENT_FLOAT:
			return tensor->n_float_data;
		case FX_ELEMENT_DOUBLE:
			return tensor->n_double_data;
		case FX_ELEMENT_INT64:
			return tensor->n_int64_data;
		case FX_ELEMENT_UINT32:
		case FX_ELEMENT_UINT64:
			return tensor->n_uint64_data;
		default:
			return tensor->n_int32_data;
	}
}

static float
bfloat16_to_float(uint16_t bits)
{
	uint32_t	wide = (uint32_t) bits << 16;
	float		value;

	memcpy(&value, &wide, sizeof(value));
	return value;
}

/* Round to nearest even; what is not a number stays so. */
static uint16_t
bfloat16_from_float(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	if (value != value)
		return (uint16_t) (bits >> 16 | 0x40);
	return (uint16_t) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Element i, whose bits are in the low end of a word. */
static void
widen(int declared, uint64_t bits, fx_value *value, size_t i)
{
	float	   *floats = value->data;
	int64_t    *ints = value->data;
	double		wide;

	switch (declared)
	{
		case FX_ELEMENT_HALF:
			floats[i] = fx_half_to_float((uint16_t) bits);
			break;
		case FX_ELEMENT_BFLOAT16:
			floats[i] = bfloat16_to_float((uint16_t) bits);
			break;
		case FX_ELEMENT_DOUBLE:
			memcpy(&wide, &bits, sizeof(wide));
			floats[i] = (float) wide;
			break;
		case FX_ELEMENT_INT8:
			floats[i] = (int8_t) bits;
			break;
		case FX_ELEMENT_UINT8:
			floats[i] = (uint8_t) bits;
			break;
		case FX_ELEMENT_INT16:
			ints[i] = (int16_t) bits;
			break;
		case FX_ELEMENT_UINT16:
			ints[i] = (uint16_t) bits;
			break;
		case FX_ELEMENT_INT32:
			ints[i] = (int32_t) bits;
			break;
		case FX_ELEMENT_UINT32:
			ints[i] = (uint32_t) bits;
			break;
		case FX_ELEMENT_BOOL:
			ints[i] = (uint8_t) bits != 0;
			break;
		default:
			ints[i] = (int64_t) bits;
	}
}

/* The numbers of a type that is not held as it is. */
static fx_code
widen_all(const OnnxFile__Tensor *tensor, const char *shown, fx_value *value, fx_error *err)
{
	size_t		size = raw_size(tensor->data_type);

	for (size_t i = 0; i < value->count; i++)
	{
		uint64_t	bits = 0;

		if (tensor->has_raw_data)
			memcpy(&bits, tensor->raw_data.data + i * size, size);
		else if (tensor->data_type == FX_ELEMENT_DOUBLE)
			memcpy(&bits, &tensor->double_data[i], sizeof(bits));
		else if (tensor->data_type == FX_ELEMENT_UINT32 || tensor->data_type == FX_ELEMENT_UINT64)
			bits = tensor->uint64_data[i];
		else
			bits = (uint64_t) tensor->int32_data[i];
		if (tensor->data_type == FX_ELEMENT_UINT64 && bits > INT64_MAX)
			return fx_fail(err, FX_UNSUPPORTED, FX_NO_POSITION,
						   "tensor \"%s\" has a number of 64 bits without sign that does not fit into 63", shown);
		widen(tensor->data_type, bits, value, i);
	}
	return FX_OK;
}

static float
cut_float(int declared, float x)
{
	if (declared == FX_ELEMENT_HALF)
		return fx_half_to_float(fx_half_from_float(x));
	if (declared == FX_ELEMENT_BFLOAT16)
		return bfloat16_to_float(bfloat16_from_float(x));
	return x;
}

/* Toward zero; what does not fit becomes the nearest end, and what is not a number 0. */
static int64_t
to_int64(float x)
{
	if (x != x)
		return 0;
	if (x >= 9223372036854775808.0f)
		return INT64_MAX;
	return x <= -9223372036854775808.0f ? INT64_MIN : (int64_t) x;
}

void
fx_cut_to(int declared, const fx_value *from, fx_value *to)
{
	bool		from_float = from->type == FX_TYPE_FLOAT;
	bool		integer = to->type == FX_TYPE_INT64 || declared == FX_ELEMENT_INT8 || declared == FX_ELEMENT_UINT8;

	for (size_t i = 0; i < from->count; i++)
	{
		float		x = from_float ? ((const float *) from->data)[i] : (float) ((const int64_t *) from->data)[i];

		if (!integer)
			((float *) to->data)[i] = cut_float(declared, x);
		else if (declared == FX_ELEMENT_BOOL)
			((int64_t *) to->data)[i] = from_float ? x != 0 : ((const int64_t *) from->data)[i] != 0;
		else
			widen(declared, (uint64_t) (from_float ? to_int64(x) : ((const int64_t *) from->data)[i]), to, i);
	}
}

/*
 * The bytes stay where the parser put them when they are in the file's own
 * form and on a boundary; else they are copied, and widened to a type that is
 * held.  FX_MALFORMED: their number differs from that of dims.
 */
fx_code
fx_read_tensor(fx_model *model, fx_heap *file, OnnxFile__Tensor *tensor, fx_value *value, fx_error *err)
{
	char		shown[64];
	size_t		count;
	size_t		bytes;
	size_t		there;
	bool		plain = tensor->data_type == FX_ELEMENT_FLOAT || tensor->data_type == FX_ELEMENT_INT64;
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
	value->declared = tensor->data_type;
	value->type = (fx_type) tensor->data_type;
	value->data = NULL;
	if (!fx_held_as(tensor->data_type, &value->type))
		return FX_OK;			/* refused if a node that matters reads it */
	bytes = count * raw_size(tensor->data_type);
	there = typed_count(tensor);
	if (tensor->has_raw_data ? tensor->raw_data.len != bytes || there != 0 : there != count)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION,
					   "tensor \"%s\" has %zu elements by its dimensions, but its data do not have that length",
					   shown, count);
	if (plain && bytes > 0 && tensor->has_raw_data)
	{
		value->data = tensor->raw_data.data;
		tensor->raw_data.data = NULL;
		tensor->raw_data.len = 0;
		fx_heap_move(file, &model->heap, value->data);
		return FX_OK;
	}
	value->data = fx_heap_alloc_array(&model->heap, count, fx_type_size(value->type));
	if (value->data == NULL)
		return fx_heap_fail(&model->heap, err);
	if (!plain)
		return widen_all(tensor, shown, value, err);
	if (bytes > 0)
		memcpy(value->data, tensor->data_type == FX_ELEMENT_FLOAT ? (const void *) tensor->float_data
			   : (const void *) tensor->int64_data, bytes);
	return FX_OK;
}

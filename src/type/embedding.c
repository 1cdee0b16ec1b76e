/*
 * embedding.c - input, output and type modifier of facesnxt.embedding.
 *
 * No error here repeats a value: templates are biometric data, and error
 * messages end in logs.
 */
#include "type/embedding.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define MODIFIER_HINT "Use embedding(dimension) or embedding(dimension, half)."

Embedding *
embedding_create(int dim, fx_precision precision, uint32 model)
{
	Size		size = embedding_size(dim, precision);
	Embedding  *embedding;

	Assert(dim >= 1 && dim <= FX_TEMPLATE_MAX_DIM);
	embedding = palloc(size);
	SET_VARSIZE(embedding, size);
	embedding->dim = (uint16) dim;
	embedding->precision = (uint8) precision;
	embedding->reserved = 0;
	embedding->model = model;
	return embedding;
}

void
embedding_corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored template is damaged"),
			 errdetail("Its size does not fit its dimension and precision."),
			 errhint("Restore the row from a backup and check the storage.")));
}

void
embedding_mismatch(int dim_a, uint32 model_a, int dim_b, uint32 model_b)
{
	char		name_a[16] = "not stated";
	char		name_b[16] = "not stated";

	if (dim_a != dim_b)
		ereport(ERROR,
				(errcode(ERRCODE_NX_DIMENSION_MISMATCH),
				 errmsg("templates have different dimensions"),
				 errdetail("One has %d elements, the other %d.", dim_a, dim_b),
				 errhint("Compare templates of one model only.")));
	if (model_a != 0)
		snprintf(name_a, sizeof(name_a), "%08x", model_a);
	if (model_b != 0)
		snprintf(name_b, sizeof(name_b), "%08x", model_b);
	ereport(ERROR,
			(errcode(ERRCODE_NX_MODEL_MISMATCH),
			 errmsg("templates were made by different models"),
			 errdetail("The model of one is %s, of the other %s.", name_a, name_b),
			 errhint("Compare templates of one model only; "
					 "facesnxt.with_model() states the model of a template that came without.")));
}

/* ---- type modifier: dimension in the low 16 bits, precision above */

bool
embedding_typmod(int32 typmod, int *dim, fx_precision *precision)
{
	if (typmod < 0)
		return false;
	*dim = typmod & 0xffff;
	*precision = (typmod >> 16) == FX_FLOAT16 ? FX_FLOAT16 : FX_FLOAT32;
	return true;
}

/* Reads a decimal dimension; atoi() and friends would take "3x". */
static int
modifier_dim(const char *text)
{
	int			dim = 0;

	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c < '0' || *c > '9')
			return 0;
		dim = dim * 10 + (*c - '0');
		if (dim > FX_TEMPLATE_MAX_DIM)
			return 0;
	}
	return dim;
}

PG_FUNCTION_INFO_V1(embedding_typmod_in);
Datum
embedding_typmod_in(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *modifiers;
	bool	   *nulls;
	int			count;
	int			dim;
	fx_precision precision = FX_FLOAT32;

	if (ARR_ELEMTYPE(array) != CSTRINGOID || ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type modifiers must be a one-dimensional array of cstring"),
				 errhint(MODIFIER_HINT)));
	deconstruct_array(array, CSTRINGOID, -2, false, TYPALIGN_CHAR, &modifiers, &nulls, &count);
	if (count < 1 || count > 2 || nulls[0] || (count == 2 && nulls[1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier of embedding"),
				 errdetail("One or two modifiers are expected."),
				 errhint(MODIFIER_HINT)));
	dim = modifier_dim(DatumGetCString(modifiers[0]));
	if (dim == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid dimension of embedding"),
				 errdetail("A dimension is between 1 and %d.", FX_TEMPLATE_MAX_DIM),
				 errhint(MODIFIER_HINT)));
	if (count == 2)
	{
		const char *name = DatumGetCString(modifiers[1]);

		/* FLOAT is a keyword of SQL, so that spelling has to be quoted. */
		if (pg_strcasecmp(name, "half") == 0)
			precision = FX_FLOAT16;
		else if (pg_strcasecmp(name, "float") != 0 && pg_strcasecmp(name, "float32") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid precision of embedding"),
					 errdetail("The precisions are float32 and half."),
					 errhint(MODIFIER_HINT)));
	}
	PG_RETURN_INT32(dim | (int32) precision << 16);
}

PG_FUNCTION_INFO_V1(embedding_typmod_out);
Datum
embedding_typmod_out(PG_FUNCTION_ARGS)
{
	int			dim;
	fx_precision precision;

	if (!embedding_typmod(PG_GETARG_INT32(0), &dim, &precision))
		PG_RETURN_CSTRING(pstrdup(""));
	PG_RETURN_CSTRING(psprintf(precision == FX_FLOAT16 ? "(%d,half)" : "(%d)", dim));
}

void
embedding_store(Embedding *embedding, int from, const float *floats, int n)
{
	uint16_t   *halves;

	if (embedding->precision == FX_FLOAT32)
	{
		memcpy((float *) embedding->elements + from, floats, (Size) n * sizeof(float));
		return;
	}
	halves = (uint16_t *) embedding->elements + from;
	fx_kernels_active()->to_half(floats, halves, (size_t) n);
	for (int i = 0; i < n; i++)
	{
		if (!fx_half_is_finite(halves[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("template does not fit into half precision"),
					 errdetail("Element %d is beyond 65504.", from + i + 1),
					 errhint("Use embedding(%d) without half, or normalize the template.", embedding->dim)));
	}
}

Embedding *
embedding_fit(Embedding *embedding, int32 typmod)
{
	int			dim;
	fx_precision precision;
	Embedding  *fitted;
	float		buffer[EMBEDDING_CHUNK];

	if (!embedding_typmod(typmod, &dim, &precision))
		return embedding;
	if (dim != embedding->dim)
		ereport(ERROR,
				(errcode(ERRCODE_NX_DIMENSION_MISMATCH),
				 errmsg("template has the wrong dimension"),
				 errdetail("It has %d elements, the type asks for %d.", embedding->dim, dim),
				 errhint("Check that the template comes from the model that the column is for.")));
	if (precision == embedding->precision)
		return embedding;
	fitted = embedding_create(dim, precision, embedding->model);
	EMBEDDING_FOREACH_CHUNK(dim, from, n)
		embedding_store(fitted, from, embedding_floats(embedding, from, n, buffer), n);
	return fitted;
}

/* ---- text */

static void __attribute__((noreturn))
report(const fx_error *err, bool binary)
{
	const char *unit = binary ? "byte" : "character";
	unsigned long position = (unsigned long) err->position + 1;

	if (err->code == FX_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template is too long"),
				 errdetail("At %s %lu: %s", unit, position, err->detail),
				 errhint("A template is the output of one recogniser for one face.")));
	if (err->code == FX_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("element of template is out of range"),
				 errdetail("At %s %lu: %s", unit, position, err->detail),
				 errhint("Elements are float32 numbers, at most 3.4028235e38 in magnitude.")));
	if (binary)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary form of embedding"),
				 errdetail("At %s %lu: %s", unit, position, err->detail),
				 errhint("Send what embedding_send() gives.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid text form of embedding"),
			 errdetail("At %s %lu: %s", unit, position, err->detail),
			 errhint("Write [x,y,...], followed by @ and eight hexadecimal digits if the model is known.")));
}

/*
 * A character is a byte up to the position of an error, as what stands before
 * it was accepted, and only ASCII is.
 */
PG_FUNCTION_INFO_V1(embedding_in);
Datum
embedding_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	Size		length = strlen(text);
	Size		capacity = fx_template_capacity(text, length);
	Embedding  *embedding = embedding_create((int) capacity, FX_FLOAT32, 0);
	fx_template_head head;
	fx_error	err;

	if (fx_template_parse(text, length, (float *) embedding->elements, capacity, &head, &err) != FX_OK)
		report(&err, false);
	SET_VARSIZE(embedding, embedding_size((int) head.dim, FX_FLOAT32));
	embedding->dim = (uint16) head.dim;
	embedding->model = head.model;
	PG_RETURN_EMBEDDING_P(embedding_fit(embedding, typmod));
}

/*
 * The shortest decimals that read back as the same float32, for both
 * precisions; every half is a float32.
 */
PG_FUNCTION_INFO_V1(embedding_out);
Datum
embedding_out(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	char	   *text = palloc((Size) embedding->dim * FLOAT_SHORTEST_DECIMAL_LEN + sizeof("[]@01234567"));
	char	   *end = text;
	float		buffer[EMBEDDING_CHUNK];

	*end++ = '[';
	EMBEDDING_FOREACH_CHUNK(embedding->dim, from, n)
	{
		const float *floats = embedding_floats(embedding, from, n, buffer);

		for (int i = 0; i < n; i++)
		{
			if (from + i > 0)
				*end++ = ',';
			end += float_to_shortest_decimal_bufn(floats[i], end);
		}
	}
	*end++ = ']';
	if (embedding->model != 0)
		end += sprintf(end, "@%08x", embedding->model);
	*end = '\0';
	PG_FREE_IF_COPY(embedding, 0);
	PG_RETURN_CSTRING(text);
}

/* ---- binary */

PG_FUNCTION_INFO_V1(embedding_recv);
Datum
embedding_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			length = message->len - message->cursor;
	const uint8_t *bytes = (const uint8_t *) pq_getmsgbytes(message, length);
	fx_template_head head;
	fx_error	err;
	Embedding  *embedding;

	if (fx_template_wire_head(bytes, (size_t) length, &head, &err) != FX_OK)
		report(&err, true);
	embedding = embedding_create((int) head.dim, head.precision, head.model);
	if (fx_template_wire_read(bytes, &head, embedding->elements, &err) != FX_OK)
		report(&err, true);
	PG_RETURN_EMBEDDING_P(embedding_fit(embedding, typmod));
}

PG_FUNCTION_INFO_V1(embedding_send);
Datum
embedding_send(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	fx_template_head head = {embedding->dim, (fx_precision) embedding->precision, embedding->model};
	Size		size = VARHDRSZ + fx_template_wire_size(&head);
	bytea	   *wire = palloc(size);

	SET_VARSIZE(wire, size);
	fx_template_wire_write(&head, embedding->elements, (uint8_t *) VARDATA(wire));
	PG_RETURN_BYTEA_P(wire);
}

/* ---- what a template says about itself */

PG_FUNCTION_INFO_V1(embedding_dimensions);
Datum
embedding_dimensions(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_EMBEDDING_P(0)->dim);
}

PG_FUNCTION_INFO_V1(embedding_precision);
Datum
embedding_precision(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);

	PG_RETURN_TEXT_P(cstring_to_text(embedding->precision == FX_FLOAT16 ? "half" : "float"));
}

PG_FUNCTION_INFO_V1(embedding_model);
Datum
embedding_model(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);

	if (embedding->model == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%08x", embedding->model)));
}

PG_FUNCTION_INFO_V1(embedding_with_model);
Datum
embedding_with_model(PG_FUNCTION_ARGS)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING_P(0);
	text	   *model = PG_GETARG_TEXT_PP(1);
	Embedding  *stated;
	uint32_t	fingerprint;
	fx_error	err;

	if (fx_model_parse(VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model), &fingerprint, &err) != FX_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid fingerprint of a model"),
				 errdetail("At character %lu: %s", (unsigned long) err.position + 1, err.detail),
				 errhint("Take it from facesnxt.model() of another template; 00000000 states no model.")));
	stated = palloc(VARSIZE(embedding));
	memcpy(stated, embedding, VARSIZE(embedding));
	stated->model = fingerprint;
	PG_RETURN_EMBEDDING_P(stated);
}

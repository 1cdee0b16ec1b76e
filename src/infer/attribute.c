/*
 * attribute.c - reading the attributes of one node.
 *
 * An operator asks for each attribute it knows.  What nobody asked for is
 * refused afterwards (graph.c), so that a feature is never dropped in silence.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "infer/ops.h"

/* AttributeProto.AttributeType */
enum
{
	KIND_NONE = 0,				/* early writers leave it out */
	KIND_FLOAT = 1,
	KIND_INT = 2,
	KIND_STRING = 3,
	KIND_TENSOR = 4,
	KIND_FLOATS = 6,
	KIND_INTS = 7
};

fx_code
fx_loader_fail(fx_loader *loader, fx_code code, const char *format,...)
{
	char		text[160];
	va_list		args;

	if (loader->code != FX_OK)
		return loader->code;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	loader->code = fx_node_fail(loader->err, code, loader->node, "%s", text);
	return loader->code;
}

static const OnnxFile__Attribute *
find(fx_loader *loader, const char *name, int kind)
{
	const OnnxFile__Node *source = loader->source;

	for (size_t i = 0; i < source->n_attribute; i++)
	{
		const OnnxFile__Attribute *attribute = source->attribute[i];

		if (attribute->name == NULL || strcmp(attribute->name, name) != 0)
			continue;
		loader->read |= UINT64_C(1) << i;
		if (kind != KIND_NONE && attribute->type != KIND_NONE && attribute->type != kind)
		{
			fx_loader_fail(loader, FX_MALFORMED, "attribute \"%s\" is of the wrong type", name);
			return NULL;
		}
		return attribute;
	}
	return NULL;
}

bool
fx_attr_present(const fx_loader *loader, const char *name)
{
	for (size_t i = 0; i < loader->source->n_attribute; i++)
		if (loader->source->attribute[i]->name != NULL && strcmp(loader->source->attribute[i]->name, name) == 0)
			return true;
	return false;
}

int64_t
fx_attr_int(fx_loader *loader, const char *name, int64_t otherwise)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_INT);

	return attribute == NULL ? otherwise : attribute->i;
}

float
fx_attr_float(fx_loader *loader, const char *name, float otherwise)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_FLOAT);

	return attribute == NULL ? otherwise : attribute->f;
}

int
fx_attr_ints(fx_loader *loader, const char *name, int64_t *numbers, int most)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_INTS);

	if (attribute == NULL)
		return -1;
	if (attribute->n_ints > (size_t) most)
	{
		fx_loader_fail(loader, FX_UNSUPPORTED, "attribute \"%s\" has %zu numbers; at most %d are read",
					   name, attribute->n_ints, most);
		return -1;
	}
	if (attribute->n_ints > 0)
		memcpy(numbers, attribute->ints, attribute->n_ints * sizeof(int64_t));
	return (int) attribute->n_ints;
}

int
fx_attr_floats(fx_loader *loader, const char *name, float *numbers, int most)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_FLOATS);

	if (attribute == NULL)
		return -1;
	if (attribute->n_floats > (size_t) most)
	{
		fx_loader_fail(loader, FX_UNSUPPORTED, "attribute \"%s\" has %zu numbers; at most %d are read",
					   name, attribute->n_floats, most);
		return -1;
	}
	if (attribute->n_floats > 0)
		memcpy(numbers, attribute->floats, attribute->n_floats * sizeof(float));
	return (int) attribute->n_floats;
}

int
fx_attr_choice(fx_loader *loader, const char *name, const char *const *choices, int otherwise)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_STRING);
	char		shown[48];
	char		word[48];
	size_t		length;

	if (attribute == NULL)
		return otherwise;
	for (int i = 0; choices[i] != NULL; i++)
		if (attribute->s.len == strlen(choices[i]) && memcmp(attribute->s.data, choices[i], attribute->s.len) == 0)
			return i;
	length = attribute->s.len < sizeof(word) - 1 ? attribute->s.len : sizeof(word) - 1;
	if (length > 0)
		memcpy(word, attribute->s.data, length);
	word[length] = '\0';
	fx_printable(word, shown, sizeof(shown));
	fx_loader_fail(loader, FX_UNSUPPORTED, "attribute \"%s\" is \"%s\", which is not built", name, shown);
	return otherwise;
}

OnnxFile__Tensor *
fx_attr_tensor(fx_loader *loader, const char *name)
{
	const OnnxFile__Attribute *attribute = find(loader, name, KIND_TENSOR);

	return attribute == NULL ? NULL : attribute->t;
}

void
fx_attr_ignore(fx_loader *loader, const char *name)
{
	find(loader, name, KIND_NONE);
}

void *
fx_params(fx_loader *loader, size_t size)
{
	loader->node->params = fx_heap_alloc_zero(&loader->model->heap, size);
	if (loader->node->params == NULL && loader->code == FX_OK)
		loader->code = fx_heap_fail(&loader->model->heap, loader->err);
	return loader->node->params;
}

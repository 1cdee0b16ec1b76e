/*
 * template_text.h - the external forms of a template: text and wire.
 *
 * Text: `[x,y,...]`, one to 16,000 finite decimal numbers, and for a template
 * whose model is known `@` with the eight hexadecimal digits of the model's
 * fingerprint, as in `[0.6,-0.8]@12ab34cd`.  White space is allowed around
 * the brackets and the numbers.  Without the `@` part it is the text form of
 * pgvector.
 *
 * Wire, every number big-endian:
 *
 *	offset 0	uint16	number of elements, 1 to 16,000
 *	offset 2	uint8	precision: 0 float32, 1 float16
 *	offset 3	uint8	version of this layout: 0
 *	offset 4	uint32	fingerprint of the model, 0 = not stated
 *	offset 8			the elements, IEEE 754 binary32 or binary16, all finite
 */
#ifndef FX_TEMPLATE_TEXT_H
#define FX_TEMPLATE_TEXT_H

#include "base/base.h"
#include "kernel/kernel.h"

#define FX_TEMPLATE_MAX_DIM 16000

/* 256 bytes for each of 16,000 numbers, and some: a bound on the time to read it. */
#define FX_TEMPLATE_MAX_TEXT ((size_t) 4 << 20)

#define FX_TEMPLATE_WIRE_HEADER 8

typedef struct fx_template_head
{
	size_t		dim;
	fx_precision precision;
	uint32_t	model;			/* 0: not stated */
} fx_template_head;

/* At least as many elements as the text can hold, 1 to FX_TEMPLATE_MAX_DIM. */
extern size_t fx_template_capacity(const char *text, size_t length);

/*
 * Reads a template into elements, which has room for capacity floats.
 * head->precision is always FX_FLOAT32.
 *
 * FX_MALFORMED: not the text form.  FX_RANGE: a number beyond float32.
 * FX_LIMIT: too long or too many elements.  err->position is the offset of
 * the byte at which reading stopped; no detail repeats the text, since a
 * template is biometric data and errors are logged.
 */
extern fx_code fx_template_parse(const char *text, size_t length, float *elements, size_t capacity,
								 fx_template_head *head, fx_error *err);

/* Eight hexadecimal digits of either case, exactly. */
extern fx_code fx_model_parse(const char *text, size_t length, uint32_t *model, fx_error *err);

/* The size of the wire form in bytes. */
extern size_t fx_template_wire_size(const fx_template_head *head);

/*
 * Checks the head and that the length is exactly what it promises.
 * FX_MALFORMED or FX_LIMIT, with the offset of the offending byte.
 */
extern fx_code fx_template_wire_head(const uint8_t *bytes, size_t length, fx_template_head *head, fx_error *err);

/*
 * Reads the elements of a wire form whose head was checked into elements
 * (float or uint16_t, as head->precision says), in the machine's byte order.
 * FX_MALFORMED: NaN or infinity.
 */
extern fx_code fx_template_wire_read(const uint8_t *bytes, const fx_template_head *head, void *elements,
									 fx_error *err);

/* Writes fx_template_wire_size() bytes. */
extern void fx_template_wire_write(const fx_template_head *head, const void *elements, uint8_t *bytes);

static inline bool
fx_half_is_finite(uint16_t half)
{
	return (half & 0x7c00) != 0x7c00;
}

#endif							/* FX_TEMPLATE_TEXT_H */

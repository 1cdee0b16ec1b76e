/*
 * prefetch.h - sending for what will be read soon.
 */
#ifndef FX_PREFETCH_H
#define FX_PREFETCH_H

/*
 * Sends for a cache line; any address will do.  The empty asm is an effect: of a
 * function without one, which GCC takes a prefetch for, calls are left out.
 */
static inline void
fx_prefetch(const void *line)
{
	__builtin_prefetch(line);
	__asm__ volatile ("");
}

#endif							/* FX_PREFETCH_H */

/*
 * text.h - the texts that audit_export(), audit_checkpoint(), audit_proof()
 * and audit_consistency() return, read line by line.  Their bytes may come
 * from anywhere.
 *
 *	facesnxt log 1			then the bytes of each event, base64, a line each
 *	facesnxt proof 1		then a checkpoint's three lines; then for each event
 *							"event B64", perhaps "salt B64", "key B64", "row B64",
 *							and "path B64" for each hash on the way to the root
 *	facesnxt consistency 1	origin; size and root twice; "path B64" each
 *	facesnxt/ORIGIN			a checkpoint: origin, size, root in base64, further lines are not read
 */
#ifndef FX_VERIFY_TEXT_H
#define FX_VERIFY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "chain/event.h"
#include "chain/merkle.h"

#define FX_LINE_LIMIT	(64 * 1024 * 1024)	/* bytes of a line: a row is one */

typedef struct fx_checkpoint
{
	char		origin[64];
	uint64_t	size;
	fx_hash		root;
} fx_checkpoint;

/* Reads a file into memory that the caller frees, with a zero byte behind it; NULL with errno set, EFBIG past limit. */
extern char *fx_read_file(FILE *file, size_t limit, size_t *size);

/* The next line, without its end, cut off by a zero byte within text; NULL after the last.  Empty lines count. */
extern char *fx_next_line(char **text);

/* Decodes base64 in place, with or without padding; false for anything else.  size is that of the bytes. */
extern bool fx_base64(char *text, size_t *size);

extern bool fx_read_number(const char *text, uint64_t *number);
extern bool fx_read_base64_hash(char *text, fx_hash *hash);

/* Reads three lines of a checkpoint off the text. */
extern bool fx_read_checkpoint(char **text, fx_checkpoint *checkpoint);

/* What names a log: "facesnxt/" and half of its first event's hash. */
extern void fx_origin(const fx_hash *first, char origin[64]);

/*
 * The whole log.  report() hears of everything that is wrong; the rest is what
 * was found.  True when nothing was.
 */
typedef struct fx_log
{
	void		(*report) (void *context, uint64_t line, const char *what);
	void	   *context;
	const fx_checkpoint *checkpoints;
	int			checkpoint_count;
	/* found */
	uint64_t	size;
	fx_hash		root;
	char		origin[64];
	int64_t		first_at;
	int64_t		last_at;
} fx_log;

extern bool fx_check_log(char *text, fx_log *log);

/* A proof of events; shown() gets each event that it proves, with its row where that is disclosed. */
typedef struct fx_proof
{
	void		(*report) (void *context, uint64_t line, const char *what);
	void		(*shown) (void *context, const fx_event *event, const char *key, size_t key_size,
						  const char *row, size_t row_size);
	void	   *context;
	/* found */
	fx_checkpoint head;
	uint64_t	events;
} fx_proof;

extern bool fx_check_proof(char *text, fx_proof *proof);

/* A proof that the first head's log is the beginning of the second's. */
extern bool fx_check_consistency(char *text, fx_checkpoint heads[2]);

#endif							/* FX_VERIFY_TEXT_H */

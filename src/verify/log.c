/*
 * log.c - checks a whole log, a proof of single events, a proof of consistency.
 */
#include "verify/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- the whole log */

static void
check_checkpoints(fx_log *log, const fx_frontier *frontier, bool *sound, uint64_t line)
{
	char		what[160];

	for (int i = 0; i < log->checkpoint_count; i++)
	{
		fx_hash		root;

		if (log->checkpoints[i].size != frontier->size)
			continue;
		root = fx_frontier_root(frontier);
		if (memcmp(root.bytes, log->checkpoints[i].root.bytes, FX_SHA256_SIZE) == 0)
			continue;
		snprintf(what, sizeof(what), "the log was rewritten since the checkpoint of %" PRIu64 " events",
				 frontier->size);
		log->report(log->context, line, what);
		*sound = false;
	}
}

bool
fx_check_log(char *text, fx_log *log)
{
	fx_frontier frontier = {0};
	fx_hash		previous = {{0}};
	bool		sound = true;
	char	   *line = fx_next_line(&text);
	uint64_t	number = 1;
	char		what[160];

	log->first_at = log->last_at = 0;
	if (line == NULL || strcmp(line, "facesnxt log 1") != 0)
	{
		log->report(log->context, 1, "this is not a log of version 1");
		return false;
	}
	check_checkpoints(log, &frontier, &sound, number);
	while ((line = fx_next_line(&text)) != NULL)
	{
		fx_event	event;
		fx_error	why;
		fx_hash		hash;
		size_t		size;

		number++;
		if (!fx_base64(line, &size))
		{
			log->report(log->context, number, "this is not base64");
			sound = false;
			continue;
		}
		if (fx_event_decode((uint8_t *) line, size, &event, &why) != FX_OK)
		{
			log->report(log->context, number, why.detail);
			sound = false;
			continue;
		}
		if (event.seq != frontier.size)
		{
			snprintf(what, sizeof(what), "event %" PRIu64 " is where event %" PRIu64 " should be",
					 event.seq, frontier.size);
			log->report(log->context, number, what);
			sound = false;
		}
		if (memcmp(event.previous, previous.bytes, FX_SHA256_SIZE) != 0)
		{
			log->report(log->context, number, "the event before is not the one that this one was chained to");
			sound = false;
		}
		if (frontier.size > 0 && event.at < log->last_at)
		{
			log->report(log->context, number, "the event is older than the one before");
			sound = false;
		}
		fx_event_hash((uint8_t *) line, size, hash.bytes);
		if (frontier.size == 0)
		{
			fx_origin(&hash, log->origin);
			log->first_at = event.at;
		}
		log->last_at = event.at;
		previous = hash;
		fx_frontier_add(&frontier, &hash);
		check_checkpoints(log, &frontier, &sound, number);
	}
	log->size = frontier.size;
	log->root = fx_frontier_root(&frontier);
	for (int i = 0; i < log->checkpoint_count; i++)
	{
		const fx_checkpoint *checkpoint = &log->checkpoints[i];

		if (log->size > 0 && strcmp(checkpoint->origin, log->origin) != 0)
		{
			log->report(log->context, number, "a checkpoint is of another log");
			sound = false;
		}
		else if (checkpoint->size > log->size)
		{
			snprintf(what, sizeof(what), "the log was cut: a checkpoint has %" PRIu64 " events, the log %" PRIu64,
					 checkpoint->size, log->size);
			log->report(log->context, number, what);
			sound = false;
		}
	}
	return sound;
}

/* ---- single events */

/* What a proof says of one event. */
typedef struct proven
{
	bool		any;
	fx_event	event;
	fx_hash		hash;
	char	   *salt;
	char	   *key;
	size_t		key_size;
	char	   *row;
	size_t		row_size;
	fx_hash		path[FX_PROOF_LIMIT];
	int			count;
} proven;

/* Why the event is not proven, or NULL. */
static const char *
check_event(fx_proof *proof, proven *one)
{
	uint8_t		digest[FX_SHA256_SIZE];
	uint8_t		commitment[FX_SHA256_SIZE];

	if (!fx_merkle_check_inclusion(&one->hash, one->event.seq, proof->head.size, one->path, one->count,
								   &proof->head.root))
		return "the event is not in the log of the checkpoint";
	if (one->salt != NULL || one->key != NULL || one->row != NULL)
	{
		if (one->salt == NULL || one->key == NULL || one->row == NULL)
			return "a disclosed row needs salt, key and row";
		fx_row_digest(one->event.relation, one->event.relation_size, one->key, one->key_size,
					  one->row, one->row_size, digest);
		fx_row_commitment((uint8_t *) one->salt, digest, commitment);
		if (memcmp(commitment, one->event.commitment, FX_SHA256_SIZE) != 0)
			return "the row is not the one that the event commits to";
	}
	proof->events++;
	if (proof->shown != NULL)
		proof->shown(proof->context, &one->event, one->key, one->key_size, one->row, one->row_size);
	return NULL;
}

/* A line after the head.  Why it is wrong, or NULL. */
static const char *
read_proof_line(fx_proof *proof, proven *one, char *line)
{
	char	   *value = strchr(line, ' ');
	size_t		size;
	const char *wrong = NULL;
	fx_error	why;

	if (value == NULL)
		return "this is not a line of a proof";
	*value++ = '\0';
	if (!fx_base64(value, &size))
		return "this is not base64";
	if (strcmp(line, "event") == 0)
	{
		if (one->any)
			wrong = check_event(proof, one);
		memset(one, 0, sizeof(*one));
		if (wrong != NULL)
			return wrong;
		if (fx_event_decode((uint8_t *) value, size, &one->event, &why) != FX_OK)
			return "this is not an event";
		fx_event_hash((uint8_t *) value, size, one->hash.bytes);
		one->any = true;
		return NULL;
	}
	if (!one->any)
		return "an event comes first";
	if (strcmp(line, "path") == 0)
	{
		if (size != FX_SHA256_SIZE || one->count == FX_PROOF_LIMIT)
			return "this is not a path";
		memcpy(one->path[one->count++].bytes, value, FX_SHA256_SIZE);
	}
	else if (strcmp(line, "salt") == 0 && size == FX_SALT_SIZE && one->salt == NULL)
		one->salt = value;
	else if (strcmp(line, "key") == 0 && one->key == NULL)
	{
		one->key = value;
		one->key_size = size;
	}
	else if (strcmp(line, "row") == 0 && one->row == NULL)
	{
		one->row = value;
		one->row_size = size;
	}
	else
		return "this is not a line of a proof";
	return NULL;
}

bool
fx_check_proof(char *text, fx_proof *proof)
{
	static proven one;
	char	   *line = fx_next_line(&text);
	uint64_t	number = 4;
	const char *wrong;

	memset(&one, 0, sizeof(one));
	proof->events = 0;
	if (line == NULL || strcmp(line, "facesnxt proof 1") != 0 || !fx_read_checkpoint(&text, &proof->head))
	{
		proof->report(proof->context, 1, "this is not a proof of version 1");
		return false;
	}
	while ((line = fx_next_line(&text)) != NULL)
	{
		number++;
		wrong = read_proof_line(proof, &one, line);
		if (wrong != NULL)
		{
			proof->report(proof->context, number, wrong);
			return false;
		}
	}
	wrong = one.any ? check_event(proof, &one) : "the proof has no event";
	if (wrong != NULL)
		proof->report(proof->context, number, wrong);
	return wrong == NULL;
}

/* ---- consistency */

bool
fx_check_consistency(char *text, fx_checkpoint heads[2])
{
	fx_hash		path[FX_PROOF_LIMIT];
	int			count = 0;
	char	   *line = fx_next_line(&text);
	char	   *size;
	char	   *root;

	if (line == NULL || strcmp(line, "facesnxt consistency 1") != 0 || !fx_read_checkpoint(&text, &heads[0]))
		return false;
	heads[1] = heads[0];
	size = fx_next_line(&text);
	root = size == NULL ? NULL : fx_next_line(&text);
	if (root == NULL || !fx_read_number(size, &heads[1].size) || !fx_read_base64_hash(root, &heads[1].root))
		return false;
	while ((line = fx_next_line(&text)) != NULL)
		if (strncmp(line, "path ", 5) != 0 || count == FX_PROOF_LIMIT || !fx_read_base64_hash(line + 5, &path[count++]))
			return false;
	return fx_merkle_check_consistency(heads[0].size, &heads[0].root, heads[1].size, &heads[1].root, path, count);
}

/*
 * main.c - facesnxt-verify: checks an exported log, or proofs out of one,
 * without a server.
 *
 *	facesnxt-verify FILE [CHECKPOINT...]
 *
 * FILE is what audit_export(), audit_proof() or audit_consistency() returned;
 * "-" is the standard input.  A CHECKPOINT is what audit_checkpoint() returned
 * and somebody else kept.  Exit status: 0 sound, 1 not, 2 it could not be
 * looked at.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify/text.h"

#define FILE_LIMIT	((size_t) 64 << 30)
#define PROBLEMS_SHOWN	100

static int	problems = 0;

static void
report(void *context, uint64_t line, const char *what)
{
	if (problems++ < PROBLEMS_SHOWN)
		printf("line %" PRIu64 ": %s\n", line, what);
}

static const char *
time_of(int64_t microseconds, char text[40])
{
	time_t		seconds = microseconds / 1000000;
	struct tm	utc;

	if (gmtime_r(&seconds, &utc) == NULL || strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		strcpy(text, "a time out of range");
	return text;
}

static void
show(void *context, const fx_event *event, const char *key, size_t key_size, const char *row, size_t row_size)
{
	char		at[40];

	printf("event %" PRIu64 ", %s: %c %.*s by \"%.*s\" (logged on as \"%.*s\")\n",
		   event->seq, time_of(event->happened, at),
		   event->operation, (int) event->relation_size, event->relation, (int) event->acting_size, event->acting,
		   (int) event->session_size, event->session);
	if (row != NULL)
		printf("    %.*s: %.*s\n", (int) key_size, key, (int) row_size, row);
}

static char *
read_named(const char *name)
{
	FILE	   *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
	size_t		size;
	char	   *text = file == NULL ? NULL : fx_read_file(file, FILE_LIMIT, &size);

	if (text == NULL)
	{
		fprintf(stderr, "facesnxt-verify: %s: %s\n", name, strerror(errno));
		exit(2);
	}
	if (file != stdin)
		fclose(file);
	return text;
}

static fx_checkpoint *
read_checkpoints(int count, char **names)
{
	fx_checkpoint *checkpoints = calloc((size_t) count + 1, sizeof(fx_checkpoint));

	for (int i = 0; i < count; i++)
	{
		char	   *text = read_named(names[i]);
		char	   *at = text;

		if (checkpoints == NULL || !fx_read_checkpoint(&at, &checkpoints[i]))
		{
			fprintf(stderr, "facesnxt-verify: %s is not a checkpoint\n", names[i]);
			exit(2);
		}
		free(text);
	}
	return checkpoints;
}

/* Whether a proof's head is one that was kept; true where none is given. */
static bool
is_kept(const fx_checkpoint *head, const fx_checkpoint *kept, int count)
{
	for (int i = 0; i < count; i++)
		if (kept[i].size == head->size && strcmp(kept[i].origin, head->origin) == 0
			&& memcmp(kept[i].root.bytes, head->root.bytes, FX_SHA256_SIZE) == 0)
			return true;
	if (count > 0)
		report(NULL, 2, "the head is none of the checkpoints given; audit_consistency() leads from one to the other");
	return count == 0;
}

static void
print_head(const char *origin, uint64_t size, const fx_hash *root)
{
	printf("%s, %" PRIu64 " events, root ", origin, size);
	for (int i = 0; i < FX_SHA256_SIZE; i++)
		printf("%02x", root->bytes[i]);
	putchar('\n');
}

static bool
verify_log(char *text, const fx_checkpoint *checkpoints, int count)
{
	fx_log		log = {.report = report, .checkpoints = checkpoints, .checkpoint_count = count};
	bool		sound = fx_check_log(text, &log);
	char		first[40],
				last[40];

	print_head(log.origin, log.size, &log.root);
	if (log.size > 0)
		printf("from %s to %s\n", time_of(log.first_at, first), time_of(log.last_at, last));
	return sound;
}

static bool
verify_proof(char *text, const fx_checkpoint *checkpoints, int count)
{
	fx_proof	proof = {.report = report, .shown = show};

	if (!fx_check_proof(text, &proof))
		return false;
	print_head(proof.head.origin, proof.head.size, &proof.head.root);
	printf("%" PRIu64 " events are in it\n", proof.events);
	return is_kept(&proof.head, checkpoints, count);
}

static bool
verify_consistency(char *text, const fx_checkpoint *checkpoints, int count)
{
	fx_checkpoint heads[2];

	if (!fx_check_consistency(text, heads))
	{
		report(NULL, 1, "the second log does not begin with the first");
		return false;
	}
	for (int i = 0; i < 2; i++)
		print_head(heads[i].origin, heads[i].size, &heads[i].root);
	puts("the second begins with the first");
	return is_kept(&heads[0], checkpoints, count);
}

int
main(int argc, char **argv)
{
	char	   *text;
	fx_checkpoint *checkpoints;
	int			count = argc - 2;
	bool		sound;

	if (argc < 2 || strcmp(argv[1], "--help") == 0)
	{
		fputs("usage: facesnxt-verify FILE [CHECKPOINT...]\n"
			  "FILE: a log, a proof or a proof of consistency, \"-\" for the standard input\n",
			  argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	text = read_named(argv[1]);
	checkpoints = read_checkpoints(count, argv + 2);
	if (strncmp(text, "facesnxt proof ", 15) == 0)
		sound = verify_proof(text, checkpoints, count);
	else if (strncmp(text, "facesnxt consistency ", 21) == 0)
		sound = verify_consistency(text, checkpoints, count);
	else
		sound = verify_log(text, checkpoints, count);
	free(checkpoints);
	free(text);
	if (problems > PROBLEMS_SHOWN)
		printf("and %d more\n", problems - PROBLEMS_SHOWN);
	puts(sound ? "sound" : "NOT SOUND");
	return sound ? 0 : 1;
}

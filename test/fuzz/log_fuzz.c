/*
 * log_fuzz.c - what facesnxt-verify reads comes from anywhere: any bytes are
 * sound or not, and neither crash it nor run on.
 */
#include "verify/text.h"

#include <stdlib.h>
#include <string.h>

static void
hear(void *context, uint64_t line, const char *what)
{
	if (what[0] == '\0')
		abort();
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fx_checkpoint kept = {.origin = "facesnxt/0", .size = 3};
	fx_log		log = {.report = hear, .checkpoints = &kept, .checkpoint_count = 1};
	fx_proof	proof = {.report = hear};
	fx_checkpoint heads[2];
	char	   *text = malloc(size + 1);

	for (int as = 0; text != NULL && as < 3; as++)
	{
		memcpy(text, data, size);
		text[size] = '\0';
		if (as == 0)
			(void) fx_check_log(text, &log);
		else if (as == 1)
			(void) fx_check_proof(text, &proof);
		else
			(void) fx_check_consistency(text, heads);
	}
	free(text);
	return 0;
}

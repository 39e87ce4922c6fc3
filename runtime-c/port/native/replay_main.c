// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Runs one batch from standard input; writes its results, then the full dump, to standard output. Exit 1: malformed. */
#include <stdio.h>
#include <stdlib.h>

#include <replay/replay.h>

#define BATCH_SIZE_MAX (64u << 20) /* bytes */
#define DUMP_SIZE_MAX (64u << 10) /* bytes */

int main(void)
{
	u8 *batch = malloc(BATCH_SIZE_MAX);
	void *dump = malloc(DUMP_SIZE_MAX);
	size_t size = fread(batch, 1, BATCH_SIZE_MAX, stdin);
	/* The smallest operation is longer than its result. */
	struct stp_op_result *results = malloc(size);
	int made;

	if (stp_replay_init())
		return 1;
	made = stp_replay_run(batch, size, results);
	if (made < 0)
		return 1;
	fwrite(results, sizeof(*results), made, stdout);
	fwrite(dump, 1, stp_replay_dump(dump, DUMP_SIZE_MAX), stdout);
	stp_replay_fini();
	free(results);
	free(dump);
	free(batch);
	return 0;
}

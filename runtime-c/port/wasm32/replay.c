// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A replay in the sandbox, and nothing else; called from outside by properties/wasm.ts. */
#include <stdlib.h>

#include <replay/replay.h>

#define DUMP_SIZE_MAX (64u << 10) /* bytes */

static void *buffer;
static u64 dump[DUMP_SIZE_MAX / sizeof(u64)];

int stp_sim_replay_init(void)
{
	return stp_replay_init();
}

/* Memory for a batch and its results, valid until the next call. NULL if there is none. */
void *stp_sim_replay_alloc(u32 size)
{
	free(buffer);
	buffer = malloc(size);
	return buffer;
}

int stp_sim_replay_run(const u8 *batch, u32 size, struct stp_op_result *results)
{
	return stp_replay_run(batch, size, results);
}

/* Return: size in bytes of the dump, which stands at stp_sim_replay_dumped(). */
u32 stp_sim_replay_dump(void)
{
	return stp_replay_dump(dump, sizeof(dump));
}

const void *stp_sim_replay_dumped(void)
{
	return dump;
}

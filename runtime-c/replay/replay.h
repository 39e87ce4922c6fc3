/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Replay: runs batches of operations on the runtime (SEMANTICS.md, Replay), in any world.
 * Siblings: runtime-as/assembly/replay.ts, runtime-as/assembly/dump.ts
 */
#ifndef STP_REPLAY_H
#define STP_REPLAY_H

#include <stp/session.h>

/**
 * struct stp_dump - Where the words of a dump go.
 * @digest: Absorbs each word (O4), unless @out is set.
 * @out:    Takes each word, if set; @words_max of them at most, while @words counts all.
 */
struct stp_dump {
	u64 digest;
	u64 *out;
	u32 words_max;
	u32 words;
};

#define STP_DIGEST_MULTIPLIER 0x9e3779b97f4a7c15ull

/* Inline: most of what a replay does is this. */
static inline void stp_dump_word(struct stp_dump *dump, u64 word)
{
	if (dump->out) {
		if (dump->words < dump->words_max)
			dump->out[dump->words] = word;
		dump->words++;
		return;
	}
	dump->digest = (dump->digest ^ word) * STP_DIGEST_MULTIPLIER;
	dump->digest ^= dump->digest >> 29;
}

void stp_dump_string(struct stp_dump *dump, const char *bytes, u32 length);
void stp_dump_stats(struct stp_dump *dump, const struct stp_stats *stats, const u64 *buckets, u32 buckets_count);
void stp_dump_entry(struct stp_dump *dump, const struct stp_map *map, const struct stp_map_node *node);
void stp_dump_map(struct stp_dump *dump, const struct stp_map *map);
void stp_dump_cpu(struct stp_dump *dump, const struct stp_cpu *cpu);
void stp_dump_ring(struct stp_dump *dump, const struct stp_ring *ring);
void stp_dump_row(struct stp_dump *dump, u32 cpu, u32 probe);
void stp_dump_all(struct stp_dump *dump);

/* Dumps the record at stream offset @at; gives the offset behind it. */
unsigned long stp_dump_record(struct stp_dump *dump, const struct stp_ring *ring, unsigned long at);

#define STP_REPLAY_OUTPUTS_MAX 1024 /* words that one operation can output */

/**
 * struct stp_replay_room - One operation, decoded, and what it gave. Each caller has its own, so that several may be at it.
 * @head, @text, @args: The operation; @value holds what @args points to.
 * @stays:    The caller is on the CPU of its operations and stays there, and a hit keeps preemption off until its exit, as
 *            everywhere but in a sequential replay. Set once, for all operations.
 * @between:  If set, called between the steps of an operation that serves as several calls (M10, T4). Set as @stays.
 * @accepted: O2 did not refuse it.
 * @row:      The ledger row to which X3 attributes it.
 * @buckets, @string: Room for what a map_get reads.
 * @outputs:  Words that it output (O5); they are in @output.
 */
struct stp_replay_room {
	struct stp_op_header head;
	const char *text;
	u64 value[STP_PRINT_ARGS_MAX];
	struct stp_args args;
	bool stays;
	void (*between)(struct stp_replay_room *room);
	bool accepted;
	u32 row;
	u64 buckets[STP_HIST_BUCKETS_MAX];
	char string[STP_STRING_SIZE_MAX];
	struct stp_dump outputs;
	u64 output[STP_REPLAY_OUTPUTS_MAX];
};

/* stp_replay_decode() - Read the operation that begins at @at (O1). Return: its size in bytes; 0 if it is malformed. */
u32 stp_replay_decode(const u8 *at, const u8 *end, struct stp_replay_room *room);

/* stp_replay_cpu() - The CPU that the operation at @at names (of none there is, or O2 refuses it, it may be any number). */
u32 stp_replay_cpu(const u8 *at, const u8 *end);

/**
 * stp_replay_make() - Make the operation in @room.
 *
 * Context: Task; any with @room->stays, if the operation is made on this CPU.
 * Return:  What the call returned (O3).
 */
s64 stp_replay_make(struct stp_replay_room *room);

/* stp_replay_value() - The same for div, mod and all of str_..., once O2 has accepted it. */
s64 stp_replay_value(struct stp_replay_room *room);

/* stp_replay_innermost() - The innermost probe's context; a caller outside any probe could be moved while it looks. */
struct stp_ctx *stp_replay_innermost(void);

/**
 * stp_replay_init() - A fresh session as REPLAY_CONFIG and REPLAY_MAPS have it.
 *
 * Return: 0, or what stp_session_init() returned.
 */
int stp_replay_init(void);

/* stp_replay_fini() - End that session. */
void stp_replay_fini(void);

/**
 * struct stp_replay_batch - A batch on its way.
 * @at, @end:   What is left of its bytes.
 * @operations: In all; @made of them are made.
 * @full_every: As its header has it.
 * @results:    One for each operation.
 */
struct stp_replay_batch {
	const u8 *at, *end;
	u32 operations;
	u32 made;
	u32 full_every;
	struct stp_op_result *results;
};

/**
 * stp_replay_begin() - Begin a batch; state, digest and count go on from the batch before.
 * @results: Room for one struct stp_op_result for each operation of the batch.
 *
 * Return: 0; -STP_EINVAL if it is not of this protocol.
 */
int stp_replay_begin(struct stp_replay_batch *batch, const u8 *bytes, u32 size, struct stp_op_result *results);

/**
 * stp_replay_next() - Make the next operation of the batch; there must be one.
 *
 * Context: Task, on the CPU that the operation names, or where stp_replay_move() gets there.
 * Return:  0; -STP_EINVAL if it is malformed.
 */
int stp_replay_next(struct stp_replay_batch *batch);

/* stp_replay_run() - All of a batch. Return: Operations made; -STP_EINVAL as above (those before were made). */
int stp_replay_run(const u8 *bytes, u32 size, struct stp_op_result *results);

/**
 * stp_replay_dump() - The full dump of the state now.
 *
 * Return: Its size in bytes, which may be more than was written.
 */
u32 stp_replay_dump(void *out, u32 size_max);

/* stp_replay_hold(), stp_replay_release() - map_hold and map_release (M6) on CPU @cpu, which is this one. */
int stp_replay_hold(struct stp_map *map, u32 cpu);
int stp_replay_release(struct stp_map *map, u32 cpu);

/* stp_replay_add(), stp_replay_stat_add() - map_add and map_stat_add, inlined where a program's are. */
int stp_replay_add(struct stp_map *map, const struct stp_args *key, s64 delta);
int stp_replay_stat_add(struct stp_map *map, const struct stp_args *key, s64 sample);

/* What a world must add: go on on CPU @cpu, or find out that this is it. */
void stp_replay_move(u32 cpu);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A concurrent run in the sandbox: each context makes its operations one after the other, and notes what each gave and
 * when it began and ended. Called from outside by properties/concurrent.ts, which writes the operations.
 * Never instrumented, and never judges: which results are right is the oracle's affair.
 * Sibling: replay.c (the same operations in sequence)
 */
#include <replay/replay.h>

#include "cpu.h"

#define CONTEXTS_MAX 8
#define OPERATIONS_MAX 16 /* of one context */
#define PROGRAM_SIZE_MAX 8192 /* bytes of all operations */
#define OUTPUTS_MAX 1024 /* words of all operations */
#define MAPS_MAX 16 /* of a replay */
#define DUMP_SIZE_MAX (32u << 10) /* bytes */

#define STEPS_MAX 160 /* of one context's operations, beyond the first of each */

/* Between two steps of an operation: when the one ended and the next one began. */
struct stp_sim_step {
	u32 end;
	u32 begin;
};

/* One operation of a context. @begin and @end count all beginnings and ends of the run; 0: it was not made. */
struct stp_sim_made {
	u32 begin;
	u32 end;
	s64 result;
	u32 outputs; /* index of its first word in stp_sim_run.outputs */
	u32 outputs_count;
	u32 steps; /* index in the context's stp_sim_run.steps of what is between its first two */
	u32 steps_count;
};

/* All words and 8-byte words: properties/concurrent.ts reads and writes it by offsets, and a test compares them. */
struct stp_sim_run {
	u32 moments; /* beginnings and ends so far */
	u32 outputs_count;
	u32 begin[CONTEXTS_MAX]; /* where a context's operations begin in @program, and end */
	u32 end[CONTEXTS_MAX];
	s32 clock_step_ns[CONTEXTS_MAX][OPERATIONS_MAX]; /* fault: the clock jumps as the operation begins */
	struct stp_sim_made made[CONTEXTS_MAX][OPERATIONS_MAX];
	u64 outputs[OUTPUTS_MAX];
	struct stp_sim_step steps[CONTEXTS_MAX][STEPS_MAX];
	u8 program[PROGRAM_SIZE_MAX];
};
struct stp_sim_run stp_sim_run;
const u32 stp_sim_run_limits[] = { CONTEXTS_MAX, OPERATIONS_MAX, OUTPUTS_MAX, STEPS_MAX, PROGRAM_SIZE_MAX, sizeof(struct stp_sim_run) };

static u64 dump[DUMP_SIZE_MAX / sizeof(u64)];
static u64 clock_ns;

void stp_sim_set_time(u64 time_ns);

int stp_sim_concurrent_init(void)
{
	return stp_replay_init();
}

void stp_sim_concurrent_fini(void)
{
	stp_replay_fini();
}

static void step_clock(s32 step_ns)
{
	clock_ns += step_ns;
	stp_sim_set_time(clock_ns);
}

/* Where a context is among its own calls. */
struct progress {
	struct stp_replay_room room;
	u32 index;
	u32 steps;
	bool inside; /* a probe of its own */
	bool refused; /* its last hit was */
	u8 unheld[MAPS_MAX]; /* maps that it was refused to hold */
};

static void between_steps(struct stp_replay_room *room)
{
	struct progress *progress = (struct progress *)room; /* its first member */
	struct stp_sim_step *step = &stp_sim_run.steps[progress->index][progress->steps++];

	if (progress->steps > STEPS_MAX)
		__builtin_trap();
	step->end = ++stp_sim_run.moments;
	stp_sim_point(); /* whoever interrupts here comes between them */
	step->begin = ++stp_sim_run.moments;
}

static void keep(struct stp_sim_made *made, const struct stp_replay_room *room)
{
	u32 words = room->outputs.words;

	if (words > STP_REPLAY_OUTPUTS_MAX || stp_sim_run.outputs_count + words > OUTPUTS_MAX)
		__builtin_trap();
	made->outputs = stp_sim_run.outputs_count;
	made->outputs_count = words;
	memcpy(stp_sim_run.outputs + made->outputs, room->output, words * sizeof(u64));
	stp_sim_run.outputs_count += words;
}

static u32 decode(u32 at, u32 end, struct stp_replay_room *room)
{
	u32 size = stp_replay_decode(stp_sim_run.program + at, stp_sim_run.program + end, room);

	if (!size)
		__builtin_trap();
	return size;
}

/* The prologue: in sequence, on all CPUs, outside any context. */
void stp_sim_concurrent_set_up(u32 at, u32 end)
{
	static struct stp_replay_room room;

	while (at < end) {
		at += decode(at, end, &room);
		stp_replay_make(&room);
	}
	stp_sim_set_cpu(0);
}

/* A hit that was refused is none: all up to its exit is left out (X1). What was not held is not given back. */
static bool is_left_out(struct progress *progress, const struct stp_op_header *head)
{
	if (progress->refused) {
		progress->refused = head->code != STP_OP_PROBE_EXIT;
		return true;
	}
	if (head->code != STP_OP_MAP_RELEASE || head->target >= MAPS_MAX || !progress->unheld[head->target])
		return false;
	progress->unheld[head->target] = false;
	return true;
}

static void follow(struct progress *progress, const struct stp_op_header *head, s64 result)
{
	switch (head->code) {
	case STP_OP_PROBE_ENTER:
		progress->refused = result && !progress->inside;
		progress->inside = progress->inside || !result;
		break;
	case STP_OP_PROBE_EXIT:
		progress->inside = false;
		break;
	case STP_OP_MAP_HOLD:
		if (head->target < MAPS_MAX)
			progress->unheld[head->target] = !!result;
	}
}

static void make(struct progress *progress, u32 index, u32 i)
{
	struct stp_sim_made *made = &stp_sim_run.made[index][i];

	stp_sim_point(); /* whoever interrupts here comes before it */
	if (stp_sim_run.clock_step_ns[index][i])
		step_clock(stp_sim_run.clock_step_ns[index][i]);
	made->steps = progress->steps;
	made->begin = ++stp_sim_run.moments;
	made->result = stp_replay_make(&progress->room);
	made->end = ++stp_sim_run.moments;
	made->steps_count = progress->steps - made->steps;
	keep(made, &progress->room);
	follow(progress, &progress->room.head, made->result);
}

/* The operations of context @index. */
void stp_sim_concurrent_run(u32 index)
{
	struct progress progress = { .room = { .stays = true, .between = between_steps }, .index = index };
	u32 at = stp_sim_run.begin[index], end = stp_sim_run.end[index];
	u32 i;

	for (i = 0; at < end; i++) {
		if (i == OPERATIONS_MAX)
			__builtin_trap();
		at += decode(at, end, &progress.room);
		if (!is_left_out(&progress, &progress.room.head))
			make(&progress, index, i);
	}
}

/* Return: size in bytes of the full dump, which stands at stp_sim_concurrent_dumped(). */
u32 stp_sim_concurrent_dump(void)
{
	u32 size = stp_replay_dump(dump, sizeof(dump));

	if (size > sizeof(dump))
		__builtin_trap();
	return size;
}

const void *stp_sim_concurrent_dumped(void)
{
	return dump;
}

/* A number that two different states hardly share. */
u64 stp_sim_concurrent_digest(void)
{
	struct stp_dump digest = { .digest = stp_sim_run.moments };
	u32 context, i;

	for (context = 0; context < CONTEXTS_MAX; context++) {
		for (i = 0; i < OPERATIONS_MAX; i++) {
			const struct stp_sim_made *made = &stp_sim_run.made[context][i];

			if (made->begin) {
				stp_dump_word(&digest, (u64)made->begin << 32 | made->end);
				stp_dump_word(&digest, made->result);
				stp_dump_word(&digest, (u64)made->outputs << 32 | made->outputs_count);
			}
		}
		for (i = 0; i < STEPS_MAX && stp_sim_run.steps[context][i].begin; i++)
			stp_dump_word(&digest, (u64)stp_sim_run.steps[context][i].begin << 32 | stp_sim_run.steps[context][i].end);
	}
	for (i = 0; i < stp_sim_run.outputs_count; i++)
		stp_dump_word(&digest, stp_sim_run.outputs[i]);
	stp_dump_all(&digest);
	return digest.digest;
}

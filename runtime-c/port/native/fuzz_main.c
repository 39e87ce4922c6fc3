// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A libFuzzer target: bytes become operations of a replay, made one after the other on a fresh session under sanitizers.
 * What a compiler checks in a probe, types of a call's arguments, is as free here as it is in a replay.
 * Must never: judge results; that is the model's. It looks whether the ledger balances (X4) and whether all memory comes back.
 * Sibling: replay_main.c; properties/native-fuzz.ts builds and runs it
 */
#include <stdio.h>
#include <stdlib.h>

#include <replay/replay.h>

#define OPERATIONS_MAX 400
#define TEXT_SIZE 640 /* bytes: beyond STP_STRING_SIZE_MAX */

static const u16 codes[] = {
	STP_OP_PROBE_ENTER, STP_OP_PROBE_EXIT, STP_OP_RAISE, STP_OP_CATCH, STP_OP_DIV, STP_OP_MOD, STP_OP_MAP_ADD, STP_OP_MAP_SET,
	STP_OP_MAP_GET, STP_OP_MAP_CONTAINS, STP_OP_MAP_DEL, STP_OP_MAP_WALK, STP_OP_MAP_CLEAR, STP_OP_MAP_SIZE, STP_OP_MAP_HOLD,
	STP_OP_MAP_RELEASE, STP_OP_MAP_SET_STRING, STP_OP_MAP_APPEND, STP_OP_MAP_STAT_ADD, STP_OP_MAP_PUSH, STP_OP_MAP_PUSH_STRING,
	STP_OP_MAP_DEL_SLICE, STP_OP_STR_PRINTF, STP_OP_STR_COPY, STP_OP_STR_CONCAT, STP_OP_STR_SUBSTR, STP_OP_STR_REPLACE, STP_OP_STR_TOKEN,
	STP_OP_STR_QUOTE, STP_OP_STR_COMPARE, STP_OP_STR_FIND, STP_OP_STR_NUMBER, STP_OP_PRINT_PRINTF, STP_OP_PRINT_FLUSH, STP_OP_PRINT_MAP,
	STP_OP_PRINT_HIST, STP_OP_RING_READ,
};
#define CODES (sizeof(codes) / sizeof(*codes))

static const s64 numbers[] = { 0, 1, -1, 2, 5, 20, 21, 64, 512, STP_INT64_MAX, STP_INT64_MIN, 0xffffffff, 1ll << 62 };
#define NUMBERS (sizeof(numbers) / sizeof(*numbers))

/* What is left of the input; zeros behind its end. */
struct input {
	const u8 *at, *end;
};

static u8 take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static s64 take_number(struct input *input)
{
	u8 kind = take(input);

	if (kind < NUMBERS)
		return numbers[kind];
	return kind < 128 ? kind - 64 : (s64)((u64)take(input) << 56 | (u64)take(input) << 32 | take(input));
}

/* Up to a length byte's bytes, none of them NUL; a large one repeats itself, so that limits are near. */
static const char *take_text(struct input *input, char text[TEXT_SIZE])
{
	u32 length = take(input), i;

	if (length > 128)
		length = 500 + (length - 128) % (TEXT_SIZE - 501);
	for (i = 0; i < length; i++) {
		u8 byte = input->at < input->end ? take(input) : i ? text[i % 7] : 'x';

		text[i] = byte ? byte : ' ';
	}
	text[length] = 0;
	return text;
}

static void take_operation(struct input *input, struct stp_replay_room *op)
{
	static char text[TEXT_SIZE], strings[STP_PRINT_ARGS_MAX][TEXT_SIZE];
	u32 count, i, mask;

	op->head = (struct stp_op_header){ .code = codes[take(input) % CODES] };
	op->head.cpu = take(input) % STP_REPLAY_CPUS;
	op->head.context = take(input) % (STP_CONTEXTS + 1);
	op->head.target = take(input) % 12;
	op->head.value = take_number(input);
	op->text = take_text(input, text);
	count = take(input) % (STP_PRINT_ARGS_MAX + 1);
	mask = take(input) | take(input) << 8;
	op->args = (struct stp_args){ .value = op->value, .shape = STP_SHAPE(count, mask & ((1u << count) - 1)) };
	for (i = 0; i < count; i++) {
		if (mask & (1u << i))
			op->value[i] = (uintptr_t)take_text(input, strings[i]);
		else
			op->value[i] = take_number(input);
	}
}

static void need(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "the session is wrong: %s\n", what);
	abort();
}

/* X4 of all rows: what was attempted is delivered, lost, or a hit that still goes on. */
static void check_ledger(void)
{
	u32 cpu, probe, kind, cause, level;

	for (cpu = 0; cpu < STP_REPLAY_CPUS; cpu++) {
		for (probe = 0; probe <= STP_REPLAY_PROBES; probe++) {
			for (kind = 0; kind < STP_LOSS_KINDS; kind++) {
				const struct stp_ledger_kind *counts = &stp_session.cpu[cpu].rows[probe].kind[kind];
				u64 accounted = counts->delivered;
				const struct stp_ctx *ctx = stp_session.cpu[cpu].current_ctx;

				for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
					accounted += counts->lost[cause];
				for (level = 0; kind == STP_LOSS_KIND_HIT && !stp_outside(ctx) && level < STP_CONTEXTS; level++, ctx = ctx->outer)
					accounted += ctx->probe->index == probe;
				need(counts->attempted == accounted, "the ledger does not balance");
			}
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct stp_replay_room op;
	struct input input = { data, data + size };
	u32 made;

	need(!stp_replay_init(), "it does not begin");
	for (made = 0; made < OPERATIONS_MAX && input.at < input.end; made++) {
		take_operation(&input, &op);
		stp_replay_make(&op);
		check_ledger();
	}
	stp_replay_fini();
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Operations as a batch has them: words, strings, arguments (O1).
 * Must never: look behind the end that it is given.
 * Siblings: replay.c; properties/operations.ts writes them
 */
#include <replay/replay.h>
#include <stp/wire.h>

/* Takes @size bytes rounded up to words from the operation; NULL if it is shorter. */
static const u8 *take(const u8 **at, const u8 *end, u64 size)
{
	const u8 *begin = *at;

	if (size > (u64)(end - begin))
		return NULL;
	*at = begin + size;
	return begin;
}

static bool take_word(const u8 **at, const u8 *end, u64 *word)
{
	const u8 *from = take(at, end, sizeof(*word));

	if (!from)
		return false;
	memcpy(word, from, sizeof(*word));
	*word = stp_wire64(*word);
	return true;
}

static const char *take_string(const u8 **at, const u8 *end)
{
	u64 length;

	if (!take_word(at, end, &length) || length >= (u64)(end - *at))
		return NULL;
	return (const char *)take(at, end, (length + 8) & ~7ull);
}

/* Text and arguments. Return: false if they do not end at @end. */
static bool decode_parts(const u8 *at, const u8 *end, struct stp_replay_room *op)
{
	u64 shape;
	u32 i, count;

	op->text = take_string(&at, end);
	if (!op->text || !take_word(&at, end, &shape) || !shape || shape >> 32)
		return false;
	op->args = (struct stp_args){ .value = op->value, .shape = shape };
	count = stp_args_count(&op->args);
	for (i = 0; i < count; i++) {
		u64 word;

		if (stp_args_is_string(&op->args, i))
			word = (uintptr_t)take_string(&at, end);
		else if (!take_word(&at, end, &word))
			return false;
		if (stp_args_is_string(&op->args, i) && !word)
			return false;
		if (i < STP_PRINT_ARGS_MAX)
			op->value[i] = word;
	}
	return at == end;
}

u32 stp_replay_decode(const u8 *at, const u8 *end, struct stp_replay_room *op)
{
	if ((u64)(end - at) < sizeof(op->head))
		return 0;
	memcpy(&op->head, at, sizeof(op->head));
	op->head.code = stp_wire16(op->head.code);
	op->head.size = stp_wire16(op->head.size);
	op->head.value = stp_wire64(op->head.value);
	if (op->head.size < sizeof(op->head) || op->head.size > end - at)
		return 0;
	return decode_parts(at + sizeof(op->head), at + op->head.size, op) ? op->head.size : 0;
}

u32 stp_replay_cpu(const u8 *at, const u8 *end)
{
	struct stp_op_header head;

	if ((u64)(end - at) < sizeof(head))
		return STP_REPLAY_CPUS;
	memcpy(&head, at, sizeof(head));
	return head.cpu;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Operations on values alone: division and strings (X8, B). Their arguments come as a list.
 * Sibling: replay.c
 */
#include <stp/error.h>

#include <replay/replay.h>

static s64 output_string(struct stp_replay_room *op, int error, const char *string)
{
	if (!error)
		stp_dump_string(&op->outputs, string, strnlen(string, STP_STRING_SIZE_MAX));
	return error;
}

static s64 output_word(struct stp_replay_room *op, int error, s64 word)
{
	if (!error)
		stp_dump_word(&op->outputs, word);
	return error;
}

/* Whether there are @count arguments, of which those with a bit in @strings are strings (B4). */
static bool takes(const struct stp_replay_room *op, u32 count, u32 strings)
{
	return op->args.shape == STP_SHAPE(count, strings);
}

static const char *string_arg(const struct stp_replay_room *op, u32 n)
{
	return stp_args_string(&op->args, n);
}

static s64 str_printf(struct stp_replay_room *op)
{
	const char *string;
	int error = stp_string_printf(stp_replay_innermost(), &string, op->text, &op->args);

	return output_string(op, error, string);
}

/* Typed calls: in C the compiler checks the arguments; here a wrong list is refused where a call would have refused it (B1, B4, X8). */
static s64 refuse_arguments(u32 kind)
{
	struct stp_ctx *ctx = stp_replay_innermost();

	if (!ctx)
		return -STP_ESTATE;
	if (stp_act(ctx))
		return -STP_EINVAL;
	if (kind != STP_LOSS_KINDS) {
		stp_ledger_attempt(ctx->row, kind);
		stp_ledger_lose(ctx->row, kind, STP_LOSS_BUDGET);
	}
	return -STP_EBUDGET;
}

static s64 divide(struct stp_replay_room *op)
{
	s64 result;
	int error;

	if (!takes(op, 2, 0))
		return refuse_arguments(STP_LOSS_KINDS);
	if (op->head.code == STP_OP_DIV)
		error = stp_divide_int64(stp_replay_innermost(), op->value[0], op->value[1], &result);
	else
		error = stp_modulo_int64(stp_replay_innermost(), op->value[0], op->value[1], &result);
	return output_word(op, error, result);
}

static bool pool_call_fits(const struct stp_replay_room *op)
{
	switch (op->head.code) {
	case STP_OP_STR_COPY:
	case STP_OP_STR_QUOTE:
		return takes(op, 1, 1);
	case STP_OP_STR_CONCAT:
		return takes(op, 2, 3);
	case STP_OP_STR_SUBSTR:
		return takes(op, 3, 1);
	case STP_OP_STR_REPLACE:
		return takes(op, 3, 7);
	default: /* token */
		return takes(op, 3, 3);
	}
}

static s64 pool_call(struct stp_replay_room *op)
{
	struct stp_ctx *ctx = stp_replay_innermost();
	const char *a, *string;
	int error;

	if (!pool_call_fits(op))
		return refuse_arguments(STP_LOSS_KIND_STRING);
	a = string_arg(op, 0);
	switch (op->head.code) {
	case STP_OP_STR_COPY:
		error = stp_string_copy(ctx, &string, a);
		break;
	case STP_OP_STR_QUOTE:
		error = stp_string_quote(ctx, &string, a);
		break;
	case STP_OP_STR_CONCAT:
		error = stp_string_concat(ctx, &string, a, string_arg(op, 1));
		break;
	case STP_OP_STR_SUBSTR:
		error = stp_string_substr(ctx, &string, a, op->value[1], op->value[2]);
		break;
	case STP_OP_STR_REPLACE:
		error = stp_string_replace(ctx, &string, a, string_arg(op, 1), string_arg(op, 2));
		break;
	default:
		error = stp_string_token(ctx, &string, a, string_arg(op, 1), op->value[2]);
		break;
	}
	return output_string(op, error, string);
}

static s64 str_compare(struct stp_replay_room *op)
{
	if (!takes(op, 2, 3))
		return -STP_EINVAL;
	return output_word(op, 0, stp_string_compare(string_arg(op, 0), string_arg(op, 1)));
}

static s64 str_find(struct stp_replay_room *op)
{
	return takes(op, 2, 3) ? stp_string_find(string_arg(op, 0), string_arg(op, 1)) : -STP_EINVAL;
}

static s64 str_number(struct stp_replay_room *op)
{
	s64 value;
	int error;

	if (!takes(op, 2, 1))
		return -STP_EINVAL;
	error = stp_string_number(string_arg(op, 0), op->value[1], &value);
	return output_word(op, error, value);
}

s64 stp_replay_value(struct stp_replay_room *op)
{
	switch (op->head.code) {
	case STP_OP_DIV:
	case STP_OP_MOD:
		return divide(op);
	case STP_OP_STR_PRINTF:
		return str_printf(op);
	case STP_OP_STR_COMPARE:
		return str_compare(op);
	case STP_OP_STR_FIND:
		return str_find(op);
	case STP_OP_STR_NUMBER:
		return str_number(op);
	default:
		return pool_call(op);
	}
}

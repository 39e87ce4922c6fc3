// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Errors that a probe raises and catches, and division (X7, X8).
 * Must never: let an error change what the next call does.
 * Sibling: runtime-as/assembly/error.ts
 */
#include <stp/error.h>
#include <stp/print.h>

static void set_error(struct stp_ctx *ctx, const char *message, u32 length)
{
	if (ctx->raised)
		return;
	memcpy(ctx->error, message, length);
	ctx->error[length] = 0;
	ctx->raised = true;
}

int stp_raise_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args)
{
	struct stp_text text = { .out = NULL };
	bool over;
	int error = stp_print_begin(ctx);

	if (error)
		return error;
	if (!ctx->raised) {
		text.out = ctx->error;
		text.size = sizeof(ctx->error) - 1;
	}
	error = stp_format(&text, format, args);
	if (error == -STP_EFAULT) {
		stp_ledger_attempt(ctx->row, STP_LOSS_KIND_RECORD);
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_RECORD, STP_LOSS_FAULT);
	}
	if (error)
		return error;
	over = text.length > sizeof(ctx->error) - 1;
	stp_ledger_cut(ctx->row, text.cut + over);
	if (!ctx->raised)
		ctx->error[over ? sizeof(ctx->error) - 1 : text.length] = 0;
	ctx->raised = true;
	return 0;
}

int stp_catch(struct stp_ctx *ctx, const char **message)
{
	*message = "";
	if (stp_outside(ctx))
		return -STP_ESTATE;
	if (!stp_act(ctx))
		return -STP_EBUDGET;
	if (!ctx->raised)
		return 0;
	ctx->raised = false;
	*message = ctx->error;
	return 1;
}

/* The checks of a division. */
static int begin_division(struct stp_ctx *ctx, s64 by)
{
	static const char message[] = "division by zero";

	if (stp_outside(ctx))
		return -STP_ESTATE;
	if (!stp_act(ctx))
		return -STP_EBUDGET;
	if (by)
		return 0;
	set_error(ctx, message, sizeof(message) - 1);
	return -STP_EDOM;
}

static u64 magnitude(s64 value)
{
	return value < 0 ? 0 - (u64)value : (u64)value;
}

int stp_divide_int64(struct stp_ctx *ctx, s64 a, s64 b, s64 *result)
{
	int error = begin_division(ctx, b);
	u64 quotient;

	*result = 0;
	if (error)
		return error;
	quotient = stp_divide_u64(magnitude(a), magnitude(b));
	*result = (a < 0) != (b < 0) ? (s64)(0 - quotient) : (s64)quotient;
	return 0;
}

int stp_modulo_int64(struct stp_ctx *ctx, s64 a, s64 b, s64 *result)
{
	int error = begin_division(ctx, b);
	u64 rest;

	*result = 0;
	if (error)
		return error;
	rest = magnitude(a) - stp_divide_u64(magnitude(a), magnitude(b)) * magnitude(b);
	*result = a < 0 ? (s64)(0 - rest) : (s64)rest;
	return 0;
}

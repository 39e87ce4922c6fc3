// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a probe can see of its hit (L2).
 * Must never: read memory that the port has not made safe.
 */
#include <stp/session.h>
#include <stp/task.h>

const char *stp_execname(struct stp_ctx *ctx)
{
	char *string = stp_string_take(ctx);

	if (!string)
		return "";
	stp_port_comm(ctx, string);
	string[STP_COMM_SIZE - 1] = 0;
	return string;
}

s64 stp_pid(struct stp_ctx *ctx)
{
	return stp_port_pid(ctx);
}

s64 stp_tid(struct stp_ctx *ctx)
{
	return stp_port_tid(ctx);
}

s64 stp_uid(struct stp_ctx *ctx)
{
	return stp_port_uid(ctx);
}

s64 stp_task(struct stp_ctx *ctx)
{
	return stp_look_number(ctx, STP_LOOK_TASK);
}

s64 stp_now_ns(struct stp_ctx *ctx)
{
	return stp_look_number(ctx, STP_LOOK_NOW);
}

s64 stp_wall_ns(struct stp_ctx *ctx)
{
	return stp_look_number(ctx, STP_LOOK_WALL);
}

s64 stp_arg(struct stp_ctx *ctx, u32 n)
{
	return n < STP_EVENT_ARGS ? (s64)stp_port_arg(ctx, n) : 0;
}

s64 stp_returned(struct stp_ctx *ctx)
{
	return stp_look_number(ctx, STP_LOOK_RETURNED);
}

s64 stp_entry_ns(struct stp_ctx *ctx)
{
	return stp_look_number(ctx, STP_LOOK_ENTRY);
}

s64 stp_tracepoint_field(struct stp_ctx *ctx, const struct stp_name *name)
{
	s64 value = 0;

	if (!stp_look_begin(ctx))
		return 0;
	return stp_look_end(ctx, stp_look(ctx, STP_LOOK_FIELD, 0, name->id, &value, sizeof(value))) < 0 ? 0 : value;
}

const char *stp_tracepoint_field_string(struct stp_ctx *ctx, const struct stp_name *name)
{
	return stp_look_string(ctx, STP_LOOK_FIELD_STRING, 0, name->id);
}

const char *stp_hit_text(struct stp_ctx *ctx)
{
	return stp_look_string(ctx, STP_LOOK_TEXT, 0, 0);
}

int stp_control_answer(struct stp_ctx *ctx, const char *text)
{
	int error;

	if (stp_outside(ctx) || !ctx->probe->provider->answer)
		return -STP_ESTATE;
	error = ctx->probe->provider->answer(ctx, text, strnlen(text, STP_STRING_SIZE_MAX - 1));
	stp_ledger_cut(ctx->row, error ? 1 : 0);
	return error;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a probe can see of its hit, and the recorder that keeps all of it.
 * Must never: read memory that the port has not made safe.
 */
#include <stp/session.h>
#include <stp/task.h>

/* Shown in full by the recorder, in part by each accessor: both ask the port alone. */
static void see(struct stp_event *event)
{
	memset(event, 0, sizeof(*event));
	stp_port_task(event);
}

const char *stp_execname(struct stp_ctx *ctx)
{
	char *string = stp_string_take(ctx);
	struct stp_event event;

	if (!string)
		return "";
	see(&event);
	memcpy(string, event.comm, sizeof(event.comm));
	string[sizeof(event.comm) - 1] = 0;
	return string;
}

s64 stp_pid(struct stp_ctx *ctx)
{
	struct stp_event event;

	(void)ctx;
	see(&event);
	return event.pid;
}

s64 stp_tid(struct stp_ctx *ctx)
{
	struct stp_event event;

	(void)ctx;
	see(&event);
	return event.tid;
}

s64 stp_uid(struct stp_ctx *ctx)
{
	struct stp_event event;

	(void)ctx;
	see(&event);
	return event.uid;
}

s64 stp_arg(struct stp_ctx *ctx, u32 n)
{
	return n < STP_EVENT_ARGS ? (s64)stp_port_arg(ctx, n) : 0;
}

void stp_recorder_hit(struct stp_ctx *ctx)
{
	struct stp_event event;
	u32 i;

	see(&event);
	for (i = 0; i < STP_EVENT_ARGS; i++)
		event.args[i] = stp_port_arg(ctx, i);
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_RECORD);
	if (stp_ring_write(&ctx->cpu->ring, STP_RECORD_EVENT, ctx->level, ctx->probe->index, &event, sizeof(event)))
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_RECORD, STP_LOSS_FULL);
	else
		stp_ledger_deliver(ctx->row, STP_LOSS_KIND_RECORD);
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a probe can see of its hit: who runs, where, when, and with which arguments. */
#ifndef STP_TASK_H
#define STP_TASK_H

#include <stp/look.h>
#include <stp/string.h>

/* stp_execname() - Name of the running task, as a pool string; "" if none is free (counted). */
const char *stp_execname(struct stp_ctx *ctx);

/* stp_pid(), stp_tid(), stp_uid() - Process, thread and user id of the running task. */
s64 stp_pid(struct stp_ctx *ctx);
s64 stp_tid(struct stp_ctx *ctx);
s64 stp_uid(struct stp_ctx *ctx);

/* stp_task() - Address of the running task's struct task_struct, for stp_field(). */
s64 stp_task(struct stp_ctx *ctx);

/* stp_cpu_id() - CPU of this hit. */
static inline s64 stp_cpu_id(const struct stp_ctx *ctx)
{
	return ctx->cpu->index;
}

/* stp_level() - Context level of this hit, STP_CONTEXT_*. */
static inline s64 stp_level(const struct stp_ctx *ctx)
{
	return ctx->level;
}

/* stp_now_ns() - Monotonic time, nanoseconds; the same clock on all CPUs. */
s64 stp_now_ns(struct stp_ctx *ctx);

/* stp_wall_ns() - Wall time, nanoseconds since 1970 in UTC. */
s64 stp_wall_ns(struct stp_ctx *ctx);

/**
 * stp_arg() - Argument @n (from 0) of the probed function; in a kretprobe as it was at the function's entry.
 *
 * Return: 0 from STP_EVENT_ARGS on, and in probes of no function.
 */
s64 stp_arg(struct stp_ctx *ctx, u32 n);

/* stp_returned() - In a kretprobe: what the function returned. Else 0. */
s64 stp_returned(struct stp_ctx *ctx);

/* stp_entry_ns() - In a kretprobe: stp_now_ns() at the function's entry. Else 0. */
s64 stp_entry_ns(struct stp_ctx *ctx);

/**
 * stp_tracepoint_int(ctx, field) - Integer field of the tracepoint that was hit, by its name as the tracepoint's format file has it.
 *
 * A field that none of the program's tracepoints has fails the start of the session.
 * Return: The value; 0 for a field that this tracepoint does not have (lost by fault).
 */
#define stp_tracepoint_int(ctx, field) stp_tracepoint_field(ctx, STP_NAME_USED(NULL, #field, false))
s64 stp_tracepoint_field(struct stp_ctx *ctx, const struct stp_name *name);

/* stp_tracepoint_string(ctx, field) - Text field, fixed or dynamic (__data_loc), as a pool string; "" if there is none. */
#define stp_tracepoint_string(ctx, field) stp_tracepoint_field_string(ctx, STP_NAME_USED(NULL, #field, false))
const char *stp_tracepoint_field_string(struct stp_ctx *ctx, const struct stp_name *name);

/* stp_hit_text() - Text that the provider has for this hit, as a pool string; in a control_write probe what was written, without its final newline. */
const char *stp_hit_text(struct stp_ctx *ctx);

/**
 * stp_control_answer() - In a control_read probe: append to what the reader of the file gets.
 *
 * Return: 0; -STP_ESTATE elsewhere; -STP_EFULL if it does not fit in whole (as much as fits is kept; cut is counted).
 */
int stp_control_answer(struct stp_ctx *ctx, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a probe can see of its hit. */
#ifndef STP_TASK_H
#define STP_TASK_H

#include <stp/string.h>

/* stp_execname() - Name of the running task, as a pool string; "" if none is free (counted). */
const char *stp_execname(struct stp_ctx *ctx);

/* stp_pid(), stp_tid(), stp_uid() - Process, thread and user id of the running task. */
s64 stp_pid(struct stp_ctx *ctx);
s64 stp_tid(struct stp_ctx *ctx);
s64 stp_uid(struct stp_ctx *ctx);

/* stp_arg() - Argument @n (from 0) of the probed function; 0 from STP_EVENT_ARGS on. */
s64 stp_arg(struct stp_ctx *ctx, u32 n);

/* stp_recorder_hit() - Record what a probe can see of this hit (the recorder). */
void stp_recorder_hit(struct stp_ctx *ctx);

#endif

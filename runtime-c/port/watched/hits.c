// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Hits: what they see of tasks, their budgets of actions and time, what nests within one, and errors (X1, X6, X8). */
#include <stp/error.h>
#include <stp/print.h>
#include <stp/stp.h>
#include <stp/task.h>

#include "bed.h"

static void see_task(struct stp_ctx *ctx)
{
	stp_printf(ctx, "%s %d %d %d %d %d %d", stp_execname(ctx), stp_pid(ctx), stp_tid(ctx), stp_uid(ctx), stp_arg(ctx, 0), stp_arg(ctx, 5), stp_arg(ctx, 6));
	need(ctx->hit == &watch);
	need(stp_current_ctx() == ctx);
}

static void case_tasks(void)
{
	struct bed_options options = { .body = see_task, .record = true, .cpus = 1 };
	struct stp_ledger_kind *records;
	u32 i;

	watch.task = (struct stp_event){ .pid = 11, .tid = 12, .uid = 13, .args = { 21, 22, 23, 24, 25, 26 } };
	memcpy(watch.task.comm, "sixteen letters!", 16);
	bed_open(&options);
	records = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_IRQ, &watch);
	need_printed("sixteen letters 11 12 13 21 26 0");
	need(bed_event.pid == 11 && bed_event.tid == 12 && bed_event.uid == 13 && !memcmp(bed_event.comm, watch.task.comm, 16));
	need(!memcmp(bed_event.args, watch.task.args, sizeof(bed_event.args)) && !bed_event.looks_size && !bed_event.flags && bed_event.order == 1);
	need(stp_session.order == 1 && !stp_session.recorder && bed_event.time_ns && bed_event.time_ns <= bed_last.time_ns);
	need(bed_last.context == STP_CONTEXT_IRQ && bed_last.probe == 0 && bed_last.cpu == 0 && bed_last.type == STP_RECORD_PRINT);
	need(records->attempted == 2 && records->delivered == 2);
	for (i = 0; !stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD].lost[STP_LOSS_FULL]; i++)
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, &watch);
	need(i > 10 && records->attempted == records->delivered + records->lost[STP_LOSS_FULL]);
	watch_begin();
	watch.preempt_off[0]++;
	need(!stp_current_ctx());
	watch.preempt_off[0]--;
	bed_close();
	watch_quiet("tasks");
}

static u32 rounds;

static void act(struct stp_ctx *ctx)
{
	for (rounds = 0; stp_step(ctx); rounds++)
		watch.cycles += 10;
}

/* X6: the clock is looked at every 32 actions; X6's throttle. Of the same CPU only. */
static void case_time(void)
{
	struct bed_options options = { .body = act, .cpus = 2, .actions = 100, .time_us = 50, .overload_percent = STP_UNLIMITED };
	struct stp_ledger_kind *hits;

	bed_open(&options);
	need(stp_session.hit_cycles_max == 500);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 64); /* 320 cycles are not too many, 640 are */
	bed_close();
	options.time_us = 64;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 96); /* 640 cycles are just not too many, 960 are */
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].lost[STP_LOSS_BUDGET] == 1);
	need(stp_session.cpu[0].used == 960);
	bed_close();
	options.time_us = STP_UNLIMITED;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100);
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL); /* an end probe has its own number, and no time */
	need(rounds == 200);
	bed_close();
	options.time_us = 50;
	options.actions_ends = 300;
	bed_open(&options);
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL);
	need(rounds == 300);
	bed_close();

	/* 10 ms are 100,000 cycles, of which 2 % may be used: a hit of 100 actions uses 1000. */
	options = (struct bed_options){ .body = act, .cpus = 2, .actions = 100, .time_us = STP_UNLIMITED, .overload_percent = 2, .overload_interval_ms = 10 };
	watch.cycles = 1000000;
	bed_open(&options);
	need(stp_session.overload_interval == 100000 && stp_session.overload_cycles_max == 2000);
	hits = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].window == 1000000 && stp_session.cpu[0].used == 1000);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].used == 2000);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].used == 3000 && hits->lost[STP_LOSS_BUDGET] == 3);
	rounds = 0;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!rounds && hits->lost[STP_LOSS_BUDGET] == 4 && hits->attempted == 4);
	watch_quiet("throttle");
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL);
	need(rounds == 200); /* end probes are not throttled */
	watch.cpu = 1;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100); /* nor is another CPU */
	watch.cpu = 0;
	watch.cycles = 1099999;
	rounds = 0;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!rounds);
	watch.cycles = 1100000;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100 && stp_session.cpu[0].window == 1100000 && stp_session.cpu[0].used == 1000);
	bed_close();
}

/* What one hit uses, the one within it does not use again. */
static void nest_once(struct stp_ctx *ctx)
{
	watch.cycles += 100;
	if (ctx->level == STP_CONTEXT_TASK) {
		watch.level[0] = STP_CONTEXT_IRQ;
		stp_probe_hit(bed_probe(0), STP_CONTEXT_IRQ, NULL);
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL); /* X1: refused */
		watch.level[0] = STP_CONTEXT_TASK;
	}
}

static void case_nested(void)
{
	struct bed_options options = { .body = nest_once, .cpus = 1 };
	const struct stp_ledger_kind *hits;

	bed_open(&options);
	hits = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(hits->attempted == 3 && hits->delivered == 2 && hits->lost[STP_LOSS_NESTED] == 1);
	need(stp_session.cpu[0].used == 200);
	bed_close();
	watch_quiet("nested");
}

static u32 raises;

static void raise_always(struct stp_ctx *ctx)
{
	raises++;
	stp_raise(ctx, "no %d", raises);
	stp_raise(ctx, "the second is not kept");
}

static void raise_elsewhere(u32 level)
{
	stp_probe_hit(bed_probe(0), level, NULL);
}

/* Errors of two CPUs: however they overlap, each is counted once. */
static void case_errors_at_once(void)
{
	struct bed_options options = { .body = raise_always, .cpus = 2, .errors = STP_UNLIMITED };
	u64 at;

	for (at = 1;; at++) {
		bool came;

		bed_open(&options);
		watch_begin();
		watch.plan[0] = (struct watch_plan){ .at = at, .cpu = 1, .level = STP_CONTEXT_TASK, .call = raise_elsewhere };
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		came = watch.plan[0].done;
		need(stp_session.errors == 1u + came);
		bed_read(0);
		bed_read(1);
		bed_close();
		if (!came)
			break;
	}
	need(at > 20);
	watch_begin();
}

static void case_errors(void)
{
	struct bed_options options = { .body = raise_always, .cpus = 1, .errors = 3 };

	watch.stops = 0;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.errors == 2 && !watch.stops);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.errors == 3 && watch.stops == 1);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need_printed("E(no 1)E(no 2)E(no 3)");
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].lost[STP_LOSS_ERROR] == 3);
	bed_close();
	options.errors = STP_UNLIMITED;
	bed_open(&options);
	stp_session.errors = ~0u - 2;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(watch.stops == 1);
	bed_close();
}

void hits_cases(void)
{
	case_tasks();
	case_time();
	case_nested();
	case_errors();
	case_errors_at_once();
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Enter and exit of a hit, and whose ledger row a call belongs to (X1-X5).
 * Must never: let two hits share a context, or lose a hit that it counted.
 * Sibling: runtime-as/assembly/probe.ts
 */
#include <stp/look.h>
#include <stp/print.h>
#include <stp/session.h>

#define TIME_CHECK_ACTIONS 32 /* actions between two looks at the clock, in hits that have a time limit */

struct stp_ctx *stp_current_ctx(void)
{
	struct stp_ctx *ctx = stp_this_ctx();

	return stp_outside(ctx) ? NULL : ctx;
}

static bool is_end(const struct stp_probe *probe)
{
	return !probe->provider->rank;
}

/* X6: actions until somebody has to look at the clock, which ends have not, and the rest. */
static STP_ALWAYS_INLINE void give_actions(struct stp_ctx *ctx, long actions, bool ends)
{
	long now = actions;

	if (stp_session.hit_cycles_max && !ends && now > TIME_CHECK_ACTIONS)
		now = TIME_CHECK_ACTIONS;
	STP_WRITE(ctx->actions, now);
	STP_WRITE(ctx->rest, actions - now);
}

bool stp_act_slowly(struct stp_ctx *ctx)
{
	if (stp_outside(ctx)) {
		ctx->actions = STP_ACTIONS_ENDLESS;
		return true;
	}
	ctx->actions = 0;
	if (!ctx->exhausted && ctx->rest && stp_cycles() - ctx->began <= stp_session.hit_cycles_max) {
		give_actions(ctx, ctx->rest, is_end(ctx->probe));
		ctx->actions--;
		return true;
	}
	ctx->rest = 0;
	ctx->exhausted = true;
	return false;
}

/* Whether the hits of this CPU have taken more than their share of the interval (overload). */
static bool is_overloaded(struct stp_cpu *cpu, u64 now)
{
	if (now - STP_READ(cpu->window) >= stp_session.overload_interval) {
		STP_WRITE(cpu->window, now);
		STP_WRITE(cpu->used, 0);
	}
	return STP_READ(cpu->used) > stp_session.overload_cycles_max;
}

static struct stp_ctx *refuse(struct stp_ledger *row, u32 cause)
{
	stp_ledger_lose(row, STP_LOSS_KIND_HIT, cause);
	stp_preempt_enable();
	return NULL;
}

/* A context for a hit that begins. */
static STP_ALWAYS_INLINE void prepare(struct stp_ctx *ctx, const struct stp_probe *probe, struct stp_ledger *row, struct stp_ctx *outer, u64 now, bool ends)
{
	/* Marked: a hit that comes before the claim writes them, too, and is found out afterwards. */
	STP_WRITE(ctx->row, row);
	STP_WRITE(ctx->outer, outer);
	STP_WRITE(ctx->probe, probe);
	STP_WRITE(ctx->strings_used, 0); /* B1; the print buffer is empty since the exit before (X2) */
	STP_WRITE(ctx->raised, false);
	STP_WRITE(ctx->began, now);
	give_actions(ctx, ends ? stp_session.config.actions_ends : stp_session.config.actions, ends);
	stp_barrier();
	STP_WRITE(ctx->exhausted, false); /* last: whoever comes between may still take the last actions of the hit before */
}

/* Both are one with the whole hit: most hits are no longer than a few calls. */
static STP_ALWAYS_INLINE struct stp_ctx *enter(const struct stp_probe *probe, u32 level, bool ends)
{
	struct stp_cpu *cpu;
	struct stp_ctx *ctx, *outer;
	struct stp_ledger *row;
	u64 now = 0;
	u32 hits;

	stp_preempt_disable();
	cpu = stp_this_cpu();
	row = &cpu->rows[probe->index];
	stp_ledger_attempt(row, STP_LOSS_KIND_HIT);
	outer = STP_READ(cpu->current_ctx);
	if (outer != &cpu->none && outer->level >= level)
		return refuse(row, STP_LOSS_NESTED); /* X1 */
	if (stp_session.timed) {
		now = stp_cycles();
		if (stp_session.overload_interval && !ends && is_overloaded(cpu, now))
			return refuse(row, STP_LOSS_BUDGET);
	}
	ctx = &cpu->ctx[level];
	hits = STP_READ(ctx->hits);
	/* Once it is claimed, calls outside of any probe that interrupt us are entered there (X3) and take its actions (X6). */
	prepare(ctx, probe, row, outer, now, ends);
	stp_barrier();
	/* A hit of this level that interrupts us from here on is refused and touches nothing. */
	STP_WRITE(cpu->current_ctx, ctx);
	stp_barrier();
	/* One that came before the claim has used it. */
	if (stp_unlikely(STP_READ(ctx->hits) != hits))
		prepare(ctx, probe, row, outer, now, ends);
	STP_WRITE(ctx->hits, STP_READ(ctx->hits) + 1);
	return ctx;
}

/* X2: how the hit ended. */
static STP_ALWAYS_INLINE void account(struct stp_ctx *ctx)
{
	if (ctx->raised) {
		stp_print_offer(ctx, STP_RECORD_ERROR, ctx->error, strnlen(ctx->error, sizeof(ctx->error)));
		stp_session_error();
	}
	if (ctx->exhausted)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_HIT, STP_LOSS_BUDGET);
	else if (ctx->raised)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_HIT, STP_LOSS_ERROR);
	else
		stp_ledger_deliver(ctx->row, STP_LOSS_KIND_HIT);
}

static STP_ALWAYS_INLINE void leave(struct stp_ctx *ctx)
{
	struct stp_cpu *cpu = ctx->cpu;

	stp_print_send(ctx); /* X2; counted there */
	account(ctx);
	if (stp_session.timed && ctx->outer == &cpu->none)
		STP_WRITE(cpu->used, STP_READ(cpu->used) + stp_cycles() - ctx->began);
	stp_barrier();
	STP_WRITE(cpu->current_ctx, ctx->outer);
	stp_preempt_enable();
}

struct stp_ctx *stp_probe_enter(const struct stp_probe *probe, u32 level)
{
	return enter(probe, level, is_end(probe));
}

void stp_probe_exit(struct stp_ctx *ctx)
{
	leave(ctx);
}

void stp_probe_hit(const struct stp_probe *probe, u32 level, const void *hit)
{
	bool ends = is_end(probe);
	struct stp_ctx *ctx;

	if (!ends && STP_READ(stp_session.state) != STP_STATE_RUNNING)
		return; /* X5 */
	if (stp_unlikely(stp_session.config.record)) {
		stp_recorder_hit(probe, level, hit);
		return;
	}
	ctx = enter(probe, level, ends);
	if (!ctx)
		return;
	ctx->hit = hit;
	probe->body(ctx);
	leave(ctx);
}

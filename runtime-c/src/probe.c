// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Enter and exit of a hit, and whose ledger row a call belongs to (X1-X5).
 * Must never: let two hits share a context, or lose a hit that it counted.
 * Sibling: runtime-as/assembly/probe.ts
 */
#include <stp/print.h>
#include <stp/session.h>
#include <stp/task.h>

static struct stp_cpu *this_cpu(void)
{
	return &stp_session.cpu[stp_cpu()];
}

struct stp_ctx *stp_current_ctx(void)
{
	return STP_READ(this_cpu()->current_ctx);
}

struct stp_ledger *stp_current_row(void)
{
	struct stp_cpu *cpu = this_cpu();
	struct stp_ctx *ctx = STP_READ(cpu->current_ctx);

	return ctx ? ctx->row : &cpu->rows[stp_session.program.probes_count];
}

struct stp_ctx *stp_probe_enter(const struct stp_probe *probe, u32 level)
{
	struct stp_cpu *cpu;
	struct stp_ctx *ctx, *outer;
	struct stp_ledger *row;

	stp_preempt_disable();
	cpu = this_cpu();
	row = &cpu->rows[probe->index];
	stp_ledger_attempt(row, STP_LOSS_KIND_HIT);
	outer = STP_READ(cpu->current_ctx);
	if (outer && outer->level >= level) {
		stp_ledger_lose(row, STP_LOSS_KIND_HIT, STP_LOSS_NESTED); /* X1 */
		stp_preempt_enable();
		return NULL;
	}
	ctx = &cpu->ctx[level];
	/* Once it is claimed, calls outside of any probe that interrupt us are entered there (X3). */
	STP_WRITE(ctx->row, row);
	stp_barrier();
	/* The claim comes first: a hit of this level that interrupts us from here on is refused and touches nothing below. */
	STP_WRITE(cpu->current_ctx, ctx);
	stp_barrier();
	STP_WRITE(ctx->row, row); /* again: one that came before the claim has used it */
	ctx->outer = outer;
	ctx->probe = probe;
	ctx->strings_used = 0; /* B1; the print buffer is empty since the exit before (X2) */
	return ctx;
}

void stp_probe_exit(struct stp_ctx *ctx)
{
	stp_print_flush(ctx); /* X2; counted there */
	stp_ledger_deliver(ctx->row, STP_LOSS_KIND_HIT);
	stp_barrier();
	STP_WRITE(ctx->cpu->current_ctx, ctx->outer);
	stp_preempt_enable();
}

void stp_probe_hit(const struct stp_probe *probe, u32 level, const void *hit)
{
	struct stp_ctx *ctx;

	if (probe->provider->rank && STP_READ(stp_session.state) != STP_STATE_RUNNING)
		return; /* X5 */
	ctx = stp_probe_enter(probe, level);
	if (!ctx)
		return;
	ctx->hit = hit;
	if (stp_session.config.record && probe->provider->rank)
		stp_recorder_hit(ctx); /* begin and end come from the session, not from the world */
	probe->body(ctx);
	stp_probe_exit(ctx);
}

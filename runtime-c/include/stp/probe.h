/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Probes, the context that a probe body gets, and the providers that attach them. */
#ifndef STP_PROBE_H
#define STP_PROBE_H

#include <stp/ledger.h>
#include <stp/ring.h>

struct stp_probe;

/**
 * struct stp_provider - One kind of attach point.
 * @name:   As written in STP_PROBE().
 * @about:  What its targets are, in a few words: "a kernel function".
 * @rank:   Probes attach in ascending and detach in descending rank; 0 is for begin and end,
 *          whose hits belong to the session in any state (X5).
 * @attach: Make @probe be hit from now on. Return: 0, or negative after a call of stp_log().
 * @detach: No hit of @probe begins after the return. Sets @probe->missed if the kernel dropped hits.
 * @answer: Append to what whoever caused the hit will read; NULL if nobody does. Return: 0; -STP_EFULL.
 *
 * A provider calls stp_probe_hit() at each hit. Both run in task context and may sleep.
 */
struct stp_provider {
	const char *name;
	const char *about;
	u32 rank;
	int (*attach)(struct stp_probe *probe);
	void (*detach)(struct stp_probe *probe);
	int (*answer)(struct stp_ctx *ctx, const char *text, u32 length);
};

/* Session: begin, end; error: after too many errors, before end. */
extern const struct stp_provider stp_provider_begin;
extern const struct stp_provider stp_provider_end;
extern const struct stp_provider stp_provider_error;
/* Of the port. */
extern const struct stp_provider stp_provider_kprobe;
extern const struct stp_provider stp_provider_kretprobe;
extern const struct stp_provider stp_provider_tracepoint;
extern const struct stp_provider stp_provider_timer;
extern const struct stp_provider stp_provider_profile;
extern const struct stp_provider stp_provider_uprobe;
extern const struct stp_provider stp_provider_perf;
extern const struct stp_provider stp_provider_control_read;
extern const struct stp_provider stp_provider_control_write;

/**
 * struct stp_probe - One probe of the program.
 * @body:     The author's code.
 * @target:   What the provider attaches to; "" if it needs nothing.
 * @index:    Position in the program.
 * @optional: The session goes on if it cannot be attached.
 * @attached: Between attach and detach.
 * @missed:   Hits that the kernel dropped before the runtime saw them.
 * @state:    The provider's own.
 */
struct stp_probe {
	const struct stp_provider *provider;
	const char *target;
	void (*body)(struct stp_ctx *ctx);
	const char *file;
	u32 line;
	u32 index;
	bool optional;
	bool attached;
	u64 missed;
	void *state;
};

struct stp_cpu;

/**
 * struct stp_ctx - What a probe body works in: one for each CPU and context level, and one for calls outside of any probe.
 * @actions:    Actions that are left before somebody has to look at @rest and at the time (X6).
 * @row:        Ledger row of @probe on @cpu; outside of any probe the row "none".
 * @cpu:        CPU; stable, as preemption is off.
 * @slot:       CPU * STP_CONTEXTS + level: number of this context among those of all CPUs.
 * @level:      STP_CONTEXT_*; STP_CONTEXTS outside of any probe.
 * @rest:       Actions beyond @actions.
 * @exhausted:  A call found no action left.
 * @raised:     @error is the message of an error that nothing has caught (X7).
 * @hits:       Hits that have begun here.
 * @began:      stp_cycles() at enter.
 * @probe:      Probe that runs here, or ran here last.
 * @outer:      Context that this one interrupted, that of calls outside of any probe if none.
 * @hit:        The provider's data of this hit (the kernel's registers).
 * @event:      Where the recorder keeps this hit (L3); NULL if the session does not record.
 * @frames:     For backtraces.
 */
struct stp_ctx {
	long actions;
	struct stp_ledger *row;
	struct stp_cpu *cpu;
	u32 slot;
	u32 level;
	u32 strings_used;
	u32 print_used;
	char *strings;
	char *print;
	long rest;
	bool exhausted;
	bool raised;
	u32 hits;
	u64 began;
	const struct stp_probe *probe;
	struct stp_ctx *outer;
	const void *hit;
	struct stp_event *event;
	char error[STP_ERROR_SIZE_MAX];
	u64 frames[STP_STACK_FRAMES_MAX];
};

/**
 * struct stp_cpu - All that a CPU owns.
 * @current_ctx: Innermost context that runs a probe; @none if there is none.
 * @lock_id:     What its locks hold: index + 1.
 * @rows:        Ledger rows: one a probe, then the row "none".
 * @window:      stp_cycles() when the interval of the overload throttle began; @used: cycles of it that hits have taken.
 * @none:        Context of calls outside of any probe: no budget, no pool, no print buffer.
 */
struct stp_cpu {
	struct stp_ctx *current_ctx;
	u32 lock_id;
	u32 index;
	struct stp_ledger *rows;
	u64 window;
	u64 used;
	struct stp_ring ring;
	struct stp_ctx none;
	struct stp_ctx ctx[STP_CONTEXTS];
};

#define STP_ACTIONS_ENDLESS 0x7fffffffl /* outside of any probe */

/* stp_outside() - Whether @ctx is no probe's. */
static STP_ALWAYS_INLINE bool stp_outside(const struct stp_ctx *ctx)
{
	return !ctx || ctx->level == STP_CONTEXTS;
}

/* stp_act_slowly() - Whether there is an action left, when ctx->actions has run out. */
bool stp_act_slowly(struct stp_ctx *ctx);

/* stp_act() - Take one action of the hit (X6). Return: whether there was one. */
static STP_ALWAYS_INLINE bool stp_act(struct stp_ctx *ctx)
{
	return !stp_local_dec_negative(&ctx->actions) || stp_act_slowly(ctx);
}

/**
 * stp_step() - Take an action in a loop of the author's own: `while (more && stp_step(ctx))`.
 *
 * Return: Whether there was one; if not, the hit is exhausted: its calls fail, and it is lost by budget.
 */
static inline bool stp_step(struct stp_ctx *ctx)
{
	return stp_act(ctx);
}

/* Everything of the program that is found by section; pointers, so that no padding comes between. */
#define STP_PASTE2(a, b) a##b
#define STP_PASTE(a, b) STP_PASTE2(a, b)

/* STP_PROVIDER(name); - Declare a provider that stands in a file of its own beside the probe: NAME.provider.c. */
#define STP_PROVIDER(name) extern const struct stp_provider stp_provider_##name

#define STP_PROBE(kind, ...) STP_PROBE_NUMBERED(__COUNTER__, kind, "" __VA_ARGS__, false)
/* One whose target may be missing: the log says so, and the session goes on without it. */
#define STP_OPTIONAL_PROBE(kind, ...) STP_PROBE_NUMBERED(__COUNTER__, kind, "" __VA_ARGS__, true)
#define STP_PROBE_NUMBERED(n, kind, where, may_miss) STP_PROBE_DEFINE(STP_PASTE(stp_probe_, n), kind, where, may_miss)
#define STP_PROBE_DEFINE(name, kind, where, may_miss) \
	static void STP_PASTE(name, _body)(struct stp_ctx *ctx __attribute__((unused))); \
	static struct stp_probe name = { \
		.provider = &stp_provider_##kind, \
		.target = where, \
		.body = STP_PASTE(name, _body), \
		.file = __FILE__, \
		.line = __LINE__, \
		.optional = may_miss, \
	}; \
	static struct stp_probe *const STP_PASTE(name, _ref) STP_SECTION(stp_probes) = &name; \
	static void STP_PASTE(name, _body)(struct stp_ctx *ctx __attribute__((unused)))

/**
 * stp_probe_enter() - Begin a hit of @probe at context level @level on this CPU (X1).
 *
 * Context: Any, including NMI. Turns preemption off until stp_probe_exit().
 * Return:  The context to work in; NULL if a probe runs on this CPU at this level or above (lost by nested).
 */
struct stp_ctx *stp_probe_enter(const struct stp_probe *probe, u32 level);

/**
 * stp_probe_exit() - End the hit: flush, give back, count (X2).
 */
void stp_probe_exit(struct stp_ctx *ctx);

/**
 * stp_exit() - Ask for the end of the session: no more hits begin, and whoever drives it is told to stop it, which runs end probes.
 *
 * Context: Any, including NMI.
 */
void stp_exit(struct stp_ctx *ctx);

/**
 * stp_probe_hit() - One whole hit, as a provider reports it.
 * @hit: For the accessors of the port.
 *
 * Does nothing outside state running, unless the provider's rank is 0 (X5).
 */
void stp_probe_hit(const struct stp_probe *probe, u32 level, const void *hit);

/* stp_this_cpu() - What this CPU owns. Preemption is off. */
#ifdef STP_PORT_THIS_CPU
#define stp_this_cpu() STP_PORT_THIS_CPU()
#else
extern struct stp_cpu *stp_cpus;
#define stp_this_cpu() (&stp_cpus[stp_cpu()])
#endif

/* stp_this_ctx() - Innermost context of this CPU, that of no probe included (X3). Preemption is off. */
static STP_ALWAYS_INLINE struct stp_ctx *stp_this_ctx(void)
{
	return STP_READ(stp_this_cpu()->current_ctx);
}

/* stp_current_ctx() - Innermost context of this CPU; NULL outside any probe. */
struct stp_ctx *stp_current_ctx(void);

#endif

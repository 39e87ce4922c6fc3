/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the wasm32 port and the machine need of the access hooks.
 *
 * Never included by src/: the portable core does not know that it is watched.
 * Siblings: hooks.c; sim/access.ts reads the struct and spells the kinds again (a test compares them).
 */
#ifndef STP_SIM_HOOKS_H
#define STP_SIM_HOOKS_H

/* Bits of stp_sim_state.kind. */
enum stp_sim_kind {
	STP_SIM_READ = 1,
	STP_SIM_WRITE = 2,	/* with STP_SIM_READ: a plain x = f(x) whose load came just before */
	STP_SIM_ATOMIC = 4,
	STP_SIM_VOLATILE = 8,
	STP_SIM_RELAX = 16,	/* cpu_relax(): no access, the context spins */
	STP_SIM_HALF = 32,	/* the second half of an 8-byte access */
	STP_SIM_CPU = 64,	/* no access: what may interrupt or move the context is about to change, or its CPU to be read */
	STP_SIM_FENCE = 128,	/* order: __ATOMIC_*; STP_SIM_ORDER_COMPILER orders for contexts of the same CPU only */
	STP_SIM_LOCK = 256,	/* address: a lock that is taken now; with STP_SIM_TRY: by a try that cannot wait for ever */
	STP_SIM_UNLOCK = 512,
	STP_SIM_TRY = 1024,
	STP_SIM_LOOP = 2048,	/* the context has used up its rounds of loops */
	STP_SIM_DRAIN = 4096,	/* no stop of a schedule: the notes are full */
	STP_SIM_VIOLATION = 8192, /* address: a text, order: enum stp_sim_violation; the context goes no further */
	STP_SIM_QUIET = 16384,	/* a grace period has passed: all that ran before is over */
	STP_SIM_BLOCK = 32768,	/* address: a struct stp_sim_block that is allocated now, or with size 1 freed */
};

#define STP_SIM_ORDER_COMPILER 7

/* Exported as the data symbol stp_sim; all words, so that the machine reads it as a Uint32Array. */
struct stp_sim_state {
	unsigned int fuel;	/* accesses until the next stop; the sign bit set: no context runs, never stop */
	unsigned int half;	/* 0, or what stp_sim_settle() must still do: 1 a read, 2 a write */
	unsigned int writes;	/* atomics that changed memory and plain writes so far: what a spinner may wait for */
	unsigned int kind;	/* of the access about to happen; the rest, too, is valid only at a stop */
	unsigned int address;
	unsigned int size;	/* bytes */
	unsigned int order;	/* __ATOMIC_* order of an atomic */
	unsigned int site;	/* its struct stp_sim_site, or 0; set before each hook call by sim/sites.ts */
	unsigned int caller;	/* site of the author's line that called last; the machine keeps it for each context */
	unsigned int loops;	/* rounds of loops until the context is stopped for good; 0: never */
	unsigned int noting;	/* 1: each event is written to stp_sim_notes */
	unsigned int noted;	/* notes there now */
	unsigned int stack_low;	/* of the running context: its accesses there are nobody else's and no events */
	unsigned int stack_size; /* bytes */
	unsigned int stack_deepest; /* lowest stack pointer seen at an event, if noting */
	unsigned int elapsed;	/* events of all contexts before this run of one: the virtual time */
	unsigned int granted;	/* fuel with which the running context set out */
	unsigned int actions;	/* calls and rounds of loops of the author's code that the context has left; 0: no limit */
};
extern struct stp_sim_state stp_sim;

/* One event, noted before it happens. Read by sim/notes.ts. */
struct stp_sim_note {
	unsigned int what;	/* kind, size << 16, order << 24 */
	unsigned int address;
	unsigned int site;
	unsigned int caller;
	unsigned int low, high;	/* what memory holds there before it; high is 0 for less than 8 bytes */
};

#define STP_SIM_NOTES_MAX 512 /* notes; the machine takes them away at each stop */
extern struct stp_sim_note stp_sim_notes[STP_SIM_NOTES_MAX];

/* Where an access stands in its source. Written in assembly by sim/sites.ts. */
struct stp_sim_site {
	const char *path;
	const char *function;
	unsigned int line;
};

/**
 * stp_sim_point() - A place where the machine may stop the context, though there is no access.
 *
 * Before whatever forbids an interruption that was allowed until then, and where the CPU's number is read.
 */
void stp_sim_point(void);

/* stp_sim_note() - Tell the observers something that is no access: STP_SIM_FENCE, _LOCK, _UNLOCK, _QUIET. */
void stp_sim_note(unsigned int kind, const volatile void *address, unsigned int size, unsigned int order);

enum stp_sim_violation {
	STP_SIM_ASSERTION,	/* the code's own */
	STP_SIM_CONTEXT,	/* what its context forbids: sleeping, being moved */
	STP_SIM_MEMORY,
	STP_SIM_BUDGET,
};

/**
 * stp_sim_violate() - The running context did what no kernel code may: @text says what. It goes no further.
 *
 * Outside of any context (setting up) it traps.
 */
void stp_sim_violate(enum stp_sim_violation how, const char *text);

/**
 * stp_sim_relax() - Tell the machine that the running context waits for another one.
 *
 * Stops the context, whatever its fuel; it is not counted as an access.
 *
 * Context: Any. The port's cpu_relax() is this call.
 */
void stp_sim_relax(void);

/**
 * stp_sim_settle() - Finish a half-done 8-byte access.
 *
 * An 8-byte access that is stopped between its halves is completed when its context reaches its next hook.
 * A primitive that is no hook itself but changes what may interrupt (irq save and restore, preempt disable and
 * enable, migration) calls this first; otherwise the stop would seem to lie behind the primitive.
 *
 * Context: Any.
 */
void stp_sim_settle(void);

#endif

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
};

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
};
extern struct stp_sim_state stp_sim;

/* Where an access stands in its source. Written in assembly by sim/sites.ts. */
struct stp_sim_site {
	const char *path;
	const char *function;
	unsigned int line;
};

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

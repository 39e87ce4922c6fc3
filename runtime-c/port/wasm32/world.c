// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The sandbox's answers to include/stp/port.h that know the runtime: tasks and memory.
 * Never instrumented: it is part of the machine. What it holds is set from outside by sim/.
 * Siblings: cpu.c (the CPUs themselves), sandbox.c (a session for a probe)
 */
#include <stp/session.h>

#include "world.h"

/* The task and arguments that each context level of each CPU sees. */
static struct stp_event seen[STP_CPUS_MAX][STP_CONTEXTS];

struct stp_event *stp_sim_seen(u32 cpu, u32 level)
{
	return &seen[cpu][level];
}

static const struct stp_event *seen_here(void)
{
	return &seen[stp_sim_cpu_hint()][stp_sim_level()];
}

void *stp_alloc(size_t size)
{
	stp_sim_may_sleep("stp_alloc()");
	return stp_sim_calloc(size);
}

void stp_free(void *p)
{
	stp_sim_free(p);
}

void stp_port_task(struct stp_event *event)
{
	const struct stp_event *seen = seen_here();

	event->pid = seen->pid;
	event->tid = seen->tid;
	event->uid = seen->uid;
	memcpy(event->comm, seen->comm, sizeof(event->comm));
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	(void)ctx;
	return seen_here()->args[n];
}

void stp_port_wake(struct stp_ring *ring)
{
	(void)ring; /* the sandbox's reader looks by itself, see sandbox.c */
}

void stp_port_refill(void)
{
	/* sim/trace.ts has reserves filled after each event */
}

void stp_port_stop(void)
{
	/* the end of the trace stops the session; until then no hit begins */
}

void stp_port_set_cpus(struct stp_cpu *cpus, u32 count)
{
	(void)count;
	stp_cpus = cpus;
}

u64 stp_port_cycles_per_us(void)
{
	return 1000; /* stp_cycles() are nanoseconds */
}

/* There is no other memory here than the program's own, which it reads by itself. */
bool stp_port_read(void *to, u64 address, u32 size, bool user)
{
	(void)to;
	(void)address;
	(void)size;
	(void)user;
	return false;
}

const char *stp_port_world(void)
{
	return "sandbox";
}

const char *stp_port_release(void)
{
	return "wasm32";
}

void stp_replay_move(u32 cpu)
{
	stp_sim_set_cpu(cpu);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The sandbox's answers to include/stp/port.h: virtual CPUs, clock, tasks and memory.
 * Never instrumented: it is part of the machine. What it holds is set from outside by sim/.
 * Siblings: sandbox.c (a session for a probe), hooks.c (preemption); sim/machine.ts
 */
#include <stdlib.h>

#include <stp/session.h>

#include "hooks.h"
#include "world.h"

static u32 cpu_now;
static u32 level_now;
static u64 time_now_ns;
static u32 alloc_fails_at; /* 0: never; n: the n-th allocation from now fails */

/* What a virtual CPU is doing. */
static struct {
	u32 irq_off;
	s32 preempt_off;
	struct stp_event seen[STP_CONTEXTS]; /* the task and arguments that each context level sees */
} cpus[STP_CPUS_MAX];

void stp_sim_set_cpu(u32 cpu)
{
	cpu_now = cpu;
}

void stp_sim_set_level(u32 level)
{
	level_now = level;
}

void stp_sim_set_time(u64 time_ns)
{
	time_now_ns = time_ns;
}

void stp_sim_fail_alloc(u32 n)
{
	alloc_fails_at = n;
}

struct stp_event *stp_sim_seen(u32 cpu, u32 level)
{
	return &cpus[cpu].seen[level];
}

u32 stp_sim_irq_off(u32 cpu)
{
	return cpus[cpu].irq_off;
}

u32 stp_sim_preempt_off(u32 cpu)
{
	return cpus[cpu].preempt_off;
}

u32 stp_sim_cpu(void)
{
	return cpu_now;
}

u32 stp_sim_level(void)
{
	return level_now;
}

u64 stp_sim_time_ns(void)
{
	return time_now_ns;
}

unsigned long stp_sim_irq_save(void)
{
	unsigned long was = cpus[cpu_now].irq_off;

	stp_sim_settle();
	cpus[cpu_now].irq_off = 1;
	return was;
}

void stp_sim_irq_restore(unsigned long flags)
{
	stp_sim_settle();
	cpus[cpu_now].irq_off = flags;
}

void stp_sim_preempt_add(int n)
{
	stp_sim_settle();
	cpus[cpu_now].preempt_off += n;
}

void *stp_alloc(size_t size)
{
	if (alloc_fails_at && !--alloc_fails_at)
		return NULL;
	return calloc(1, size ? size : 1);
}

void stp_free(void *p)
{
	free(p);
}

void stp_port_task(struct stp_event *event)
{
	const struct stp_event *seen = &cpus[cpu_now].seen[level_now];

	event->pid = seen->pid;
	event->tid = seen->tid;
	event->uid = seen->uid;
	memcpy(event->comm, seen->comm, sizeof(event->comm));
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	(void)ctx;
	return cpus[cpu_now].seen[level_now].args[n];
}

void stp_port_wake(struct stp_ring *ring)
{
	(void)ring; /* the sandbox's reader looks by itself, see sandbox.c */
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
	cpu_now = cpu;
}

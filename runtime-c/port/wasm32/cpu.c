// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The virtual CPUs. Never instrumented: it is part of the machine.
 * Must never decide what runs next: it says what is forbidden, and the machine obeys.
 * Siblings: cpu.h, hooks.c; sim/machine.ts
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

#define GUARD_SIZE 32u /* bytes before and behind a block */

static unsigned int cpu_now;
static unsigned int level_now;
static unsigned long long time_now_ns;
static unsigned int alloc_fails_at; /* 0: never; n: the n-th allocation from now fails */

static struct {
	unsigned int irq_off;
	int preempt_off;
	unsigned int probes; /* between stp_sim_probe_begin() and _end(), nested */
	unsigned int busy; /* between stp_sim_busy_begin() and _end(), nested */
} cpus[STP_SIM_CPUS_MAX];

/* A block of memory, in order of allocation; sim/memory.ts reads the chain. */
struct stp_sim_block {
	struct stp_sim_block *older;
	unsigned int address;
	unsigned int size; /* bytes */
	unsigned int freed;
};

struct stp_sim_memory {
	struct stp_sim_block *newest;
	unsigned int version; /* grows with each change of the chain */
};
struct stp_sim_memory stp_sim_memory;

#define OWNED_MAX 1024 /* ranges; each CPU of a session takes 10 */

struct stp_sim_range {
	unsigned int address;
	unsigned int size; /* bytes */
	unsigned int cpu;
};

/* Memory that belongs to one CPU; sim/memory.ts reads it. */
struct {
	unsigned int count;
	struct stp_sim_range range[OWNED_MAX];
} stp_sim_owned;

void stp_sim_set_cpu(unsigned int cpu)
{
	cpu_now = cpu;
}

void stp_sim_set_level(unsigned int level)
{
	level_now = level;
}

void stp_sim_set_time(unsigned long long time_ns)
{
	time_now_ns = time_ns;
}

void stp_sim_fail_alloc(unsigned int n)
{
	alloc_fails_at = n;
}

unsigned int stp_sim_irq_off(unsigned int cpu)
{
	return cpus[cpu].irq_off;
}

unsigned int stp_sim_preempt_off(unsigned int cpu)
{
	return cpus[cpu].preempt_off;
}

unsigned int stp_sim_level(void)
{
	return level_now;
}

static unsigned int may_move(void)
{
	return level_now == STP_SIM_TASK && !cpus[cpu_now].irq_off && !cpus[cpu_now].preempt_off;
}

unsigned int stp_sim_cpu_hint(void)
{
	if (may_move())
		stp_sim_point();
	return cpu_now;
}

unsigned int stp_sim_cpu_stable(void)
{
	if (may_move() && (int)stp_sim.fuel >= 0)
		stp_sim_violate(STP_SIM_CONTEXT, "asks for its CPU's number while preemption is on: it may be on another CPU before it uses it");
	return cpu_now;
}

unsigned long stp_sim_irq_save(void)
{
	unsigned long was;

	stp_sim_settle();
	if (!cpus[cpu_now].irq_off)
		stp_sim_point();
	stp_sim_note(STP_SIM_FENCE, NULL, 0, STP_SIM_ORDER_COMPILER);
	was = cpus[cpu_now].irq_off;
	cpus[cpu_now].irq_off = 1;
	return was;
}

void stp_sim_irq_restore(unsigned long flags)
{
	stp_sim_settle();
	stp_sim_note(STP_SIM_FENCE, NULL, 0, STP_SIM_ORDER_COMPILER);
	cpus[cpu_now].irq_off = flags;
}

void stp_sim_preempt_add(int n)
{
	stp_sim_settle();
	if (n > 0 && may_move())
		stp_sim_point();
	stp_sim_note(STP_SIM_FENCE, NULL, 0, STP_SIM_ORDER_COMPILER);
	cpus[cpu_now].preempt_off += n;
	if (cpus[cpu_now].preempt_off < 0)
		stp_sim_violate(STP_SIM_CONTEXT, "turns preemption on more often than off");
}

unsigned long long stp_sim_time_ns(void)
{
	unsigned int passed = (int)stp_sim.fuel >= 0 ? stp_sim.granted - stp_sim.fuel : 0;

	return time_now_ns + stp_sim.elapsed + passed;
}

static void forbid(const char *what, const char *why, const char *reason)
{
	static char text[160];

	text[0] = 0;
	strncat(text, what, 40);
	strncat(text, why, 60);
	strncat(text, reason, 40);
	stp_sim_violate(STP_SIM_CONTEXT, text);
}

void stp_sim_may_sleep(const char *what)
{
	const char *reason = level_now != STP_SIM_TASK ? "this is no task" :
			     cpus[cpu_now].irq_off ? "interrupts are off" : "preemption is off";

	if ((int)stp_sim.fuel >= 0 && !may_move())
		forbid(what, " may sleep, which is forbidden here: ", reason);
}

void stp_sim_may_allocate(const char *what, unsigned int sleeps)
{
	if (cpus[cpu_now].probes && (int)stp_sim.fuel >= 0)
		forbid(what, " takes memory, which is forbidden here: ", "a probe runs");
	if (sleeps)
		stp_sim_may_sleep(what);
}

void stp_sim_probe_begin(void)
{
	cpus[cpu_now].probes++;
}

void stp_sim_probe_end(void)
{
	cpus[cpu_now].probes--;
}

void *stp_sim_calloc(size_t size)
{
	struct stp_sim_block *block;

	if (alloc_fails_at && !--alloc_fails_at)
		return NULL;
	block = calloc(1, sizeof(*block) + GUARD_SIZE + size + GUARD_SIZE);
	if (!block)
		return NULL;
	block->older = stp_sim_memory.newest;
	block->address = (unsigned int)(uintptr_t)(block + 1) + GUARD_SIZE;
	block->size = size;
	stp_sim_memory.newest = block;
	stp_sim_memory.version++;
	stp_sim_note(STP_SIM_BLOCK, block, 0, 0);
	return (void *)(uintptr_t)block->address;
}

static struct stp_sim_block **link_of(const void *p)
{
	struct stp_sim_block **link = &stp_sim_memory.newest;

	while (*link && (*link)->address != (unsigned int)(uintptr_t)p)
		link = &(*link)->older;
	return link;
}

/* A freed block belongs to no CPU any more: its memory is given out again. */
static void disown(const struct stp_sim_block *block)
{
	unsigned int kept = 0, i;

	for (i = 0; i < stp_sim_owned.count; i++)
		if (stp_sim_owned.range[i].address - block->address >= block->size)
			stp_sim_owned.range[kept++] = stp_sim_owned.range[i];
	stp_sim_owned.count = kept;
}

void stp_sim_free(void *p)
{
	struct stp_sim_block **link = link_of(p);
	struct stp_sim_block *block = *link;

	if (!p)
		return;
	if (!block || block->freed)
		stp_sim_violate(STP_SIM_MEMORY, block ? "frees memory that is free already" : "frees what was never allocated");
	stp_sim_memory.version++;
	if (stp_sim.noting && (int)stp_sim.fuel >= 0) {
		block->freed = 1;
		stp_sim_note(STP_SIM_BLOCK, block, 1, 0);
		return;
	}
	disown(block);
	*link = block->older;
	free(block);
}

void stp_sim_own(const void *p, size_t size, unsigned int cpu)
{
	if (stp_sim_owned.count == OWNED_MAX)
		__builtin_trap();
	stp_sim_owned.range[stp_sim_owned.count++] = (struct stp_sim_range){ (unsigned int)(uintptr_t)p, size, cpu };
}

void stp_sim_busy_begin(void)
{
	cpus[cpu_now].busy++;
}

void stp_sim_busy_end(void)
{
	stp_sim_settle();
	cpus[cpu_now].busy--;
}

void stp_sim_synchronize(void)
{
	stp_sim_may_sleep("waiting for a grace period");
	stp_sim_settle();
	stp_sim_relax(); /* a grace period takes its time: every store is seen at its end */
	for (unsigned int i = 0; i < STP_SIM_CPUS_MAX; i++)
		while (cpus[i].busy)
			stp_sim_relax();
	stp_sim_note(STP_SIM_QUIET, NULL, 0, 0);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The watched world's part of include/stp/port.h. Sibling: watched_main.c runs the cases */
#include <stdio.h>
#include <stdlib.h>

#include "watched.h"

#define IRQ_FLAGS 0x40ul /* in what stp_irq_save() gives, so that nothing else is taken for it */

struct watch watch;

void watch_need(bool right, const char *what, const char *file, int line)
{
	if (right)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

void watch_begin(void)
{
	memset(watch.plan, 0, sizeof(watch.plan));
	watch.points = 0;
	watch.cpu = 0;
	watch.relax = NULL;
	watch.relaxes = 0;
	memset(watch.level, 0, sizeof(watch.level));
}

void watch_quiet(const char *what)
{
	u32 cpu;

	for (cpu = 0; cpu < WATCH_CPUS; cpu++) {
		watch_need(!watch.irq_off[cpu], "interrupts are on again", what, cpu);
		watch_need(!watch.preempt_off[cpu], "preemption is on again", what, cpu);
	}
	watch_need(!watch.held, "no lock is held", what, 0);
}

static bool may_come(const struct watch_plan *plan)
{
	if (plan->cpu != watch.cpu)
		return !watch.level[plan->cpu] && !watch.preempt_off[plan->cpu] && !watch.irq_off[plan->cpu]; /* it is idle */
	return plan->level > watch.level[plan->cpu] && (plan->level == STP_CONTEXT_NMI || !watch.irq_off[plan->cpu]);
}

void watch_point(void)
{
	u64 point = watch.points++;
	u32 i;

	for (i = 0; i < WATCH_PLANS; i++) {
		struct watch_plan *plan = &watch.plan[i];
		u32 cpu = watch.cpu, level = watch.level[plan->cpu];
		u32 irq_off = watch.irq_off[plan->cpu], preempt_off = watch.preempt_off[plan->cpu], held = watch.held;

		if (!plan->call || plan->done || point < plan->at || !may_come(plan))
			continue;
		plan->done = true;
		watch.cpu = plan->cpu;
		watch.level[plan->cpu] = plan->level;
		watch.running++;
		plan->call(plan->level);
		watch.running--;
		need(watch.irq_off[plan->cpu] == irq_off);
		need(watch.preempt_off[plan->cpu] == preempt_off);
		need(watch.held == held);
		watch.level[plan->cpu] = level;
		watch.cpu = cpu;
	}
}

u32 watch_cpu(void)
{
	need(watch.preempt_off[watch.cpu] || watch.irq_off[watch.cpu]);
	return watch.cpu;
}

void watch_relax(void)
{
	watch_point();
	watch.relaxes++;
	if (watch.relax)
		watch.relax();
}

unsigned long watch_irq_save(void)
{
	unsigned long flags = IRQ_FLAGS | watch.irq_off[watch.cpu];

	watch_point();
	watch.irq_off[watch.cpu] = 1;
	return flags;
}

void watch_irq_restore(unsigned long flags)
{
	need((flags & ~1ul) == IRQ_FLAGS);
	need(watch.irq_off[watch.cpu]);
	watch.irq_off[watch.cpu] = flags & 1;
	watch_point();
}

void watch_preempt_add(int n)
{
	need(n > 0 || watch.preempt_off[watch.cpu]);
	watch.preempt_off[watch.cpu] += n;
	watch_point();
}

void watch_lock(u32 *lock, bool taken)
{
	need(*lock == watch.cpu + 1);
	need(taken || watch.held);
	watch.held += taken ? 1 : -1;
}

void watch_owned(const void *memory, size_t size, u32 cpu)
{
	watch.owned_count %= WATCH_OWNED; /* the last ones are kept */
	watch.owned[watch.owned_count].memory = memory;
	watch.owned[watch.owned_count].size = size;
	watch.owned[watch.owned_count++].cpu = cpu;
}

u64 stp_time_ns(void)
{
	watch_point();
	return watch.time_ns++;
}

u64 stp_cycles(void)
{
	watch_point();
	watch.cycles += watch.cycles_step;
	return watch.cycles;
}

void *stp_alloc(size_t size)
{
	void *memory = NULL;

	need(!watch.running && !watch.irq_off[watch.cpu] && !watch.preempt_off[watch.cpu]);
	if (++watch.allocations == watch.fail_at || posix_memalign(&memory, 64, size ? size : 1))
		return NULL;
	memset(memory, 0, size);
	watch.live++;
	return memory;
}

void stp_free(void *p)
{
	if (p)
		watch.live--;
	free(p);
}

u32 stp_port_pid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return watch.task.pid;
}

u32 stp_port_tid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return watch.task.tid;
}

u32 stp_port_uid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return watch.task.uid;
}

void stp_port_comm(const struct stp_ctx *ctx, char *to)
{
	(void)ctx;
	memcpy(to, watch.task.comm, STP_COMM_SIZE);
}

bool stp_port_pointers_32(const struct stp_ctx *ctx)
{
	(void)ctx;
	return watch.task.flags & STP_EVENT_POINTERS_32;
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	(void)ctx;
	need(n < STP_EVENT_ARGS);
	return watch.task.args[n];
}

void stp_port_wake(struct stp_ring *ring)
{
	need(ring->cpu == watch.cpu);
	watch.wakes++;
}

void stp_port_refill(void)
{
	watch.refills++;
}

void stp_port_stop(void)
{
	watch.stops++;
}

void stp_port_set_cpus(struct stp_cpu *cpus, u32 count)
{
	need(!cpus == !count);
	stp_cpus = cpus;
}

u64 stp_port_cycles_per_us(void)
{
	return 10;
}

/* Kernel addresses are those of this program but for the first page; all else is what the test plays. */
s32 stp_port_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	need(ctx == stp_this_ctx());
	if (watch.look)
		return watch.look(kind, key, detail, to, size);
	if (kind != STP_LOOK_KERNEL || key < 4096)
		return -STP_EFAULT;
	memcpy(to, (const void *)(uintptr_t)key, size);
	return size;
}

s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	return stp_port_look(ctx, kind, address, size, to, size);
}

int stp_port_resolve(struct stp_name *const *names, u32 count)
{
	need(names && count);
	return watch.resolve;
}

const char *stp_port_world(void)
{
	return "watched";
}

const char *stp_port_release(void)
{
	return watch.release ? watch.release : "none";
}

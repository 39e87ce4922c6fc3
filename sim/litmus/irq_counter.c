/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 2 of README.md: a per-CPU counter, incremented by a task and by an interrupt of its CPU. */
#include "litmus.h"

static unsigned int counters[CPUS];

void irq_counter_reset(void)
{
	for (int i = 0; i < CPUS; i++)
		counters[i] = 0;
}

unsigned int irq_counter_of(unsigned int cpu) { return counters[cpu]; }

void irq_counter_buggy(void)
{
	unsigned int *counter = &counters[litmus_cpu()];

	shared_write(*counter, shared_read(*counter) + 1);
}

void irq_counter_repaired(void)
{
	unsigned int flags = litmus_irq_save();

	irq_counter_buggy();
	litmus_irq_restore(flags);
}

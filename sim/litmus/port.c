/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The smallest port: what machine.ts requires, and interrupts off. Never instrumented. */
#include "hooks.h"
#include "litmus.h"

static unsigned int cpu;
static unsigned int irq_off[CPUS];

void stp_sim_set_cpu(unsigned int to) { cpu = to; }
void stp_sim_set_level(unsigned int to) { (void)to; }
unsigned int stp_sim_irq_off(unsigned int of) { return irq_off[of]; }
unsigned int litmus_cpu(void) { return cpu; }

unsigned int litmus_irq_save(void)
{
	unsigned int flags;

	stp_sim_settle();
	flags = irq_off[cpu];
	irq_off[cpu] = 1;
	return flags;
}

void litmus_irq_restore(unsigned int flags)
{
	stp_sim_settle();
	irq_off[cpu] = flags;
}

void port_reset(void)
{
	for (int i = 0; i < CPUS; i++)
		irq_off[i] = 0;
}

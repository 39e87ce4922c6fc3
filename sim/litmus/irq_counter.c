/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 2: a per-CPU counter, incremented by a task and by an interrupt of its CPU. */
#include <stp_explore.h>

static u32 counter;

static void add(uintptr_t unused)
{
	STP_WRITE(counter, STP_READ(counter) + 1);
}

static void add_with_interrupts_off(uintptr_t unused)
{
	unsigned long flags = stp_irq_save();

	add(0);
	stp_irq_restore(flags);
}

static void both_are_counted(void)
{
	stp_assert(counter == 2);
}

STP_CASE(buggy)
{
	stp_task(0, add, 0);
	stp_irq(0, add, 0);
	stp_finally(both_are_counted);
}

STP_CASE(repaired)
{
	stp_task(0, add_with_interrupts_off, 0);
	stp_irq(0, add, 0);
	stp_finally(both_are_counted);
}

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 4: an interrupt takes the spinlock that the task under it holds. */
#include <stp_explore.h>

static struct stp_spinlock lock;
static u32 counter;

static void add(uintptr_t unused)
{
	stp_spin_lock(&lock);
	counter = counter + 1;
	stp_spin_unlock(&lock);
}

static void add_with_interrupts_off(uintptr_t unused)
{
	unsigned long flags = stp_spin_lock_irqsave(&lock);

	counter = counter + 1;
	stp_spin_unlock_irqrestore(&lock, flags);
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

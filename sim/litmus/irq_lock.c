/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 4 of README.md: an interrupt takes the spinlock that the task under it holds. */
#include "litmus.h"

static unsigned int lock;
static unsigned int counter;

void irq_lock_reset(void) { lock = counter = 0; }
unsigned int irq_lock_counter(void) { return counter; }

void irq_lock_buggy(void)
{
	lock_take(&lock);
	shared_write(counter, shared_read(counter) + 1);
	lock_release(&lock);
}

void irq_lock_repaired(void)
{
	unsigned int flags = litmus_irq_save();

	irq_lock_buggy();
	litmus_irq_restore(flags);
}

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 1 of README.md: a shared counter, incremented by two CPUs. */
#include "litmus.h"

static unsigned int counter;

void lost_update_reset(void) { counter = 0; }
unsigned int lost_update_counter(void) { return counter; }

void lost_update_buggy(void)
{
	shared_write(counter, shared_read(counter) + 1);
}

void lost_update_repaired(void)
{
	__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
}

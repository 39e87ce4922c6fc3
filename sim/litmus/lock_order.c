/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 5 of README.md: two locks, taken in opposite orders by two CPUs. */
#include "litmus.h"

static unsigned int locks[2];
static unsigned int counter;

void lock_order_reset(void) { locks[0] = locks[1] = counter = 0; }
unsigned int lock_order_counter(void) { return counter; }

void lock_order_buggy(unsigned int first)
{
	lock_take(&locks[first]);
	lock_take(&locks[!first]);
	shared_write(counter, shared_read(counter) + 1);
	lock_release(&locks[!first]);
	lock_release(&locks[first]);
}

void lock_order_repaired(unsigned int first)
{
	(void)first;
	lock_order_buggy(0);
}

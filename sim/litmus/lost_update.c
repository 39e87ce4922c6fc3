/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 1: a shared counter, incremented by two CPUs. */
#include <stp_explore.h>

static u32 counter;

static void add_plainly(uintptr_t unused)
{
	counter = counter + 1;
}

static void add_atomically(uintptr_t unused)
{
	__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
}

static void both_are_counted(void)
{
	stp_assert(counter == 2);
}

STP_CASE(buggy)
{
	stp_task(0, add_plainly, 0);
	stp_task(1, add_plainly, 0);
	stp_finally(both_are_counted);
}

STP_CASE(repaired)
{
	stp_task(0, add_atomically, 0);
	stp_task(1, add_atomically, 0);
	stp_finally(both_are_counted);
}

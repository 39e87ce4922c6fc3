/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 5: two locks, taken in opposite orders by two CPUs. */
#include <stp_explore.h>

static struct stp_spinlock locks[2];
static u32 counter;

static void add(uintptr_t first)
{
	stp_spin_lock(&locks[first]);
	stp_spin_lock(&locks[!first]);
	counter = counter + 1;
	stp_spin_unlock(&locks[!first]);
	stp_spin_unlock(&locks[first]);
}

static void both_are_counted(void)
{
	stp_assert(counter == 2);
}

STP_CASE(buggy)
{
	stp_task(0, add, 0);
	stp_task(1, add, 1);
	stp_finally(both_are_counted);
}

STP_CASE(repaired)
{
	stp_task(0, add, 0);
	stp_task(1, add, 0);
	stp_finally(both_are_counted);
}

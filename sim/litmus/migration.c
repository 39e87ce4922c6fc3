/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 6: a task is moved to another CPU between the look at its number and the use of that CPU's slot. */
#include <stp_explore.h>

static u32 slots[2];

static void count(uintptr_t unused)
{
	u32 *slot = &slots[stp_raw_cpu()];

	*slot = *slot + 1;
}

static void count_without_preemption(uintptr_t unused)
{
	stp_preempt_disable();
	count(0);
	stp_preempt_enable();
}

static void both_are_counted(void)
{
	stp_assert(slots[0] + slots[1] == 2);
}

/* Nobody has said whose the slots are: it shows only where two CPUs meet in one. */
STP_CASE(buggy)
{
	stp_migrating_task(0, count, 0);
	stp_migrating_task(1, count, 0);
	stp_finally(both_are_counted);
}

STP_CASE(buggy_where_slots_have_owners)
{
	stp_owned_by(&slots[0], sizeof(slots[0]), 0);
	stp_owned_by(&slots[1], sizeof(slots[1]), 1);
	stp_migrating_task(0, count, 0);
	stp_task(1, count_without_preemption, 0);
	stp_finally(both_are_counted);
}

STP_CASE(repaired)
{
	stp_owned_by(&slots[0], sizeof(slots[0]), 0);
	stp_owned_by(&slots[1], sizeof(slots[1]), 1);
	stp_migrating_task(0, count_without_preemption, 0);
	stp_migrating_task(1, count_without_preemption, 0);
	stp_finally(both_are_counted);
}

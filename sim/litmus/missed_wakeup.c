/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 11: a reader looks, decides to sleep, and misses the wake-up that comes in between. */
#include <stp_explore.h>

static struct stp_sleeper reader;
static u32 data;

static void wait_carelessly(uintptr_t unused)
{
	if (STP_READ(data))
		return;
	stp_set_sleeping(&reader);
	stp_schedule(&reader);
}

static void wait_for_data(uintptr_t unused)
{
	stp_set_sleeping(&reader);
	stp_mb();
	if (!STP_READ(data))
		stp_schedule(&reader);
	stp_set_running(&reader);
}

static void write_and_wake(uintptr_t unused)
{
	STP_WRITE(data, 1);
	stp_wake(&reader);
}

STP_CASE(buggy)
{
	stp_task(0, wait_carelessly, 0);
	stp_task(1, write_and_wake, 0);
}

STP_CASE(repaired)
{
	stp_task(0, wait_for_data, 0);
	stp_task(1, write_and_wake, 0);
}

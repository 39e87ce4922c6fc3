/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 9: a flag is published before the data that it announces. */
#include <stp_explore.h>

static u32 data;
static u32 ready;

static void publish(uintptr_t unused)
{
	STP_WRITE(data, 42);
	STP_WRITE(ready, 1);
}

static void publish_in_order(uintptr_t unused)
{
	STP_WRITE(data, 42);
	stp_store_release(&ready, 1);
}

static void use(uintptr_t unused)
{
	if (stp_load_acquire(&ready))
		stp_assert(STP_READ(data) == 42);
}

STP_CASE(buggy)
{
	stp_task(0, publish, 0);
	stp_task(1, use, 0);
}

STP_CASE(repaired)
{
	stp_task(0, publish_in_order, 0);
	stp_task(1, use, 0);
}

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 12: probe entry against teardown: each looks at the other's flag before its own is seen. */
#include <stp_explore.h>

static u32 inflight, stopped, freed;

static void hit(bool in_order)
{
	STP_WRITE(inflight, 1);
	if (in_order)
		stp_mb();
	if (!STP_READ(stopped))
		stp_assert(!STP_READ(freed));
	stp_store_release(&inflight, 0);
}

static void tear_down(bool in_order)
{
	STP_WRITE(stopped, 1);
	if (in_order)
		stp_mb();
	if (!stp_load_acquire(&inflight))
		STP_WRITE(freed, 1);
}

static void hit_carelessly(uintptr_t unused)
{
	hit(false);
}

static void tear_down_carelessly(uintptr_t unused)
{
	tear_down(false);
}

static void hit_in_order(uintptr_t unused)
{
	hit(true);
}

static void tear_down_in_order(uintptr_t unused)
{
	tear_down(true);
}

STP_CASE(buggy)
{
	stp_task(0, hit_carelessly, 0);
	stp_task(1, tear_down_carelessly, 0);
}

STP_CASE(repaired)
{
	stp_task(0, hit_in_order, 0);
	stp_task(1, tear_down_in_order, 0);
}

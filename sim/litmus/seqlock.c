/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 10: a sequence lock whose writer lacks the barrier behind its odd store. */
#include <stp_explore.h>

static u32 sequence;
static u32 a, b;

static void write_both(bool in_order)
{
	STP_WRITE(sequence, 1);
	if (in_order)
		stp_wmb();
	STP_WRITE(a, 1);
	STP_WRITE(b, 1);
	if (in_order)
		stp_wmb();
	STP_WRITE(sequence, 2);
}

static void write_carelessly(uintptr_t unused)
{
	write_both(false);
}

static void write_in_order(uintptr_t unused)
{
	write_both(true);
}

static void read_both(uintptr_t unused)
{
	u32 before, seen_a, seen_b;

	do {
		while ((before = stp_load_acquire(&sequence)) & 1)
			stp_relax();
		seen_a = STP_READ(a);
		seen_b = STP_READ(b);
		stp_rmb();
	} while (STP_READ(sequence) != before);
	stp_assert(seen_a == seen_b);
}

STP_CASE(buggy)
{
	stp_task(0, write_carelessly, 0);
	stp_task(1, read_both, 0);
}

STP_CASE(repaired)
{
	stp_task(0, write_in_order, 0);
	stp_task(1, read_both, 0);
}

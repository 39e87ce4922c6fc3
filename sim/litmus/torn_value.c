/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 8: a 64-bit value on a 32-bit target, written by one CPU and read by another. */
#include <stp_explore.h>

#define VALUE 0x1111111122222222ull

static u64 value;
static u32 halves[2];
static u32 sequence;

static void write_value(uintptr_t unused)
{
	STP_WRITE(value, VALUE);
}

static void read_value(uintptr_t unused)
{
	u64 seen = STP_READ(value);

	stp_assert(seen == 0 || seen == VALUE);
}

/* As the target has it: two words, each of them whole. */
static void write_in_sequence(uintptr_t unused)
{
	STP_WRITE(sequence, 1);
	stp_wmb();
	STP_WRITE(halves[0], (u32)VALUE);
	STP_WRITE(halves[1], (u32)(VALUE >> 32));
	stp_store_release(&sequence, 2);
}

static void read_in_sequence(uintptr_t unused)
{
	u32 before;
	u64 seen;

	do {
		while ((before = stp_load_acquire(&sequence)) & 1)
			stp_relax();
		seen = STP_READ(halves[0]) | (u64)STP_READ(halves[1]) << 32;
		stp_rmb();
	} while (STP_READ(sequence) != before);
	stp_assert(seen == 0 || seen == VALUE);
}

STP_CASE(buggy)
{
	stp_task(0, write_value, 0);
	stp_task(1, read_value, 0);
}

STP_CASE(repaired)
{
	stp_task(0, write_in_sequence, 0);
	stp_task(1, read_in_sequence, 0);
}

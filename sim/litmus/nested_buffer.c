/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 3: a nested probe clobbers the format buffer of its CPU. */
#include <stp_explore.h>

#define SIZE 3

static u8 buffer[SIZE];
static u32 busy;

static void write_and_read(uintptr_t mark)
{
	int i;

	for (i = 0; i < SIZE; i++)
		STP_WRITE(buffer[i], mark);
	for (i = 0; i < SIZE; i++)
		stp_assert(STP_READ(buffer[i]) == mark);
}

/* Plain: whoever interrupts leaves the count as it was. */
static void write_and_read_unless_busy(uintptr_t mark)
{
	STP_WRITE(busy, STP_READ(busy) + 1);
	if (STP_READ(busy) == 1)
		write_and_read(mark);
	STP_WRITE(busy, STP_READ(busy) - 1);
}

STP_CASE(buggy)
{
	stp_task(0, write_and_read, 'a');
	stp_irq(0, write_and_read, 'b');
}

STP_CASE(repaired)
{
	stp_task(0, write_and_read_unless_busy, 'a');
	stp_irq(0, write_and_read_unless_busy, 'b');
}

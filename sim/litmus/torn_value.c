/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 8 of README.md: a 64-bit value on a 32-bit target, written by one CPU and read by another. */
#include "litmus.h"

#define VALUE 0x1111111122222222ull

static unsigned long long value;
static unsigned int sequence;

void torn_value_reset(void)
{
	value = 0;
	sequence = 0;
}

void torn_value_buggy_write(void)
{
	shared_write(value, VALUE);
}

unsigned long long torn_value_buggy_read(void)
{
	return shared_read(value);
}

void torn_value_repaired_write(void)
{
	shared_write(sequence, 1);
	torn_value_buggy_write();
	shared_write(sequence, 2);
}

unsigned long long torn_value_repaired_read(void)
{
	for (;;) {
		unsigned int before = shared_read(sequence);
		unsigned long long seen;

		if (before & 1) {
			stp_sim_relax();
			continue;
		}
		seen = torn_value_buggy_read();
		if (shared_read(sequence) == before)
			return seen;
	}
}

/* A write whose half-way stop lies between it and a change of the interrupt flag: an irq must not see it torn. */
void torn_value_irq_off_write(void)
{
	unsigned int flags = litmus_irq_save();

	torn_value_buggy_write();
	litmus_irq_restore(flags);
	shared_write(sequence, 2);
}

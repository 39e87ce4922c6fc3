/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What never ends, and what is not allowed. */
#include "litmus.h"

static unsigned int stop_flag;

void spin_reset(void) { stop_flag = 0; }

/* A loop that the machine cannot know to be waiting. */
void spin_forever(void)
{
	while (!shared_read(stop_flag))
		;
}

/* Tries a lock that is never released, and gives up, as the runtime's own locks do. */
int spin_bounded(unsigned int tries)
{
	while (tries--) {
		if (shared_read(stop_flag))
			return 0;
		stp_sim_relax();
	}
	return -1;
}

int spin_bad_address(void)
{
	return *(volatile int *)0xfffffff0u;
}

static __attribute__((noinline)) int deeper(int depth, volatile int *above)
{
	volatile int frame[64];

	for (int i = 0; i < 64; i++)
		frame[i] = *above + 1;
	return depth ? deeper(depth - 1, frame) + frame[0] : frame[0];
}

int spin_deep(int depth)
{
	volatile int frame = 0;

	return deeper(depth, &frame);
}

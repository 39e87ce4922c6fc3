/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 3 of README.md: a nested probe clobbers the format buffer of its CPU. Contexts return 1 if they read what they wrote, 2 if they were refused. */
#include "litmus.h"

#define SIZE 3

static unsigned char buffers[CPUS][SIZE];
static unsigned int busy[CPUS];

void nested_buffer_reset(void)
{
	for (int cpu = 0; cpu < CPUS; cpu++) {
		busy[cpu] = 0;
		for (int i = 0; i < SIZE; i++)
			buffers[cpu][i] = 0;
	}
}

int nested_buffer_buggy(unsigned char mark)
{
	unsigned char *buffer = buffers[litmus_cpu()];
	int kept = 1;

	for (int i = 0; i < SIZE; i++)
		shared_write(buffer[i], mark);
	for (int i = 0; i < SIZE; i++)
		kept &= shared_read(buffer[i]) == mark;
	return kept;
}

int nested_buffer_repaired(unsigned char mark)
{
	unsigned int *count = &busy[litmus_cpu()];
	int result = 2;

	shared_write(*count, shared_read(*count) + 1);
	if (shared_read(*count) == 1)
		result = nested_buffer_buggy(mark);
	shared_write(*count, shared_read(*count) - 1);
	return result;
}

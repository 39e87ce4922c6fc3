// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Burns CPU time in two functions that backtraces show, twice as much in one as in the other. */
#include <time.h>

#include "work.h"

#define NS_PER_MS 1000000
#define STEPS 100000 /* between two looks at the clock */

static long cpu_ns(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time))
		fail("clock_gettime");
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static IN_BACKTRACES void burn_red(void)
{
	for (volatile int i = 0; i < STEPS; i++)
		;
}

static IN_BACKTRACES void burn_blue(void)
{
	for (volatile int i = 0; i < STEPS; i++)
		;
}

static long spin(void (*burn)(void), long ms)
{
	long before = cpu_ns();

	while (cpu_ns() - before < ms * NS_PER_MS)
		burn();
	return (cpu_ns() - before) / NS_PER_MS;
}

static void run(int index, long count)
{
	(void)index;
	report("burn_red_ms", spin(burn_red, count));
	report("burn_blue_ms", spin(burn_blue, count / 2));
	report("cpu_ms", cpu_ns() / NS_PER_MS);
}

const struct work work_spin = { .name = "spin", .count = "milliseconds of CPU time in burn_red(); half as many in burn_blue()", .run = run };

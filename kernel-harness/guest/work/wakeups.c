// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pairs of processes that wake each other through pipes. Each sleep ends by one wakeup, and the kernel counts the sleeps itself:
 * as voluntary context switches.
 */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "work.h"

static int inbox[PROCESSES_MAX][2]; /* of each process */

static void prepare(int processes)
{
	errno = EINVAL;
	if (processes % 2)
		fail("wakeups takes an even number of processes");
	for (int i = 0; i < processes; i++)
		if (pipe(inbox[i]))
			fail("pipe");
}

static long sleeps(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		fail("getrusage");
	return usage.ru_nvcsw;
}

static void say(int to)
{
	if (write(inbox[to][1], "", 1) != 1)
		fail("cannot write");
}

static void hear(int index)
{
	char byte;

	if (read(inbox[index][0], &byte, 1) != 1)
		fail("cannot read");
}

static void run(int index, long count)
{
	long before = sleeps();

	for (long i = 0; i < count; i++) {
		if (index % 2) {
			hear(index);
			say(index - 1);
		} else {
			say(index + 1);
			hear(index);
		}
	}
	report("rounds", count);
	report("wakeups", sleeps() - before);
}

const struct work work_wakeups = { .name = "wakeups", .count = "rounds of each pair", .prepare = prepare, .run = run };

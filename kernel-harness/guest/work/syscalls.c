// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Makes system calls that nothing else in this program makes, a known number of each; some sleep for a known time. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define SLEEP_NS 3000000	/* of each nanosleep */
#define SLEEP_EVERY 10		/* calls of the others for one that sleeps */

static void run(int index, long count)
{
	const struct timespec time = { .tv_nsec = SLEEP_NS };
	long calls = count + index, sleeps = 0;

	for (long i = 0; i < calls; i++) {
		syscall(SYS_getppid);
		syscall(SYS_getpgid, 0);
		syscall(SYS_getpgid, 0);
		if (i % SLEEP_EVERY == 0) {
			if (syscall(SYS_nanosleep, &time, NULL))
				fail("nanosleep");
			sleeps++;
		}
	}
	report("getppid", calls);
	report("getpgid", 2 * calls);
	report("nanosleep", sleeps);
	report("nanosleep_ns", SLEEP_NS);
}

const struct work work_syscalls = { .name = "syscalls", .count = "calls of getppid by wl-0", .run = run };

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a mode of the workload is: see workload.c, which has the processes. Each mode has a file here. */
#ifndef WORK_H
#define WORK_H

#define PROCESSES_MAX 64

/* Keeps a frame of its own, and is merged with no other that does the same: so it is in backtraces. */
#define IN_BACKTRACES __attribute__((noinline, noclone, no_icf))

/**
 * struct work - One mode.
 * @count: What the second number of the command line counts.
 * @prepare: In the parent, before there are processes; NULL if there is nothing to prepare.
 * @run: In process @index, which by now has its name. What it did it tells by report().
 */
struct work {
	const char *name;
	const char *count;
	void (*prepare)(int processes);
	void (*run)(int index, long count);
};

extern const struct work work_opens, work_io, work_syscalls, work_wakeups, work_faults, work_alloc, work_spin, work_interval, work_links;

/* report() - A fact, name=value, on the line of this process; report_line() begins one more line. */
void report(const char *name, long value);
void report_text(const char *name, const char *value);
void report_line(void);

/* fail() - End the process with errno in words. */
void fail(const char *what) __attribute__((noreturn));

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A workload that knows its own truth: processes that do something and count it.
 *
 * workload MODE PROCESSES COUNT
 *
 * The modes are in work/. Process i is called wl-i while it works, and runs on the i-th online CPU (round robin). All
 * begin together. The parent prints what each of them counted:
 *
 *   workload: comm=wl-0 opens=1234
 *
 * Under those names nothing else may be done that a mode counts: the counts are compared with a probe's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work/work.h"

#define COUNT_MAX 100000000
#define REPORT_SIZE_MAX 4096	/* bytes; a pipe takes so much at once */

static const struct work *const works[] = {
	&work_opens, &work_io, &work_syscalls, &work_wakeups, &work_faults, &work_alloc, &work_spin, &work_interval, &work_links,
};

#define WORKS (sizeof(works) / sizeof(*works))

struct child {
	pid_t pid;
	int result;		/* read end: its lines */
};

static char name[16];
static char text[REPORT_SIZE_MAX];
static size_t text_size;

static void append(const char *format, const char *a, const char *b)
{
	size_t room = sizeof(text) - text_size;
	int size = snprintf(text + text_size, room, format, a, b);

	if (size < 0 || (size_t)size >= room) {
		errno = ENOSPC;
		fail("cannot report");
	}
	text_size += size;
}

void report_line(void)
{
	append("%sworkload: comm=%s", text_size ? "\n" : "", name);
}

void report_text(const char *what, const char *value)
{
	append(" %s=%s", what, value);
}

void report(const char *what, long value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ld", value);
	report_text(what, digits);
}

void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long number(const char *digits, long max)
{
	char *end;
	long value = strtol(digits, &end, 10);

	if (*end || end == digits || value < 1 || value > max) {
		fprintf(stderr, "workload: %s is not a number from 1 to %ld\n", digits, max);
		exit(2);
	}
	return value;
}

/* The CPU is taken from the affinity mask: sysconf() would open a file. */
static void pin(int index)
{
	cpu_set_t online, one;
	int nth, cpu;

	if (sched_getaffinity(0, sizeof(online), &online))
		fail("sched_getaffinity");
	nth = index % CPU_COUNT(&online);
	for (cpu = 0; !CPU_ISSET(cpu, &online) || nth--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		fail("sched_setaffinity");
}

static void child_main(const struct work *work, int index, long count, int start, int result)
{
	char byte;

	pin(index);
	snprintf(name, sizeof(name), "wl-%d", index);
	if (read(start, &byte, 1) != 0)		/* end of file is the signal: it reaches all at once */
		fail("cannot await the start");
	prctl(PR_SET_NAME, name);
	report_line();
	work->run(index, count);
	prctl(PR_SET_NAME, "workload");
	append("\n", "", "");
	if (write(result, text, text_size) != (ssize_t)text_size)
		fail("cannot report");
	_exit(0);
}

static struct child child_start(const struct work *work, int index, long count, int start[2])
{
	struct child child;
	int result[2];

	if (pipe(result))
		fail("pipe");
	child.pid = fork();
	if (child.pid < 0)
		fail("fork");
	if (child.pid == 0) {
		close(start[1]);
		close(result[0]);
		child_main(work, index, count, start[0], result[1]);
	}
	close(result[1]);
	child.result = result[0];
	return child;
}

static void child_finish(struct child *child)
{
	char lines[REPORT_SIZE_MAX];
	ssize_t size = read(child->result, lines, sizeof(lines));
	int status;

	if (size <= 0)
		fail("a child did not report");
	if (waitpid(child->pid, &status, 0) != child->pid || status)
		fail("a child failed");
	fwrite(lines, 1, size, stdout);
}

static const struct work *find_work(const char *mode)
{
	for (size_t i = 0; i < WORKS; i++)
		if (!strcmp(works[i]->name, mode))
			return works[i];
	fprintf(stderr, "workload: there is no mode %s\n", mode);
	exit(2);
}

int main(int argc, char **argv)
{
	struct child children[PROCESSES_MAX];
	const struct work *work;
	long processes, count;
	int start[2];

	if (argc != 4) {
		fprintf(stderr, "usage: workload MODE PROCESSES COUNT\n");
		for (size_t i = 0; i < WORKS; i++)
			fprintf(stderr, "  %-10s COUNT: %s\n", works[i]->name, works[i]->count);
		return 2;
	}
	work = find_work(argv[1]);
	processes = number(argv[2], PROCESSES_MAX);
	count = number(argv[3], COUNT_MAX);
	if (work->prepare)
		work->prepare(processes);
	if (pipe(start))
		fail("pipe");
	for (int i = 0; i < processes; i++)
		children[i] = child_start(work, i, count, start);
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < processes; i++)
		child_finish(&children[i]);
	return 0;
}

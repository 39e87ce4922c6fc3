// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A workload that knows its own truth: processes that open files and count every call.
 *
 * workload PROCESSES OPENS_PER_PROCESS
 *
 * Process i is called wl-i, runs on the i-th online CPU (round robin) and makes OPENS_PER_PROCESS + 7 * i calls of
 * openat, some of which fail. All begin together. The parent prints what each of them counted:
 *
 *   workload: comm=wl-0 opens=1234
 *
 * Under those names nothing else may open a file: the counts are compared with a probe's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define OPENS_MAX 100000000
#define OPENS_STEP 7		/* a little more for each, so that no two counts are alike */
#define MISSING_EVERY 8		/* every n-th call names a file that is not there */
#define FILES 4			/* files of its own that a process goes round */

struct child {
	pid_t pid;
	int result;		/* read end: one count of type long */
};

static void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long number(const char *text, long max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || end == text || value < 1 || value > max) {
		fprintf(stderr, "workload: %s is not a number from 1 to %ld\n", text, max);
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

static void use(int fd)
{
	char bytes[64] = "workload";

	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		fail("cannot write and read");
	close(fd);
}

/* Return: the calls of openat made, failed ones included. */
static long work(int index, long opens)
{
	char path[64];
	long made = 0;
	int fd;

	while (made < opens) {
		if (made % MISSING_EVERY == MISSING_EVERY - 1) {
			snprintf(path, sizeof(path), "/tmp/wl-%d-missing", index);
			fd = open(path, O_RDONLY);
		} else {
			snprintf(path, sizeof(path), "/tmp/wl-%d-%ld", index, made % FILES);
			fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		}
		made++;
		if (fd >= 0)
			use(fd);
	}
	return made;
}

static void child_main(int index, long opens, int start, int result)
{
	char name[16], byte;
	long made;

	pin(index);
	snprintf(name, sizeof(name), "wl-%d", index);
	prctl(PR_SET_NAME, name);
	if (read(start, &byte, 1) != 0)		/* end of file is the signal: it reaches all at once */
		fail("cannot await the start");
	made = work(index, opens);
	if (write(result, &made, sizeof(made)) != sizeof(made))
		fail("cannot report");
	_exit(0);
}

static struct child child_start(int index, long opens, int start[2])
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
		child_main(index, opens, start[0], result[1]);
	}
	close(result[1]);
	child.result = result[0];
	return child;
}

static void child_finish(int index, struct child *child)
{
	long made;
	int status;

	if (read(child->result, &made, sizeof(made)) != sizeof(made))
		fail("a child did not report");
	if (waitpid(child->pid, &status, 0) != child->pid || status)
		fail("a child failed");
	printf("workload: comm=wl-%d opens=%ld\n", index, made);
}

int main(int argc, char **argv)
{
	struct child children[PROCESSES_MAX];
	long processes, opens;
	int start[2];

	if (argc != 3) {
		fprintf(stderr, "usage: workload PROCESSES OPENS_PER_PROCESS\n");
		return 2;
	}
	processes = number(argv[1], PROCESSES_MAX);
	opens = number(argv[2], OPENS_MAX);
	if (pipe(start))
		fail("pipe");
	for (int i = 0; i < processes; i++)
		children[i] = child_start(i, opens + OPENS_STEP * i, start);
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < processes; i++)
		child_finish(i, &children[i]);
	return 0;
}

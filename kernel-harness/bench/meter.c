// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The guest's stopwatch. Prints one line, `bench NAME OPERATIONS TICKS [CHEAPEST]`; figures.ts reads it.
 *
 *   meter calls NAME N            have target.c make N calls; ticks are instructions, those of the cheapest call last
 *   meter time NAME PROGRAM ARG…  run a program to its end; ticks are nanoseconds
 *   meter nothing                 for whoever needs a command that ends at once
 *
 * Must never: do anything of its own between the two readings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/stp_bench_target/parameters/"

static int fail(const char *what)
{
	fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
	return 1;
}

static int reported(int printed)
{
	return printed < 0 || fflush(stdout) ? fail("stdout") : 0;
}

static int read_number(const char *path, unsigned long long *number)
{
	FILE *file = fopen(path, "re");

	if (!file || fscanf(file, "%llu", number) != 1)
		return fail(path);
	fclose(file);
	return 0;
}

static int measure_calls(const char *name, const char *count)
{
	unsigned long long ticks, cheapest;
	FILE *file = fopen(PARAMETERS "calls", "we");

	if (!file || fputs(count, file) < 0 || fclose(file))
		return fail(PARAMETERS "calls");
	if (read_number(PARAMETERS "ticks", &ticks) || read_number(PARAMETERS "cheapest", &cheapest))
		return 1;
	return reported(printf("bench %s %s %llu %llu\n", name, count, ticks, cheapest));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int measure_time(const char *name, char **command)
{
	uint64_t begin = now_ns();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execv(command[0], command);
		_exit(fail(command[0]));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail("cannot run");
	if (status) {
		fprintf(stderr, "meter: %s failed\n", command[0]);
		return 1;
	}
	return reported(printf("bench %s 1 %llu\n", name, (unsigned long long)(now_ns() - begin)));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "calls"))
		return measure_calls(argv[2], argv[3]);
	if (argc >= 4 && !strcmp(argv[1], "time"))
		return measure_time(argv[2], argv + 3);
	fprintf(stderr, "usage: meter calls NAME N | meter time NAME PROGRAM ARG... | meter nothing\n");
	return 2;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lines PROCESSES LINES RATE: each process has so many lines printed, RATE a second together, or flat out if that is 0. A line is a seek in
 * /dev/null whose offset says process and number: probe.c prints them. At the end: `lines: SECONDS_AS_NS`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK 0x5354ll /* as probe.c wants it */
#define SECOND_NS 1000000000ll

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void seek(int process, long lines, long long pause_ns)
{
	long long begin_ns = now_ns();
	int null = open("/dev/null", O_RDONLY);
	long i;

	for (i = 0; i < lines; i++) {
		if (pause_ns && now_ns() < begin_ns + i * pause_ns) {
			struct timespec pause = { .tv_nsec = 1000000 };

			nanosleep(&pause, NULL);
			i--;
			continue;
		}
		lseek(null, MARK << 48 | (long long)process << 32 | i, SEEK_SET);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int processes = argc == 4 ? atoi(argv[1]) : 0, i, status, failed = processes < 1;
	long rate = argc == 4 ? atol(argv[3]) : 0;
	long long begin_ns = now_ns();

	for (i = 0; i < processes; i++)
		if (!fork())
			seek(i, atol(argv[2]), rate ? SECOND_NS * processes / rate : 0);
	while (wait(&status) > 0)
		failed |= status;
	printf("lines: %lld\n", now_ns() - begin_ns);
	return failed != 0;
}

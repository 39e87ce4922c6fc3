// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * late FILE...: reads the files of CPUs of a session as a reader does that has nothing else to do. Says `late: MILLISECONDS` for the line that was oldest
 * when it came, while lines come one by one, and `idle: SWITCHES` of its readers in the seconds in which none comes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LINES 40
#define MARK 0x5354ll /* as probe.c wants it */
#define TIME_AT 24 /* where a record's header has its time */
#define IDLE_S 3

static volatile long long late_ns;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void *read_all(void *argument)
{
	int file = open(argument, O_RDONLY);
	static __thread char bytes[65536];
	long long time_ns;

	/* The first record of what came is the oldest. */
	while (file >= 0 && read(file, bytes, sizeof(bytes)) > 0) {
		memcpy(&time_ns, bytes + TIME_AT, sizeof(time_ns));
		if (now_ns() - time_ns > late_ns)
			late_ns = now_ns() - time_ns;
	}
	return NULL;
}

/* Of all threads. */
static long all_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

int main(int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = 130000000 };
	int null = open("/dev/null", O_RDONLY), i;
	pthread_t thread;
	long before;

	for (i = 1; i < argc; i++)
		pthread_create(&thread, NULL, read_all, argv[i]);
	sleep(1);
	for (i = 0; i < LINES; i++) {
		lseek(null, MARK << 48 | i, SEEK_SET);
		nanosleep(&pause, NULL);
	}
	printf("late: %lld\n", late_ns / 1000000);
	sleep(1); /* they have seen that there is nothing more */
	before = all_switches();
	sleep(IDLE_S);
	printf("idle: %ld\n", all_switches() - before);
	fflush(stdout);
	_exit(!late_ns);
}

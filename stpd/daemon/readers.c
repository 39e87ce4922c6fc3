// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A reader thread for each CPU: from the session's file to cpuN.data, until the session has stopped and all is read. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stpd.h"

#define CPUS_MAX 64 /* CPUs, as the runtime's STP_CPUS_MAX */
#define READ_SIZE (256 * 1024) /* bytes at a time */

static struct reader {
	pthread_t thread;
	int from, to;
	int error; /* errno of what ended it early */
} readers[CPUS_MAX];

static int count;

/* Writes all of it. Return: 0, or -1 with errno. */
static int write_all(int to, const char *bytes, ssize_t size)
{
	while (size > 0) {
		ssize_t written = write(to, bytes, size);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			bytes += written;
			size -= written;
		}
	}
	return 0;
}

static void *read_to_end(void *argument)
{
	struct reader *reader = argument;
	char *buffer = malloc(READ_SIZE);
	ssize_t size;

	if (!buffer) {
		reader->error = ENOMEM;
		return NULL;
	}
	/* The file gives 0 only when the session has stopped and nothing is left. */
	while ((size = read(reader->from, buffer, READ_SIZE))) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 || write_all(reader->to, buffer, size)) {
			reader->error = errno;
			break;
		}
	}
	free(buffer);
	kill(getpid(), SIGUSR1); /* main() may be waiting for the end of a session that has ended by itself */
	return NULL;
}

static int start_one(int cpu)
{
	struct reader *reader = &readers[count];
	char path[PATH_SIZE], file[32];

	snprintf(file, sizeof(file), "cpu%d", cpu);
	reader->from = open(module_file(path, file), O_RDONLY | O_CLOEXEC);
	if (reader->from < 0)
		return errno == ENOENT ? 0 : -1; /* a CPU that is not there has no file */
	snprintf(file, sizeof(file), "cpu%d.data", cpu);
	reader->to = recording_open(file);
	if (reader->to < 0 || pthread_create(&reader->thread, NULL, read_to_end, reader))
		return -1;
	count++;
	return 0;
}

int readers_start(void)
{
	int cpu;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (start_one(cpu)) {
			say("cannot read CPU %d: %s", cpu, strerror(errno));
			return -1;
		}
	}
	return 0;
}

int readers_join(void)
{
	int result = 0;
	int i;

	for (i = 0; i < count; i++) {
		pthread_join(readers[i].thread, NULL);
		close(readers[i].from);
		close(readers[i].to);
		if (readers[i].error) {
			say("cannot record all of reader %d: %s", i, strerror(readers[i].error));
			result = -1;
		}
	}
	count = 0;
	return result;
}

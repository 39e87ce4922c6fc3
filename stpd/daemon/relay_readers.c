// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reader threads of the transport by files: one for each CPU copies cpuN to its stream. Sibling: relay.c
 * The position in cpuN is the acknowledgement: a read gives back what is before it, so what a killed reader had not written is still there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

#define READ_SIZE (128 << 10) /* bytes at a time, of each CPU */
#define END_MS_MAX 1000	      /* ms: a reader that has not ended by then is stuck in a write */

static struct reader {
	pthread_t thread;
	struct stream *stream;
	char *buffer;
	int from;
	int error; /* errno of what ended it early; the stream has its own */
	bool is_joined;
	atomic_bool is_over;
} readers[CPUS_MAX];

static int count; /* of readers */
static atomic_bool must_end;

/* Where the last read() ended. */
static uint64_t position(int file)
{
	return lseek(file, 0, SEEK_CUR);
}

/* Return: 0 at the end, or if it must end; else the errno of a read; what the stream could not take is in the stream. */
static int copy_to_end(int from, struct stream *stream, char *buffer)
{
	while (!atomic_load(&must_end)) {
		ssize_t size = read(from, buffer, READ_SIZE);

		if (!size)
			break;
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno;
		if (stream_accept(stream, position(from) - size, buffer, size))
			break;
	}
	return 0;
}

static void *read_to_end(void *argument)
{
	struct reader *reader = argument;

	reader->error = copy_to_end(reader->from, reader->stream, reader->buffer);
	if (!reader->error && !atomic_load(&must_end) && stream_touch(reader->stream, position(reader->from)))
		reader->stream->error = errno;
	atomic_store(&reader->is_over, true);
	transport_tell();
	return NULL;
}

/* Only to end a read() that waits. */
static void on_wake(int number)
{
	(void)number;
}

static int start_reader(struct reader *reader, struct stream *stream, const pthread_attr_t *attributes)
{
	*reader = (struct reader){ .stream = stream, .from = relay_open_cpu(stream->cpu) };
	if (reader->from < 0)
		return errno;
	if (stream->file >= 0)
		lseek(reader->from, stream->end, SEEK_SET);
	reader->buffer = malloc(READ_SIZE);
	if (!reader->buffer)
		return ENOMEM;
	return pthread_create(&reader->thread, attributes, read_to_end, reader);
}

int relay_start(struct stream *streams, int cpus)
{
	struct sigaction wake = { .sa_handler = on_wake };
	pthread_attr_t attributes;
	int error = 0;

	sigaction(SIGUSR1, &wake, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	atomic_store(&must_end, false);
	for (count = 0; count < cpus && !error; count++)
		error = start_reader(&readers[count], &streams[count], &attributes);
	pthread_attr_destroy(&attributes);
	if (!error)
		return 0;
	count--;
	if (readers[count].from >= 0)
		close(readers[count].from);
	if (error == EBUSY)
		say("another program reads CPU %d of the session; end that first", count);
	else
		say("cannot read CPU %d of the session: %s; \"stpd -C %s\" ends it", count, strerror(error), module_name());
	return -1;
}

bool relay_is_over(void)
{
	int i;

	for (i = 0; i < count; i++)
		if (!atomic_load(&readers[i].is_over))
			return false;
	return count > 0;
}

/* A read() that waits is interrupted, again and again until the thread has seen that it must end. */
static int end_reader(struct reader *reader)
{
	struct timespec until;
	int tries;

	for (tries = 0; !reader->is_joined && tries < END_MS_MAX / RELAY_TRY_MS; tries++) {
		if (atomic_load(&must_end) && !atomic_load(&reader->is_over))
			pthread_kill(reader->thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += RELAY_TRY_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		reader->is_joined = !pthread_timedjoin_np(reader->thread, NULL, &until);
	}
	return reader->is_joined ? 0 : -1;
}

int relay_end(void)
{
	int result = 0;
	int i;

	if (count && !relay_is_over())
		atomic_store(&must_end, true);
	for (i = 0; i < count; i++)
		result |= end_reader(&readers[i]);
	return result;
}

/* Counted by reading it, from where the stream ends: it was not given back yet. */
uint64_t relay_left(int cpu)
{
	static char buffer[READ_SIZE];
	struct reader *reader = &readers[cpu];
	uint64_t left = 0;
	ssize_t size;

	if (!reader->is_joined)
		return 0;
	fcntl(reader->from, F_SETFL, O_NONBLOCK);
	if (reader->stream->file >= 0)
		lseek(reader->from, reader->stream->end, SEEK_SET);
	while ((size = read(reader->from, buffer, sizeof(buffer))) > 0)
		left += size;
	return left;
}

int relay_error(int cpu)
{
	return cpu < count ? readers[cpu].error : 0;
}

int relay_snapshot(struct stream *streams, int cpus)
{
	char *buffer = malloc(READ_SIZE);
	int error = buffer ? 0 : ENOMEM;
	int i;

	for (i = 0; i < cpus && !error; i++) {
		int from = relay_open_cpu(streams[i].cpu);

		error = from < 0 ? errno : copy_to_end(from, &streams[i], buffer);
		if (!error && (streams[i].error || stream_touch(&streams[i], position(from))))
			error = streams[i].error ? streams[i].error : errno;
		if (from >= 0)
			close(from);
	}
	free(buffer);
	return error;
}

void relay_close_readers(void)
{
	int i;

	for (i = 0; i < count; i++) {
		close(readers[i].from);
		if (readers[i].is_joined)
			free(readers[i].buffer);
	}
	count = 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Streams on disk. Must never: write a byte at another place than its offset says, or the same byte twice. Used by one thread at a time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream.h"

#define FILE_NAME_SIZE 48 /* bytes */

int write_all(int to, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(to, bytes, size);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			bytes = (const char *)bytes + written;
			size -= written;
		}
	}
	return 0;
}

static const char *part_name(char name[FILE_NAME_SIZE], int cpu, uint64_t offset)
{
	if (offset)
		snprintf(name, FILE_NAME_SIZE, "cpu%d.%" PRIu64 ".data", cpu, offset);
	else
		snprintf(name, FILE_NAME_SIZE, "cpu%d.data", cpu);
	return name;
}

/* Whether @name is a part of @cpu, and from which offset on. */
static bool is_part(const char *name, int cpu, uint64_t *offset)
{
	char again[FILE_NAME_SIZE];
	int number;

	*offset = 0;
	if (sscanf(name, "cpu%d.%" SCNu64, &number, offset) < 1 || number != cpu)
		return false;
	return !strcmp(name, part_name(again, cpu, *offset));
}

static void remove_part(struct stream *stream, uint64_t offset)
{
	char name[FILE_NAME_SIZE];

	unlinkat(stream->folder, part_name(name, stream->cpu, offset), 0);
}

/* The newest parts_max of them, in order; others go. */
static void keep_part(struct stream *stream, uint64_t offset)
{
	unsigned int at = stream->parts;

	if (!stream->parts_max)
		return;
	if (stream->parts == stream->parts_max) {
		if (offset < stream->kept[0]) {
			remove_part(stream, offset);
			return;
		}
		remove_part(stream, stream->kept[0]);
		memmove(stream->kept, stream->kept + 1, --at * sizeof(*stream->kept));
		stream->parts = at;
	}
	for (; at > 0 && stream->kept[at - 1] > offset; at--)
		stream->kept[at] = stream->kept[at - 1];
	stream->kept[at] = offset;
	stream->parts++;
}

static int open_part(struct stream *stream, uint64_t offset)
{
	char name[FILE_NAME_SIZE];

	stream->file = openat(stream->folder, part_name(name, stream->cpu, offset), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	stream->begin = offset;
	return stream->file < 0 ? -1 : 0;
}

static int begin_part(struct stream *stream, uint64_t offset)
{
	if (stream->file >= 0)
		close(stream->file);
	if (open_part(stream, offset))
		return -1;
	stream->end = offset;
	keep_part(stream, offset);
	return 0;
}

/* The part that ends last. Return: whether there is one. */
static bool find_end(struct stream *stream)
{
	DIR *directory = fdopendir(openat(stream->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	bool found = false;

	while (directory && (entry = readdir(directory))) {
		struct stat stat;
		uint64_t offset;

		if (!is_part(entry->d_name, stream->cpu, &offset) || fstatat(stream->folder, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW))
			continue;
		keep_part(stream, offset);
		if (found && offset + stat.st_size < stream->end)
			continue;
		found = true;
		stream->begin = offset;
		stream->end = offset + stat.st_size;
	}
	if (directory)
		closedir(directory);
	return found;
}

int stream_open(struct stream *stream, int folder, int cpu, bool begins, const struct options *options)
{
	*stream = (struct stream){ .folder = folder, .cpu = cpu, .file = -1, .part_size = options->part_size, .parts_max = options->parts_max };
	if (stream->parts_max)
		stream->kept = calloc(stream->parts_max, sizeof(*stream->kept));
	if (stream->parts_max && !stream->kept)
		return -1;
	if (find_end(stream))
		return open_part(stream, stream->begin);
	return begins ? begin_part(stream, 0) : 0;
}

/* As much as fits into the part. Return: bytes, or -1. */
static ssize_t write_part(struct stream *stream, const char *bytes, size_t size)
{
	uint64_t used = stream->end - stream->begin;
	ssize_t written;

	if (stream->part_size && used >= stream->part_size) {
		if (begin_part(stream, stream->end))
			return -1;
		used = 0;
	}
	if (stream->part_size && size > stream->part_size - used)
		size = stream->part_size - used;
	written = write(stream->file, bytes, size);
	return written < 0 && errno == EINTR ? 0 : written;
}

int stream_accept(struct stream *stream, uint64_t offset, const char *bytes, size_t size)
{
	if (stream->error)
		return -1;
	if (stream->file >= 0 && offset < stream->end) {
		uint64_t known = stream->end - offset;

		if (known >= size)
			return 0;
		bytes += known;
		size -= known;
		offset += known;
	}
	if ((stream->file < 0 || offset > stream->end) && begin_part(stream, offset)) {
		stream->error = errno;
		return -1;
	}
	while (size) {
		ssize_t written = write_part(stream, bytes, size);

		if (written < 0) {
			stream->error = errno;
			return -1;
		}
		bytes += written;
		size -= written;
		stream->end += written;
	}
	return 0;
}

int stream_touch(struct stream *stream, uint64_t offset)
{
	return stream->file >= 0 || !begin_part(stream, offset) ? 0 : -1;
}

void stream_close(struct stream *stream)
{
	if (stream->file >= 0)
		close(stream->file);
	free(stream->kept);
	stream->file = -1;
	stream->kept = NULL;
}

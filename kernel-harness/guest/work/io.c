// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Writes and reads two files, in calls of known sizes. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

#define BYTES_MAX 4096

static const struct {
	const char *name;
	size_t write_size, read_size; /* bytes of a call */
} files[] = {
	{ "log", 100, 4096 },
	{ "table", 4096, 512 },
};

/* The file is read once: a last call finds its end and reads 0 bytes. */
static void write_and_read(int index, int n, long writes)
{
	char path[64], name[32], bytes[BYTES_MAX] = "workload";
	long calls = 0, total = 0;
	ssize_t got;
	int fd;

	snprintf(name, sizeof(name), "wl-%d.%s", index, files[n].name);
	snprintf(path, sizeof(path), "/tmp/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		fail(path);
	for (long i = 0; i < writes; i++)
		if (write(fd, bytes, files[n].write_size) != (ssize_t)files[n].write_size)
			fail("cannot write");
	lseek(fd, 0, SEEK_SET);
	do {
		got = read(fd, bytes, files[n].read_size);
		if (got < 0)
			fail("cannot read");
		calls++;
		total += got;
	} while (got);
	close(fd);
	report_text("file", name);
	report("writes", writes);
	report("write_bytes", writes * files[n].write_size);
	report("reads", calls);
	report("read_bytes", total);
}

static void run(int index, long count)
{
	write_and_read(index, 0, count + index);
	report_line();
	write_and_read(index, 1, count / 2 + index + 1);
}

const struct work work_io = { .name = "io", .count = "writes of wl-0 to the first of its two files", .run = run };

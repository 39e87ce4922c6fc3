// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* symbols/maps of the recording: lines as docs/recording-format.md has them. A file on a full disk stays as it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stpd.h"

#define BUFFER_SIZE (64 << 10) /* bytes that are written at once */
#define MAPS "symbols/maps"

static char buffer[BUFFER_SIZE];
static FILE *file;

int maps_file_open(void)
{
	int to;

	if (mkdirat(recording_folder(), "symbols", 0755) && errno != EEXIST)
		return -1;
	to = openat(recording_folder(), MAPS, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	file = to < 0 ? NULL : fdopen(to, "a");
	if (!file)
		return -1;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	return 0;
}

void maps_file_line(const char *format, ...)
{
	va_list args;

	if (!file)
		return;
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	putc('\n', file);
}

/* A path may have any bytes but NUL; a line may not. */
static void put_path(const char *path)
{
	for (; *path; path++)
		putc(*path == '\n' ? '?' : *path, file);
	putc('\n', file);
}

void maps_file_map(uint64_t time_ns, pid_t pid, uint64_t start, uint64_t end, uint64_t offset, const uint8_t *build_id, size_t size, const char *path)
{
	size_t i;

	if (!file)
		return;
	fprintf(file, "%" PRIu64 " %d map %" PRIx64 " %" PRIx64 " %" PRIx64 " ", time_ns, (int)pid, start, end, offset);
	for (i = 0; i < size; i++)
		fprintf(file, "%02x", build_id[i]);
	fputs(size ? " " : "- ", file);
	put_path(path);
}

void maps_file_flush(void)
{
	if (file)
		fflush(file);
}

void maps_file_close(bool keep)
{
	if (!file)
		return;
	if (fclose(file) && keep)
		say("cannot write all of " MAPS ": %s; some user addresses will stay numbers", strerror(errno));
	file = NULL;
	if (keep)
		return;
	unlinkat(recording_folder(), MAPS, 0);
	unlinkat(recording_folder(), "symbols", AT_REMOVEDIR);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Names for addresses, kept at the end of a session that asked for backtraces: symbols/kallsyms and symbols/modules. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stpd.h"
#include "transport.h"

/* Lines of /proc/kallsyms: address, type, name; t and T are code, as are w and W. */
static void copy_code(FILE *from, FILE *to)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, from) > 0) {
		const char *type = strchr(line, ' ');

		if (type && type[1] && strchr("tTwW", type[1]) && fputs(line, to) < 0)
			break;
	}
	free(line);
}

static int copy_kallsyms(int to)
{
	FILE *from = fopen("/proc/kallsyms", "re"), *file = fdopen(dup(to), "w");
	int error = from && file ? 0 : errno;

	if (!error)
		copy_code(from, file);
	if (file && (ferror(file) || fclose(file)) && !error)
		error = errno;
	if (from)
		fclose(from);
	return error;
}

static int copy_modules(int to)
{
	return transport->copy("modules", to);
}

static bool make_folder(int folder)
{
	if (!mkdirat(folder, "symbols", 0755) || errno == EEXIST)
		return true;
	say("cannot make the folder symbols of the recording: %s; addresses will stay numbers", strerror(errno));
	return false;
}

void symbols_keep_kernel(int folder)
{
	if (make_folder(folder))
		recording_replace(folder, "symbols/kallsyms", copy_kallsyms);
}

void symbols_keep_modules(int folder)
{
	if (make_folder(folder))
		recording_replace(folder, "symbols/modules", copy_modules);
}

static int copy_maps(int to)
{
	char buffer[16384];
	int from = openat(recording_folder(), "symbols/maps", O_RDONLY | O_CLOEXEC);
	int error = from < 0 ? errno : 0;
	ssize_t size;

	while (!error && (size = read(from, buffer, sizeof(buffer))) != 0)
		if (size < 0 || write_all(to, buffer, size))
			error = errno;
	if (from >= 0)
		close(from);
	return error;
}

void symbols_copy_maps(int folder)
{
	maps_drain();
	if (make_folder(folder))
		recording_replace(folder, "symbols/maps", copy_maps);
}

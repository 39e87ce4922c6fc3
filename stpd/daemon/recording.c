// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The recording directory: cpuN.data, manifest.json, log.txt, symbols/kallsyms. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stpd.h"

static int folder = -1;
static const char *folder_path;
static bool folder_is_ours; /* made by us, so discard may remove it */
static FILE *log_file;

static bool is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int entries = 0;

	if (!directory)
		return false;
	while ((entry = readdir(directory)))
		entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(directory);
	return !entries;
}

int recording_create(const char *directory)
{
	int log;

	folder_path = directory;
	folder_is_ours = !mkdir(directory, 0755);
	if (!folder_is_ours && (errno != EEXIST || !is_empty(directory))) {
		say("cannot record into %s: %s; give a new or empty directory by -o", directory,
		    errno == EEXIST ? "it is not an empty directory" : strerror(errno));
		return -1;
	}
	folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log = folder < 0 ? -1 : recording_open("log.txt");
	log_file = log < 0 ? NULL : fdopen(log, "w");
	if (log_file)
		return 0;
	say("cannot record into %s: %s", directory, strerror(errno));
	recording_discard();
	return -1;
}

int recording_open(const char *file)
{
	return openat(folder, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void recording_log(const char *line)
{
	if (!log_file)
		return;
	fprintf(log_file, "%s\n", line);
	fflush(log_file);
}

int recording_copy(const char *from, const char *file)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = recording_open(file);
	ssize_t size = -1;

	if (in >= 0 && out >= 0)
		while ((size = read(in, buffer, sizeof(buffer))) > 0)
			if (write(out, buffer, size) != size) {
				size = -1;
				break;
			}
	if (size)
		say("cannot write %s of the recording: %s", file, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return size ? -1 : 0;
}

#define MANIFEST_HEAD_SIZE 4096 /* bytes in which the manifest says it */

bool recording_wants_symbols(void)
{
	char head[MANIFEST_HEAD_SIZE];
	int in = openat(folder, "manifest.json", O_RDONLY | O_CLOEXEC);
	ssize_t size = in < 0 ? -1 : read(in, head, sizeof(head) - 1);

	if (in >= 0)
		close(in);
	head[size < 0 ? 0 : size] = 0;
	return strstr(head, "\"addresses\":1");
}

/* Lines of /proc/kallsyms: address, type, name; t and T are code, as are w and W. */
static void copy_code(FILE *from, FILE *to)
{
	unsigned long long address;
	char *line = NULL, type;
	size_t size = 0;

	while (getline(&line, &size, from) > 0)
		if (sscanf(line, "%llx %c", &address, &type) == 2 && strchr("tTwW", type))
			fputs(line, to);
	free(line);
}

void recording_keep_symbols(void)
{
	FILE *from = fopen("/proc/kallsyms", "r");
	int out = mkdirat(folder, "symbols", 0755) && errno != EEXIST ? -1 : recording_open("symbols/kallsyms");
	FILE *to = out < 0 ? NULL : fdopen(out, "w");
	bool well = from && to;

	if (well)
		copy_code(from, to);
	if (from)
		fclose(from);
	if (to && fclose(to))
		well = false;
	if (!well)
		say("cannot keep the kernel's symbols: %s; addresses will stay numbers", strerror(errno));
}

void recording_discard(void)
{
	DIR *directory;
	struct dirent *entry;

	recording_close();
	directory = opendir(folder_path);
	while (directory && (entry = readdir(directory)))
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	if (folder_is_ours)
		rmdir(folder_path);
}

void recording_close(void)
{
	if (log_file)
		fclose(log_file);
	log_file = NULL;
	if (folder >= 0)
		close(folder);
	folder = -1;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The recording directory. Data files are stream.c's, symbols those of symbols.c and maps_file.c.
 * While the session runs there are also: stpd.session (whose recording it is), stpd.pid, and reserve (room for the last manifest).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stpd.h"
#include "transport.h"

#define RESERVE_SIZE_MIN (64 << 10) /* bytes; and at least twice the first manifest */
#define SESSION_SIZE 256	    /* bytes of stpd.session */
#define LOG_KEPT_SIZE (64 << 10)    /* bytes of an earlier log that are searched */

#define SESSION_FILE "stpd.session"
#define PID_FILE "stpd.pid"
#define RESERVE_FILE "reserve"

static int folder = -1, log_file = -1;
static const char *path;
static bool folder_is_new, is_resumed;
static char *earlier_log;

int recording_folder(void)
{
	return folder;
}

const char *recording_path(void)
{
	return path;
}

static bool is_empty(int directory)
{
	DIR *entries = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	int count = 0;

	while (entries && (entry = readdir(entries)))
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (entries)
		closedir(entries);
	return entries && !count;
}

/* Only one stpd writes into a directory; the lock goes with its process. */
static int open_folder(const char *directory)
{
	path = directory;
	folder_is_new = !mkdir(directory, 0755);
	if (folder_is_new || errno == EEXIST)
		folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		say("cannot record into %s: %s; give a new or empty directory by -o", directory, strerror(errno));
		return -1;
	}
	if (!flock(folder, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return 0;
	say("cannot record into %s: another stpd does; give another directory by -o", directory);
	close(folder);
	folder = -1;
	return -1;
}

static int open_log(void)
{
	log_file = openat(folder, "log.txt", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_file >= 0)
		return 0;
	say("cannot record into %s: %s", path, strerror(errno));
	recording_discard();
	return -1;
}

int recording_create(const char *directory)
{
	if (open_folder(directory))
		return -1;
	if (is_empty(folder))
		return open_log();
	say("cannot record into %s: it is not empty; give a new or empty directory by -o", directory);
	close(folder);
	folder = -1;
	return -1;
}

static char *read_file(const char *file, size_t size_max)
{
	int from = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = from < 0 ? NULL : calloc(1, size_max + 1);
	struct stat stat;
	off_t begin = 0;

	if (text && !fstat(from, &stat) && stat.st_size > (off_t)size_max)
		begin = stat.st_size - size_max;
	if (text && pread(from, text, size_max, begin) < 0)
		*text = 0;
	if (from >= 0)
		close(from);
	return text;
}

int recording_resume(const char *directory, const char *session)
{
	char *noted;
	bool is_ours;

	if (open_folder(directory))
		return -1;
	if (is_empty(folder))
		return open_log();
	noted = read_file(SESSION_FILE, SESSION_SIZE);
	is_ours = noted && !strcmp(noted, session);
	is_resumed = is_ours;
	if (is_ours) {
		earlier_log = read_file("log.txt", LOG_KEPT_SIZE);
	} else {
		say(noted ? "the recording in %s is of another session; give a new directory by -o" :
			    "the recording in %s is finished, or is none; give a new directory by -o", directory);
		close(folder);
		folder = -1;
	}
	free(noted);
	return is_ours ? open_log() : -1;
}

static int write_text(const char *file, const char *text)
{
	int to = openat(folder, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int result = to < 0 || write_all(to, text, strlen(text)) ? -1 : 0;

	if (to >= 0)
		close(to);
	return result;
}

/* Real blocks; zeros where the file system cannot promise any. */
static int keep_reserve(off_t size)
{
	int to = openat(folder, RESERVE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int error = to < 0 ? errno : posix_fallocate(to, 0, size);

	if (to >= 0)
		close(to);
	errno = error;
	return error ? -1 : 0;
}

int recording_begin(const char *session)
{
	struct stat manifest;
	off_t size = RESERVE_SIZE_MIN;

	if (!fstatat(folder, "manifest.json", &manifest, 0) && 2 * manifest.st_size > size)
		size = 2 * manifest.st_size;
	if (!keep_reserve(size) && !write_text(SESSION_FILE, session))
		return 0;
	say("cannot record into %s: %s", path, strerror(errno));
	return -1;
}

int recording_replace(int where, const char *file, int (*write)(int to))
{
	char temporary[64];
	int to, error;

	snprintf(temporary, sizeof(temporary), "%s.new", file);
	to = openat(where, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	error = to < 0 ? errno : write(to);
	if (to >= 0 && close(to) && !error)
		error = errno;
	if (!error && !renameat(where, temporary, where, file))
		return 0;
	if (!error)
		error = errno;
	unlinkat(where, temporary, 0);
	say("cannot write %s of the recording: %s", file, strerror(error));
	return -1;
}

void recording_release_reserve(void)
{
	unlinkat(folder, RESERVE_FILE, 0);
}

void recording_write_pid(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (write_text(PID_FILE, text))
		say("cannot write " PID_FILE ": %s; this stpd is process %d", strerror(errno), (int)getpid());
}

void recording_end(void)
{
	unlinkat(folder, RESERVE_FILE, 0);
	unlinkat(folder, PID_FILE, 0);
	unlinkat(folder, SESSION_FILE, 0);
}

void recording_log(const char *line)
{
	if (log_file >= 0)
		dprintf(log_file, "%s\n", line); /* one write: it is whole, or the disk is full and the terminal has it */
}

bool recording_has_logged(const char *line)
{
	size_t length = strlen(line);
	const char *found = earlier_log;

	while (found && (found = strstr(found, line)) && ((found > earlier_log && found[-1] != '\n') || (found[length] && found[length] != '\n')))
		found += length;
	return found;
}

void recording_discard(void)
{
	static const char *const made[] = { "log.txt", "manifest.json", RESERVE_FILE, PID_FILE, SESSION_FILE, "symbols/maps" };
	char file[32];
	size_t i;
	int cpu;

	if (folder < 0)
		return;
	for (i = 0; i < sizeof(made) / sizeof(made[0]) && !is_resumed; i++)
		unlinkat(folder, made[i], 0);
	for (cpu = 0; cpu < CPUS_MAX && !is_resumed; cpu++) {
		snprintf(file, sizeof(file), "cpu%d.data", cpu);
		unlinkat(folder, file, 0);
	}
	if (!is_resumed)
		unlinkat(folder, "symbols", AT_REMOVEDIR);
	if (log_file >= 0)
		close(log_file);
	close(folder);
	log_file = folder = -1;
	if (folder_is_new)
		rmdir(path);
}

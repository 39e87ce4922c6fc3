// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The transport by files in debugfs/stp-NAME. Sibling: relay_readers.c, the threads that read cpuN.
 * Must never: share a session with another stpd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

#define DEBUGFS "/sys/kernel/debug"
#define DEBUGFS_TYPE 0x64626720 /* of its file system, as the kernel has it */
#define BUSY_MS_MAX 1000	/* ms: a killed stpd may still be closing its files */

static int folder = -1, log_file = -1;

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static int relay_check(void)
{
	struct statfs stat;

	if (!statfs(DEBUGFS, &stat) && stat.f_type == DEBUGFS_TYPE)
		return 0;
	say("debugfs is not mounted: \"mount -t debugfs none " DEBUGFS "\", or use -t netlink");
	return -1;
}

/* The folder's lock is ours as long as it is open; a control file may be used by anyone. */
static int lock_folder(const char *module)
{
	int tries;

	for (tries = 0; flock(folder, LOCK_EX | LOCK_NB); tries++) {
		if (tries == BUSY_MS_MAX / RELAY_TRY_MS || errno != EWOULDBLOCK) {
			say("another stpd is at the session of module %s; end that first, by ^C or \"kill\"", module);
			return -1;
		}
		sleep_ms(RELAY_TRY_MS);
	}
	return 0;
}

static int relay_open(const char *module)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), DEBUGFS "/stp-%s", module);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		if (!relay_check())
			say("cannot open %s: %s; run stpd as root, and load only modules of stp", path, strerror(errno));
		return -1;
	}
	if (lock_folder(module))
		return -1;
	log_file = openat(folder, "log", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_file >= 0)
		return 0;
	say("cannot open %s/log: %s; the module may be of another version of stp", path, strerror(errno));
	return -1;
}

static int relay_command(const char *text)
{
	int file = openat(folder, "control", O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (file < 0)
		return errno;
	if (write(file, text, strlen(text)) < 0)
		error = errno;
	close(file);
	return error;
}

static int relay_copy(const char *what, int to)
{
	char buffer[16384];
	int from = openat(folder, what, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	int error = 0;

	if (from < 0)
		return errno;
	while ((size = read(from, buffer, sizeof(buffer))) > 0 && !error)
		if (write_all(to, buffer, size))
			error = errno;
	if (size < 0)
		error = errno;
	close(from);
	return error;
}

static ssize_t relay_read_log(char *to, size_t size)
{
	return read(log_file, to, size);
}

static int relay_log_poll(void)
{
	return log_file;
}

int relay_open_cpu(int cpu)
{
	char name[16];
	int file, tries;

	snprintf(name, sizeof(name), "cpu%d", cpu);
	for (tries = 0; (file = openat(folder, name, O_RDONLY | O_CLOEXEC)) < 0 && errno == EBUSY && tries < BUSY_MS_MAX / RELAY_TRY_MS; tries++)
		sleep_ms(RELAY_TRY_MS);
	return file;
}

static void relay_close(void)
{
	relay_close_readers();
	if (log_file >= 0)
		close(log_file);
	if (folder >= 0)
		close(folder);
	log_file = folder = -1;
}

const struct transport transport_relay = {
	.name = "relay",
	.check = relay_check,
	.open = relay_open,
	.command = relay_command,
	.copy = relay_copy,
	.read_log = relay_read_log,
	.log_poll = relay_log_poll,
	.start = relay_start,
	.is_over = relay_is_over,
	.end = relay_end,
	.left = relay_left,
	.error = relay_error,
	.snapshot = relay_snapshot,
	.close = relay_close,
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Loads, starts, stops and unloads a session's module again and again.
 *
 *   cycles COUNT MODULE.ko NAME MANIFEST
 *
 * The last session runs for longer, and its manifest is kept. Prints how long all of it took.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING "ring_size=65536"
#define SESSION_US 5000
#define LAST_SESSION_US 2000000
#define UNLOAD_TRIES_MAX 2000	/* one each ms: somebody may have a file of the session open */

static const char *name;

static void fail(const char *what)
{
	fprintf(stderr, "cycles: %s: %s\n", what, strerror(errno));
	exit(1);
}

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "/sys/kernel/debug/stp-%s%s%s", name, *file ? "/" : "", file);
	return path;
}

static void command(const char *text)
{
	int fd = open(path_of("control"), O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(text);
	close(fd);
}

static void load(const char *module)
{
	int fd = open(module, O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, RING, 0))
		fail("cannot load");
	close(fd);
}

static void unload(void)
{
	int tries = 0;

	while (syscall(SYS_delete_module, name, O_NONBLOCK)) {
		if ((errno != EWOULDBLOCK && errno != EBUSY) || ++tries == UNLOAD_TRIES_MAX)
			fail("cannot unload");
		usleep(1000);
	}
	if (!access(path_of(""), F_OK))
		fail("a folder is left in debugfs");
}

static void keep_manifest(const char *to)
{
	int in = open(path_of("manifest"), O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	char bytes[4096];
	ssize_t size;

	while ((size = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, size) != size)
			fail(to);
	if (size < 0)
		fail("cannot read the manifest");
	close(in);
	close(out);
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[1]) : 0;
	double began = seconds();

	if (!count)
		return 2;
	name = argv[3];
	for (int i = 1; i <= count; i++) {
		load(argv[2]);
		command("start");
		usleep(i < count ? SESSION_US : LAST_SESSION_US);
		command("stop");
		if (i == count)
			keep_manifest(argv[4]);
		unload();
	}
	printf("cycles: count=%d seconds=%.1f\n", count, seconds() - began - LAST_SESSION_US / 1e6);
	return 0;
}

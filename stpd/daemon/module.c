// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel module of the session: load, command, unload. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stpd.h"

#define DEBUGFS "/sys/kernel/debug"

static char name[NAME_SIZE];

int module_set_name(const char *path)
{
	const char *base = strrchr(path, '/');
	size_t length;

	base = base ? base + 1 : path;
	length = strcspn(base, ".");
	if (!length || length >= sizeof(name) || strcmp(base + length, ".ko"))
		return -1;
	memcpy(name, base, length);
	name[length] = 0;
	return 0;
}

const char *module_name(void)
{
	return name;
}

const char *module_file(char path[PATH_SIZE], const char *file)
{
	snprintf(path, PATH_SIZE, DEBUGFS "/stp-%s/%s", name, file);
	return path;
}

static void say_load_error(const char *path, int error)
{
	switch (error) {
	case EPERM:
		say("cannot load %s: it needs CAP_SYS_MODULE; run stpd as root", path);
		break;
	case EEXIST:
		say("cannot load %s: a module %s is loaded already; end its session, or \"rmmod %s\" if it has none", path, name, name);
		break;
	case ENOEXEC:
		say("cannot load %s: it was built for another kernel; build it for this one", path);
		break;
	default:
		say("cannot load %s: %s; the kernel's log may say more (dmesg)", path, strerror(error));
	}
}

/* The kernel ignores parameters that a module does not have. Return: 0, or -1 if it did. */
static int check_limits(const char *limits)
{
	char path[PATH_SIZE], limit[64];
	int used;

	for (; sscanf(limits, "%63[a-z_]=%*[0-9] %n", limit, &used) == 1; limits += used) {
		snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name, limit);
		if (!access(path, F_OK))
			continue;
		say("there is no limit \"%s\"; \"modinfo -p\" lists those of the module", limit);
		return -1;
	}
	return 0;
}

int module_load(const struct options *options)
{
	char params[sizeof(options->limits) + 128] = "";
	int file = open(options->module, O_RDONLY | O_CLOEXEC);
	char path[PATH_SIZE];
	int error = 0;

	if (file < 0) {
		say("cannot read %s: %s", options->module, strerror(errno));
		return -1;
	}
	if (options->ring_size)
		snprintf(params, sizeof(params), "ring_size=%lu ", options->ring_size);
	if (options->record)
		strcat(params, "record=1 ");
	strcat(params, options->limits);
	if (syscall(SYS_finit_module, file, params, 0))
		error = errno;
	close(file);
	if (error) {
		say_load_error(options->module, error);
		return -1;
	}
	if (check_limits(options->limits)) {
		module_unload();
		return -1;
	}
	if (!access(module_file(path, "control"), W_OK))
		return 0;
	say("cannot find %s: mount debugfs (\"mount -t debugfs none " DEBUGFS "\") and load only modules of stp", path);
	module_unload();
	return -1;
}

int module_unload(void)
{
	if (!syscall(SYS_delete_module, name, O_NONBLOCK))
		return 0;
	say("cannot unload %s: %s; \"rmmod %s\" when nothing uses it", name, strerror(errno), name);
	return -1;
}

int module_command(const char *command)
{
	char path[PATH_SIZE];
	int file = open(module_file(path, "control"), O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (file < 0)
		return errno;
	if (write(file, command, strlen(command)) < 0)
		error = errno;
	close(file);
	return error;
}

void module_say_log(void)
{
	char path[PATH_SIZE], line[1024];
	FILE *log = fopen(module_file(path, "log"), "re");

	if (!log)
		return;
	while (fgets(line, sizeof(line), log)) {
		line[strcspn(line, "\n")] = 0;
		say("%s", line);
	}
	fclose(log);
}

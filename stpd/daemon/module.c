// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel module of the session: looked at before anything is touched, loaded, unloaded. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "elf.h"
#include "stpd.h"

#define UNLOAD_MS_MAX 2000 /* ms: someone may just be looking into one of its files */
#define TRY_MS 20	   /* ms */

/* What each module of stp has. */
static const char *const parameters[] = { "ring_size", "record", "mode", "transport" };
#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static char name[NAME_SIZE];

const char *module_name(void)
{
	return name;
}

bool module_is_loaded(void)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

static int say_elf_error(const char *path, enum elf_error error)
{
	switch (error) {
	case ELF_UNREADABLE:
		say("cannot read %s: %s", path, strerror(errno));
		break;
	case ELF_CUT:
		say("%s is cut short: its end is missing; copy or build it again", path);
		break;
	default:
		say("%s is no kernel module; give the .ko that was built", path);
	}
	return -1;
}

static int check_release(const char *path, const struct modinfo *info)
{
	const char *magic = modinfo_find(info, "vermagic");
	int length = magic ? strcspn(magic, " ") : 0;
	struct utsname kernel;

	uname(&kernel);
	if (length && (int)strlen(kernel.release) == length && !strncmp(magic, kernel.release, length))
		return 0;
	say("%s was built for kernel %.*s, and this is %s; build it for this one", path, length ? length : 7, length ? magic : "unknown", kernel.release);
	return -1;
}

static int check_parameters(const char *path, const struct modinfo *info, const char *limits)
{
	char limit[64];
	size_t i;
	int used;

	for (i = 0; i < PARAMETERS; i++) {
		if (modinfo_has_parameter(info, parameters[i], strlen(parameters[i])))
			continue;
		say("%s is no module of stp, or of another version: it has no parameter %s; build it anew", path, parameters[i]);
		return -1;
	}
	for (; sscanf(limits, "%63[a-z_]=%*[0-9] %n", limit, &used) == 1; limits += used) {
		if (modinfo_has_parameter(info, limit, strlen(limit)))
			continue;
		say("there is no limit \"%s\"; \"modinfo -p %s\" lists those of the module", limit, path);
		return -1;
	}
	return 0;
}

static int check_name(const char *path, const struct modinfo *info)
{
	const char *given = modinfo_find(info, "name");

	if (!given || !*given || strlen(given) >= sizeof(name))
		return say_elf_error(path, ELF_NO_MODULE);
	strcpy(name, given);
	if (!module_is_loaded())
		return 0;
	say("a module %s is loaded already: end its session, or go on with it by \"stpd -A %s\", or \"stpd -C %s\" to clean it up", name, name, name);
	return -1;
}

int module_check(const struct options *options)
{
	static struct modinfo info;
	const char *path = options->module;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum elf_error error = file < 0 ? ELF_UNREADABLE : elf_read_modinfo(file, &info);

	if (error)
		say_elf_error(path, error);
	if (file >= 0)
		close(file);
	return error || check_parameters(path, &info, options->limits) || check_release(path, &info) || check_name(path, &info) ? -1 : 0;
}

static void say_load_error(const char *path, int error)
{
	switch (error) {
	case EPERM:
		say("cannot load %s: the kernel forbids it; a locked-down kernel takes only signed modules", path);
		break;
	case EKEYREJECTED:
		say("cannot load %s: this kernel takes only signed modules; sign it", path);
		break;
	case EEXIST:
		say("cannot load %s: a module %s is loaded already; end its session, or \"stpd -C %s\"", path, name, name);
		break;
	case ENOEXEC:
		say("cannot load %s: it was built for another kernel; build it for this one", path);
		break;
	case ENOMEM:
		say("cannot load %s: no memory; give smaller rings by -b", path);
		break;
	default:
		say("cannot load %s: %s; the kernel's log may say more (dmesg)", path, strerror(error));
	}
}

int module_load(const struct options *options)
{
	char params[LIMITS_SIZE + 128];
	int file = open(options->module, O_RDONLY | O_CLOEXEC);
	int error = file < 0 ? errno : 0;

	snprintf(params, sizeof(params), "%s%s mode=%s transport=%s", options->limits, options->record ? "record=1" : "", options->overwrite ? "overwrite" : "discard",
		 options->transport ? options->transport : "relay");
	if (options->ring_size)
		snprintf(params + strlen(params), sizeof(params) - strlen(params), " ring_size=%lu", options->ring_size);
	if (!error && syscall(SYS_finit_module, file, params, 0))
		error = errno;
	if (file >= 0)
		close(file);
	if (error)
		say_load_error(options->module, error);
	return error ? -1 : 0;
}

int module_find(const char *wanted)
{
	char path[PATH_SIZE];
	size_t i;

	snprintf(name, sizeof(name), "%s", wanted);
	if (!module_is_loaded()) {
		say("no module %s is loaded; \"lsmod\" lists what is", name);
		return -1;
	}
	for (i = 0; i < PARAMETERS; i++) {
		snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name, parameters[i]);
		if (!access(path, F_OK))
			continue;
		say("module %s is none of stp: it has no parameter %s", name, parameters[i]);
		return -1;
	}
	return 0;
}

const char *module_transport(void)
{
	char path[PATH_SIZE], word[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/transport", name);
	file = fopen(path, "re");
	if (file && fscanf(file, "%15s", word) != 1)
		*word = 0;
	if (file)
		fclose(file);
	return strcmp(word, "netlink") ? "relay" : "netlink";
}

int module_unload(void)
{
	int tries;

	for (tries = 0; syscall(SYS_delete_module, name, O_NONBLOCK); tries++) {
		if (errno == ENOENT) {
			say("module %s is gone: someone else has unloaded it", name);
			return -1;
		}
		if (tries < UNLOAD_MS_MAX / TRY_MS && (errno == EWOULDBLOCK || errno == EBUSY)) {
			nanosleep(&(struct timespec){ 0, TRY_MS * 1000000L }, NULL);
			continue;
		}
		say("cannot unload module %s: %s; end what has one of its files open, then \"stpd -C %s\"", name, errno == EWOULDBLOCK ? "it is in use" : strerror(errno), name);
		return -1;
	}
	return 0;
}

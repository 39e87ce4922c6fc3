// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PID 1 of the guest: mounts, loads the drivers of the report port, runs the job, powers off.
 *
 * It must never exit, and never wait for anything without beating. Siblings: ../initramfs.ts, which packs it;
 * ../session.ts, which listens.
 */
#define _GNU_SOURCE
#include "job.h"
#include "power.h"
#include "program.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DRIVERS_LIST "/drivers/list"
#define JOB "/job"
#define CONSOLE_LEVEL_ALL 8
#define SYSLOG_ACTION_CONSOLE_LEVEL 8

static void mount_all(void)
{
	static const struct { const char *type, *path; } mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "debugfs", "/sys/kernel/debug" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].path, 0755);
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, NULL) && errno != EBUSY)
			power_off(mounts[i].path);
	}
}

static void driver_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		power_off(path);
	close(fd);
}

/* In the order of the list, which the host has sorted by dependency. */
static void drivers_load(void)
{
	char path[300];
	FILE *list = fopen(DRIVERS_LIST, "re");

	if (!list)
		power_off(DRIVERS_LIST);
	while (fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = '\0';
		driver_load(path);
	}
	fclose(list);
}

static void hello(void)
{
	struct utsname name;

	uname(&name);
	report_text(STP_FRAME_HELLO, name.release);
}

int main(void)
{
	mount_all();
	drivers_load();
	if (report_open())
		power_off("cannot open the report port");
	if (program_init())
		power_off("cannot make a signalfd");
	hello();

	/* The boot was quiet to be fast; from here on the console tells all. */
	klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL_ALL);
	setenv("PATH", "/bin:/sbin", 1);
	setenv("HOME", "/tmp", 1);
	report_done(job_run(JOB));
	power_off(NULL);
}

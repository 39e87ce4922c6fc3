// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Capabilities. They belong to threads: what is dropped before the readers start is dropped for all. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stpd.h"

#define WORDS _LINUX_CAPABILITY_U32S_3

static int get(struct __user_cap_data_struct sets[WORDS])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, sets);
}

static bool has(unsigned int capability)
{
	struct __user_cap_data_struct sets[WORDS];

	return !get(sets) && sets[capability / 32].effective & 1U << capability % 32;
}

static bool modules_are_disabled(void)
{
	FILE *file = fopen("/proc/sys/kernel/modules_disabled", "re");
	int disabled = 0;

	if (file && fscanf(file, "%d", &disabled) != 1)
		disabled = 0;
	if (file)
		fclose(file);
	return disabled;
}

int privileges_check(enum privilege privilege)
{
	if (privilege == TO_USE_NETLINK && !has(CAP_NET_ADMIN)) {
		say("-t netlink needs the capability CAP_NET_ADMIN; run stpd as root");
		return -1;
	}
	if (privilege != TO_LOAD)
		return 0;
	if (!has(CAP_SYS_MODULE)) {
		say("loading and unloading a module needs the capability CAP_SYS_MODULE; run stpd as root");
		return -1;
	}
	if (modules_are_disabled()) {
		say("this kernel loads no more modules since kernel.modules_disabled was set; boot it anew");
		return -1;
	}
	return 0;
}

/*
 * To unload: SYS_MODULE. To write into a directory of another user, and to read files of debugfs: DAC_OVERRIDE. For addresses in
 * /proc/kallsyms: SYSLOG. Each request over netlink: NET_ADMIN.
 */
void privileges_drop(bool netlink)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[WORDS];
	uint64_t keep = 1ULL << CAP_SYS_MODULE | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SYSLOG | (netlink ? 1ULL << CAP_NET_ADMIN : 0);
	int i;

	if (get(sets))
		return;
	for (i = 0; i < WORDS; i++) {
		sets[i].permitted &= keep >> 32 * i;
		sets[i].effective &= sets[i].permitted;
		sets[i].inheritable &= sets[i].permitted;
	}
	if (syscall(SYS_capset, &head, sets))
		say("cannot drop capabilities: %s; the session goes on with all of them", strerror(errno));
}

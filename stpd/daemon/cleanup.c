// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* -C: a module that an stpd left, or was killed with, is stopped and unloaded. Must never: touch a session that another stpd is at. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport.h"

/* Without debugfs there is nothing to ask; unloading stops the session as well. */
static bool can_ask(void)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/sys/kernel/debug/stp-%s", module_name());
	return transport != &transport_relay || !access(path, F_OK);
}

int clean_up(const struct options *options)
{
	int error;

	if (module_find(options->name) || privileges_check(TO_LOAD))
		return STPD_USAGE;
	transport = transport_of(options->transport ? options->transport : module_transport());
	if (can_ask()) {
		if (transport->open(module_name()) || (transport == &transport_netlink && transport->start(NULL, 0))) {
			transport->close();
			return STPD_USAGE;
		}
		error = transport->command("stop");
		if (error)
			say("cannot stop the session of module %s: %s", module_name(), strerror(error));
		transport->end();
		transport->close();
	}
	if (module_unload())
		return STPD_FAILED;
	say("module %s is stopped and unloaded", module_name());
	return STPD_OK;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The end of the guest. */
#include "power.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

void power_off(const char *why)
{
	if (why)
		dprintf(2, "stp-init: %s: %s\n", why, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

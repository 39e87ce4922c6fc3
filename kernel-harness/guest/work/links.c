// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Takes the loopback device down and brings it up again. */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "work.h"

static void set(int fd, struct ifreq *request, short flags)
{
	request->ifr_flags = flags;
	if (ioctl(fd, SIOCSIFFLAGS, request))
		fail("cannot set the flags of lo");
}

/* The kernel serializes these calls; only one process makes them, so that each is a change. */
static void run(int index, long count)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long made = 0;

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		fail("cannot read the flags of lo");
	if (!index) {
		set(fd, &request, request.ifr_flags & ~IFF_UP);
		for (made = 0; made < count; made++) {
			set(fd, &request, request.ifr_flags | IFF_UP);
			set(fd, &request, request.ifr_flags & ~IFF_UP);
		}
	}
	close(fd);
	report("ups", made);
	report("downs", made);
}

const struct work work_links = { .name = "links", .count = "times that wl-0 brings lo up and takes it down", .run = run };

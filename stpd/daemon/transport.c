// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What both transports share: the event that readers raise, and texts of the session. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport.h"

#define TEXT_SIZE_MAX (16 << 20) /* bytes: a manifest, as postprocessing limits it */

const struct transport *transport;
int transport_event = -1;
struct stream transport_streams[CPUS_MAX];
int transport_streams_count;
bool transport_has_readers;

const struct transport *transport_of(const char *name)
{
	return name && !strcmp(name, transport_netlink.name) ? &transport_netlink : &transport_relay;
}

int transport_event_open(void)
{
	transport_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return transport_event < 0 ? -1 : 0;
}

void transport_tell(void)
{
	uint64_t one = 1;

	if (write(transport_event, &one, sizeof(one)) < 0)
		return; /* it is raised already */
}

bool transport_has_failed(void)
{
	int i;

	for (i = 0; i < transport_streams_count; i++)
		if (transport_streams[i].error || transport->error(i))
			return true;
	return false;
}

char *transport_text(const char *what)
{
	int file = memfd_create(what, MFD_CLOEXEC);
	struct stat stat;
	char *text = NULL;
	int error;

	if (file < 0)
		return NULL;
	error = transport->copy(what, file);
	if (!error && !fstat(file, &stat) && stat.st_size <= TEXT_SIZE_MAX)
		text = malloc(stat.st_size + 1);
	if (text && pread(file, text, stat.st_size, 0) != stat.st_size) {
		free(text);
		text = NULL;
	} else if (text) {
		text[stat.st_size] = 0;
	}
	close(file);
	errno = error;
	return text;
}

int transport_status(struct status *status)
{
	char *text = transport_text("status");
	char key[32], value[64];
	const char *at = text;
	int used;

	memset(status, 0, sizeof(*status));
	strcpy(status->loaded_ns, "-");
	for (; at && sscanf(at, "%31s %63s %n", key, value, &used) == 2; at += used) {
		if (!strcmp(key, "cpus"))
			status->cpus = atoi(value);
		else if (!strcmp(key, "mode"))
			status->overwrite = !strcmp(value, "overwrite");
		else if (!strcmp(key, "ring_size"))
			status->ring_size = strtoul(value, NULL, 10);
		else if (!strcmp(key, "loaded_ns"))
			snprintf(status->loaded_ns, sizeof(status->loaded_ns), "%.23s", value);
		else if (!strcmp(key, "state")) {
			status->is_idle = !strcmp(value, "idle");
			status->is_ended = !strcmp(value, "ended");
		}
	}
	free(text);
	if (text && status->cpus > 0 && status->cpus <= CPUS_MAX)
		return 0;
	say("the session's status cannot be read: %s; stpd and the module may be of different versions", text ? "it has no or too many CPUs" : strerror(errno));
	return -1;
}

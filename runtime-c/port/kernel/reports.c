// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a reader may ask for, as text: the same by file and by netlink. */
#include <linux/kernel.h>

#include "module.h"

static void write_status(stp_write_fn write, void *to)
{
	static const char *const states[] = STP_STATE_NAMES, *const modes[] = STP_RING_NAMES, *const transports[] = STP_TRANSPORT_NAMES;
	const struct stp_config *config = &stp_session.config;
	unsigned long ring_size = 0;
	char text[256];
	u32 cpu;

	for (cpu = 0; cpu < config->cpus && !ring_size; cpu++)
		ring_size = stp_session.cpu[cpu].ring.size;
	write(to, text, scnprintf(text, sizeof(text), "state %s\ncpus %u\nmode %s\ntransport %s\nring_size %lu\nfamily %s\nloaded_ns %llu\n",
				  states[READ_ONCE(stp_session.state)], config->cpus, modes[config->overwrite], transports[config->transport], ring_size,
				  config->transport == STP_TRANSPORT_NETLINK ? stp_netlink_name() : "-", stp_loaded_ns));
}

static void write_log(stp_write_fn write, void *to)
{
	write(to, stp_log_text(), strlen(stp_log_text()));
}

const struct stp_report stp_reports[] = {
	{ "status", write_status },
	{ "manifest", stp_session_write_manifest },
	{ "modules", stp_modules_write },
	{ "log", write_log },
	{ NULL },
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The module of one program: loaded it waits; stpd starts and stops it through debugfs/stp-NAME/control, or by netlink.
 * Must never: leave anything behind when its init fails or it is unloaded.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched.h>

#include <stp/wire.h>

#include "module.h"
#include "transport.h"

static unsigned long ring_size = STP_RING_SIZE_DEFAULT;
module_param(ring_size, ulong, 0400);
MODULE_PARM_DESC(ring_size, "bytes of ring for each CPU, a power of two");

/* 0 is the default; 4294967295 none, where that is allowed. */
static struct stp_config limits;
#define STP_SESSION_LIMIT(field, text) \
	module_param_named(field, limits.field, uint, 0400); \
	MODULE_PARM_DESC(field, text);
STP_SESSION_LIMITS
#undef STP_SESSION_LIMIT

static bool record;
module_param(record, bool, 0400);
MODULE_PARM_DESC(record, "record each hit, so that the sandbox can replay it");

static char *mode = "discard";
module_param(mode, charp, 0400);
MODULE_PARM_DESC(mode, "what a full ring does: discard (new records) or overwrite (old ones)");

static char *transport = "relay";
module_param(transport, charp, 0400);
MODULE_PARM_DESC(transport, "how records leave: relay (files in debugfs) or netlink");

struct dentry *stp_folder;
u64 stp_loaded_ns;
const struct stp_transport *stp_transport = &stp_relay;

void stp_port_wake(struct stp_ring *ring)
{
	stp_transport->wake(ring->cpu);
}

/* Return: index of @word, or -EINVAL with a line in the log. */
static int read_word(const char *parameter, const char *word, const char *const names[2])
{
	int index = match_string(names, 2, word);

	if (index < 0)
		stp_log("%s must be %s or %s, not %s\n", parameter, names[0], names[1], word);
	return index;
}

static int read_words(struct stp_config *config)
{
	static const char *const modes[] = STP_RING_NAMES, *const transports[] = STP_TRANSPORT_NAMES;
	int overwrite, way;

	if (record && STP_BIG_ENDIAN) {
		stp_log("record: a big-endian kernel cannot record for the sandbox, which is little-endian and would read its memory backwards\n");
		return -EINVAL;
	}
	overwrite = read_word("mode", mode, modes);
	way = read_word("transport", transport, transports);
	if (overwrite < 0 || way < 0)
		return -EINVAL;
	config->overwrite = overwrite;
	config->transport = way;
	stp_transport = way == STP_TRANSPORT_NETLINK ? &stp_netlink : &stp_relay;
	return 0;
}

int stp_errno(int error)
{
	switch (-error) {
	case 0:
		return 0;
	case STP_ENOMEM:
		return -ENOMEM;
	case STP_ENOENT:
		return -ENOENT;
	case STP_EBUSY:
	case STP_ESTATE:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

/* A folder at the top, so that nothing shared stays behind when the last session ends. */
static struct dentry *make_folder(void)
{
	char name[sizeof("stp-") + MODULE_NAME_LEN];

	snprintf(name, sizeof(name), "stp-%s", THIS_MODULE->name);
	return debugfs_create_dir(name, NULL);
}

static int __init stp_module_init(void)
{
	struct stp_program program = {
		.probes = stp_probes_begin,
		.probes_count = stp_probes_end - stp_probes_begin,
		.maps = stp_maps_begin,
		.maps_count = stp_maps_end - stp_maps_begin,
		.formats = stp_formats_begin,
		.formats_count = stp_formats_end - stp_formats_begin,
		.names = stp_names_begin,
		.names_count = stp_names_end - stp_names_begin,
	};
	struct stp_config config = limits;
	int error;

	stp_loaded_ns = stp_time_ns();
	config.cpus = nr_cpu_ids;
	config.record = record;
	error = read_words(&config);
	if (error)
		goto no_session;
	error = stp_errno(stp_session_init(&program, &config));
	if (error)
		goto no_session;
	error = stp_errno(stp_session_check_ring(ring_size)); /* before memory is taken for it */
	if (!error)
		error = stp_modules_init();
	if (error)
		goto no_modules;
	if (config.transport == STP_TRANSPORT_RELAY)
		stp_folder = make_folder();
	error = stp_transport->init(ring_size);
	if (error)
		goto no_transport;
	if (stp_folder)
		stp_files_init();
	return 0;

no_transport:
	debugfs_remove(stp_folder);
	stp_modules_fini();
no_modules:
	stp_session_fini();
no_session:
	/* There is no log file to read it from. */
	pr_err("%s: %s", THIS_MODULE->name, stp_log_text());
	return error;
}

static void __exit stp_module_exit(void)
{
	stp_control_fini();
	stp_transport->fini();
	debugfs_remove(stp_folder);
	stp_modules_fini();
	stp_session_fini();
}

module_init(stp_module_init);
module_exit(stp_module_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A program on the stp runtime");

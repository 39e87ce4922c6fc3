// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The module of one program: loaded it waits; stpd starts and stops it through debugfs/stp-NAME/control.
 * Must never: leave anything behind when its init fails or it is unloaded.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "module.h"

static unsigned long ring_size = STP_RING_SIZE_DEFAULT;
module_param(ring_size, ulong, 0400);
MODULE_PARM_DESC(ring_size, "bytes of ring for each CPU, a power of two");

/* Limits of struct stp_config: 0 is the default, 4294967295 none where that is allowed. */
static struct stp_config limits;
module_param_named(strings, limits.strings, uint, 0400);
MODULE_PARM_DESC(strings, "pool strings of each CPU and context level");
module_param_named(actions, limits.actions, uint, 0400);
MODULE_PARM_DESC(actions, "calls and visits of one hit");
module_param_named(actions_ends, limits.actions_ends, uint, 0400);
MODULE_PARM_DESC(actions_ends, "the same for a begin or end probe");
module_param_named(time_us, limits.time_us, uint, 0400);
MODULE_PARM_DESC(time_us, "microseconds of one hit");
module_param_named(overload_percent, limits.overload_percent, uint, 0400);
MODULE_PARM_DESC(overload_percent, "share of an interval that the hits of one CPU may take");
module_param_named(overload_interval_ms, limits.overload_interval_ms, uint, 0400);
MODULE_PARM_DESC(overload_interval_ms, "that interval");
module_param_named(errors, limits.errors, uint, 0400);
MODULE_PARM_DESC(errors, "uncaught errors after which the session stops");
module_param_named(map_entries, limits.map_entries, uint, 0400);
MODULE_PARM_DESC(map_entries, "capacity of a map that names none");
module_param_named(print_size, limits.print_size, uint, 0400);
MODULE_PARM_DESC(print_size, "bytes of print buffer for each CPU and context level");

static bool record;
module_param(record, bool, 0400);
MODULE_PARM_DESC(record, "record each hit, so that the sandbox can replay it");

struct dentry *stp_folder;

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
	};
	struct stp_config config = limits;
	int error;

	config.cpus = nr_cpu_ids;
	config.record = record;
	error = stp_errno(stp_session_init(&program, &config));
	if (error)
		goto no_session;
	stp_folder = make_folder();
	error = PTR_ERR_OR_ZERO(stp_folder);
	if (error)
		goto no_folder;
	error = stp_transport_init(ring_size);
	if (error)
		goto no_transport;
	stp_control_init();
	return 0;

no_transport:
	debugfs_remove(stp_folder);
no_folder:
	stp_session_fini();
no_session:
	/* There is no log file to read it from. */
	pr_err("%s", stp_log_text());
	return error;
}

static void __exit stp_module_exit(void)
{
	stp_session_stop();
	stp_control_fini();
	stp_transport_fini();
	debugfs_remove(stp_folder);
	stp_session_fini();
}

module_init(stp_module_init);
module_exit(stp_module_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A program on the stp runtime");

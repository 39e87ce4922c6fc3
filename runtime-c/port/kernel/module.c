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
		.names = stp_names_begin,
		.names_count = stp_names_end - stp_names_begin,
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

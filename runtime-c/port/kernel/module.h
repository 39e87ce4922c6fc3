/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the parts of the kernel world share. */
#ifndef STP_PORT_KERNEL_MODULE_H
#define STP_PORT_KERNEL_MODULE_H

#include <linux/dcache.h>

#include <stp/look.h>
#include <stp/session.h>

/* Ends of the tables that STP_PROBE(), STP_MAP() and formats fill: see program_first.c. */
extern struct stp_probe *const stp_probes_begin[], *const stp_probes_end[];
extern struct stp_map *const stp_maps_begin[], *const stp_maps_end[];
extern const struct stp_format_use *const stp_formats_begin[], *const stp_formats_end[];
extern struct stp_name *const stp_names_begin[], *const stp_names_end[];

/* Folder of the session in debugfs; NULL without one. */
extern struct dentry *stp_folder;

/* When the module was loaded, on the records' clock: no other session has the same. */
extern u64 stp_loaded_ns;

/* A negative STP_E* as the kernel's errno, for system calls. */
int stp_errno(int error);

/* Whether the session has ended: no record comes any more. */
static inline bool stp_is_over(void)
{
	return smp_load_acquire(&stp_session.state) == STP_STATE_ENDED;
}

/* control.c: commands, and what the runtime asks for from a probe. */
#define STP_COMMAND_SIZE_MAX 64 /* bytes, the final NUL included */
/* Obeys "start", "stop" or "set NAME VALUE"; @command is changed. Return: 0, or an errno. */
int stp_control(char *command);
void stp_control_fini(void);

/* reports.c: what a reader may ask for, as text. */
struct stp_report {
	const char *name; /* of its file */
	void (*write)(stp_write_fn write, void *to);
};

/* status, manifest, modules, log; ends with a name that is NULL. */
extern const struct stp_report stp_reports[];

/* files.c: the control channel's files in debugfs. */
void stp_files_init(void);
/* Wakes who reads the log: it has grown, or is complete. */
void stp_files_said(void);

/* netlink.c: name of the session's family. */
const char *stp_netlink_name(void);

/* modules.c: modules that come and go while the session runs. */
int stp_modules_init(void);
void stp_modules_write(stp_write_fn write, void *to);
void stp_modules_fini(void);

#endif

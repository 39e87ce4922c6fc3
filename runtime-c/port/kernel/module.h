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

/* Folder of the session in debugfs. */
extern struct dentry *stp_folder;

/* A negative STP_E* as the kernel's errno, for system calls. */
int stp_errno(int error);

/* Rings in relay's buffers, and a file for each that the reader reads (transport.c). */
int stp_transport_init(unsigned long ring_size);
void stp_transport_fini(void);
/* Wakes readers so that they see the end of the session. */
void stp_transport_stopped(void);

/* Files control, manifest and log (control.c), and what the runtime asks for from a probe. */
void stp_control_init(void);
void stp_control_fini(void);

#endif

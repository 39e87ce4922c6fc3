/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Fields that a program reads from its tracepoints. */
#ifndef STP_PORT_KERNEL_TRACEPOINT_H
#define STP_PORT_KERNEL_TRACEPOINT_H

#include <stp/look.h>

/**
 * stp_tracepoint_resolve() - Find out whether a tracepoint of the program has the field @name.
 *
 * If one of its tracepoints is not there, the field may have been that one's, and nothing is said: its probe cannot be attached.
 *
 * Context: Task, may sleep.
 * Return:  0; -STP_ENOENT after a line in the log.
 */
int stp_tracepoint_resolve(struct stp_name *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counters of the kernel's perf, one on each CPU, that call back. */
#ifndef STP_PORT_KERNEL_COUNTERS_H
#define STP_PORT_KERNEL_COUNTERS_H

#include <linux/perf_event.h>

struct stp_counters;

/**
 * stp_counters_open() - Count what @attr says on each CPU that is up.
 * @on_overflow: Called in the context of what is counted.
 * @context:     event->overflow_handler_context there.
 *
 * CPUs that come up later are not counted on.
 *
 * Context: Task, may sleep.
 * Return:  Them, or an ERR_PTR with the kernel's errno.
 */
struct stp_counters *stp_counters_open(struct perf_event_attr *attr, perf_overflow_handler_t on_overflow, void *context);

/* stp_counters_close() - Stop; no call of the handler is under way after the return. Takes an ERR_PTR and NULL. */
void stp_counters_close(struct stp_counters *counters);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Counters of the kernel's perf: for providers tracepoint and perf. */
#include <linux/cpumask.h>
#include <linux/tracepoint.h>

#include <stp/port.h>

#include "counters.h"

struct stp_counters {
	u32 count;
	struct perf_event *event[];
};

struct stp_counters *stp_counters_open(struct perf_event_attr *attr, perf_overflow_handler_t on_overflow, void *context)
{
	struct stp_counters *counters = stp_alloc(struct_size(counters, event, nr_cpu_ids));
	struct perf_event *event;
	unsigned int cpu;

	if (!counters)
		return ERR_PTR(-ENOMEM);
	for_each_online_cpu(cpu) {
		event = perf_event_create_kernel_counter(attr, cpu, NULL, on_overflow, context);
		if (event == ERR_PTR(-ENODEV))
			continue; /* it went down just now */
		if (IS_ERR(event)) {
			stp_counters_close(counters);
			return ERR_CAST(event);
		}
		counters->event[counters->count++] = event;
	}
	return counters;
}

void stp_counters_close(struct stp_counters *counters)
{
	u32 i;

	if (IS_ERR_OR_NULL(counters))
		return;
	for (i = 0; i < counters->count; i++)
		perf_event_release_kernel(counters->event[i]);
	/*
	 * A handler that was interrupted by the release still runs, with preemption off; that of a tracepoint maybe where RCU does not watch.
	 * Expedited: the release has interrupted each CPU already, and a session has many probes.
	 */
	synchronize_srcu_expedited(&tracepoint_srcu);
	synchronize_rcu_expedited();
	stp_free(counters);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider perf: the kernel's software events, each or every n-th, on all CPUs. */
#include <linux/kernel.h>
#include <linux/slab.h>

#include "counters.h"
#include "hit.h"
#include "nearest.h"

#define CLOCK_PERIOD_NS_DEFAULT NSEC_PER_MSEC
#define CLOCK_PERIOD_NS_MIN (100 * NSEC_PER_USEC)
#define PERIOD_MAX S64_MAX

struct attached {
	struct stp_counters *counters;
	struct stp_probe *probe;
};

static const struct event {
	const char *name;
	u32 config;
	u64 period; /* default */
	u64 period_min;
} events[] = {
	{ "page-faults", PERF_COUNT_SW_PAGE_FAULTS, 1, 1 },
	{ "minor-faults", PERF_COUNT_SW_PAGE_FAULTS_MIN, 1, 1 },
	{ "major-faults", PERF_COUNT_SW_PAGE_FAULTS_MAJ, 1, 1 },
	{ "alignment-faults", PERF_COUNT_SW_ALIGNMENT_FAULTS, 1, 1 },
	{ "context-switches", PERF_COUNT_SW_CONTEXT_SWITCHES, 1, 1 },
	{ "cpu-migrations", PERF_COUNT_SW_CPU_MIGRATIONS, 1, 1 },
	{ "cpu-clock", PERF_COUNT_SW_CPU_CLOCK, CLOCK_PERIOD_NS_DEFAULT, CLOCK_PERIOD_NS_MIN },
	{ "task-clock", PERF_COUNT_SW_TASK_CLOCK, CLOCK_PERIOD_NS_DEFAULT, CLOCK_PERIOD_NS_MIN },
};

static const struct stp_hit_kind kind;

static void on_overflow(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct attached *attached = event->overflow_handler_context;
	struct stp_hit hit = { .kind = &kind, .regs = regs };

	stp_probe_hit(attached->probe, stp_port_level(), &hit);
}

static const struct event *find(const char *name, size_t length)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (strlen(events[i].name) == length && !strncmp(events[i].name, name, length))
			return &events[i];
	return NULL;
}

static int refuse_unknown(struct stp_probe *probe, size_t length)
{
	struct stp_nearest *nearest = stp_alloc(sizeof(*nearest));
	char *wanted = kstrndup(probe->target, length, GFP_KERNEL);
	u32 i;

	if (nearest && wanted) {
		nearest->wanted = wanted;
		for (i = 0; i < ARRAY_SIZE(events); i++)
			stp_nearest_offer(nearest, events[i].name);
	}
	stp_refuse(probe, -STP_ENOENT, "no such event%s", nearest ? stp_nearest_text(nearest) : "");
	kfree(wanted);
	stp_free(nearest);
	return -STP_ENOENT;
}

/* "NAME" or "NAME:PERIOD". */
static int parse(struct stp_probe *probe, struct perf_event_attr *attr)
{
	size_t length = strcspn(probe->target, ":");
	const struct event *event = find(probe->target, length);
	u64 period;

	if (!event)
		return refuse_unknown(probe, length);
	period = event->period;
	if (probe->target[length] && kstrtou64(probe->target + length + 1, 10, &period))
		period = 0;
	if (period < event->period_min || period > PERIOD_MAX)
		return stp_refuse(probe, -STP_EINVAL, "give a period of at least %llu behind the colon, as %s:%llu", event->period_min, event->name,
				  event->period);
	attr->config = event->config;
	attr->sample_period = period;
	return 0;
}

static int attach(struct stp_probe *probe)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr) };
	struct attached *attached;
	int error = parse(probe, &attr);

	if (error)
		return error;
	attached = stp_alloc(sizeof(*attached));
	if (!attached)
		return stp_refuse(probe, -STP_ENOMEM, "no memory");
	attached->probe = probe;
	attached->counters = stp_counters_open(&attr, on_overflow, attached);
	if (IS_ERR(attached->counters)) {
		error = PTR_ERR(attached->counters);
		stp_free(attached);
		return stp_refuse(probe, -STP_EINVAL, "refused by the kernel (%d)", error);
	}
	probe->state = attached;
	return 0;
}

static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;

	stp_counters_close(attached->counters);
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_perf = {
	.name = "perf",
	.about = "a software event of the kernel, and every how many: page-faults, cpu-clock:1000000",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

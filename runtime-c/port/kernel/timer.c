// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Providers timer, one clock for the session, and profile, one on each CPU that looks at what it interrupts.
 * Must never: pile up interrupts. A tick whose time has passed is missed, and counted.
 */
#include <asm/irq_regs.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/smp.h>

#include "hit.h"

#define INTERVAL_NS_MIN (100 * NSEC_PER_USEC)
#define INTERVAL_NS_MAX (86400ull * NSEC_PER_SEC)
#define ANY_CPU (-1)

/* One clock. Only its own interrupt writes @missed. */
struct ticker {
	struct hrtimer timer;
	struct stp_probe *probe;
	u64 interval_ns;
	u64 missed;
	int cpu;
};

struct attached {
	u32 count;
	struct ticker ticker[];
};

static const struct stp_hit_kind kind;

static enum hrtimer_restart on_tick(struct hrtimer *timer)
{
	struct ticker *ticker = container_of(timer, struct ticker, timer);
	struct stp_hit hit = { .kind = &kind, .regs = get_irq_regs() };
	u64 passed;

	if (ticker->cpu != ANY_CPU && ticker->cpu != smp_processor_id())
		return HRTIMER_NORESTART; /* its CPU went down, and the kernel moved it */
	stp_probe_hit(ticker->probe, stp_port_level(), &hit);
	passed = hrtimer_forward(timer, ktime_get(), ns_to_ktime(ticker->interval_ns));
	if (passed > 1)
		ticker->missed += passed - 1;
	return HRTIMER_RESTART;
}

/* "97hz", "10ms": nanoseconds; 0 if it is neither, or out of bounds. */
static u64 parse_interval(const char *text)
{
	static const struct { const char *unit; u64 ns; } units[] = { { "us", NSEC_PER_USEC }, { "ms", NSEC_PER_MSEC }, { "s", NSEC_PER_SEC } };
	u64 number = 0, ns = 0;
	u32 i;

	for (; *text >= '0' && *text <= '9' && number < INTERVAL_NS_MAX; text++)
		number = number * 10 + (*text - '0');
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].unit) && number <= stp_divide_u64(INTERVAL_NS_MAX, units[i].ns))
			ns = number * units[i].ns;
	if (!strcmp(text, "hz") && number)
		ns = stp_divide_u64(NSEC_PER_SEC, number);
	return ns < INTERVAL_NS_MIN ? 0 : ns;
}

static struct attached *prepare(struct stp_probe *probe, u32 count)
{
	u64 interval_ns = parse_interval(probe->target);
	struct attached *attached;

	if (!interval_ns) {
		stp_refuse(probe, -STP_EINVAL, "give an interval of 100 us to a day as 500us, 10ms or 1s, or a rate of 1 to 10000 as 97hz");
		return ERR_PTR(-STP_EINVAL);
	}
	attached = stp_alloc(struct_size(attached, ticker, count));
	if (!attached) {
		stp_refuse(probe, -STP_ENOMEM, "no memory");
		return ERR_PTR(-STP_ENOMEM);
	}
	for (; attached->count < count; attached->count++)
		attached->ticker[attached->count] = (struct ticker){ .probe = probe, .interval_ns = interval_ns, .cpu = ANY_CPU };
	return attached;
}

/* Hard: in the interrupt itself on kernels that would rather have a thread do it. */
static void start(struct ticker *ticker, enum hrtimer_mode mode)
{
	hrtimer_init(&ticker->timer, CLOCK_MONOTONIC, mode);
	ticker->timer.function = on_tick;
	hrtimer_start(&ticker->timer, ns_to_ktime(ticker->interval_ns), mode);
}

static void start_here(void *ticker)
{
	start(ticker, HRTIMER_MODE_REL_PINNED_HARD);
}

static int attach_timer(struct stp_probe *probe)
{
	struct attached *attached = prepare(probe, 1);

	if (IS_ERR(attached))
		return PTR_ERR(attached);
	probe->state = attached;
	start(&attached->ticker[0], HRTIMER_MODE_REL_HARD);
	return 0;
}

/* CPUs that come up later have no clock. */
static int attach_profile(struct stp_probe *probe)
{
	struct attached *attached = prepare(probe, nr_cpu_ids);
	unsigned int cpu;

	if (IS_ERR(attached))
		return PTR_ERR(attached);
	probe->state = attached;
	for_each_online_cpu(cpu) {
		attached->ticker[cpu].cpu = cpu;
		smp_call_function_single(cpu, start_here, &attached->ticker[cpu], true); /* fails if it went down just now */
	}
	return 0;
}

static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;
	u32 i;

	for (i = 0; i < attached->count; i++) {
		if (!attached->ticker[i].timer.function)
			continue; /* never started */
		hrtimer_cancel(&attached->ticker[i].timer); /* waits for its interrupt */
		probe->missed += attached->ticker[i].missed;
	}
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_timer = {
	.name = "timer",
	.about = "an interval or a rate: 100ms, 97hz; on some CPU",
	.rank = 1,
	.attach = attach_timer,
	.detach = detach,
};

const struct stp_provider stp_provider_profile = {
	.name = "profile",
	.about = "an interval or a rate: 10ms, 97hz; on each CPU",
	.rank = 1,
	.attach = attach_profile,
	.detach = detach,
};

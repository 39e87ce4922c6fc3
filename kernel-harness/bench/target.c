// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Makes calls of a function that a probe sits on, and times them: `echo N >parameters/calls`, then read
 * parameters/ticks, of all, and parameters/cheapest, of the cheapest.
 *
 * The function is exported, of a few instructions, begins as most do (so that its kprobe is on ftrace), and nobody else
 * calls it. Interrupts are off during a call, so that whatever the probe does is not disturbed, and on between calls, so that
 * readers get their turn.
 * Must never: know which tracer is there. Sibling: meter.c, which writes and reads
 */
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <asm/msr.h>

#define CALLS_MAX 10000000
#define CALLS_BETWEEN_TURNS 16

static unsigned long calls, ticks, cheapest;

/* Called through here: a compiler that knew what the function does might leave it out. */
static u64 (*volatile function)(u64 argument) = jiffies64_to_nsecs;

/* Time of one call, and of reading the time: that is the same with and without a probe. */
static u64 time_of_call(u64 argument)
{
	unsigned long flags;
	u64 begin, end;

	local_irq_save(flags);
	begin = rdtsc_ordered();
	function(argument);
	end = rdtsc_ordered();
	local_irq_restore(flags);
	return end - begin;
}

static int make_calls(const char *text, const struct kernel_param *parameter)
{
	int error = param_set_ulong(text, parameter);
	unsigned long i;
	u64 sum = 0, least = U64_MAX, one;

	if (error || calls > CALLS_MAX)
		return error ? error : -EINVAL;
	for (i = 0; i < calls; i++) {
		one = time_of_call(i);
		sum += one;
		if (one < least)
			least = one;
		if (i % CALLS_BETWEEN_TURNS == 0)
			cond_resched();
	}
	ticks = sum;
	cheapest = least;
	return 0;
}

static const struct kernel_param_ops calls_ops = { .set = make_calls, .get = param_get_ulong };
module_param_cb(calls, &calls_ops, &calls, 0600);
module_param(ticks, ulong, 0400);
module_param(cheapest, ulong, 0400);

static int __init target_init(void)
{
	return 0;
}

static void __exit target_exit(void)
{
}

module_init(target_init);
module_exit(target_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Calls that a probe is measured on");

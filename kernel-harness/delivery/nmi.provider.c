// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Provider nmi: real non-maskable interrupts that land anywhere in what other CPUs do, in the middle of a write into a ring, too. At its end it
 * says how many hits it made.
 */
#include <asm/apic.h>
#include <asm/nmi.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include <stp/session.h>

#include "hit.h"

#define NAME "stp_delivery"
#define PAUSE_US 20 /* microseconds between two nmis of a CPU */
#define LAST_MS 100 /* milliseconds for the last to arrive */

static const struct stp_hit_kind kind = {};
static struct stp_probe *attached;
static struct task_struct *sender;
static DEFINE_PER_CPU(atomic_t, due); /* one is on its way */
static DEFINE_PER_CPU(u64, hits);

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	struct stp_hit hit = { .kind = &kind, .regs = regs };

	if (!atomic_xchg(this_cpu_ptr(&due), 0))
		return NMI_DONE;
	/* One that comes while the session stops is not the session's (X5), and is perhaps counted. */
	if (READ_ONCE(stp_session.state) == STP_STATE_RUNNING)
		this_cpu_inc(hits);
	stp_probe_hit(attached, stp_port_level(), &hit);
	return NMI_HANDLED;
}

/* To the other CPUs: one to itself would land here, always. */
static int send(void *unused)
{
	unsigned int cpu;

	sched_set_fifo_low(current); /* before those that print as fast as they can */
	while (!kthread_should_stop()) {
		preempt_disable();
		for_each_online_cpu(cpu)
			if (cpu != smp_processor_id() && !atomic_xchg(per_cpu_ptr(&due, cpu), 1))
				apic->send_IPI(cpu, NMI_VECTOR);
		preempt_enable();
		usleep_range(PAUSE_US, 2 * PAUSE_US);
	}
	return 0;
}

static int attach(struct stp_probe *probe)
{
	int error;

	attached = probe;
	error = register_nmi_handler(NMI_LOCAL, on_nmi, 0, NAME);
	if (error)
		return stp_refuse(probe, -STP_EINVAL, "the kernel takes no handler for it");
	sender = kthread_run(send, NULL, NAME);
	if (!IS_ERR(sender))
		return 0;
	unregister_nmi_handler(NMI_LOCAL, NAME);
	return stp_refuse(probe, -STP_ENOMEM, "no thread to send them");
}

static void detach(struct stp_probe *probe)
{
	unsigned int cpu;
	u64 sum = 0;

	kthread_stop(sender);
	msleep(LAST_MS);
	unregister_nmi_handler(NMI_LOCAL, NAME);
	for_each_possible_cpu(cpu)
		sum += per_cpu(hits, cpu);
	stp_log("nmi hits %d\n", sum);
}

const struct stp_provider stp_provider_nmi = {
	.name = "nmi",
	.about = "nothing: each nmi that it sends itself",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

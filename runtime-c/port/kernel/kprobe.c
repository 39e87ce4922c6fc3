// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider kprobe: the entry of a kernel function. */
#include <linux/kprobes.h>

#include <stp/session.h>

struct attached {
	struct kprobe kprobe;
	struct stp_probe *probe;
};

/*
 * A breakpoint exception counts as one nmi level of its own, so a breakpoint kprobe looks one level deeper than what
 * it interrupted. A kprobe on ftrace does not. The kernel never runs two kprobe handlers nested on a CPU.
 */
static u32 level_of(struct kprobe *kprobe)
{
	if (kprobe_ftrace(kprobe) || (preempt_count() & NMI_MASK) != NMI_OFFSET)
		return stp_port_level();
	if (in_hardirq())
		return STP_CONTEXT_IRQ;
	return in_serving_softirq() ? STP_CONTEXT_SOFTIRQ : STP_CONTEXT_TASK;
}

static int on_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	stp_probe_hit(container_of(kprobe, struct attached, kprobe)->probe, level_of(kprobe), regs);
	return 0;
}
NOKPROBE_SYMBOL(on_hit);

static int attach(struct stp_probe *probe)
{
	struct attached *attached = stp_alloc(sizeof(*attached));
	int error;

	if (!attached)
		return -STP_ENOMEM;
	attached->probe = probe;
	attached->kprobe.symbol_name = probe->target;
	attached->kprobe.pre_handler = on_hit;
	error = register_kprobe(&attached->kprobe);
	if (error) {
		stp_log("%s:%d: cannot attach kprobe %s: %s (%d)\n", probe->file, probe->line, probe->target,
			error == -ENOENT ? "no such function" : "refused by the kernel", error);
		stp_free(attached);
		return error == -ENOENT ? -STP_ENOENT : -STP_EINVAL;
	}
	probe->state = attached;
	return 0;
}

static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;

	unregister_kprobe(&attached->kprobe); /* waits for hits in flight */
	probe->missed = attached->kprobe.nmissed;
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_kprobe = {
	.name = "kprobe",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

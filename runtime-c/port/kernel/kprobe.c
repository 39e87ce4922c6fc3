// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider kprobe: the entry of a kernel function. */
#include <linux/kprobes.h>

#include "hit.h"

struct attached {
	struct kprobe kprobe;
	struct stp_probe *probe;
};

static const struct stp_hit_kind kind = { .arg = stp_hit_arg };

static int on_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	struct stp_hit hit = { .kind = &kind, .regs = regs };
	u32 level = kprobe_ftrace(kprobe) ? stp_port_level() : stp_hit_level(); /* on ftrace there is no breakpoint */

	stp_probe_hit(container_of(kprobe, struct attached, kprobe)->probe, level, &hit);
	return 0;
}
NOKPROBE_SYMBOL(on_hit);

static int attach(struct stp_probe *probe)
{
	struct attached *attached = stp_alloc(sizeof(*attached));
	int error;

	if (!attached)
		return stp_refuse(probe, -STP_ENOMEM, "no memory");
	attached->probe = probe;
	attached->kprobe.symbol_name = probe->target;
	attached->kprobe.pre_handler = on_hit;
	error = register_kprobe(&attached->kprobe);
	if (error) {
		stp_free(attached);
		return stp_refuse_function(probe, error);
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
	.about = "a kernel function: its entry",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

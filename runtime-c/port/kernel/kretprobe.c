// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider kretprobe: the return of a kernel function, with what it was called with. */
#include <linux/kprobes.h>

#include "hit.h"

#define INSTANCES_MAX 1024 /* calls of the function that are under way at a time; further ones are missed */

struct attached {
	struct kretprobe kretprobe;
	struct stp_probe *probe;
};

/* What is kept of a call from its entry to its return. */
struct call {
	u64 args[STP_EVENT_ARGS];
	u64 entry_ns;
};

struct return_hit {
	struct stp_hit hit;
	const struct call *call;
};

static const struct call *call_of(const struct stp_hit *hit)
{
	return container_of(hit, struct return_hit, hit)->call;
}

static u64 entry_arg(const struct stp_hit *hit, u32 n)
{
	return call_of(hit)->args[n];
}

static s32 look_at_return(const struct stp_hit *hit, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	switch (kind) {
	case STP_LOOK_RETURNED:
		return stp_number((long)regs_return_value(hit->regs), to, size);
	case STP_LOOK_ENTRY:
		return stp_number(call_of(hit)->entry_ns, to, size);
	default:
		return -STP_ENOENT;
	}
}

static const struct stp_hit_kind kind = { .arg = entry_arg, .look = look_at_return };

static int on_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct stp_hit entry = { .regs = regs };
	struct call *call = (struct call *)instance->data;
	u32 i;

	for (i = 0; i < STP_EVENT_ARGS; i++)
		call->args[i] = stp_hit_arg(&entry, i);
	call->entry_ns = stp_time_ns();
	return 0;
}
NOKPROBE_SYMBOL(on_entry);

/* The function has returned into a trampoline: there is no breakpoint, so the level is what it looks like. */
static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct return_hit hit = { .hit = { .kind = &kind, .regs = regs }, .call = (const struct call *)instance->data };
	struct kretprobe *kretprobe = get_kretprobe(instance);

	if (kretprobe)
		stp_probe_hit(container_of(kretprobe, struct attached, kretprobe)->probe, stp_port_level(), &hit.hit);
	return 0;
}
NOKPROBE_SYMBOL(on_return);

static int attach(struct stp_probe *probe)
{
	struct attached *attached = stp_alloc(sizeof(*attached));
	int error;

	if (!attached)
		return stp_refuse(probe, -STP_ENOMEM, "no memory");
	attached->probe = probe;
	attached->kretprobe.kp.symbol_name = probe->target;
	attached->kretprobe.entry_handler = on_entry;
	attached->kretprobe.handler = on_return;
	attached->kretprobe.maxactive = INSTANCES_MAX;
	attached->kretprobe.data_size = sizeof(struct call);
	error = register_kretprobe(&attached->kretprobe);
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

	unregister_kretprobe(&attached->kretprobe); /* waits for hits in flight; calls that have not returned are forgotten */
	probe->missed = attached->kretprobe.nmissed + attached->kretprobe.kp.nmissed;
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_kretprobe = {
	.name = "kretprobe",
	.about = "a kernel function: its return",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

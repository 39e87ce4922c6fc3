// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider links: a network device goes "up" or "down". The kernel also tells, when we attach, which are up already. */
#include <linux/netdevice.h>
#include <linux/notifier.h>

#include <stp/session.h>

#include "hit.h"

/* What a probe of ours needs while it is attached. */
struct attached {
	struct notifier_block block;
	struct stp_probe *probe;
	unsigned long event;
};

/* A hit: what all hits begin with, and what only we know. */
struct link_hit {
	struct stp_hit hit;
	const char *device;
};

static s32 look(const struct stp_hit *hit, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	const struct link_hit *ours = container_of(hit, struct link_hit, hit);
	u32 length = strnlen(ours->device, IFNAMSIZ);

	if (kind != STP_LOOK_TEXT)
		return -STP_ENOENT;
	length = min(length, size);
	memcpy(to, ours->device, length);
	return length;
}

static const struct stp_hit_kind kind = { .look = look };

static int on_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct attached *attached = container_of(block, struct attached, block);
	struct link_hit hit = { .hit = { .kind = &kind }, .device = netdev_notifier_info_to_dev(info)->name };

	if (event == attached->event)
		stp_probe_hit(attached->probe, stp_port_level(), &hit.hit);
	return NOTIFY_DONE;
}

static int attach(struct stp_probe *probe)
{
	bool up = !strcmp(probe->target, "up");
	struct attached *attached;

	if (!up && strcmp(probe->target, "down")) {
		stp_log("%s:%d: cannot attach links %s: say \"up\" or \"down\"\n", probe->file, probe->line, probe->target);
		return -STP_EINVAL;
	}
	attached = stp_alloc(sizeof(*attached));
	if (!attached)
		return -STP_ENOMEM;
	attached->probe = probe;
	attached->event = up ? NETDEV_UP : NETDEV_DOWN;
	attached->block.notifier_call = on_event;
	if (register_netdevice_notifier(&attached->block)) {
		stp_log("%s:%d: cannot attach links %s: refused by the kernel\n", probe->file, probe->line, probe->target);
		stp_free(attached);
		return -STP_EINVAL;
	}
	probe->state = attached;
	return 0;
}

/* The kernel calls us under a lock that unregistering takes: behind it no hit is in flight. It also plays every device as going down. */
static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;

	attached->event = 0; /* none of NETDEV_* */
	unregister_netdevice_notifier(&attached->block);
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_links = {
	.name = "links",
	.about = "\"up\" or \"down\": what a network device does",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};

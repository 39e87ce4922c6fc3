// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Generic netlink: the same rings, drained by a worker into messages for one attached reader; commands and reports, too. Needs no debugfs.
 * Must never: let a probe wait, allocate or send; take from a ring what the reader has not acknowledged.
 *
 * The worker sends at most STP_NETLINK_WINDOW bytes of each CPU ahead of the reader's acknowledgements. A reader that is slow or gone leaves its
 * part in the ring, and what then does not fit is counted by the ring.
 */
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "module.h"
#include "netlink_report.h"
#include "transport.h"

#define RETRY_MS 20 /* ms: after the reader's socket was full, or memory short */

/* One ring. */
struct stream {
	u8 *memory;
	u64 given; /* stream offset of the ring's tail, in 64 bits everywhere */
	u64 sent;  /* stream offset */
	struct irq_work wake;
};

static struct stream *streams;
static DEFINE_MUTEX(lock); /* @reader, and what is given and sent */
static u32 reader; /* port of the attached socket, 0: none; it holds a reference to this module */
static bool first_look; /* nothing was there: look once more, then wait to be woken */
static bool end_sent;
static void drain(struct work_struct *unused);
static DECLARE_DELAYED_WORK(drain_work, drain);
static char family_name[GENL_NAMSIZ];
static struct genl_family family;

/* FNV-1a: a reader that knows the module's name knows this one. */
static void name_family(void)
{
	const char *name = THIS_MODULE->name;
	u32 hash = 0x811c9dc5;

	for (; *name; name++)
		hash = (hash ^ (u8)*name) * 0x01000193;
	snprintf(family_name, sizeof(family_name), "stp-%08x", hash);
}

const char *stp_netlink_name(void)
{
	return family_name;
}

static struct stp_ring *ring_of(u32 cpu)
{
	return &stp_session.cpu[cpu].ring;
}

/*
 * After @ms, or as soon as was wanted before if that is earlier. At high priority: who prints flat out leaves its CPU to nobody else.
 */
static void queue_drain(unsigned int ms)
{
	if (ms)
		queue_delayed_work(system_highpri_wq, &drain_work, msecs_to_jiffies(ms));
	else
		mod_delayed_work(system_highpri_wq, &drain_work, 0);
}

/* Little is left to grow, much is sent at once. */
static void wake_worker(struct irq_work *work)
{
	u32 cpu = container_of(work, struct stream, wake) - streams;
	struct stp_ring *ring = ring_of(cpu);
	unsigned long much = ring->size / 4;

	if (READ_ONCE(ring->committed) - READ_ONCE(ring->tail) >= much) {
		queue_drain(0);
		return;
	}
	WRITE_ONCE(ring->wanted, much);
	queue_drain(STP_BATCH_MS_MAX);
}

static void wake_of_netlink(u32 cpu)
{
	/* From any context, nmi too: the interrupt that follows does the waking. */
	irq_work_queue(&streams[cpu].wake);
}

/* A message of @command with room for @size bytes of data; filled in by the caller, then sent by unicast(). */
static struct sk_buff *new_message(u8 command, size_t size, void **head)
{
	struct sk_buff *message = genlmsg_new(size + 4 * NLA_HDRLEN + 64, GFP_KERNEL);

	*head = message ? genlmsg_put(message, reader, 0, &family, 0, command) : NULL;
	if (*head)
		return message;
	nlmsg_free(message);
	return NULL;
}

/* Return: 0; -EAGAIN if the reader's socket is full; -ECONNREFUSED if it is gone. */
static int unicast(struct sk_buff *message, void *head)
{
	genlmsg_end(message, head);
	return genlmsg_unicast(&init_net, message, reader);
}

static int send_empty(u8 command)
{
	void *head;
	struct sk_buff *message = new_message(command, 0, &head);

	return message ? unicast(message, head) : -ENOMEM;
}

/* The next part of a CPU's stream. Return: bytes; 0 if there is none, or the window is full; or an errno. */
static int send_part(u32 cpu)
{
	struct stream *stream = &streams[cpu];
	unsigned long ahead = stream->sent - stream->given, part;
	const u8 *from = stp_ring_peek_at(ring_of(cpu), ahead, &part);
	struct sk_buff *message;
	struct nlattr *data;
	void *head;
	int error;

	part = min3(part, (unsigned long)STP_NETLINK_DATA_SIZE_MAX, STP_NETLINK_WINDOW - min(ahead, (unsigned long)STP_NETLINK_WINDOW));
	if (!part)
		return 0;
	message = new_message(STP_NL_DATA, part, &head);
	if (!message)
		return -ENOMEM;
	error = nla_put_u32(message, STP_NL_ATTR_CPU, cpu);
	if (!error)
		error = nla_put_u64_64bit(message, STP_NL_ATTR_OFFSET, stream->sent, STP_NL_ATTR_PAD);
	data = error ? NULL : nla_reserve(message, STP_NL_ATTR_DATA, part);
	if (!data) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	memcpy(nla_data(data), from, part);
	error = unicast(message, head);
	if (error)
		return error;
	stream->sent += part;
	return part;
}

static bool all_is_given(void)
{
	u32 cpu;

	for (cpu = 0; cpu < stp_session.config.cpus; cpu++)
		if (ring_of(cpu)->size && stp_ring_readable(ring_of(cpu)))
			return false;
	return true;
}

/* All that there is, within the window. Return: bytes sent, or an errno. */
static long send_all(void)
{
	static u32 first; /* each has its turn to be the first: a socket may have no room for all */
	const u32 cpus = stp_session.config.overwrite ? 0 : stp_session.config.cpus;
	long total = 0;
	u32 n;

	first++;
	for (n = 0; n < cpus; n++) {
		u32 cpu = (first + n) % cpus;
		int sent;

		while (ring_of(cpu)->size && (sent = send_part(cpu))) {
			if (sent < 0)
				return sent;
			total += sent;
		}
	}
	return total;
}

/* Sleep until a writer wakes us. One that is writing just now may not see that we wait: so look again, once. */
static void wait_for_writers(long sent)
{
	u32 cpu;

	for (cpu = 0; cpu < stp_session.config.cpus && !stp_session.config.overwrite; cpu++)
		if (ring_of(cpu)->size && streams[cpu].sent - streams[cpu].given < STP_NETLINK_WINDOW) /* else an acknowledgement comes first */
			WRITE_ONCE(ring_of(cpu)->wanted, streams[cpu].sent - streams[cpu].given + 1);
	if (sent || first_look)
		queue_drain(sent ? STP_BATCH_MS_MAX : STP_FIRST_LOOK_MS);
	first_look = sent;
}

static void send_end(void)
{
	if (!end_sent && send_empty(STP_NL_END))
		queue_drain(RETRY_MS);
	else
		end_sent = true;
}

static void drain(struct work_struct *unused)
{
	bool over = stp_is_over(); /* before the look into the rings */
	long sent;

	mutex_lock(&lock);
	if (!reader)
		goto out;
	sent = send_all();
	if (sent == -EAGAIN || sent == -ENOMEM || sent == -ENOBUFS)
		queue_drain(RETRY_MS);
	else if (sent >= 0 && over && (stp_session.config.overwrite || all_is_given()))
		send_end();
	else if (sent >= 0 && !over)
		wait_for_writers(sent);
out:
	mutex_unlock(&lock);
}

static void kick(void)
{
	queue_drain(0);
}

/* Under @lock. */
static void let_go(void)
{
	if (!reader)
		return;
	reader = 0;
	module_put(THIS_MODULE);
}

static int attach(struct sk_buff *request, struct genl_info *info)
{
	int error = 0;
	u32 cpu;

	mutex_lock(&lock);
	if (reader && reader != info->snd_portid)
		error = -EBUSY;
	else if (!reader && !try_module_get(THIS_MODULE))
		error = -ENODEV;
	if (!error) {
		reader = info->snd_portid;
		end_sent = false;
		first_look = true;
		for (cpu = 0; cpu < stp_session.config.cpus; cpu++)
			streams[cpu].sent = streams[cpu].given;
	}
	mutex_unlock(&lock);
	if (!error)
		kick();
	return error;
}

static int detach(struct sk_buff *request, struct genl_info *info)
{
	mutex_lock(&lock);
	if (reader == info->snd_portid)
		let_go();
	mutex_unlock(&lock);
	return 0;
}

static int control(struct sk_buff *request, struct genl_info *info)
{
	char command[STP_COMMAND_SIZE_MAX];

	if (!info->attrs[STP_NL_ATTR_TEXT] || nla_strscpy(command, info->attrs[STP_NL_ATTR_TEXT], sizeof(command)) < 0)
		return -EINVAL;
	return stp_control(command);
}

static int acknowledge(struct sk_buff *request, struct genl_info *info)
{
	u32 cpu = info->attrs[STP_NL_ATTR_CPU] ? nla_get_u32(info->attrs[STP_NL_ATTR_CPU]) : ~0u;
	u64 bytes;
	int error = 0;

	if (cpu >= stp_session.config.cpus || !info->attrs[STP_NL_ATTR_OFFSET])
		return -EINVAL;
	mutex_lock(&lock);
	bytes = nla_get_u64(info->attrs[STP_NL_ATTR_OFFSET]) - streams[cpu].given;
	if (stp_session.config.overwrite || reader != info->snd_portid || bytes > streams[cpu].sent - streams[cpu].given) {
		error = -EINVAL;
	} else {
		stp_ring_consume(ring_of(cpu), bytes);
		streams[cpu].given += bytes;
		first_look = true; /* a writer may miss that less is wanted now */
	}
	mutex_unlock(&lock);
	if (!error)
		kick();
	return error;
}

static int read_report(struct sk_buff *request, struct genl_info *info)
{
	return stp_netlink_read(info, &family);
}

static const struct nla_policy policy[] = {
	[STP_NL_ATTR_CPU] = { .type = NLA_U32 },
	[STP_NL_ATTR_OFFSET] = { .type = NLA_U64 },
	[STP_NL_ATTR_TEXT] = { .type = NLA_NUL_STRING, .len = STP_COMMAND_SIZE_MAX - 1 },
	[STP_NL_ATTR_PAD] = { .type = NLA_REJECT },
};

static const struct genl_small_ops operations[] = {
	{ .cmd = STP_NL_ATTACH, .flags = GENL_ADMIN_PERM, .doit = attach },
	{ .cmd = STP_NL_DETACH, .flags = GENL_ADMIN_PERM, .doit = detach },
	{ .cmd = STP_NL_CONTROL, .flags = GENL_ADMIN_PERM, .doit = control },
	{ .cmd = STP_NL_READ, .flags = GENL_ADMIN_PERM, .doit = read_report },
	{ .cmd = STP_NL_ACK, .flags = GENL_ADMIN_PERM, .doit = acknowledge },
};

static struct genl_family family = {
	.version = STP_NL_VERSION,
	.maxattr = ARRAY_SIZE(policy) - 1,
	.policy = policy,
	.module = THIS_MODULE,
	.parallel_ops = true, /* our locks are enough, and a start takes long */
	.small_ops = operations,
	.n_small_ops = ARRAY_SIZE(operations),
};

/* A socket was closed, by its owner or because that was killed. */
static int socket_closed(struct notifier_block *block, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	mutex_lock(&lock);
	if (reader && reader == notify->portid && net_eq(notify->net, &init_net))
		let_go();
	mutex_unlock(&lock);
	return NOTIFY_DONE;
}

static struct notifier_block closed_block = { .notifier_call = socket_closed };

static void free_streams(void)
{
	u32 cpu;

	for (cpu = 0; streams && cpu < stp_session.config.cpus; cpu++)
		irq_work_sync(&streams[cpu].wake);
	cancel_delayed_work_sync(&drain_work);
	for (cpu = 0; streams && cpu < stp_session.config.cpus; cpu++)
		vfree(streams[cpu].memory);
	kfree(streams);
	streams = NULL;
}

static int init_streams(unsigned long ring_size)
{
	u32 cpu;

	streams = kcalloc(stp_session.config.cpus, sizeof(*streams), GFP_KERNEL);
	if (!streams)
		return -ENOMEM;
	for (cpu = 0; cpu < stp_session.config.cpus; cpu++)
		init_irq_work(&streams[cpu].wake, wake_worker);
	for_each_online_cpu(cpu) {
		streams[cpu].memory = vzalloc(ring_size);
		if (!streams[cpu].memory) {
			stp_log("no memory for rings of %d bytes\n", ring_size);
			return -ENOMEM;
		}
		if (stp_session_set_ring(cpu, streams[cpu].memory, ring_size))
			return -EINVAL;
	}
	return 0;
}

static int begin_netlink(unsigned long ring_size)
{
	int error = init_streams(ring_size);

	if (error)
		goto no_streams;
	name_family();
	strscpy(family.name, family_name, sizeof(family.name));
	error = netlink_register_notifier(&closed_block); /* before there can be a socket that closes */
	if (error)
		goto no_streams;
	error = genl_register_family(&family);
	if (!error)
		return 0;
	stp_log("cannot register the netlink family %s: error %d; another session has that name\n", family_name, -error);
	netlink_unregister_notifier(&closed_block);
no_streams:
	free_streams();
	return error;
}

static void netlink_said(void)
{
	mutex_lock(&lock);
	if (reader)
		send_empty(STP_NL_LOG);
	mutex_unlock(&lock);
}

static void end_netlink(void)
{
	genl_unregister_family(&family);
	netlink_unregister_notifier(&closed_block);
	free_streams();
	stp_netlink_drop_report();
}

const struct stp_transport stp_netlink = {
	.init = begin_netlink,
	.wake = wake_of_netlink,
	.stopped = kick,
	.said = netlink_said,
	.fini = end_netlink,
};

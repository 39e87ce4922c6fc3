// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Answers of netlink to READ: what files of debugfs give on the other transport, in parts of one moment.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "module.h"
#include "netlink_report.h"

static DEFINE_MUTEX(lock);

/* What is being read: text, or what a ring that overwrites held; from @begin on. */
static struct {
	char *text;
	unsigned long size, room, begin;
	char name[STP_COMMAND_SIZE_MAX];
} report;

/* Twice: to count, then to write. */
static void grow_report(void *unused, const char *text, u32 length)
{
	if (report.text && report.size + length <= report.room)
		memcpy(report.text + report.size, text, length);
	report.size += length;
}

void stp_netlink_drop_report(void)
{
	kvfree(report.text);
	memset(&report, 0, sizeof(report));
}

/* "cpuN" of a session that overwrites. */
static int take_snapshot(const char *name)
{
	const struct stp_ring *ring;
	u32 cpu;

	if (kstrtou32(name, 10, &cpu) || cpu >= stp_session.config.cpus || !stp_session.config.overwrite)
		return -ENOENT;
	ring = &stp_session.cpu[cpu].ring;
	stp_netlink_drop_report();
	if (!ring->size)
		return 0;
	report.text = kvmalloc(ring->size, GFP_KERNEL);
	if (!report.text)
		return -ENOMEM;
	report.size = stp_ring_snapshot(ring, report.text, &report.begin);
	return 0;
}

static int take_report(const char *name)
{
	const struct stp_report *wanted = stp_reports;

	if (!strncmp(name, "cpu", 3))
		return take_snapshot(name + 3);
	while (wanted->name && strcmp(wanted->name, name))
		wanted++;
	if (!wanted->name)
		return -ENOENT;
	/* Counted, then written; once more if it has grown by more than there is to spare. */
	do {
		stp_netlink_drop_report();
		wanted->write(grow_report, NULL);
		report.room = report.size + PAGE_SIZE;
		report.text = kvmalloc(report.room, GFP_KERNEL);
		if (!report.text)
			return -ENOMEM;
		report.size = 0;
		wanted->write(grow_report, NULL);
	} while (report.size > report.room);
	return 0;
}

static int answer_read(struct genl_info *info, const struct genl_family *family, const char *name, u64 offset)
{
	unsigned long at = max_t(u64, offset, report.begin) - report.begin;
	u32 size = at < report.size ? min_t(u64, report.size - at, STP_NETLINK_DATA_SIZE_MAX) : 0;
	struct sk_buff *message = genlmsg_new(size + STP_COMMAND_SIZE_MAX + 4 * NLA_HDRLEN + 64, GFP_KERNEL);
	void *head = message ? genlmsg_put_reply(message, info, family, 0, STP_NL_READ) : NULL;

	if (!head || nla_put_string(message, STP_NL_ATTR_TEXT, name) || nla_put_u64_64bit(message, STP_NL_ATTR_OFFSET, report.begin + at, STP_NL_ATTR_PAD) ||
	    nla_put(message, STP_NL_ATTR_DATA, size, size ? report.text + at : "")) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	genlmsg_end(message, head);
	return genlmsg_reply(message, info);
}

int stp_netlink_read(struct genl_info *info, const struct genl_family *family)
{
	char name[STP_COMMAND_SIZE_MAX];
	u64 offset = info->attrs[STP_NL_ATTR_OFFSET] ? nla_get_u64(info->attrs[STP_NL_ATTR_OFFSET]) : 0;
	int error = 0;

	if (!info->attrs[STP_NL_ATTR_TEXT] || nla_strscpy(name, info->attrs[STP_NL_ATTR_TEXT], sizeof(name)) < 0)
		return -EINVAL;
	mutex_lock(&lock);
	/* Later parts are of the same moment; only the log just grows. */
	if (!offset || !strcmp(name, "log"))
		error = take_report(name);
	else if (strcmp(report.name, name))
		error = -ESTALE; /* somebody has read something else meanwhile */
	if (error)
		stp_netlink_drop_report();
	else
		strscpy(report.name, name, sizeof(report.name));
	if (!error)
		error = answer_read(info, family, name, offset);
	mutex_unlock(&lock);
	return error;
}

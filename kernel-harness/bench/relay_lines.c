// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel's own relay_write() under the same workload as lines.stp: the cheapest way out that loses and tears where ours does not. */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/relay.h>

#define MARK 0x5354
#define SUBBUF_SIZE (256 * 1024) /* bytes */
#define SUBBUFS 8

static struct rchan *channel;
static struct dentry *folder;

static int hit(struct kprobe *probe, struct pt_regs *regs)
{
	u64 offset = regs_get_kernel_argument(regs, 1);
	char line[80];

	if (offset >> 48 == MARK)
		relay_write(channel, line, scnprintf(line, sizeof(line), "%llu %010llu xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
						     offset >> 32 & 0xffff, offset & 0xffffffff));
	return 0;
}

static struct kprobe probe = { .symbol_name = "null_lseek", .pre_handler = hit };

static struct dentry *create_file(const char *name, struct dentry *parent, umode_t mode, struct rchan_buf *buf, int *is_global)
{
	return debugfs_create_file(name, mode, parent, buf, &relay_file_operations);
}

static int remove_file(struct dentry *dentry)
{
	debugfs_remove(dentry);
	return 0;
}

static const struct rchan_callbacks callbacks = {
	.create_buf_file = create_file,
	.remove_buf_file = remove_file,
};

static int __init begin(void)
{
	int error;

	folder = debugfs_create_dir("relay_lines", NULL);
	channel = relay_open("cpu", folder, SUBBUF_SIZE, SUBBUFS, &callbacks, NULL);
	if (!channel)
		return -ENOMEM;
	error = register_kprobe(&probe);
	if (error)
		relay_close(channel);
	return error;
}

static void __exit end(void)
{
	unregister_kprobe(&probe);
	relay_close(channel);
	debugfs_remove(folder);
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("Dual MIT/GPL");

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A ring that overwrites, as it was at one moment; any number of readers, none of which takes anything. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "snapshot.h"

struct snapshot {
	unsigned long from; /* stream offset */
	unsigned long size; /* bytes */
	u8 bytes[];
};

int stp_snapshot_open(struct file *file, const struct stp_ring *ring)
{
	struct snapshot *snapshot = kvmalloc(sizeof(*snapshot) + ring->size, GFP_KERNEL);

	if (!snapshot)
		return -ENOMEM;
	snapshot->from = 0;
	snapshot->size = ring->size ? stp_ring_snapshot(ring, snapshot->bytes, &snapshot->from) : 0;
	file->private_data = snapshot;
	file->f_pos = snapshot->from;
	return 0;
}

ssize_t stp_snapshot_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	const struct snapshot *snapshot = file->private_data;
	unsigned long begin = (unsigned long)*at - snapshot->from;

	if (begin >= snapshot->size)
		return 0;
	size = min_t(size_t, size, snapshot->size - begin);
	if (copy_to_user(to, snapshot->bytes + begin, size))
		return -EFAULT;
	*at += size;
	return size;
}

int stp_snapshot_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

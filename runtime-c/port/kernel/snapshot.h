/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A file that is, from its opening on, what a ring that overwrites held then (snapshot.c). Its position is a stream offset. */
#ifndef STP_PORT_KERNEL_SNAPSHOT_H
#define STP_PORT_KERNEL_SNAPSHOT_H

#include <linux/fs.h>

#include <stp/ring.h>

int stp_snapshot_open(struct file *file, const struct stp_ring *ring);
ssize_t stp_snapshot_read(struct file *file, char __user *to, size_t size, loff_t *at);
int stp_snapshot_release(struct inode *inode, struct file *file);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The control channel, apart from all output: files control (write "start" or "stop"), manifest and log.
 * Its space is its own: output can never push it out.
 */
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "module.h"

#define COMMAND_SIZE_MAX 16 /* bytes */

static DEFINE_MUTEX(command_lock); /* one command at a time */

static int obey(const char *command)
{
	if (!strcmp(command, "start"))
		return stp_errno(stp_session_start());
	if (!strcmp(command, "stop")) {
		stp_session_stop();
		stp_transport_stopped();
		return 0;
	}
	return -EINVAL;
}

static ssize_t write_control(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char command[COMMAND_SIZE_MAX];
	int error;

	if (size >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, size))
		return -EFAULT;
	command[size] = 0;
	error = mutex_lock_interruptible(&command_lock);
	if (error)
		return error;
	error = obey(strim(command));
	mutex_unlock(&command_lock);
	return error ? error : size;
}

static const struct file_operations control_file = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = write_control,
	.llseek = no_llseek,
};

static void write_seq(void *to, const char *text, u32 length)
{
	seq_write(to, text, length);
}

static int manifest_show(struct seq_file *seq, void *unused)
{
	stp_session_write_manifest(write_seq, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(manifest);

static int log_show(struct seq_file *seq, void *unused)
{
	seq_puts(seq, stp_log_text());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(log);

void stp_control_init(void)
{
	/* debugfs is for root; files go with their folder. */
	debugfs_create_file("control", 0200, stp_folder, NULL, &control_file);
	debugfs_create_file("manifest", 0400, stp_folder, NULL, &manifest_fops);
	debugfs_create_file("log", 0400, stp_folder, NULL, &log_fops);
}

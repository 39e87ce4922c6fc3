// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The control channel's files in debugfs: control (write a command), status, manifest, modules, and log, which is a stream.
 * debugfs is for root; files go with their folder.
 */
#include <linux/debugfs.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "module.h"

static DECLARE_WAIT_QUEUE_HEAD(log_wait);

static ssize_t write_control(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char command[STP_COMMAND_SIZE_MAX];
	int error;

	if (size >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, size))
		return -EFAULT;
	command[size] = 0;
	error = stp_control(command);
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

static int report_show(struct seq_file *seq, void *unused)
{
	const struct stp_report *report = seq->private;

	report->write(write_seq, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(report);

static bool log_has(loff_t at)
{
	return strlen(stp_log_text()) > at || stp_is_over();
}

static ssize_t read_log(struct file *file, char __user *to, size_t size, loff_t *at)
{
	const char *text = stp_log_text();

	if (file->f_flags & O_NONBLOCK && !log_has(*at))
		return -EAGAIN;
	if (wait_event_interruptible(log_wait, log_has(*at)))
		return -ERESTARTSYS;
	return simple_read_from_buffer(to, size, at, text, strlen(text));
}

static __poll_t poll_log(struct file *file, poll_table *table)
{
	poll_wait(file, &log_wait, table);
	return log_has(file->f_pos) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations log_file = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.read = read_log,
	.poll = poll_log,
	.llseek = no_llseek,
};

void stp_files_said(void)
{
	wake_up_interruptible(&log_wait);
}

void stp_files_init(void)
{
	const struct stp_report *report;

	debugfs_create_file("control", 0200, stp_folder, NULL, &control_file);
	debugfs_create_file("log", 0400, stp_folder, NULL, &log_file);
	for (report = stp_reports; report->name; report++)
		if (strcmp(report->name, "log"))
			debugfs_create_file(report->name, 0400, stp_folder, (void *)report, &report_fops);
}

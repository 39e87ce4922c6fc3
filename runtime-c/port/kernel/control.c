// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The control channel, apart from all output: files control (write "start" or "stop"), manifest and log.
 * Its space is its own: output can never push it out.
 */
#include <linux/debugfs.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "module.h"

#define COMMAND_SIZE_MAX 16 /* bytes */

static DEFINE_MUTEX(command_lock); /* one command at a time */

static void stop(void)
{
	stp_session_stop();
	stp_transport_stopped();
}

static int obey(const char *command)
{
	if (!strcmp(command, "start"))
		return stp_errno(stp_session_start());
	if (!strcmp(command, "stop")) {
		stop();
		return 0;
	}
	return -EINVAL;
}

/*
 * What a probe asks for is done by a worker; an irq_work wakes it, because a probe may be an nmi.
 */
static void do_stop(struct work_struct *unused)
{
	mutex_lock(&command_lock);
	stop();
	mutex_unlock(&command_lock);
}

static void do_refill(struct work_struct *unused)
{
	stp_session_refill();
}

static DECLARE_WORK(stop_work, do_stop);
static DECLARE_WORK(refill_work, do_refill);

static void wake_stop(struct irq_work *unused)
{
	schedule_work(&stop_work);
}

static void wake_refill(struct irq_work *unused)
{
	schedule_work(&refill_work);
}

static DEFINE_IRQ_WORK(stop_wake, wake_stop);
static DEFINE_IRQ_WORK(refill_wake, wake_refill);

void stp_port_stop(void)
{
	irq_work_queue(&stop_wake);
}

void stp_port_refill(void)
{
	irq_work_queue(&refill_wake);
}

void stp_control_fini(void)
{
	irq_work_sync(&stop_wake);
	irq_work_sync(&refill_wake);
	cancel_work_sync(&stop_work);
	cancel_work_sync(&refill_work);
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

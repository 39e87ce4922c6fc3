// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The control channel's commands, from a file (files.c) or a netlink message (netlink.c); and what a probe asks for.
 * Its space is its own: output can never push it out.
 */
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "module.h"
#include "transport.h"

static DEFINE_MUTEX(command_lock); /* one command at a time */

static void stop(void)
{
	stp_session_stop();
	stp_transport->stopped();
}

static int start(void)
{
	int error = stp_errno(stp_session_start());

	if (error && stp_is_over())
		stp_transport->stopped();
	return error;
}

/* "NAME VALUE" */
static int set(char *text)
{
	char *name = strsep(&text, " ");
	u32 value;

	if (!text || kstrtou32(text, 10, &value))
		return -EINVAL;
	return stp_errno(stp_session_set(name, value));
}

static int obey(char *command)
{
	if (!strcmp(command, "start"))
		return start();
	if (!strncmp(command, "set ", 4))
		return set(command + 4);
	if (strcmp(command, "stop"))
		return -EINVAL;
	stop();
	return 0;
}

int stp_control(char *command)
{
	int error = mutex_lock_interruptible(&command_lock);

	if (error)
		return error;
	error = obey(strim(command));
	mutex_unlock(&command_lock);
	stp_transport->said();
	return error;
}

/*
 * What a probe asks for is done by a worker; an irq_work wakes it, because a probe may be an nmi.
 */
static void do_stop(struct work_struct *unused)
{
	mutex_lock(&command_lock);
	stop();
	mutex_unlock(&command_lock);
	stp_transport->said();
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
	/* Not beside a stop that a probe has asked for. */
	mutex_lock(&command_lock);
	stop();
	mutex_unlock(&command_lock);
	irq_work_sync(&stop_wake);
	irq_work_sync(&refill_wake);
	cancel_work_sync(&stop_work);
	cancel_work_sync(&refill_work);
}

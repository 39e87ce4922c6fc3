// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel's answers to include/stp/port.h that are no one-liners. */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#include <linux/utsname.h>

#include <stp/probe.h>

void *stp_alloc(size_t size)
{
	return kvzalloc(size ? size : 1, GFP_KERNEL);
}

void stp_free(void *p)
{
	kvfree(p);
}

u32 stp_port_level(void)
{
	if (in_nmi())
		return STP_CONTEXT_NMI;
	if (in_hardirq())
		return STP_CONTEXT_IRQ;
	if (in_serving_softirq())
		return STP_CONTEXT_SOFTIRQ;
	return STP_CONTEXT_TASK;
}

void stp_port_task(struct stp_event *event)
{
	event->pid = current->tgid;
	event->tid = current->pid;
	event->uid = from_kuid(&init_user_ns, current_uid());
	memcpy(event->comm, current->comm, sizeof(event->comm));
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	/* A hit without registers (begin, end) has no arguments. */
	return ctx->hit ? regs_get_kernel_argument((struct pt_regs *)ctx->hit, n) : 0;
}

const char *stp_port_world(void)
{
	return "kernel";
}

const char *stp_port_release(void)
{
	return init_utsname()->release;
}

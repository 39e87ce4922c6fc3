// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel's answers to include/stp/port.h that are no one-liners. */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/utsname.h>
#ifdef CONFIG_X86_TSC
#include <asm/tsc.h>
#endif

#include <stp/probe.h>

/* Powers of two are aligned to themselves, pages to pages: to a cache line at least. */
void *stp_alloc(size_t size)
{
	if (size < L1_CACHE_BYTES)
		size = L1_CACHE_BYTES;
	return kvzalloc(size < PAGE_SIZE ? roundup_pow_of_two(size) : PAGE_ALIGN(size), GFP_KERNEL);
}

DEFINE_PER_CPU(struct stp_cpu *, stp_port_cpu);

void stp_port_set_cpus(struct stp_cpu *cpus, u32 count)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(stp_port_cpu, cpu) = cpu < count ? &cpus[cpu] : NULL;
}

u64 stp_port_cycles_per_us(void)
{
#ifdef CONFIG_X86_TSC
	return tsc_khz / 1000;
#else
	return 1000; /* stp_cycles() are nanoseconds */
#endif
}

bool stp_port_read(void *to, u64 address, u32 size, bool user)
{
	if (user)
		return !copy_from_user_nofault(to, (const void __user *)(unsigned long)address, size);
	return !copy_from_kernel_nofault(to, (const void *)(unsigned long)address, size);
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

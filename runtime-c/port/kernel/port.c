// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel's answers to include/stp/port.h that are no one-liners. */
#include <linux/compat.h>
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

#include <stp/look.h>

#include "hit.h"

#ifdef CONFIG_S390
#define REGISTER_ARGUMENTS 5
#endif

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

u32 stp_hit_level(void)
{
	if ((preempt_count() & NMI_MASK) != NMI_OFFSET)
		return stp_port_level();
	if (in_hardirq())
		return STP_CONTEXT_IRQ;
	return in_serving_softirq() ? STP_CONTEXT_SOFTIRQ : STP_CONTEXT_TASK;
}

bool stp_port_pointers_32(const struct stp_ctx *ctx)
{
#if BITS_PER_LONG == 32
	return true;
#elif defined(CONFIG_X86)
	return test_thread_flag(TIF_ADDR32);
#elif defined(CONFIG_COMPAT)
	return is_compat_task();
#else
	return false;
#endif
}

u32 stp_port_pid(const struct stp_ctx *ctx)
{
	return current->tgid;
}

u32 stp_port_tid(const struct stp_ctx *ctx)
{
	return current->pid;
}

void stp_port_comm(const struct stp_ctx *ctx, char *to)
{
	memcpy(to, current->comm, STP_COMM_SIZE);
}

u32 stp_port_uid(const struct stp_ctx *ctx)
{
	return from_kuid(&init_user_ns, current_uid());
}

#ifdef CONFIG_S390
/* What the kernel has for it is not exported to modules there. */
u64 stp_hit_arg(const struct stp_hit *hit, u32 n)
{
	const unsigned long *registers = hit->regs->gprs;
	unsigned long word;

	if (n < REGISTER_ARGUMENTS)
		return registers[2 + n];
	n -= REGISTER_ARGUMENTS;
	return copy_from_kernel_nofault(&word, (const void *)(registers[15] + STACK_FRAME_OVERHEAD + n * sizeof(word)), sizeof(word)) ? 0 : word;
}
#else
u64 stp_hit_arg(const struct stp_hit *hit, u32 n)
{
	return regs_get_kernel_argument(hit->regs, n);
}
#endif

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	const struct stp_hit *hit = ctx->hit;

	return hit && hit->kind->arg ? hit->kind->arg(hit, n) : 0;
}

static s32 frames(u32 count)
{
	return count ? (s32)(count * sizeof(u64)) : -STP_ENOENT; /* no fault (L4) */
}

s32 stp_port_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	const struct stp_hit *hit = ctx->hit;

	switch (kind) {
	case STP_LOOK_NOW:
		return stp_number(stp_time_ns(), to, size);
	case STP_LOOK_WALL:
		return stp_number(ktime_get_real_fast_ns(), to, size);
	case STP_LOOK_TASK:
		return stp_number((unsigned long)current, to, size);
	case STP_LOOK_KERNEL_STRING:
	case STP_LOOK_USER_STRING:
		return stp_memory_string(key, kind == STP_LOOK_USER_STRING, to, size);
	case STP_LOOK_MEMBER:
		return stp_memory_member(key, detail, to, size);
	case STP_LOOK_MEMBER_STRING:
		return stp_memory_member_string(key, detail, to, size);
	case STP_LOOK_STACK:
		return frames(stp_stack_kernel(hit, to, size / sizeof(u64)));
	case STP_LOOK_USER_STACK:
		return frames(stp_stack_user(hit, to, size / sizeof(u64)));
	case STP_LOOK_REGISTERS:
		return stp_registers(hit, to, size);
	case STP_LOOK_SYMBOL:
		return scnprintf(to, size, "%pS", (void *)(unsigned long)key);
	default:
		return hit && hit->kind->look ? hit->kind->look(hit, kind, key, detail, to, size) : -STP_ENOENT;
	}
}

const char *stp_port_world(void)
{
	return "kernel";
}

const char *stp_port_release(void)
{
	return init_utsname()->release;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Real nmis, where one CPU can send them to another: x86. Elsewhere none come, and the other three contexts are what there is. */
#ifndef STRESS_NMI_H
#define STRESS_NMI_H

#include <linux/ptrace.h>

#ifdef CONFIG_X86
#include <asm/apic.h>
#include <asm/nmi.h>

#define STRESS_NMI_NAME "stp_stress"

/* A macro, because the kernel's is one, which keeps what it registers. Return: 0 or an errno. */
#define stress_nmi_register(handler) register_nmi_handler(NMI_LOCAL, handler, 0, STRESS_NMI_NAME)

static inline void stress_nmi_unregister(void)
{
	unregister_nmi_handler(NMI_LOCAL, STRESS_NMI_NAME);
}

/* Return: whether one is on its way. */
static inline bool stress_nmi_send(u32 cpu)
{
	apic->send_IPI(cpu, NMI_VECTOR);
	return true;
}

static inline bool stress_nmi_irqs_off(const struct pt_regs *regs)
{
	return !(regs->flags & X86_EFLAGS_IF);
}
#else
#define NMI_DONE 0
#define NMI_HANDLED 1

#define stress_nmi_register(handler) ((void)(handler), 0)

static inline void stress_nmi_unregister(void)
{
}

static inline bool stress_nmi_send(u32 cpu)
{
	return false;
}

static inline bool stress_nmi_irqs_off(const struct pt_regs *regs)
{
	return false;
}
#endif

#endif

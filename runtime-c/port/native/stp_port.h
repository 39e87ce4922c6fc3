/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The native world: one thread that plays all CPUs, for sanitizers, fuzzers and call counts.
 * Answers include/stp/port.h; nothing interrupts anything here.
 */
#ifndef STP_PORT_NATIVE_H
#define STP_PORT_NATIVE_H

#include <port/hosted.h>

static inline void stp_local_add(u64 *p, u64 n)
{
	*p += n;
}

static inline bool stp_local_dec_negative(long *p)
{
	return --*p < 0;
}

extern u32 stp_native_cpu;

#define stp_relax() ((void)0)
#define stp_cpu() stp_native_cpu
#define stp_irq_save() 0ul
#define stp_irq_restore(flags) ((void)(flags))
#define stp_preempt_disable() ((void)0)
#define stp_preempt_enable() ((void)0)
#define stp_lock_taken(lock, how) ((void)0)
#define stp_lock_given(lock) ((void)0)
#define stp_owned_by(memory, size, cpu) ((void)0)
u64 stp_time_ns(void);
#define stp_cycles() stp_time_ns()

#endif

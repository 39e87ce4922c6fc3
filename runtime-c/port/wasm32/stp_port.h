/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The sandbox: virtual CPUs inside one wasm instance, driven by sim/.
 * It answers include/stp/port.h as the weakest machine would: what is not said to be atomic there is several events here.
 */
#ifndef STP_PORT_WASM32_H
#define STP_PORT_WASM32_H

#include <port/hosted.h>

#include <port/wasm32/cpu.h>

static inline void stp_local_add(u64 *p, u64 n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static inline bool stp_local_dec_negative(long *p)
{
	return __atomic_fetch_sub(p, 1, __ATOMIC_RELAXED) <= 0;
}

/* A stop in front of it would show nothing; that it is missing does show (sim/stores.ts). */
#undef stp_barrier
#define stp_barrier()                                                                       \
	do {                                                                                \
		__asm__ volatile("" ::: "memory");                                          \
		stp_sim_note(STP_SIM_FENCE, NULL, 0, STP_SIM_ORDER_COMPILER);                \
	} while (0)

#define stp_relax() stp_sim_relax()
#define stp_cpu() stp_sim_cpu_stable()
#define stp_irq_save() stp_sim_irq_save()
#define stp_irq_restore(flags) stp_sim_irq_restore(flags)
#define stp_preempt_disable() stp_sim_preempt_add(1)
#define stp_preempt_enable() stp_sim_preempt_add(-1)
#define stp_lock_taken(lock, how) stp_sim_note(STP_SIM_LOCK | ((how) ? STP_SIM_TRY : 0), lock, 0, 0)
#define stp_lock_given(lock) stp_sim_note(STP_SIM_UNLOCK, lock, 0, 0)
#define stp_owned_by(memory, size, cpu) stp_sim_own(memory, size, cpu)
#define stp_time_ns() stp_sim_time_ns()
#define stp_cycles() stp_sim_time_ns()

#endif

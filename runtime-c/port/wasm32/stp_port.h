/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The sandbox: virtual CPUs inside one wasm instance, driven by sim/.
 * It answers include/stp/port.h as the weakest machine would: what is not said to be atomic there is several events here.
 */
#ifndef STP_PORT_WASM32_H
#define STP_PORT_WASM32_H

#include <port/hosted.h>

static inline void stp_local_add(u64 *p, u64 n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

/* What sim/ knows and sets: see sim/machine.ts. */
void stp_sim_relax(void);
u32 stp_sim_cpu(void);
unsigned long stp_sim_irq_save(void);
void stp_sim_irq_restore(unsigned long flags);
void stp_sim_preempt_add(int n);
u64 stp_sim_time_ns(void);

#define stp_relax() stp_sim_relax()
#define stp_cpu() stp_sim_cpu()
#define stp_irq_save() stp_sim_irq_save()
#define stp_irq_restore(flags) stp_sim_irq_restore(flags)
#define stp_preempt_disable() stp_sim_preempt_add(1)
#define stp_preempt_enable() stp_sim_preempt_add(-1)
#define stp_time_ns() stp_sim_time_ns()

#endif

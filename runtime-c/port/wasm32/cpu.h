/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The virtual CPUs as C sees them: who runs where, what may interrupt it, the clock, locks and memory.
 * For the port (stp_port.h), and for C that is explored by itself (stp_explore.h). It knows nothing of the runtime.
 * Siblings: cpu.c; sim/machine.ts sets and asks the stp_sim_* ones
 */
#ifndef STP_SIM_CPU_H
#define STP_SIM_CPU_H

#include <stddef.h>

#include "hooks.h"

#define STP_SIM_CPUS_MAX 64 /* CPUS_MAX of spec/protocol.ts; cpu.test.ts compares them */

/* As the machine numbers the context levels. */
enum stp_sim_level {
	STP_SIM_TASK,
	STP_SIM_SOFTIRQ,
	STP_SIM_IRQ,
	STP_SIM_NMI,
};

unsigned int stp_sim_level(void);

/* stp_sim_set_cpu() - Where the next code runs. The machine's affair, and a replay's that moves. */
void stp_sim_set_cpu(unsigned int cpu);

/* stp_sim_cpu_stable() - This CPU's number; a violation if the caller may be moved to another one at any moment. */
unsigned int stp_sim_cpu_stable(void);

/* stp_sim_cpu_hint() - This CPU's number, which may be another's as soon as it is known. */
unsigned int stp_sim_cpu_hint(void);

/* Interrupts of this CPU off, and back to what they were. nmi comes all the same. */
unsigned long stp_sim_irq_save(void);
void stp_sim_irq_restore(unsigned long flags);

/* Preemption of this CPU: no other task, and no other CPU, while the count is not 0. */
void stp_sim_preempt_add(int n);

/* stp_sim_time_ns() - The virtual clock: what was set, and a nanosecond for each event of any context since. */
unsigned long long stp_sim_time_ns(void);

/* stp_sim_may_sleep() - A violation unless the caller is a task that may be switched away from. @what: "msleep()". */
void stp_sim_may_sleep(const char *what);

/* stp_sim_may_allocate() - The same for taking memory, and a violation inside a probe whether it sleeps or not. */
void stp_sim_may_allocate(const char *what, unsigned int sleeps);

/* stp_sim_probe_begin(), _end() - Between them a probe runs on this CPU. */
void stp_sim_probe_begin(void);
void stp_sim_probe_end(void);

/*
 * Memory with guard bytes around it, zeroed; NULL if there is none or the machine says so. What is freed while observers
 * watch is not used again, so that any later access is seen.
 */
void *stp_sim_calloc(size_t size);
void stp_sim_free(void *p);

/* stp_sim_own() - From now on @size bytes at @p are for contexts of CPU @cpu alone. While setting up. */
void stp_sim_own(const void *p, size_t size, unsigned int cpu);

/* stp_sim_busy_begin(), _end() - Something runs here that a grace period has to wait for. */
void stp_sim_busy_begin(void);
void stp_sim_busy_end(void);

/* stp_sim_synchronize() - Wait until all that began by stp_sim_busy_begin() before has ended. May sleep. */
void stp_sim_synchronize(void);

#endif

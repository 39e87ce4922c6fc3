/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a litmus case uses. Shared accesses are volatile or atomic, so that the compiler neither merges nor moves them.
 * A case NAME exports NAME_reset() and its contexts as NAME_buggy_… and NAME_repaired_…
 */
#ifndef LITMUS_H
#define LITMUS_H

#define CPUS 2

#define shared_read(x) (*(const volatile __typeof__(x) *)&(x))
#define shared_write(x, value) (*(volatile __typeof__(x) *)&(x) = (value))

/* port.c, uninstrumented as a real port is. */
unsigned int litmus_cpu(void);
unsigned int litmus_irq_save(void);
void litmus_irq_restore(unsigned int flags);
void stp_sim_relax(void);

static inline void lock_take(unsigned int *lock)
{
	unsigned int free = 0;

	while (!__atomic_compare_exchange_n(lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		free = 0;
		stp_sim_relax();
	}
}

static inline void lock_release(unsigned int *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a C file includes that is to be explored: `./stp explore FILE.c`.
 *
 *	#include <stp_explore.h>
 *
 *	static u32 hits;
 *
 *	static void count(uintptr_t unused)
 *	{
 *		hits = hits + 1;
 *	}
 *
 *	static void all_are_counted(void)
 *	{
 *		stp_assert(hits == 2);
 *	}
 *
 *	STP_CASE(two_cpus)
 *	{
 *		stp_task(0, count, 0);
 *		stp_irq(1, count, 0);
 *		stp_finally(all_are_counted);
 *	}
 *
 * A case sets things up and names its contexts: nothing runs until it returns. Then every schedule begins from what it
 * left. Static variables need no reset. All of <stp_port.h> may be used: STP_READ, stp_cmpxchg, stp_irq_save, …
 * Siblings: explore.c; sim/explored.ts
 */
#ifndef STP_EXPLORE_H
#define STP_EXPLORE_H

#include <stp/port.h>

#define STP_EXPLORE_CONTEXTS_MAX 64 /* contexts of one case */

struct stp_case {
	const char *name;
	void (*set_up)(void);
};

#define STP_CASE(case_name)                                                                                                     \
	static void case_name##_set_up(void);                                                                                   \
	static const struct stp_case case_name##_case = { #case_name, case_name##_set_up };                                     \
	static const struct stp_case *const case_name##_ref STP_SECTION(stp_cases) = &case_name##_case;                         \
	static void case_name##_set_up(void)

typedef void (*stp_context_fn)(uintptr_t arg);

/* stp_task(), stp_softirq(), stp_irq(), stp_nmi() - A context of CPU @cpu, called T0, S1, I2, N3, … in the order of the calls. */
void stp_task(u32 cpu, stp_context_fn run, uintptr_t arg);
void stp_softirq(u32 cpu, stp_context_fn run, uintptr_t arg);
void stp_irq(u32 cpu, stp_context_fn run, uintptr_t arg);
void stp_nmi(u32 cpu, stp_context_fn run, uintptr_t arg);

/* stp_migrating_task() - A task that may go on on another CPU of the case whenever it is preempted. */
void stp_migrating_task(u32 cpu, stp_context_fn run, uintptr_t arg);

/* stp_timer() - An irq that comes when @due_ns of virtual time have passed: a nanosecond for each event of any context. */
void stp_timer(u32 cpu, u32 due_ns, stp_context_fn run, uintptr_t arg);

/* stp_finally() - Called when all contexts have ended. */
void stp_finally(void (*check)(void));

/* stp_assert() - Anywhere: it must hold in every schedule. */
#define stp_assert(condition)                                                                                                   \
	do {                                                                                                                    \
		if (!(condition))                                                                                               \
			stp_sim_violate(STP_SIM_ASSERTION, "finds that " #condition " does not hold");                          \
	} while (0)

/* Memory barriers, between CPUs. */
#define stp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define stp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define stp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* stp_raw_cpu() - This CPU's number, without the promise that it stays. stp_cpu() is checked: preemption must be off. */
#define stp_raw_cpu() stp_sim_cpu_hint()

/* stp_alloc() may sleep, stp_alloc_atomic() not; both give zeroed memory or NULL. */
#define stp_alloc(size) (stp_sim_may_sleep("stp_alloc()"), stp_sim_calloc(size))
#define stp_alloc_atomic(size) stp_sim_calloc(size)
#define stp_free(p) stp_sim_free(p)

/* stp_sleep() - What a task alone may do, with preemption and interrupts on. */
#define stp_sleep() stp_sim_may_sleep("stp_sleep()")

/* A spinlock. */
struct stp_spinlock {
	u32 taken;
};

static inline bool stp_spin_try_once(struct stp_spinlock *lock)
{
	u32 free = 0;

	return __atomic_compare_exchange_n(&lock->taken, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline bool stp_spin_trylock(struct stp_spinlock *lock)
{
	bool taken = stp_spin_try_once(lock);

	if (taken)
		stp_lock_taken(lock, STP_LOCK_TRIED);
	return taken;
}

static inline void stp_spin_lock(struct stp_spinlock *lock)
{
	while (!stp_spin_try_once(lock))
		stp_relax();
	stp_lock_taken(lock, STP_LOCK_WAITED);
}

static inline void stp_spin_unlock(struct stp_spinlock *lock)
{
	stp_lock_given(lock);
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

static inline unsigned long stp_spin_lock_irqsave(struct stp_spinlock *lock)
{
	unsigned long flags = stp_irq_save();

	stp_spin_lock(lock);
	return flags;
}

static inline void stp_spin_unlock_irqrestore(struct stp_spinlock *lock, unsigned long flags)
{
	stp_spin_unlock(lock);
	stp_irq_restore(flags);
}

/*
 * A task that sleeps until it is woken: state is set first, then the condition is looked at once more, then it sleeps.
 * Waking makes it runnable and orders what came before.
 */
struct stp_sleeper {
	u32 sleeping;
};

static inline void stp_set_sleeping(struct stp_sleeper *sleeper)
{
	STP_WRITE(sleeper->sleeping, 1);
}

static inline void stp_set_running(struct stp_sleeper *sleeper)
{
	STP_WRITE(sleeper->sleeping, 0);
}

static inline void stp_schedule(struct stp_sleeper *sleeper)
{
	while (STP_READ(sleeper->sleeping))
		stp_relax();
}

static inline void stp_wake(struct stp_sleeper *sleeper)
{
	__atomic_exchange_n(&sleeper->sleeping, 0, __ATOMIC_SEQ_CST);
}

#endif

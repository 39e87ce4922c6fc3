/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The watched world: the native one, in which a test plays CPUs, interrupts, time, tasks and memory, and is told what the
 * runtime asks of its port. At each access that others may see, the test may let something else come in between.
 * Answers include/stp/port.h.
 */
#ifndef STP_PORT_WATCHED_H
#define STP_PORT_WATCHED_H

#include <port/hosted.h>

/* Something may come in between here. */
void watch_point(void);

#undef STP_READ
#define STP_READ(x) ({ watch_point(); *(const volatile __typeof__(x) *)&(x); })
#undef STP_WRITE
#define STP_WRITE(x, value) ({ __typeof__(x) watch_value = (value); watch_point(); *(volatile __typeof__(x) *)&(x) = watch_value; })
#undef stp_barrier
#define stp_barrier() do { __asm__ volatile("" ::: "memory"); watch_point(); } while (0)
#undef stp_load_acquire
#define stp_load_acquire(p) ({ watch_point(); __atomic_load_n(p, __ATOMIC_ACQUIRE); })
#undef stp_store_release
#define stp_store_release(p, value) ({ __typeof__(*(p)) watch_value = (value); watch_point(); __atomic_store_n(p, watch_value, __ATOMIC_RELEASE); })
#define stp_cmpxchg(p, old, new) (watch_point(), stp_cmpxchg(p, old, new))
#define stp_local_cmpxchg(p, old, new) (watch_point(), stp_local_cmpxchg(p, old, new))
/* So that something comes between the words of a record, too. */
#define memcpy(to, from, size) (watch_point(), memcpy(to, from, size))
#define stp_string_word(s, max, word) (watch_point(), stp_string_word(s, max, word))

static inline void stp_local_add(u64 *p, u64 n)
{
	watch_point();
	*p += n;
}

static inline bool stp_local_dec_negative(long *p)
{
	watch_point();
	return --*p < 0;
}

u32 watch_cpu(void);
void watch_relax(void);
unsigned long watch_irq_save(void);
void watch_irq_restore(unsigned long flags);
void watch_preempt_add(int n);
void watch_lock(u32 *lock, bool taken);
void watch_owned(const void *memory, size_t size, u32 cpu);
u64 stp_time_ns(void);
u64 stp_cycles(void);

#define stp_relax() watch_relax()
#define stp_cpu() watch_cpu()
#define stp_irq_save() watch_irq_save()
#define stp_irq_restore(flags) watch_irq_restore(flags)
#define stp_preempt_disable() watch_preempt_add(1)
#define stp_preempt_enable() watch_preempt_add(-1)
#define stp_lock_taken(lock, how) watch_lock(lock, true)
#define stp_lock_given(lock) watch_lock(lock, false)
#define stp_owned_by(memory, size, cpu) watch_owned(memory, size, cpu)

#endif

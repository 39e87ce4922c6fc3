/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The sandbox: virtual CPUs inside one wasm instance, driven by sim/.
 * It answers include/stp/port.h as the weakest machine would: what is not said to be atomic there is several events here.
 */
#ifndef STP_PORT_WASM32_H
#define STP_PORT_WASM32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;
/* As the kernel spells them, so that one format fits all worlds. */
typedef unsigned long long u64;
typedef long long s64;

#define STP_ALWAYS_INLINE inline __attribute__((always_inline))
#define STP_SECTION(name) __attribute__((section(#name), used))

#define STP_READ(x) (*(const volatile __typeof__(x) *)&(x))
#define STP_WRITE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define stp_barrier() __asm__ volatile("" ::: "memory")
#define stp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define stp_store_release(p, value) __atomic_store_n(p, value, __ATOMIC_RELEASE)

static inline u32 stp_cmpxchg(u32 *p, u32 old, u32 new)
{
	__atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

static inline unsigned long stp_local_cmpxchg(unsigned long *p, unsigned long old, unsigned long new)
{
	__atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return old;
}

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

static inline u32 stp_divide(u64 *n, u32 by)
{
	u32 rest = *n % by;

	*n /= by;
	return rest;
}

void *stp_alloc(size_t size);
void stp_free(void *p);
void stp_port_task(struct stp_event *event);
u64 stp_port_arg(const struct stp_ctx *ctx, u32 n);
void stp_port_wake(struct stp_ring *ring);
const char *stp_port_world(void);
const char *stp_port_release(void);

#endif

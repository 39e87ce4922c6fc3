/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the worlds with a C library, sandbox and native, answer alike of include/stp/port.h. */
#ifndef STP_PORT_HOSTED_H
#define STP_PORT_HOSTED_H

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
#define STP_NOINLINE __attribute__((noinline))
#define STP_UNROLL
#define stp_likely(x) __builtin_expect(!!(x), 1)
#define stp_unlikely(x) __builtin_expect(!!(x), 0)
#define STP_SECTION(name) __attribute__((section(#name), used))
#define STP_TABLE(name) STP_SECTION(name)

#define STP_READ(x) (*(const volatile __typeof__(x) *)&(x))
#define STP_WRITE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define stp_barrier() __asm__ volatile("" ::: "memory")
#define stp_read_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define stp_write_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
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

/* One byte at a time: whoever watches memory sees no access behind the string's end. */
static inline u32 stp_string_word(const char *s, u32 max, u64 *word)
{
	u32 n, limit = max < 8 ? max : 8;

	*word = 0;
	for (n = 0; n < limit && s[n]; n++)
		*word |= (u64)(u8)s[n] << 8 * n; /* little-endian machines all */
	return n;
}

static inline u64 stp_divide_u64(u64 n, u64 by)
{
	return n / by;
}

static inline u32 stp_divide(u64 *n, u32 by)
{
	u32 rest = *n % by;

	*n /= by;
	return rest;
}

#endif

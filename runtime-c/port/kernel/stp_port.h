/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A real kernel. Answers include/stp/port.h with what the kernel has; all differences between kernel versions are in
 * this folder.
 */
#ifndef STP_PORT_KERNEL_H
#define STP_PORT_KERNEL_H

#include <asm/local.h>
#include <asm/local64.h>
#include <linux/atomic.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/percpu.h>
#include <linux/timex.h>
#include <linux/types.h>
#include <linux/version.h>
#include <asm/word-at-a-time.h>

#define STP_ALWAYS_INLINE __always_inline
#define STP_NOINLINE noinline /* keeps what it needs of the stack out of its caller */
#define STP_UNROLL _Pragma("GCC unroll 9")
#define stp_likely(x) likely(x)
#define stp_unlikely(x) unlikely(x)
/* no_reorder: the tables keep the order of the source. */
#define STP_SECTION(name) __attribute__((section(#name), used, no_reorder))

#define STP_TABLE(name) __attribute__((section(#name), used))

#define STP_READ(x) READ_ONCE(x)
#define STP_WRITE(x, value) WRITE_ONCE(x, value)
#define stp_barrier() barrier()
#define stp_read_barrier() smp_rmb()
#define stp_write_barrier() smp_wmb()
#define stp_load_acquire(p) smp_load_acquire(p)
#define stp_store_release(p, value) smp_store_release(p, value)

static __always_inline u32 stp_cmpxchg(u32 *p, u32 old, u32 new)
{
	return cmpxchg(p, old, new);
}

static __always_inline unsigned long stp_local_cmpxchg(unsigned long *p, unsigned long old, unsigned long new)
{
	return local_cmpxchg((local_t *)p, old, new);
}

static __always_inline void stp_local_add(u64 *p, u64 n)
{
	local64_add(n, (local64_t *)p);
}

static __always_inline bool stp_local_dec_negative(long *p)
{
	return local_add_negative(-1, (local_t *)p);
}

/* In one load, which does not fault behind the end of a page: what lies there counts as zeros. */
static __always_inline u32 stp_string_word(const char *s, u32 max, u64 *word)
{
#if BITS_PER_LONG == 64 && defined(CONFIG_DCACHE_WORD_ACCESS) && defined(__LITTLE_ENDIAN)
	const struct word_at_a_time constants = WORD_AT_A_TIME_CONSTANTS;
	unsigned long mask, loaded = load_unaligned_zeropad(s);
	u32 n = sizeof(loaded);

	if (has_zero(loaded, &mask, &constants)) {
		mask = create_zero_mask(prep_zero_mask(loaded, mask, &constants));
		n = find_zero(mask);
		loaded &= zero_bytemask(mask);
	}
	if (n > max) {
		n = max;
		loaded &= max ? ~0ul >> (BITS_PER_LONG - 8 * max) : 0;
	}
	*word = loaded;
	return n;
#else
	u32 n, limit = max < 8 ? max : 8;
	u8 bytes[8] = { 0 };

	for (n = 0; n < limit && s[n]; n++)
		bytes[n] = s[n];
	memcpy(word, bytes, sizeof(*word));
	return n;
#endif
}

#ifdef CONFIG_X86
#define stp_relax() cpu_relax()
#else
#define STP_RELAX_TIMES 64

/* Tries are bounded by their number. x86's pause makes one long; elsewhere this is an instruction like any other, and a million of them are over sooner than a holder
 * that a hypervisor has stopped for a moment comes back. */
static __always_inline void stp_relax(void)
{
	u32 i;

	for (i = 0; i < STP_RELAX_TIMES; i++)
		cpu_relax();
}
#endif
#define stp_cpu() raw_smp_processor_id()

static __always_inline unsigned long stp_irq_save(void)
{
	unsigned long flags;

	raw_local_irq_save(flags);
	return flags;
}

#define stp_irq_restore(flags) raw_local_irq_restore(flags)
#define stp_preempt_disable() preempt_disable_notrace()
#define stp_preempt_enable() preempt_enable_notrace()
#define stp_lock_taken(lock, how) ((void)0)
#define stp_lock_given(lock) ((void)0)
#define stp_owned_by(memory, size, cpu) ((void)0)
#define stp_time_ns() ktime_get_mono_fast_ns()

/* The session's struct stp_cpu of each CPU. */
DECLARE_PER_CPU(struct stp_cpu *, stp_port_cpu);
#define STP_PORT_THIS_CPU() this_cpu_read(stp_port_cpu)

#ifdef CONFIG_X86_TSC
#define stp_cycles() get_cycles()
#else
#define stp_cycles() stp_time_ns()
#endif

static __always_inline u64 stp_divide_u64(u64 n, u64 by)
{
	return div64_u64(n, by);
}

static __always_inline u32 stp_divide(u64 *n, u32 by)
{
	return do_div(*n, by);
}

/* Context level of the caller, STP_CONTEXT_*. */
u32 stp_port_level(void);

#endif

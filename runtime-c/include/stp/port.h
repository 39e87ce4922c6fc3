/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the portable core asks of a world. Each world answers in its own <stp_port.h>
 * (port/kernel, port/wasm32, port/native), found by the include path.
 *
 * Need:
 *   types     u8 u16 u32 u64 s32 s64 bool NULL size_t uintptr_t
 *   text      memcpy memset memcmp strnlen
 *             u32 stp_string_word(const char *s, u32 max, u64 *word): the next bytes of a string, at most 8 and @max, zero-padded, in
 *             memory order; gives how many came before its NUL
 *   compiler  STP_ALWAYS_INLINE, STP_NOINLINE, STP_UNROLL (before a loop), stp_likely(x), stp_unlikely(x), STP_SECTION(name), STP_TABLE(name) for locals
 *   access    STP_READ(x), STP_WRITE(x, value): exactly one access of a word or less
 *             stp_barrier(): the compiler moves nothing across it; enough against contexts of the same CPU
 *             stp_load_acquire(p), stp_store_release(p, value): u32 or unsigned long, against other CPUs
 *             u32 stp_cmpxchg(u32 *p, old, new): fully ordered against other CPUs; gives what was there
 *             unsigned long stp_local_cmpxchg(unsigned long *p, old, new): atomic against contexts of the same CPU only
 *             void stp_local_add(u64 *p, u64 n), bool stp_local_dec_negative(long *p) (after taking 1): likewise
 *             stp_relax(): inside every spin loop
 *   CPU       u32 stp_cpu(): index of this CPU, below the session's CPU count; stable while preemption is off
 *             void stp_port_set_cpus(struct stp_cpu *cpus, u32 count): the session's; with STP_PORT_THIS_CPU() the port finds its own
 *             unsigned long stp_irq_save(), stp_irq_restore(flags)
 *             stp_preempt_disable(), stp_preempt_enable()
 *   watching  stp_lock_taken(lock, how), stp_lock_given(lock): how is STP_LOCK_WAITED or STP_LOCK_TRIED
 *             stp_owned_by(memory, size, cpu): from init on, only contexts of that CPU touch it
 *             Nothing to a kernel; the sandbox checks what they say.
 *   time      u64 stp_time_ns(): monotonic, one clock for all CPUs, safe in nmi
 *             u64 stp_cycles(): cheap, of this CPU; u64 stp_port_cycles_per_us()
 *   division  u32 stp_divide(u64 *n, u32 by): *n becomes the quotient, gives the remainder; u64 stp_divide_u64(u64 n, u64 by)
 *   memory    void *stp_alloc(size): zeroed, aligned to 64, NULL if there is none; stp_free(p): takes NULL. Task context only.
 *   names     int stp_port_resolve(struct stp_name *const *names, u32 count): where they are; a log line and -STP_ENOENT for one that is missing and not optional
 *   task      u32 stp_port_pid(const struct stp_ctx *), stp_port_tid(), stp_port_uid(): of the running task
 *             void stp_port_comm(const struct stp_ctx *, char *to): its name, STP_COMM_SIZE bytes, zero-padded
 *             bool stp_port_pointers_32(const struct stp_ctx *): whether its user pointers have 4 bytes
 *             u64 stp_port_arg(const struct stp_ctx *, n): n-th argument of the probed function
 *             s32 stp_port_read(struct stp_ctx *, kind, address, void *to, size): memory, by STP_LOOK_KERNEL or STP_LOOK_USER; @size, or -STP_EFAULT
 *   world     s32 stp_port_look(struct stp_ctx *, kind, key, detail, void *to, size): any other value of the world, see stp_look(); any context
 *   requests  from any context, nmi too:
 *             void stp_port_wake(struct stp_ring *): there is enough for the reader
 *             void stp_port_refill(): somebody should call stp_session_refill() soon
 *             void stp_port_stop(): somebody should call stp_session_stop() soon
 *   manifest  const char *stp_port_world(), const char *stp_port_release()
 */
#ifndef STP_PORT_H
#define STP_PORT_H

/* How a lock came to be taken: by waiting until it was free, or by tries that are bounded. */
#define STP_LOCK_WAITED 0
#define STP_LOCK_TRIED 1

struct stp_cpu;
struct stp_ctx;
struct stp_name;
struct stp_ring;

#include <stp_port.h>

void *stp_alloc(size_t size);
void stp_free(void *p);
u32 stp_port_pid(const struct stp_ctx *ctx);
u32 stp_port_tid(const struct stp_ctx *ctx);
u32 stp_port_uid(const struct stp_ctx *ctx);
void stp_port_comm(const struct stp_ctx *ctx, char *to);
bool stp_port_pointers_32(const struct stp_ctx *ctx);
u64 stp_port_arg(const struct stp_ctx *ctx, u32 n);
void stp_port_wake(struct stp_ring *ring);
void stp_port_refill(void);
void stp_port_stop(void);
void stp_port_set_cpus(struct stp_cpu *cpus, u32 count);
u64 stp_port_cycles_per_us(void);
s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size);
s32 stp_port_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size);
int stp_port_resolve(struct stp_name *const *names, u32 count);
const char *stp_port_world(void);
const char *stp_port_release(void);

#endif

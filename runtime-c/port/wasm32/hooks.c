// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The access hooks: code compiled with KCSAN's flags calls one before each access, and each is a place where the
 * machine may stop the running context.
 *
 * Must never be instrumented itself, call libc on the access path, or decide anything: which access to stop at is
 * the machine's affair (stp_sim.fuel), and only the import env.yield unwinds.
 * Siblings: hooks.h; sim/machine.ts
 *
 * Events. A plain access of up to 4 bytes and every atomic is one event. A plain 8-byte access is two, low half
 * first, because a 32-bit target makes two instructions of it. memcpy and memmove are a read event and a write
 * event for each word; memset is a write event for each word. Fences are none: a stop before a fence is
 * indistinguishable from a stop before the access that follows it. Accesses of a context to its own stack are none
 * either: nobody else may make them, so a stop there shows nothing new.
 *
 * Notes. While stp_sim.noting is set, each event, fence and lock is written down, before it happens, for the machine's
 * observers. They never change what a context does: a full buffer is a stop that no schedule sees.
 *
 * Torn accesses. A hook runs before an access that it cannot split, so a stop between two halves is made up:
 *  - read: the low half is noted, the context stops, and on its return the noted value is put back in memory just
 *    long enough for the load that follows; the next hook restores memory.
 *  - write: the store happens, the next hook puts the old high half back, stops, and on return stores the new one.
 * In between, the context reaches no other hook, so nobody can tell. stp_sim_settle() stands for that next hook where
 * there is none: in port primitives, and at the end of the context, where the machine calls it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "hooks.h"

typedef volatile unsigned int *word_ptr;

#define WORD_SIZE 4u
#define unlikely(x) __builtin_expect(!!(x), 0)

enum half_state {
	HALF_NONE,
	HALF_READ,
	HALF_WRITE,
};

struct stp_sim_state stp_sim = { .fuel = ~0u };
struct stp_sim_note stp_sim_notes[STP_SIM_NOTES_MAX];

/* The half-done access of the running context: at most one, as it is settled before any stop. */
static struct {
	word_ptr word;		/* HALF_READ: low word, patched; HALF_WRITE: high word, stored too early */
	unsigned int value;	/* what *word has to hold */
	unsigned int kind;
	unsigned int site;
} half;

__attribute__((import_module("env"), import_name("yield"))) void stp_sim_yield(void);

#define PAGE_SIZE 65536u

/*
 * The C library's way to more memory, in place of its own, which cannot take again what a snapshot gave back: there C
 * forgets what it took, but wasm's memory never shrinks. The host has zeroed it.
 */
void *sbrk(intptr_t increment)
{
	static uintptr_t end;
	uintptr_t has = __builtin_wasm_memory_size(0) * PAGE_SIZE, was;

	if (!end)
		end = has;
	was = end;
	if (increment < 0 || increment % PAGE_SIZE)
		__builtin_trap();
	if (was + increment > has && __builtin_wasm_memory_grow(0, (was + increment - has) / PAGE_SIZE) == (size_t)-1)
		return (void *)-1;
	end = was + increment;
	return (void *)was;
}

/* Memory for the machine's shadow stacks and asyncify buffers. NULL if there is none. */
void *stp_sim_alloc(size_t size_bytes)
{
	return aligned_alloc(16, (size_bytes + 15) & ~(size_t)15);
}

static __attribute__((noinline)) void stop(unsigned int kind, const volatile void *address, unsigned int size, int order)
{
	unsigned int site = stp_sim.site;

	stp_sim.kind = kind;
	stp_sim.address = (unsigned int)(uintptr_t)address;
	stp_sim.size = size;
	stp_sim.order = (unsigned int)order;
	stp_sim_yield();
	stp_sim.site = site; /* others have run meanwhile */
}

static bool running(void)
{
	return (int)stp_sim.fuel >= 0;
}

/* The machine takes the notes away, and the context goes on. */
static __attribute__((noinline)) void drain(void)
{
	stop(STP_SIM_DRAIN, NULL, 0, 0);
}

static unsigned int stack_pointer(void)
{
	unsigned int sp;

	__asm__ volatile(".globaltype __stack_pointer, i32\n\tglobal.get __stack_pointer\n\tlocal.set %0" : "=r"(sp));
	return sp;
}

static void remember(volatile struct stp_sim_note *note, const volatile void *address, unsigned int size)
{
	const volatile unsigned char *at = address;
	unsigned int i;

	if (size > 8)
		size = 8;
	for (i = 0; i < size; i++) /* may trap: the note is already there, and tells where */
		((volatile unsigned char *)&note->low)[i] = at[i];
}

static __attribute__((noinline)) void note(unsigned int kind, const volatile void *address, unsigned int size, unsigned int order)
{
	struct stp_sim_note *to;
	unsigned int sp = stack_pointer();

	if (!running())
		return;
	if (sp < stp_sim.stack_deepest)
		stp_sim.stack_deepest = sp;
	if (stp_sim.noted == STP_SIM_NOTES_MAX)
		drain();
	to = &stp_sim_notes[stp_sim.noted++];
	to->what = kind | size << 16 | order << 24;
	to->address = (unsigned int)(uintptr_t)address;
	to->site = stp_sim.site;
	to->caller = stp_sim.caller;
	to->low = to->high = 0;
	if (kind & (STP_SIM_READ | STP_SIM_WRITE))
		remember(to, address, size);
}

__attribute__((noinline)) void stp_sim_settle(void)
{
	unsigned int state = stp_sim.half;
	word_ptr word = half.word;
	unsigned int value = half.value;

	stp_sim.half = HALF_NONE;
	if (state == HALF_READ) {
		*word = value;
	} else if (state == HALF_WRITE) {
		unsigned int stored = *word, site = stp_sim.site;

		*word = value;
		stp_sim.site = half.site;
		stop(half.kind, word, WORD_SIZE, 0);
		stp_sim.site = site; /* the next access's, which is about to happen */
		*word = stored;
	}
}

void stp_sim_relax(void)
{
	if (unlikely(stp_sim.half))
		stp_sim_settle();
	if (running())
		stop(STP_SIM_RELAX, NULL, 0, 0);
}

/* At the head of each loop of instrumented code: one without accesses must end, too. */
void stp_sim_loop(void)
{
	if (unlikely(stp_sim.loops && --stp_sim.loops == 0) && running())
		for (;;)
			stop(STP_SIM_LOOP, NULL, 0, 0);
}

/* At each call and each loop of the author's own code (sim/sites.ts). */
void stp_sim_action(void)
{
	if (unlikely(stp_sim.actions && --stp_sim.actions == 0))
		stp_sim_violate(STP_SIM_BUDGET, "uses up its budget of actions: calls, and rounds of loops");
}

void stp_sim_violate(enum stp_sim_violation how, const char *text)
{
	if (!running())
		__builtin_trap();
	for (;;)
		stop(STP_SIM_VIOLATION, text, 0, how);
}

static inline bool is_private(const volatile void *address)
{
	return (unsigned int)(uintptr_t)address - stp_sim.stack_low < stp_sim.stack_size;
}

static inline void event(unsigned int kind, const volatile void *address, unsigned int size, int order)
{
	if (unlikely(stp_sim.half))
		stp_sim_settle();
	if (unlikely(--stp_sim.fuel == 0))
		stop(kind, address, size, order);
	if (unlikely(stp_sim.noting))
		note(kind, address, size, order);
}

void stp_sim_point(void)
{
	event(STP_SIM_CPU, NULL, 0, 0);
}

void stp_sim_note(unsigned int kind, const volatile void *address, unsigned int size, unsigned int order)
{
	if (unlikely(stp_sim.half))
		stp_sim_settle();
	if (stp_sim.noting)
		note(kind, address, size, order);
}

static inline void access(unsigned int kind, const volatile void *address, unsigned int size)
{
	if (is_private(address))
		return;
	event(kind, address, size, 0);
	if (kind & STP_SIM_WRITE)
		stp_sim.writes++;
}

static __attribute__((noinline)) void tear(unsigned int kind, word_ptr low)
{
	word_ptr high = low + 1;

	kind |= STP_SIM_HALF;
	if (kind & STP_SIM_WRITE) {
		half.word = high;
		half.value = *high;
		half.kind = kind;
		half.site = stp_sim.site;
		stp_sim.half = HALF_WRITE;
	} else {
		unsigned int seen = *low;

		stop(kind, high, WORD_SIZE, 0);
		half.word = low;
		half.value = *low;
		stp_sim.half = HALF_READ;
		*low = seen;
	}
}

static inline void access_wide(unsigned int kind, const volatile void *address)
{
	if (is_private(address))
		return;
	access(kind, address, 2 * WORD_SIZE);
	if (unlikely(--stp_sim.fuel == 0))
		tear(kind, (word_ptr)(uintptr_t)address);
}

/* An access of 16 bytes does not occur in 32-bit code without vectors; it is one event. */
#define ACCESS_HOOKS(prefix, flags)										\
	void __tsan_##prefix##read1(void *a) { access(STP_SIM_READ | (flags), a, 1); }				\
	void __tsan_##prefix##read2(void *a) { access(STP_SIM_READ | (flags), a, 2); }				\
	void __tsan_##prefix##read4(void *a) { access(STP_SIM_READ | (flags), a, 4); }				\
	void __tsan_##prefix##read8(void *a) { access_wide(STP_SIM_READ | (flags), a); }			\
	void __tsan_##prefix##read16(void *a) { access(STP_SIM_READ | (flags), a, 16); }			\
	void __tsan_##prefix##write1(void *a) { access(STP_SIM_WRITE | (flags), a, 1); }			\
	void __tsan_##prefix##write2(void *a) { access(STP_SIM_WRITE | (flags), a, 2); }			\
	void __tsan_##prefix##write4(void *a) { access(STP_SIM_WRITE | (flags), a, 4); }			\
	void __tsan_##prefix##write8(void *a) { access_wide(STP_SIM_WRITE | (flags), a); }			\
	void __tsan_##prefix##write16(void *a) { access(STP_SIM_WRITE | (flags), a, 16); }

#define READ_WRITE_HOOKS(prefix)										\
	void __tsan_##prefix##read_write1(void *a) { access(STP_SIM_READ | STP_SIM_WRITE, a, 1); }		\
	void __tsan_##prefix##read_write2(void *a) { access(STP_SIM_READ | STP_SIM_WRITE, a, 2); }		\
	void __tsan_##prefix##read_write4(void *a) { access(STP_SIM_READ | STP_SIM_WRITE, a, 4); }		\
	void __tsan_##prefix##read_write8(void *a) { access_wide(STP_SIM_READ | STP_SIM_WRITE, a); }		\
	void __tsan_##prefix##read_write16(void *a) { access(STP_SIM_READ | STP_SIM_WRITE, a, 16); }

ACCESS_HOOKS(, 0)
ACCESS_HOOKS(unaligned_, 0)
ACCESS_HOOKS(volatile_, STP_SIM_VOLATILE)
ACCESS_HOOKS(unaligned_volatile_, STP_SIM_VOLATILE)
READ_WRITE_HOOKS()
READ_WRITE_HOOKS(unaligned_)

static inline void copy_slice(unsigned char *to, const unsigned char *from, size_t size)
{
	unsigned int word = 0;

	access(STP_SIM_READ, from, size);
	__builtin_memcpy(&word, from, size);
	access(STP_SIM_WRITE, to, size);
	__builtin_memcpy(to, &word, size);
}

static void copy_forward(unsigned char *to, const unsigned char *from, size_t size)
{
	for (; size >= WORD_SIZE; size -= WORD_SIZE, to += WORD_SIZE, from += WORD_SIZE)
		copy_slice(to, from, WORD_SIZE);
	for (; size; size--)
		copy_slice(to++, from++, 1);
}

static void copy_backward(unsigned char *to, const unsigned char *from, size_t size)
{
	for (; size % WORD_SIZE; size--)
		copy_slice(to + size - 1, from + size - 1, 1);
	for (; size; size -= WORD_SIZE)
		copy_slice(to + size - WORD_SIZE, from + size - WORD_SIZE, WORD_SIZE);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	copy_forward(to, from, size);
	return to;
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to - (uintptr_t)from < size)
		copy_backward(to, from, size);
	else
		copy_forward(to, from, size);
	return to;
}

void *__tsan_memset(void *to, int value, size_t size)
{
	unsigned char *at = to;

	while (size) {
		size_t slice = size < WORD_SIZE ? 1 : WORD_SIZE;

		access(STP_SIM_WRITE, at, slice);
		for (size_t i = 0; i < slice; i++)
			((volatile unsigned char *)at)[i] = (unsigned char)value;
		at += slice;
		size -= slice;
	}
	return to;
}

/*
 * Atomics are one event each, and the hook makes the access itself: between two stops nothing else runs.
 * An atomic that leaves memory as it was (a failed compare-exchange, an exchange of 1 for 1) is not progress.
 */
#define ATOMIC_STORE_BODY(new)											\
	do {													\
		event(STP_SIM_ATOMIC | STP_SIM_READ | STP_SIM_WRITE, a, sizeof(*a), order);			\
		old = *a;											\
		*a = (new);											\
		stp_sim.writes += *a != old;									\
	} while (0)

#define ATOMIC_RMW_HOOK(bits, name, new)									\
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *a, uint##bits##_t v, int order)	\
	{													\
		uint##bits##_t old;										\
														\
		ATOMIC_STORE_BODY((uint##bits##_t)(new));							\
		return old;											\
	}

#define ATOMIC_HOOKS(bits)											\
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *a, int order)			\
	{													\
		event(STP_SIM_ATOMIC | STP_SIM_READ, a, sizeof(*a), order);					\
		return *a;											\
	}													\
														\
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *a, uint##bits##_t v, int order)		\
	{													\
		event(STP_SIM_ATOMIC | STP_SIM_WRITE, a, sizeof(*a), order);					\
		stp_sim.writes += *a != v;									\
		*a = v;												\
	}													\
														\
	ATOMIC_RMW_HOOK(bits, exchange, v)									\
	ATOMIC_RMW_HOOK(bits, fetch_add, old + v)								\
	ATOMIC_RMW_HOOK(bits, fetch_sub, old - v)								\
	ATOMIC_RMW_HOOK(bits, fetch_and, old & v)								\
	ATOMIC_RMW_HOOK(bits, fetch_or, old | v)								\
	ATOMIC_RMW_HOOK(bits, fetch_xor, old ^ v)								\
	ATOMIC_RMW_HOOK(bits, fetch_nand, ~(old & v))								\
														\
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile uint##bits##_t *a,			\
		uint##bits##_t expected, uint##bits##_t v, int order, int order_failed)				\
	{													\
		uint##bits##_t old;										\
														\
		(void)order_failed;										\
		ATOMIC_STORE_BODY(old == expected ? v : old);							\
		return old;											\
	}													\
														\
	int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *a,				\
		uint##bits##_t *expected, uint##bits##_t v, int order, int order_failed)			\
	{													\
		uint##bits##_t want = *expected;								\
														\
		*expected = __tsan_atomic##bits##_compare_exchange_val(a, want, v, order, order_failed);	\
		return *expected == want;									\
	}													\
														\
	int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t *a,				\
		uint##bits##_t *expected, uint##bits##_t v, int order, int order_failed)			\
	{													\
		return __tsan_atomic##bits##_compare_exchange_strong(a, expected, v, order, order_failed);	\
	}

ATOMIC_HOOKS(8)
ATOMIC_HOOKS(16)
ATOMIC_HOOKS(32)
ATOMIC_HOOKS(64)

void __tsan_atomic_thread_fence(int order) { stp_sim_note(STP_SIM_FENCE, NULL, 0, (unsigned int)order); }
void __tsan_atomic_signal_fence(int order) { (void)order; stp_sim_note(STP_SIM_FENCE, NULL, 0, STP_SIM_ORDER_COMPILER); }
void __tsan_init(void) { }
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void) { }

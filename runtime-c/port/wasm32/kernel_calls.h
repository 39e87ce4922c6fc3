/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Calls of the kernel that a probe's author may be tempted to make, as the sandbox knows them: what they need of their
 * context, and nothing of what they do. <linux/….h> beside this file lead here; on a kernel they are the kernel's own.
 * To add a call: one line, and its header in linux/ if it is not there.
 */
#ifndef STP_KERNEL_CALLS_H
#define STP_KERNEL_CALLS_H

#include <port/wasm32/cpu.h>

typedef unsigned int gfp_t;

#define GFP_ATOMIC 0u
#define GFP_NOWAIT 0u
#define GFP_KERNEL 1u
#define GFP_USER 1u

/* STP_SLEEPS - It may sleep: a task's alone, with interrupts and preemption on. */
#define STP_SLEEPS(call, arguments) static inline void call arguments { stp_sim_may_sleep(#call "()"); }
/* STP_RUNS - It may be called anywhere. */
#define STP_RUNS(call, arguments) static inline void call arguments { }

/* delay.h */
STP_SLEEPS(msleep, (unsigned int ms __attribute__((unused))))
STP_SLEEPS(ssleep, (unsigned int s __attribute__((unused))))
STP_SLEEPS(usleep_range, (unsigned long min __attribute__((unused)), unsigned long max __attribute__((unused))))
STP_RUNS(udelay, (unsigned long us __attribute__((unused))))
STP_RUNS(ndelay, (unsigned long ns __attribute__((unused))))

/* sched.h */
STP_SLEEPS(schedule, (void))
STP_SLEEPS(cond_resched, (void))
STP_SLEEPS(yield, (void))

/* mutex.h */
struct mutex {
	int unused;
};

#define DEFINE_MUTEX(name) struct mutex name = { 0 }
STP_SLEEPS(mutex_lock, (struct mutex *lock __attribute__((unused))))
STP_RUNS(mutex_unlock, (struct mutex *lock __attribute__((unused))))

/* slab.h, vmalloc.h: taking memory in a probe is forbidden whatever the flags, for nothing bounds it. */
static inline void *kmalloc(size_t size, gfp_t flags)
{
	stp_sim_may_allocate(flags & GFP_KERNEL ? "kmalloc(GFP_KERNEL)" : "kmalloc()", flags & GFP_KERNEL);
	return stp_sim_calloc(size);
}

static inline void *kzalloc(size_t size, gfp_t flags)
{
	return kmalloc(size, flags);
}

static inline void *vmalloc(unsigned long size)
{
	return kmalloc(size, GFP_KERNEL);
}

static inline void kfree(const void *p)
{
	stp_sim_free((void *)(size_t)p);
}

static inline void vfree(const void *p)
{
	kfree(p);
}

/* uaccess.h: the page may have to be fetched. The sandbox has no user memory: everything faults. */
static inline unsigned long copy_from_user(void *to __attribute__((unused)), const void *from __attribute__((unused)), unsigned long size)
{
	stp_sim_may_sleep("copy_from_user()");
	return size;
}

static inline unsigned long copy_to_user(void *to __attribute__((unused)), const void *from __attribute__((unused)), unsigned long size)
{
	stp_sim_may_sleep("copy_to_user()");
	return size;
}

#endif

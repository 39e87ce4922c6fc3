/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the kernel's providers hand over at a hit, and what they share. */
#ifndef STP_PORT_KERNEL_HIT_H
#define STP_PORT_KERNEL_HIT_H

#include <linux/ptrace.h>

#include <stp/probe.h>

struct stp_hit;

/**
 * struct stp_hit_kind - What hits of one provider can tell that no other knows. Each may be NULL.
 * @arg:  Argument @n of the probed function, n < STP_EVENT_ARGS.
 * @look: As stp_port_look(), for kinds that are the provider's: returned, entry, text, field. -STP_ENOENT for all others.
 */
struct stp_hit_kind {
	u64 (*arg)(const struct stp_hit *hit, u32 n);
	s32 (*look)(const struct stp_hit *hit, u32 kind, u64 key, u32 detail, void *to, u32 size);
};

/**
 * struct stp_hit - A hit, as stp_probe_hit() gets it: the first member of the provider's own.
 * @regs: Registers at the point; NULL if there are none.
 */
struct stp_hit {
	const struct stp_hit_kind *kind;
	struct pt_regs *regs;
};

/* stp_hit_arg() - The kernel's calling convention, for @arg. */
u64 stp_hit_arg(const struct stp_hit *hit, u32 n);

/*
 * stp_hit_level() - Level of a hit whose handler the kernel runs by a breakpoint exception, which counts as one nmi level of its own:
 * that of what was interrupted.
 */
u32 stp_hit_level(void);

/*
 * stp_refuse() - Say why @probe cannot be attached, in the one sentence that there is for it: "FILE:LINE: cannot attach PROVIDER TARGET: WHY".
 * @error:  Negative STP_E*.
 * @format: The reason, as for printk().
 *
 * Context: Task, may sleep.
 * Return:  @error.
 */
__printf(3, 4) int stp_refuse(const struct stp_probe *probe, int error, const char *format, ...);

/* stp_refuse_function() - The same of a function that the kernel did not take, with its errno as @error. Return: A negative STP_E*. */
int stp_refuse_function(const struct stp_probe *probe, int error);

/* stp_number() - A 64-bit number as the result of a look. */
static inline s32 stp_number(u64 number, void *to, u32 size)
{
	if (size < sizeof(number))
		return -STP_EINVAL;
	memcpy(to, &number, sizeof(number));
	return sizeof(number);
}

/* stp_stack_kernel(), stp_stack_user() - At most @count return addresses; a last 0 if the walk was cut short (stack.c). Return: how many. */
u32 stp_stack_kernel(const struct stp_hit *hit, u64 *frames, u32 count);
u32 stp_stack_user(const struct stp_hit *hit, u64 *frames, u32 count);

/* stp_registers() - As text (stack.c). Return: bytes; -STP_ENOENT without registers. */
s32 stp_registers(const struct stp_hit *hit, char *to, u32 size);

/* Reading memory (memory.c): as stp_port_look(). */
s32 stp_memory_string(u64 address, bool user, char *to, u32 size);
s32 stp_memory_member(u64 address, u32 id, void *to, u32 size);
s32 stp_memory_member_string(u64 address, u32 id, char *to, u32 size);

#endif

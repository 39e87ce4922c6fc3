// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Walking stacks, of the kernel by its own unwinder, of user space by frame pointers; and registers as text.
 * Must never: walk without an end, or follow user space to where it was already.
 */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>
#ifdef CONFIG_X86
#include <asm/unwind.h>
#endif

#include "hit.h"

#ifdef CONFIG_X86
/* The registers of a tracepoint are made up by perf: they have a place to begin at, and no flags. */
static bool are_whole(const struct pt_regs *regs)
{
	return regs->flags & X86_EFLAGS_FIXED;
}

u32 stp_stack_kernel(const struct stp_hit *hit, u64 *frames, u32 count)
{
	struct unwind_state state;
	unsigned long address;
	u32 i = 0;

	if (!hit || !hit->regs || user_mode(hit->regs))
		return 0;
	if (are_whole(hit->regs)) {
		frames[i++] = instruction_pointer(hit->regs); /* the unwinder begins with its caller */
		unwind_start(&state, current, hit->regs, NULL);
	} else {
		unwind_start(&state, current, NULL, (void *)hit->regs->sp);
	}
	for (; !unwind_done(&state); unwind_next_frame(&state)) {
		if (i == count) {
			frames[count - 1] = 0;
			return count;
		}
		address = unwind_get_return_address(&state);
		if (!address)
			break;
		frames[i++] = address;
	}
	if (unwind_error(&state) && i)
		frames[i < count ? i++ : count - 1] = 0;
	return i;
}
#else
/* From the instruction of the hit to where its breakpoint, or the call that stands for it, goes on. */
#define HIT_SIZE_MAX 16 /* bytes */

/* The unwinder begins here, so what lies between here and the hit is dropped. It fills words of the kernel, which are widened in place. */
u32 stp_stack_kernel(const struct stp_hit *hit, u64 *frames, u32 count)
{
	unsigned long *words = (unsigned long *)frames;
	u32 n, i, first;

	if (!hit || !hit->regs || user_mode(hit->regs))
		return 0;
	n = stack_trace_save(words, count, 0);
	for (first = 0; first < n && words[first] - instruction_pointer(hit->regs) >= HIT_SIZE_MAX; first++)
		;
	if (first == n)
		first = 0;
	else
		words[first] = instruction_pointer(hit->regs);
	memmove(words, words + first, (n - first) * sizeof(*words));
	for (i = n - first; i-- > 0;)
		frames[i] = words[i];
	if (n == count)
		frames[n - first - 1] = 0;
	return n - first;
}
#endif

#ifdef CONFIG_X86
#define FRAME_POINTER(regs) ((regs)->bp)
#elif defined(CONFIG_ARM64)
#define FRAME_POINTER(regs) ((regs)->regs[29])
#endif

/* The registers with which user space was left. */
static struct pt_regs *user_registers(const struct stp_hit *hit)
{
	if (hit && hit->regs && user_mode(hit->regs))
		return hit->regs;
	return current->mm ? task_pt_regs(current) : NULL;
}

#ifdef FRAME_POINTER
/* A frame as the compiler of the process lays it out: the caller's frame pointer, and where it will return to. */
static bool read_frame(unsigned long at, bool narrow, u64 frame[2])
{
	u32 words[2];

	if (!narrow)
		return !copy_from_user_nofault(frame, (const void __user *)at, 2 * sizeof(*frame));
	if (copy_from_user_nofault(words, (const void __user *)at, sizeof(words)))
		return false;
	frame[0] = words[0];
	frame[1] = words[1];
	return true;
}

static bool is_narrow(void)
{
#if BITS_PER_LONG == 32
	return true;
#elif defined(CONFIG_X86)
	return test_thread_flag(TIF_ADDR32);
#else
	return false;
#endif
}

u32 stp_stack_user(const struct stp_hit *hit, u64 *frames, u32 count)
{
	struct pt_regs *regs = user_registers(hit);
	bool narrow = is_narrow();
	u64 frame[2], at;
	u32 i = 0;

	if (!regs || !instruction_pointer(regs))
		return 0;
	frames[i++] = instruction_pointer(regs);
	/* Frames lie one above the other: a chain that does not rise is broken, or a loop. */
	for (at = FRAME_POINTER(regs); at && i < count; at = frame[0]) {
		if (!read_frame(at, narrow, frame)) {
			frames[i++] = 0;
			return i;
		}
		if (!frame[1])
			return i;
		frames[i++] = frame[1];
		if (frame[0] && frame[0] <= at) {
			frames[i < count ? i++ : count - 1] = 0;
			return i;
		}
	}
	if (at)
		frames[count - 1] = 0;
	return i;
}
#else
u32 stp_stack_user(const struct stp_hit *hit, u64 *frames, u32 count)
{
	struct pt_regs *regs = user_registers(hit);

	if (!regs || count < 2)
		return 0;
	frames[0] = instruction_pointer(regs);
	frames[1] = 0; /* whether there are frame pointers is not known here */
	return 2;
}
#endif

#if defined(CONFIG_ARM64) || defined(CONFIG_S390)
#define ROW 4 /* registers of a line */

/* Three that have names, then those that have numbers, without leading zeros: 32 of them are to fit into a string. */
static s32 all_of(const char *format, unsigned long a, unsigned long b, unsigned long c, const char *name, const void *numbered, u32 count, char *to, u32 size)
{
	const unsigned long *value = numbered;
	s32 length = scnprintf(to, size, format, a, b, c);
	u32 i;

	for (i = 0; i < count; i++)
		length += scnprintf(to + length, size - length, "%s%u %lx%c", name, i, value[i], i % ROW == ROW - 1 || i == count - 1 ? '\n' : ' ');
	return length;
}
#endif

s32 stp_registers(const struct stp_hit *hit, char *to, u32 size)
{
	const struct pt_regs *regs = hit ? hit->regs : NULL;

	if (!regs)
		return -STP_ENOENT;
#ifdef CONFIG_X86
	if (!are_whole(regs))
		return -STP_ENOENT;
#endif
#ifdef CONFIG_X86_64
	return scnprintf(to, size,
			 "rip %016lx rsp %016lx rbp %016lx efl %016lx\n"
			 "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n"
			 "rsi %016lx rdi %016lx r8  %016lx r9  %016lx\n"
			 "r10 %016lx r11 %016lx r12 %016lx r13 %016lx\n"
			 "r14 %016lx r15 %016lx\n",
			 regs->ip, regs->sp, regs->bp, regs->flags, regs->ax, regs->bx, regs->cx, regs->dx, regs->si, regs->di, regs->r8, regs->r9, regs->r10,
			 regs->r11, regs->r12, regs->r13, regs->r14, regs->r15);
#elif defined(CONFIG_X86_32)
	return scnprintf(to, size,
			 "eip %08lx esp %08lx ebp %08lx efl %08lx\n"
			 "eax %08lx ebx %08lx ecx %08lx edx %08lx\n"
			 "esi %08lx edi %08lx\n",
			 regs->ip, regs->sp, regs->bp, regs->flags, regs->ax, regs->bx, regs->cx, regs->dx, regs->si, regs->di);
#elif defined(CONFIG_ARM64)
	return all_of("pc %lx sp %lx pstate %lx\n", regs->pc, regs->sp, regs->pstate, "x", regs->regs, ARRAY_SIZE(regs->regs), to, size);
#elif defined(CONFIG_S390)
	return all_of("psw %lx mask %lx break %lx\n", regs->psw.addr, regs->psw.mask, regs->last_break, "r", regs->gprs, ARRAY_SIZE(regs->gprs), to, size);
#else
	return scnprintf(to, size, "ip %lx\n", instruction_pointer((struct pt_regs *)regs));
#endif
}

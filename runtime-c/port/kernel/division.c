// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Division of 64-bit numbers where the machine has none: compilers call these for a "/" or "%" of a program, and the kernel has no such
 * functions, only others that do it.
 */
#include <linux/math64.h>
#include <linux/types.h>

#if BITS_PER_LONG == 32
s64 __divdi3(s64 a, s64 b);
s64 __moddi3(s64 a, s64 b);
u64 __udivdi3(u64 a, u64 b);
u64 __umoddi3(u64 a, u64 b);

s64 __divdi3(s64 a, s64 b)
{
	return div64_s64(a, b);
}

s64 __moddi3(s64 a, s64 b)
{
	return a - div64_s64(a, b) * b;
}

u64 __udivdi3(u64 a, u64 b)
{
	return div64_u64(a, b);
}

u64 __umoddi3(u64 a, u64 b)
{
	return a - div64_u64(a, b) * b;
}
#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A replay's memory: none. Its numbers are no addresses (SEMANTICS.md, P), but a kernel may well have something there: that of s390
 * has all of its memory from 0 on.
 * Sibling: runtime-c/port/kernel/memory.c, for all other modules
 */
#include <stp/probe.h>

#include "hit.h"

s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	return -STP_EFAULT;
}

s32 stp_memory_string(u64 address, bool user, char *to, u32 size)
{
	return -STP_EFAULT;
}

s32 stp_memory_member(u64 address, u32 id, void *to, u32 size)
{
	return -STP_ENOENT;
}

s32 stp_memory_member_string(u64 address, u32 id, char *to, u32 size)
{
	return -STP_ENOENT;
}

int stp_port_resolve(struct stp_name *const *names, u32 count)
{
	return count ? -STP_ENOENT : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Memory of the kernel and of the running process: bytes, numbers, strings, vectors, members of structures (L4-L6).
 *
 * Nothing here ever faults: what cannot be read, absent pages of user space among it, is a read lost by fault, and gives zeros.
 * Addresses are numbers of 64 bits in every world. Each call takes an action, is counted as a read, and sees a place in memory once.
 */
#ifndef STP_MEMORY_H
#define STP_MEMORY_H

#include <stp/look.h>

/**
 * stp_kernel_read(), stp_user_read() - Copy @size bytes.
 * @to: Zeros if the result is not 0.
 *
 * Context: Any, inside a probe. Never sleeps, never brings a page in.
 * Return:  0; -STP_EFAULT; -STP_EBUDGET; -STP_ESTATE outside a probe.
 */
int stp_kernel_read(struct stp_ctx *ctx, void *to, u64 address, u32 size);
int stp_user_read(struct stp_ctx *ctx, void *to, u64 address, u32 size);

/* stp_kernel_int(), stp_user_int() - An integer of @size bytes (1, 2, 4 or 8), unsigned below 8; 0 if it cannot be read. */
s64 stp_kernel_int(struct stp_ctx *ctx, u64 address, u32 size);
s64 stp_user_int(struct stp_ctx *ctx, u64 address, u32 size);

/* stp_kernel_string(), stp_user_string() - As a pool string, cut at its size (counted); "" if it cannot be read to its NUL. */
const char *stp_kernel_string(struct stp_ctx *ctx, u64 address);
const char *stp_user_string(struct stp_ctx *ctx, u64 address);

/**
 * stp_user_strings() - The strings of a vector in user space, such as argv, with spaces between them, as a pool string.
 * @address: Of an array of pointers that a null pointer ends.
 *
 * Each pointer and each string is read once: what another thread changes meanwhile is seen before or after, and never leads astray.
 * Bound:  STP_VECTOR_STRINGS_MAX strings; what is more, or does not fit, is cut (counted).
 * Return: What could be read before the first fault.
 */
const char *stp_user_strings(struct stp_ctx *ctx, u64 address);

/**
 * stp_field(ctx, address, type, member) - Integer or pointer member of a kernel structure: `stp_field(ctx, stp_task(ctx), task_struct, pid)`.
 *
 * @type is a tag of the running kernel's own types (BTF), @member a member or a path through embedded structures, "se.vruntime". The session
 * does not begin if the kernel has no such member. Bit fields are read as what they are.
 * Return: Its value, sign or zero extended; 0 if it cannot be read.
 */
#define stp_field(ctx, address, type, member) stp_member(ctx, address, STP_NAME_USED(#type, #member, false), 0)

/* stp_field_or() - The same; @otherwise, uncounted, on a kernel that has no such member. */
#define stp_field_or(ctx, address, type, member, otherwise) stp_member(ctx, address, STP_NAME_USED(#type, #member, true), otherwise)

/* stp_field_string() - Member that is an array of characters, as a pool string; "" if it cannot be read. */
#define stp_field_string(ctx, address, type, member) stp_member_string(ctx, address, STP_NAME_USED(#type, #member, false))

/* stp_member(), stp_member_string() - What stands behind stp_field(), stp_field_or() and stp_field_string(). */
s64 stp_member(struct stp_ctx *ctx, u64 address, const struct stp_name *name, s64 otherwise);
const char *stp_member_string(struct stp_ctx *ctx, u64 address, const struct stp_name *name);

#endif

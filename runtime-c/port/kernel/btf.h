/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Members of kernel structures, looked up in a BTF blob: what /sys/kernel/btf/vmlinux has. Nothing in the blob is trusted. */
#ifndef STP_BTF_H
#define STP_BTF_H

#include <stp/port.h>

/* Bytes of a pointer in the structures that the blob describes. */
#ifndef STP_BTF_POINTER_SIZE
#define STP_BTF_POINTER_SIZE sizeof(long)
#endif

/**
 * struct stp_btf - A blob in which structures are looked up.
 * @index: Where each type begins in @types, by its id; the caller's memory.
 * @count: Of ids; 0 is that of void.
 */
struct stp_btf {
	const u8 *types;
	u32 types_size;
	const char *strings;
	u32 strings_size;
	u32 *index;
	u32 count;
};

/**
 * struct stp_btf_member - What a program reads of a structure.
 * @bit_offset: From the structure's begin; of a bitfield, of its lowest bit on a little-endian machine.
 * @size:       Bytes of the member's type; of an array: all of it, 0 if it has no length.
 * @bits:       Width of a bitfield; 0: it is none.
 * @is_signed:  A signed integer or enum.
 * @is_string:  An array of 1-byte integers.
 * @is_pointer: A pointer, to anything.
 */
struct stp_btf_member {
	u64 bit_offset;
	u32 size;
	u32 bits;
	bool is_signed;
	bool is_string;
	bool is_pointer;
};

/**
 * stp_btf_index_size() - Bytes of memory that stp_btf_open() needs for its index.
 *
 * Bound:  One pass over the blob.
 * Return: The size; 0 if the blob is no BTF or damaged.
 */
u32 stp_btf_index_size(const void *blob, u32 size);

/**
 * stp_btf_open() - Check a blob and index its types.
 * @btf:        Out: used until the caller frees @blob or @index; nobody changes them as long.
 * @index:      Aligned as a u32.
 * @index_size: Bytes of it, at least stp_btf_index_size().
 *
 * Bound:  One pass over the blob.
 * Return: 0; -STP_EINVAL if the blob is no BTF, damaged, of the other byte order, or has kinds of types that we do not know.
 */
int stp_btf_open(struct stp_btf *btf, const void *blob, u32 size, u32 *index, u32 index_size);

/**
 * stp_btf_find() - Where @member is in the struct or union @type, by the first definition of that name.
 * @member: "pid", or a path through embedded structures: "se.sum_exec_runtime". Anonymous structs and unions are looked through.
 * @found:  Out: all zero unless the result is 0, but for its size.
 *
 * Bound:  One pass over the blob for the type, one for each name of the path.
 * Return: 0; -STP_ENOENT if there is no such type (found->size is 0) or no such member (found->size is the structure's);
 *         -STP_EINVAL if what was met on the way is damaged.
 */
int stp_btf_find(const struct stp_btf *btf, const char *type, const char *member, struct stp_btf_member *found);

/**
 * stp_btf_members() - Call @each for every member name of @type, anonymous structs and unions looked through.
 *
 * For messages that name what is nearest.
 *
 * Bound:  As stp_btf_find().
 * Return: 0; -STP_ENOENT if there is no such type; -STP_EINVAL if it is damaged, behind the names that were passed.
 */
int stp_btf_members(const struct stp_btf *btf, const char *type, void (*each)(void *to, const char *name), void *to);

#endif

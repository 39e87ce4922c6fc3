// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading memory that may not be there, and members of the kernel's structures by name.
 * Must never: fault, sleep, read a byte of user space twice for one string.
 */
#include <linux/fs.h>
#include <linux/kernel_read_file.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <stp/look.h>
#include <stp/session.h>
#include <stp/wire.h>

#include "btf.h"
#include "hit.h"
#include "module.h"
#include "nearest.h"
#include "tracepoint.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define BTF_SIZE_MAX (32u << 20) /* bytes; Debian's kernels have 5 MB */

/* What a null pointer and its members point to is nothing, even where the kernel has something there, as that of s390 has. */
#define NULL_AREA (2 * PAGE_SIZE)

static bool copy(void *to, u64 address, u32 size, bool user)
{
	/* Where pointers have 4 bytes, one that a function returned has its sign before it. */
	if ((address != (unsigned long)address && address != (u64)(long)address) || (!user && address < NULL_AREA))
		return false;
	if (user)
		return !copy_from_user_nofault(to, (const void __user *)(unsigned long)address, size);
	return !copy_from_kernel_nofault(to, (const void *)(unsigned long)address, size);
}

s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	return copy(to, address, size, kind == STP_LOOK_USER) ? (s32)size : -STP_EFAULT;
}

/* Page by page, so that a string is read whose last page is there. */
s32 stp_memory_string(u64 address, bool user, char *to, u32 size)
{
	u32 at = 0, now, length;

	while (at < size) {
		now = min_t(u32, size - at, PAGE_SIZE - ((address + at) & ~PAGE_MASK));
		if (!copy(to + at, address + at, now, user))
			return -STP_EFAULT;
		length = strnlen(to + at, now);
		at += length;
		if (length < now)
			break;
	}
	return at;
}

/* The program's name of that id; ids are looked up rather than passed, because a look is known by numbers alone. */
static const struct stp_name *name_of(u32 id)
{
	u32 i;

	for (i = 0; i < stp_session.program.names_count; i++)
		if (stp_session.program.names[i]->id == id)
			return stp_session.program.names[i];
	return NULL;
}

s32 stp_memory_member(u64 address, u32 id, void *to, u32 size)
{
	const struct stp_name *name = name_of(id);
	u64 value = 0;
	u32 bits, shift;

	if (!name || name->missing)
		return -STP_ENOENT;
	shift = name->bit_offset % 8;
	bits = name->bits ? name->bits : name->size * 8;
	if (!copy(&value, address + name->bit_offset / 8, name->bits ? (shift + bits + 7) / 8 : name->size, false))
		return -STP_EFAULT;
	value <<= STP_BIG_ENDIAN ? shift : 64 - bits - shift; /* @value begins with the member's first byte; so it counts bits, from the upper end or the lower */
	return stp_number(name->is_signed ? (u64)((s64)value >> (64 - bits)) : value >> (64 - bits), to, size);
}

s32 stp_memory_member_string(u64 address, u32 id, char *to, u32 size)
{
	const struct stp_name *name = name_of(id);

	if (!name || name->missing)
		return -STP_ENOENT;
	return stp_memory_string(address + name->bit_offset / 8, false, to, min(size, name->size));
}

/* The running kernel's types, from its file. Everything is freed by close_btf(). */
static int open_btf(struct stp_btf *btf, void **blob)
{
	ssize_t size = kernel_read_file_from_path(BTF_PATH, 0, blob, BTF_SIZE_MAX, NULL, READING_UNKNOWN);
	u32 index_size = size > 0 ? stp_btf_index_size(*blob, size) : 0;
	u32 *index = index_size ? vmalloc(index_size) : NULL;

	if (index && !stp_btf_open(btf, *blob, size, index, index_size))
		return 0;
	stp_log("cannot read the kernel's types from %s: %s\n", BTF_PATH, size < 0 ? (IS_ENABLED(CONFIG_DEBUG_INFO_BTF) ? "there is no such file; is sysfs mounted?" : "this kernel was built without CONFIG_DEBUG_INFO_BTF") : index_size && !index ? "no memory" : "it is damaged");
	vfree(index);
	if (size > 0)
		vfree(*blob);
	return -STP_ENOENT;
}

static void close_btf(struct stp_btf *btf, void *blob)
{
	vfree(btf->index);
	vfree(blob);
}

/* Says what is missing. */
static void say_missing(const struct stp_btf *btf, const struct stp_name *name, const char *why)
{
	struct stp_nearest *nearest = stp_alloc(sizeof(*nearest));

	if (nearest) {
		nearest->wanted = name->member;
		stp_btf_members(btf, name->type, stp_nearest_offer, nearest);
	}
	stp_log("%s:%d: struct %s has no member %s that can be read: %s%s\n", name->file, name->line, name->type, name->member, why, nearest ? stp_nearest_text(nearest) : "");
	stp_free(nearest);
}

static int resolve(const struct stp_btf *btf, struct stp_name *name)
{
	struct stp_btf_member found;
	int error = stp_btf_find(btf, name->type, name->member, &found);
	bool fits = found.is_string || found.size <= sizeof(u64);

	name->missing = error || !fits;
	if (name->missing && name->optional)
		return 0;
	if (error && !found.size)
		stp_log("%s:%d: this kernel has no struct %s\n", name->file, name->line, name->type);
	else if (name->missing)
		say_missing(btf, name, error ? "there is none" : "it is a structure itself; name a member of it");
	if (name->missing)
		return -STP_ENOENT;
	name->bit_offset = found.bit_offset;
	name->size = found.size;
	name->bits = found.bits;
	name->is_signed = found.is_signed;
	return 0;
}

int stp_port_resolve(struct stp_name *const *names, u32 count)
{
	struct stp_btf btf;
	void *blob = NULL;
	bool open = false;
	int error = 0;
	u32 i;

	for (i = 0; i < count && !error; i++) {
		if (!names[i]->type) {
			error = stp_tracepoint_resolve(names[i]);
			continue;
		}
		if (!open)
			error = open_btf(&btf, &blob);
		open = !error;
		if (!error)
			error = resolve(&btf, names[i]);
	}
	if (open)
		close_btf(&btf, blob);
	return error;
}

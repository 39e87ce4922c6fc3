// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading memory, and members of the kernel's structures (L4-L6).
 * Must never: read a place of user memory twice for one value, trust a length or pointer that it read.
 * Siblings: look.c; port/kernel/memory.c does the reading
 */
#include <stp/memory.h>
#include <stp/session.h>
#include <stp/string.h>

static int read(struct stp_ctx *ctx, u32 kind, void *to, u64 address, u32 size)
{
	s32 got;

	memset(to, 0, size);
	if (!stp_look_begin(ctx))
		return stp_outside(ctx) ? -STP_ESTATE : -STP_EBUDGET;
	got = stp_look_memory(ctx, kind, address, to, size);
	if (stp_look_end(ctx, got == (s32)size ? 0 : -STP_EFAULT)) {
		memset(to, 0, size);
		return -STP_EFAULT;
	}
	return 0;
}

int stp_kernel_read(struct stp_ctx *ctx, void *to, u64 address, u32 size)
{
	return read(ctx, STP_LOOK_KERNEL, to, address, size);
}

int stp_user_read(struct stp_ctx *ctx, void *to, u64 address, u32 size)
{
	return read(ctx, STP_LOOK_USER, to, address, size);
}

static s64 read_int(struct stp_ctx *ctx, u32 kind, u64 address, u32 size)
{
	union {
		u8 u8;
		u16 u16;
		u32 u32;
		u64 u64;
	} value;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || read(ctx, kind, &value, address, size))
		return 0;
	return size == 1 ? value.u8 : size == 2 ? value.u16 : size == 4 ? value.u32 : (s64)value.u64;
}

s64 stp_kernel_int(struct stp_ctx *ctx, u64 address, u32 size)
{
	return read_int(ctx, STP_LOOK_KERNEL, address, size);
}

s64 stp_user_int(struct stp_ctx *ctx, u64 address, u32 size)
{
	return read_int(ctx, STP_LOOK_USER, address, size);
}

/* Begins a read into a pool string; NULL if there is nothing more to do: outside a probe, no actions left, or lost for want of a string. */
static char *begin_string(struct stp_ctx *ctx)
{
	char *string;

	if (!stp_look_begin(ctx))
		return NULL;
	string = stp_string_take(ctx);
	if (!string)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_READ, STP_LOSS_FULL);
	return string;
}

const char *stp_look_string(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail)
{
	char *string = begin_string(ctx);
	s32 size;

	if (!string)
		return "";
	size = stp_look_end(ctx, stp_look(ctx, kind, key, detail, string, STP_STRING_SIZE_MAX));
	if (size < 0)
		size = 0;
	if (size == STP_STRING_SIZE_MAX) { /* there was more, and at least its NUL did not fit */
		size--;
		stp_ledger_cut(ctx->row, 1);
	}
	string[size] = 0;
	return string;
}

const char *stp_kernel_string(struct stp_ctx *ctx, u64 address)
{
	return stp_look_string(ctx, STP_LOOK_KERNEL_STRING, address, 0);
}

const char *stp_user_string(struct stp_ctx *ctx, u64 address)
{
	return stp_look_string(ctx, STP_LOOK_USER_STRING, address, 0);
}

const char *stp_user_strings(struct stp_ctx *ctx, u64 address)
{
	u32 i, used = 0, size = stp_port_pointers_32(ctx) ? 4 : 8;
	char *string = begin_string(ctx);
	s32 got;

	if (!string)
		return "";
	for (i = 0;; i++) {
		union {
			u32 narrow;
			u64 wide;
		} read = { .wide = 0 };
		u64 pointer;

		got = stp_look_memory(ctx, STP_LOOK_USER, address + (u64)i * size, &read, size);
		pointer = size == sizeof(read.narrow) ? read.narrow : read.wide;
		if (got < 0 || !pointer)
			break;
		if (i == STP_VECTOR_STRINGS_MAX || used + 2 >= STP_STRING_SIZE_MAX) {
			stp_ledger_cut(ctx->row, 1);
			break;
		}
		if (i)
			string[used++] = ' ';
		got = stp_look(ctx, STP_LOOK_USER_STRING, pointer, 0, string + used, STP_STRING_SIZE_MAX - used);
		if (got < 0)
			break;
		used += got;
		if (used == STP_STRING_SIZE_MAX) {
			used--;
			stp_ledger_cut(ctx->row, 1);
			break;
		}
	}
	stp_look_end(ctx, got);
	string[used] = 0;
	return string;
}

s64 stp_member(struct stp_ctx *ctx, u64 address, const struct stp_name *name, s64 otherwise)
{
	s64 value = 0;
	s32 got;

	if (!stp_look_begin(ctx))
		return 0;
	got = stp_look(ctx, STP_LOOK_MEMBER, address, name->id, &value, sizeof(value));
	if (got == -STP_ENOENT && name->optional) {
		stp_look_end(ctx, 0);
		return otherwise;
	}
	return stp_look_end(ctx, got == sizeof(value) ? 0 : -STP_EFAULT) ? 0 : value;
}

const char *stp_member_string(struct stp_ctx *ctx, u64 address, const struct stp_name *name)
{
	return stp_look_string(ctx, STP_LOOK_MEMBER_STRING, address, name->id);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Looks at what a hostile process offers, and counts what it finds; never more. Siblings: hostile.c, hostile.guest.test.ts */
#include <stp/stp.h>

/* By kind and outcome as hostile.c has them: looks that gave something, and that were faults. */
STP_MAP(found, STP_KEYS(STP_INT64, STP_INT64, STP_STR), STP_INT64, .string_size = 8);
STP_MAP(texts, STP_KEYS(STP_INT64, STP_STR), STP_INT64, .entries_max = 4096, .string_size = 64);

enum kind { USER_STRING, USER_BYTES, KERNEL_STRING, KERNEL_BYTES, USER_VECTOR, MOVING_VECTOR, MOVING_MEMORY, STACK };

static u64 faults(struct stp_ctx *ctx)
{
	return ctx->row->kind[STP_LOSS_KIND_READ].lost[STP_LOSS_FAULT];
}

STP_PROBE(uprobe, "/hostile:victim")
{
	s64 kind = stp_arg(ctx, 0), address = stp_arg(ctx, 1);
	u64 before = faults(ctx);
	const char *text = "";
	u64 bytes;

	switch (kind) {
	case USER_STRING:
	case MOVING_MEMORY:
		text = stp_user_string(ctx, address);
		break;
	case USER_BYTES:
		stp_user_read(ctx, &bytes, address, sizeof(bytes));
		break;
	case KERNEL_STRING:
		text = stp_kernel_string(ctx, address);
		break;
	case KERNEL_BYTES:
		stp_kernel_read(ctx, &bytes, address, sizeof(bytes));
		break;
	case USER_VECTOR:
	case MOVING_VECTOR:
		text = stp_user_strings(ctx, address);
		break;
	case STACK:
		stp_printf(ctx, "stack ");
		stp_print_user_stack(ctx);
		break;
	}
	stp_map_add(&found, STP_KEY(kind, stp_arg(ctx, 2), faults(ctx) == before ? "fine" : "fault"), 1);
	if (*text)
		stp_map_add(&texts, STP_KEY(kind, text), 1);
}

STP_PROBE(end)
{
	stp_foreach(&found, it)
		stp_printf(ctx, "found %d %d %s %d\n", stp_it_key_int64(it, 0), stp_it_key_int64(it, 1), stp_it_str(it, 2), stp_it_int64(it));
	stp_foreach(&texts, it)
		stp_printf(ctx, "text %d %d %s\n", stp_it_key_int64(it, 0), stp_it_int64(it), stp_it_str(it, 1));
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What each process opens and reads, second by second. */
#include <stp/stp.h>

STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 1024, .string_size = 16);
STP_MAP(reads, STP_KEYS(STP_STR), STP_INT64, .entries_max = 1024, .string_size = 16);

static s64 began_ns;

STP_PROBE(begin)
{
	began_ns = stp_now_ns(ctx);
}

STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
}

STP_PROBE(kprobe, "vfs_read")
{
	stp_map_add(&reads, STP_KEY(stp_execname(ctx)), 1);
}

static void report(struct stp_ctx *ctx)
{
	stp_printf(ctx, "after %d ms\n", (stp_now_ns(ctx) - began_ns) / 1000000);
	stp_print_map(ctx, &opens, .sort = STP_BY_VALUE_DESC, .remove = true);
	stp_print_map(ctx, &reads, .sort = STP_BY_VALUE_DESC, .remove = true);
}

STP_PROBE(timer, "1s")
{
	report(ctx);
}

STP_PROBE(end)
{
	report(ctx);
}

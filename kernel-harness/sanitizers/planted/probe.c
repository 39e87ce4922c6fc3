// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Does what the planted bugs need: adds to a map on all CPUs, reads user memory, prints. */
#include <stp/stp.h>

STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 64, .string_size = 16);

STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
	stp_printf(ctx, "%s\n", stp_user_string(ctx, stp_arg(ctx, 1)));
}

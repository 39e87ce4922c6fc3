// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Counts openat calls by process name; prints the ten that made most of them. */
#include <stp/stp.h>

STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 2048, .string_size = 16);

STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
}

STP_PROBE(end)
{
	stp_foreach(&opens, it, .sort = STP_BY_VALUE_DESC, .limit = 10)
		stp_printf(ctx, "%-16s %d\n", stp_it_str(it, 0), stp_it_int64(it));
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Where programs touch memory that is not there yet: page faults by process, and the user stacks that take most of them. */
#include <stp/stp.h>

STP_MAP(stacks, STP_KEYS(STP_STR, STP_STR), STP_INT64, .entries_max = 1024, .per_cpu = true);
STP_MAP(processes, STP_KEYS(STP_STR), STP_INT64, .entries_max = 1024, .string_size = 16);

STP_PROBE(perf, "page-faults")
{
	stp_map_add(&stacks, STP_KEY(stp_execname(ctx), stp_user_stack(ctx)), 1);
}

STP_PROBE(end)
{
	stp_foreach(&stacks, it)
		stp_map_add(&processes, STP_KEY(stp_it_str(it, 0)), stp_it_int64(it));
	stp_foreach(&processes, it, .sort = STP_BY_VALUE_DESC, .limit = 10)
		stp_printf(ctx, "%-16s %8d\n", stp_it_str(it, 0), stp_it_int64(it));
	stp_printf(ctx, "\n");
	stp_foreach(&stacks, it, .sort = STP_BY_VALUE_DESC, .limit = 10)
		stp_printf(ctx, "%s %s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_int64(it));
}

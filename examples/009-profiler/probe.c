// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Where the CPUs spend their time: samples by process, user stack and kernel stack, for a flame graph. */
#include <stp/stp.h>

STP_MAP(samples, STP_KEYS(STP_STR, STP_STR, STP_STR), STP_INT64, .entries_max = 1024, .per_cpu = true);

STP_PROBE(profile, "99hz")
{
	if (!stp_tid(ctx))
		return; /* idle */
	stp_map_add(&samples, STP_KEY(stp_execname(ctx), stp_user_stack(ctx), stp_stack(ctx)), 1);
}

STP_PROBE(end)
{
	stp_foreach(&samples, it, .sort = STP_BY_VALUE_DESC)
		stp_printf(ctx, "%s %s%s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_str(it, 2), stp_it_int64(it));
}

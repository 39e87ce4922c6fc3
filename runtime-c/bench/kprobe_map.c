// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A hit that counts by process. Siblings: kernel-harness/bench/kprobe_map.stp, kernel-harness/bench/kprobe_map.bt */
#include <stp/stp.h>

STP_MAP(by_pid, STP_KEYS(STP_INT64), STP_INT64);

STP_PROBE(kprobe, "jiffies64_to_nsecs")
{
	stp_map_add(&by_pid, STP_KEY(stp_pid(ctx)), 1);
}

STP_PROBE(end)
{
	s64 sum = 0;

	stp_foreach(&by_pid, it)
		sum += stp_it_int64(it);
	stp_printf(ctx, "counted %d\n", sum);
}

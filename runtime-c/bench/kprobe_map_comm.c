// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A hit that counts by command. Siblings: kernel-harness/bench/kprobe_map_comm.stp, kernel-harness/bench/kprobe_map_comm.bt */
#include <stp/stp.h>

STP_MAP(by_comm, STP_KEYS(STP_STR), STP_INT64);

STP_PROBE(kprobe, "jiffies64_to_nsecs")
{
	stp_map_add(&by_comm, STP_KEY(stp_execname(ctx)), 1);
}

STP_PROBE(end)
{
	s64 sum = 0;

	stp_foreach(&by_comm, it)
		sum += stp_it_int64(it);
	stp_printf(ctx, "counted %d\n", sum);
}

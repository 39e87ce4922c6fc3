// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A near-empty body: what a hit of a kprobe costs. Siblings: kernel-harness/bench/kprobe.stp, kernel-harness/bench/kprobe.bt */
#include <stp/stp.h>

static volatile u64 seen;

STP_PROBE(kprobe, "jiffies64_to_nsecs")
{
	(void)ctx;
	seen = 1;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A hit that prints a line. Siblings: kernel-harness/bench/kprobe_printf.stp, kernel-harness/bench/kprobe_printf.bt */
#include <stp/stp.h>

STP_PROBE(kprobe, "jiffies64_to_nsecs")
{
	stp_printf(ctx, "%s %d\n", stp_execname(ctx), stp_pid(ctx));
}

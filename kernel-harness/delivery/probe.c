// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A numbered line of 70 bytes for each seek of lines.c. Peers have the same in ../bench/lines.stp and lines.bt. */
#include <stp/stp.h>

#define MARK 0x5354

STP_PROBE(kprobe, "null_lseek")
{
	u64 offset = stp_arg(ctx, 1);

	if (offset >> 48 == MARK)
		stp_printf(ctx, "%d %010d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", offset >> 32 & 0xffff, offset & 0xffffffff);
}

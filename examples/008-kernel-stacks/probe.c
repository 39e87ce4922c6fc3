// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Who asks the kernel for pages of memory: pages by process and kernel stack, the ten with most of them. */
#include <stp/stp.h>

STP_MAP(pages, STP_KEYS(STP_STR, STP_STR), STP_INT64, .entries_max = 1024, .per_cpu = true);

STP_PROBE(kprobe, "__alloc_pages")
{
	u32 order = stp_arg(ctx, 1) & 15; /* it asks for 2^order pages; the kernel's largest order is 10 */

	stp_map_add(&pages, STP_KEY(stp_execname(ctx), stp_stack(ctx)), 1 << order);
}

STP_PROBE(end)
{
	stp_foreach(&pages, it, .sort = STP_BY_VALUE_DESC, .limit = 10)
		stp_printf(ctx, "%s %s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_int64(it));
}

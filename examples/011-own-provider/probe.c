// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Who brings network devices up and down, by a provider of our own: links.provider.c. */
#include <stp/stp.h>

STP_PROVIDER(links);

STP_PROBE(links, "up")
{
	stp_printf(ctx, "%s (%d) brings %s up\n", stp_execname(ctx), stp_pid(ctx), stp_hit_text(ctx));
}

STP_PROBE(links, "down")
{
	stp_printf(ctx, "%s (%d) takes %s down\n", stp_execname(ctx), stp_pid(ctx), stp_hit_text(ctx));
}

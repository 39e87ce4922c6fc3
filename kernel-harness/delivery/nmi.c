// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A line for each nmi that comes meanwhile: behind probe.c, in one program. */
STP_PROVIDER(nmi);

STP_PROBE(nmi, "")
{
	stp_printf(ctx, "nmi\n");
}

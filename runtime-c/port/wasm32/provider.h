/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A provider in the sandbox, whatever it is on a kernel: its hits come from the trace, by stp_sim_hit(). */
#ifndef STP_SIM_PROVIDER_H
#define STP_SIM_PROVIDER_H

#include <stp/probe.h>

/* That the point exists was checked where the trace was read. */
int stp_sim_attach(struct stp_probe *probe);
void stp_sim_detach(struct stp_probe *probe);

#define STP_SIM_PROVIDER(kind, ...) \
	const struct stp_provider stp_provider_##kind = { \
		.name = #kind, .about = "", .rank = 1, .attach = stp_sim_attach, .detach = stp_sim_detach, __VA_ARGS__ \
	}

#endif

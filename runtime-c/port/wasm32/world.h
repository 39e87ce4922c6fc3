/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What sandbox.c and replay exports need of world.c beyond the port. */
#ifndef STP_SIM_WORLD_H
#define STP_SIM_WORLD_H

#include <stp/port.h>

u32 stp_sim_level(void);

#endif

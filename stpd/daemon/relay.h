/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Between relay.c and relay_readers.c: operations of struct transport, and what they need. */
#ifndef STPD_RELAY_H
#define STPD_RELAY_H

#include "transport.h"

#define RELAY_TRY_MS 10 /* ms between two tries */

/* relay.c: the file of a CPU, or -1. */
int relay_open_cpu(int cpu);

int relay_start(struct stream *streams, int cpus);
bool relay_is_over(void);
int relay_end(void);
uint64_t relay_left(int cpu);
int relay_error(int cpu);
int relay_snapshot(struct stream *streams, int cpus);
void relay_close_readers(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* How records leave the kernel: one of two, chosen at load. Both drain the same rings. */
#ifndef STP_PORT_KERNEL_TRANSPORT_H
#define STP_PORT_KERNEL_TRANSPORT_H

#include <stp/ring.h>

#define STP_FIRST_LOOK_MS 100 /* ms: a reader that found nothing looks again after so long, for a writer may have missed that it waits */
#define STP_BATCH_MS_MAX 50   /* ms: what little there is is left to grow for so long, before it is read */

/**
 * struct stp_transport - A way out of the kernel.
 * @init:    Gives rings of @ring_size bytes to the CPUs that are up, and lets readers come. Undoes its part if it fails.
 * @wake:    The reader of a ring wanted to know (stp_port_wake()); any context.
 * @stopped: The session has ended: readers see it.
 * @said:    The log has grown.
 * @fini:    Ends readers, takes the rings back.
 */
struct stp_transport {
	int (*init)(unsigned long ring_size);
	void (*wake)(u32 cpu);
	void (*stopped)(void);
	void (*said)(void);
	void (*fini)(void);
};

extern const struct stp_transport stp_relay;   /* files in debugfs (relay.c) */
extern const struct stp_transport stp_netlink; /* generic netlink (netlink.c) */

/* The one of this session, from its init on. */
extern const struct stp_transport *stp_transport;

#endif

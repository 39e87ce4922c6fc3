/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Names that are nearest to one that is not there, for messages. Sibling: spec/nearest.ts */
#ifndef STP_PORT_KERNEL_NEAREST_H
#define STP_PORT_KERNEL_NEAREST_H

#include <stp/port.h>

#define STP_NEAREST_NAMES 3
#define STP_NEAREST_SIZE_MAX 64 /* bytes of a name, its NUL included; longer ones are not compared */

/**
 * struct stp_nearest - The nearest so far.
 * @wanted: What is not there.
 */
struct stp_nearest {
	const char *wanted;
	u32 count;
	u32 distance[STP_NEAREST_NAMES];
	char name[STP_NEAREST_NAMES][STP_NEAREST_SIZE_MAX];
	char text[STP_NEAREST_NAMES * STP_NEAREST_SIZE_MAX];
};

/* stp_nearest_offer() - One name that is there. @to is a struct stp_nearest. Task context. */
void stp_nearest_offer(void *to, const char *name);

/* stp_nearest_text() - "; nearest: a, b, c", or "" if nothing was offered. */
const char *stp_nearest_text(struct stp_nearest *nearest);

#endif

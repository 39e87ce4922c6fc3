/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_CLOCK_H
#define STP_GUEST_CLOCK_H

#include "types.h"

#include <time.h>

/** clock_ms() - Monotonic time in milliseconds. */
static inline s64 clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

#endif

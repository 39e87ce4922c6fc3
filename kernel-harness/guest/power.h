/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_POWER_H
#define STP_GUEST_POWER_H

#include <stdbool.h>

/**
 * power_off() - End the guest; does not return.
 * @why: What went wrong, printed on the console with errno; NULL at a regular end.
 */
void power_off(const char *why) __attribute__((noreturn));

#endif

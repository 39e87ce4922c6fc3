/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_FOLLOW_H
#define STP_GUEST_FOLLOW_H

#include <stdbool.h>

/* follow_begin() - From now on the files below a directory, which need not be there yet, go to the host as they grow. Return: false if one is followed already. */
bool follow_begin(const char *path);

/* follow_tick() - Sends what is new, if it is time to look. Return: milliseconds until the next look. */
int follow_tick(void);

/* follow_end() - Sends what is new, and follows no longer. */
void follow_end(void);

#endif

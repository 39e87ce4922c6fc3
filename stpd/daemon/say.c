// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Messages for the user. */
#include <stdarg.h>
#include <stdio.h>

#include "stpd.h"

#define LINE_SIZE 1024 /* bytes; a longer line is cut */

void say(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "stpd: %s\n", line);
	recording_log(line);
}

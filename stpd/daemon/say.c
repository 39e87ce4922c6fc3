// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Messages for the user: one line each. */
#include <stdarg.h>
#include <stdio.h>

#include "stpd.h"

#define LINE_SIZE 1024 /* bytes; a longer line is cut */

static bool is_silent;

void say(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!is_silent)
		fprintf(stderr, "stpd: %s\n", line);
	recording_log(line);
}

void say_no_more_to_terminal(void)
{
	is_silent = true;
}

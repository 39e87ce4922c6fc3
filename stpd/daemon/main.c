// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* stpd: one for each session of a kernel module. docs/stpd.md is about its use. */
#include "stpd.h"

int main(int argc, char **argv)
{
	struct options options = { .task = TASK_RUN };
	int status = options_read(argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.background && background_begin())
		return STPD_USAGE;
	if (events_open())
		return STPD_USAGE;
	return options.task == TASK_CLEAN_UP ? clean_up(&options) : session_run(&options);
}

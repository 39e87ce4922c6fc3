// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* -D: a process in the foreground that ends, with the status of the start, as soon as the session runs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stpd.h"

static int foreground = -1; /* a pipe */

/* Return: only in the background, or -1. */
int background_begin(void)
{
	int ends[2], status = STPD_USAGE;
	unsigned char told;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC)) {
		say("cannot go to the background: %s", strerror(errno));
		return -1;
	}
	child = fork();
	if (child < 0) {
		say("cannot go to the background: %s", strerror(errno));
		return -1;
	}
	if (!child) {
		close(ends[0]);
		foreground = ends[1];
		setsid();
		return 0;
	}
	close(ends[1]);
	if (read(ends[0], &told, 1) == 1)
		_exit(told);
	if (waitpid(child, &status, 0) == child)
		status = WIFEXITED(status) ? WEXITSTATUS(status) : STPD_FAILED;
	_exit(status);
}

void background_started(int status)
{
	unsigned char told = status;
	int null;

	if (foreground < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	close(null);
	say_no_more_to_terminal();
	if (write(foreground, &told, 1) != 1)
		say("the stpd in the foreground is gone");
	close(foreground);
	foreground = -1;
}

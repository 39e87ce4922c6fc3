// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a session is for: a command that stpd starts (-c), or a process that it watches (-x). The session ends with it. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

#include "stpd.h"

#define TERM_MS_MAX 2000 /* ms that a command has to end after SIGTERM */
#define TRY_MS 10	 /* ms */

static pid_t command = -1;
static bool is_well = true;
static pid_t watched;
static int watched_file = -1;

int command_start(const char *text)
{
	wordexp_t words;

	if (wordexp(text, &words, WRDE_NOCMD) || !words.we_wordc) {
		say("cannot read the command \"%s\"; quote it as a shell would need it", text);
		is_well = false;
		return -1;
	}
	command = fork();
	if (!command) {
		events_reset_signals();
		execvp(words.we_wordv[0], words.we_wordv);
		fprintf(stderr, "stpd: cannot run %s: %s\n", words.we_wordv[0], strerror(errno));
		_exit(127);
	}
	if (command < 0) {
		say("cannot start the command: %s", strerror(errno));
		is_well = false;
	}
	wordfree(&words);
	return command < 0 ? -1 : 0;
}

bool command_reap(void)
{
	int status;

	if (command <= 0 || waitpid(command, &status, WNOHANG) != command)
		return false;
	command = -1;
	is_well = WIFEXITED(status) && !WEXITSTATUS(status);
	if (!is_well)
		say("the command ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return true;
}

bool command_was_well(void)
{
	return is_well;
}

void command_end(void)
{
	int status, tries;

	if (command <= 0)
		return;
	kill(command, SIGTERM);
	for (tries = 0; tries < TERM_MS_MAX / TRY_MS; tries++) {
		if (waitpid(command, &status, WNOHANG)) {
			command = -1;
			return;
		}
		nanosleep(&(struct timespec){ 0, TRY_MS * 1000000L }, NULL);
	}
	say("the command (process %d) goes on after SIGTERM, and is left alone", (int)command);
}

int watch_open(pid_t pid)
{
	watched = pid;
	watched_file = syscall(SYS_pidfd_open, pid, 0);
	if (watched_file >= 0 || (errno != ESRCH && !watch_is_over()))
		return 0;
	say("there is no process %d to wait for", (int)pid);
	return -1;
}

int watch_poll(void)
{
	return watched_file;
}

bool watch_is_set(void)
{
	return watched > 0;
}

bool watch_is_over(void)
{
	struct pollfd poll_one = { .fd = watched_file, .events = POLLIN };
	bool over = watched_file >= 0 ? poll(&poll_one, 1, 0) > 0 : watched > 0 && kill(watched, 0) && errno == ESRCH;

	if (!over)
		return false;
	if (watched_file >= 0)
		close(watched_file);
	watched_file = -1;
	watched = 0;
	return true;
}

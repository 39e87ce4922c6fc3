// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * All that the main thread waits for: signals, the target, the session's log, readers, new mappings. One poll(), and no clock unless
 * something is there to be looked at again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "transport.h"

#define MAPS_PAUSE_MS 50 /* ms between two looks at new mappings: what comes meanwhile is taken at once */
#define LINE_SIZE 1024	 /* bytes of a line of the log; a longer one is cut */

enum { SIGNALS, READERS, WATCH, LOG, MAPS, POLLS_MAX = MAPS + CPUS_MAX };

static int signals = -1;
static sigset_t signals_before;
static bool log_is_over;
static char line[LINE_SIZE];
static size_t line_length;

int events_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &signals_before);
	signal(SIGPIPE, SIG_IGN); /* a terminal that is gone ends no session by itself: SIGHUP does */
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals >= 0 && !transport_event_open())
		return 0;
	say("cannot wait for signals: %s", strerror(errno));
	return -1;
}

void events_reset_signals(void)
{
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
}

static void end_line(bool first)
{
	line[line_length] = 0;
	if (line_length && !(first && recording_has_logged(line)))
		say("%s", line);
	line_length = 0;
}

void events_say_log(bool first)
{
	char piece[LOG_PIECE_SIZE];
	ssize_t size, i;

	while ((size = transport->read_log(piece, sizeof(piece))) > 0) {
		for (i = 0; i < size; i++) {
			if (piece[i] == '\n')
				end_line(first);
			else if (line_length < sizeof(line) - 1)
				line[line_length++] = piece[i];
		}
	}
	if (size < 0 && errno == EAGAIN)
		return;
	log_is_over = true;
	end_line(first);
}

/* Return: what a signal asks for; 0: nothing. */
static enum event take_signal(void)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGQUIT:
			return EVENT_DETACH;
		case SIGUSR2:
			return EVENT_SNAPSHOT;
		case SIGCHLD:
			if (command_reap())
				return EVENT_TARGET_OVER;
			break;
		default:
			return EVENT_STOP;
		}
	}
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Return: how many to poll. New mappings are left alone until @maps_ms. */
static int fill(struct pollfd *polls, int64_t maps_ms, int *timeout_ms)
{
	int64_t left_ms = maps_ms - now_ms();
	int count = MAPS;

	polls[SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
	polls[READERS] = (struct pollfd){ .fd = transport_event, .events = POLLIN };
	polls[WATCH] = (struct pollfd){ .fd = watch_poll(), .events = POLLIN };
	polls[LOG] = (struct pollfd){ .fd = log_is_over ? -1 : transport->log_poll(), .events = POLLIN };
	*timeout_ms = -1;
	if (left_ms <= 0)
		count += maps_polls(polls + MAPS);
	else
		*timeout_ms = left_ms;
	if (watch_poll() < 0 && watch_is_set() && (*timeout_ms < 0 || *timeout_ms > WATCH_MS))
		*timeout_ms = WATCH_MS;
	return count;
}

static bool any(const struct pollfd *polls, int from, int to)
{
	for (; from < to; from++)
		if (polls[from].revents)
			return true;
	return false;
}

enum event events_wait(void)
{
	static int64_t maps_ms;
	struct pollfd polls[POLLS_MAX];
	enum event event;
	uint64_t ended;
	int count, timeout_ms;

	for (;;) {
		event = take_signal();
		if (event)
			return event;
		if (transport->is_over() || (log_is_over && !transport_has_readers))
			return EVENT_SESSION_OVER;
		if (watch_is_over())
			return EVENT_TARGET_OVER;
		count = fill(polls, maps_ms, &timeout_ms);
		if (poll(polls, count, timeout_ms) < 0)
			continue;
		if (polls[LOG].revents)
			events_say_log(false);
		if (polls[READERS].revents && read(transport_event, &ended, sizeof(ended)) > 0 && transport_has_failed())
			return EVENT_SESSION_OVER;
		if (any(polls, MAPS, count)) {
			maps_drain();
			maps_ms = now_ms() + MAPS_PAUSE_MS;
		}
	}
}

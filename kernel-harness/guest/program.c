// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The programs of a job: children of PID 1 whose output goes to the report channel.
 *
 * One thread, one poll(): a program that fills its pipe waits, it never blocks the beat.
 */
#define _GNU_SOURCE
#include "program.h"
#include "clock.h"
#include "follow.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE 16384
#define TERM_GRACE_MS 5000
#define KILL_GRACE_MS 2000

static struct program programs[PROGRAMS_MAX];
static int child_signals = -1;
static sigset_t signals_at_boot;

#define for_each_program(p) for ((p) = programs; (p) < programs + PROGRAMS_MAX; (p)++)

int program_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &signals_at_boot);
	child_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return child_signals < 0 ? -1 : 0;
}

static bool stream_is_open(const struct program *program)
{
	return program->streams[0].fd >= 0 || program->streams[1].fd >= 0;
}

/* An ended program keeps its slot for `await` and `wait` until its name or its place is needed. */
static struct program *program_reserve(const char *name)
{
	struct program *p, *spare = NULL;

	if (strlen(name) >= PROGRAM_NAME_SIZE_MAX || !strcmp(name, "init")) {
		errno = EINVAL;
		return NULL;
	}
	for_each_program(p) {
		if (p->pid && !strcmp(p->name, name)) {
			errno = EBUSY;
			return p->ended && !stream_is_open(p) ? p : NULL;
		}
		if (!p->pid || (!spare && p->ended && !stream_is_open(p)))
			spare = p;
	}
	errno = ENOSPC;
	return spare;
}

static void child_main(int pipes[2][2], int (*main)(char **argv), char **argv)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, 0);
	dup2(pipes[0][1], 1);
	dup2(pipes[1][1], 2);
	sigprocmask(SIG_SETMASK, &signals_at_boot, NULL);
	_exit(main(argv));
}

struct program *program_start(const char *name, int (*main)(char **argv), char **argv)
{
	struct program *program = program_reserve(name);
	int pipes[2][2];

	if (!program)
		return NULL;
	if (pipe2(pipes[0], O_CLOEXEC))
		return NULL;
	if (pipe2(pipes[1], O_CLOEXEC))
		goto close_first;
	memset(program, 0, sizeof(*program));
	snprintf(program->name, sizeof(program->name), "%s", name);
	for (int i = 0; i < 2; i++) {
		program->streams[i].fd = pipes[i][0];
		fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
	}
	program->pid = fork();
	if (program->pid == 0)
		child_main(pipes, main, argv);
	close(pipes[0][1]);
	close(pipes[1][1]);
	if (program->pid > 0)
		return program;
	memset(program, 0, sizeof(*program));
	close(pipes[1][0]);
	close(pipes[0][0]);
	return NULL;

close_first:
	close(pipes[0][0]);
	close(pipes[0][1]);
	return NULL;
}

int program_exec(char **argv)
{
	execv(argv[0], argv);
	dprintf(2, "cannot execute %s: %s\n", argv[0], strerror(errno));
	return 127;
}

struct program *program_find(const char *name)
{
	struct program *p;

	for_each_program(p)
		if (p->pid && !strcmp(p->name, name))
			return p;
	return NULL;
}

struct program *program_running(void)
{
	struct program *p;

	for_each_program(p)
		if (p->pid && !p->ended)
			return p;
	return NULL;
}

static void stream_remember(struct program_stream *stream, const char *bytes, size_t size)
{
	size_t drop;

	if (stream->tail_size + size > PROGRAM_TAIL_SIZE) {
		drop = stream->tail_size + size - PROGRAM_TAIL_SIZE;
		memmove(stream->tail, stream->tail + drop, stream->tail_size - drop);
		stream->tail_size -= drop;
	}
	memcpy(stream->tail + stream->tail_size, bytes, size);
	stream->tail_size += size;
}

/* Forward what one read gives. Return: whether there may be more. */
static bool stream_forward(struct program *program, int index)
{
	struct program_stream *stream = &program->streams[index];
	char bytes[READ_SIZE];
	ssize_t size;

	if (stream->fd < 0)
		return false;
	size = read(stream->fd, bytes, sizeof(bytes));
	if (size < 0)
		return false;
	if (size == 0) {
		close(stream->fd);
		stream->fd = -1;
		return false;
	}
	report_output(program->name, index + 1, bytes, size);
	stream_remember(stream, bytes, size);
	return true;
}

/*
 * What the program wrote before its end is forwarded before its end is reported, and no more than a pipe can hold:
 * a grandchild that keeps the pipe and never stops writing must not keep us here.
 */
static void program_finish(struct program *program, int wait_status)
{
	for (int i = 0; i < 2; i++)
		for (int reads = 0; reads < 64 && stream_forward(program, i); reads++)
			;
	program->ended = true;
	program->status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	report_exit(program->name, program->status);
}

static void reap(void)
{
	struct signalfd_siginfo info;
	struct program *p;
	int status;
	pid_t pid;

	while (read(child_signals, &info, sizeof(info)) > 0)
		;
	/* Orphans of the programs come to PID 1, too; nobody asks for their status. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for_each_program(p)
			if (p->pid == pid && !p->ended)
				program_finish(p, status);
}

/* The host may interrupt the job at any time: what may be interrupted ends then, or when it starts later. */
static void interrupt_all(void)
{
	struct program *p;

	for_each_program(p) {
		if (!p->pid || p->ended || !p->interruptible || p->interrupted)
			continue;
		p->interrupted = true;
		kill(p->pid, SIGTERM);
	}
}

void program_pump(s64 deadline_ms)
{
	static bool interrupted;
	struct pollfd fds[2 + 2 * PROGRAMS_MAX] = { { .fd = child_signals, .events = POLLIN }, { .fd = interrupted ? -1 : report_fd(), .events = POLLIN } };
	struct program *p;
	s64 left_ms = deadline_ms - clock_ms();
	int beat_ms = report_beat(), look_ms = follow_tick();
	int i = 2;

	if (interrupted)
		interrupt_all();
	if (look_ms < beat_ms)
		beat_ms = look_ms;

	for_each_program(p)
		for (int s = 0; s < 2; s++, i++)
			fds[i] = (struct pollfd){ .fd = p->pid ? p->streams[s].fd : -1, .events = POLLIN };
	if (left_ms < 0)
		left_ms = 0;
	if (poll(fds, i, left_ms < beat_ms ? left_ms : beat_ms) <= 0)
		return;
	for (i = 2; i < 2 + 2 * PROGRAMS_MAX; i++)
		if (fds[i].revents)
			stream_forward(&programs[(i - 2) / 2], (i - 2) % 2);
	interrupted = interrupted || (fds[1].revents & POLLIN && report_heard());
	if (fds[0].revents)
		reap();
}

static bool stream_said(const struct program_stream *stream, const char *text)
{
	return memmem(stream->tail, stream->tail_size, text, strlen(text));
}

bool program_said(const struct program *program, const char *text)
{
	return stream_said(&program->streams[0], text) || stream_said(&program->streams[1], text);
}

const char *program_last_words(const struct program *program, char *line, size_t size)
{
	const struct program_stream *stream = &program->streams[1];
	size_t end = stream->tail_size, begin;

	while (end && stream->tail[end - 1] == '\n')
		end--;
	for (begin = end; begin && stream->tail[begin - 1] != '\n'; begin--)
		;
	snprintf(line, size, "%.*s", (int)(end - begin), stream->tail + begin);
	return line;
}

bool program_wait(const struct program *program, s64 deadline_ms)
{
	while (!program->ended && clock_ms() < deadline_ms)
		program_pump(deadline_ms);
	return program->ended;
}

static void signal_all(int number, s64 grace_ms)
{
	s64 deadline_ms = clock_ms() + grace_ms;
	struct program *p;

	for_each_program(p)
		if (p->pid && !p->ended)
			kill(p->pid, number);
	while ((p = program_running()) && program_wait(p, deadline_ms))
		;
}

void program_end_all(void)
{
	signal_all(SIGTERM, TERM_GRACE_MS);
	signal_all(SIGKILL, KILL_GRACE_MS);
}

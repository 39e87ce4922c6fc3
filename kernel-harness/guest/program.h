/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_GUEST_PROGRAM_H
#define STP_GUEST_PROGRAM_H

#include "types.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROGRAMS_MAX 32
#define PROGRAM_NAME_SIZE_MAX 32

/* What `await` can look back on: the last bytes of each stream. */
#define PROGRAM_TAIL_SIZE 65536

struct program_stream {
	int fd;			/* read end of the pipe; -1 after end of file */
	size_t tail_size;
	char tail[PROGRAM_TAIL_SIZE];
};

struct program {
	char name[PROGRAM_NAME_SIZE_MAX];
	pid_t pid;		/* 0: slot never used */
	bool ended;
	int status;		/* valid once ended; 128 + n for signal n */
	bool interruptible;	/* SIGTERM ends it when the host interrupts the job */
	bool interrupted;	/* that happened */
	struct program_stream streams[2];	/* stdout, stderr */
};

/** program_init() - Prepare to hear of ended children. Return: 0, or -1 with errno set. */
int program_init(void);

/**
 * program_start() - Start a child under a name.
 * @name: Its name; may be used again after the earlier bearer ended. "init" is ours.
 * @main: What the child does, its exit status.
 * @argv: Passed to @main.
 *
 * Return: The program, or NULL with errno set.
 */
struct program *program_start(const char *name, int (*main)(char **argv), char **argv);

/** program_exec() - A @main for program_start(): execute argv[0]. */
int program_exec(char **argv);

/** program_find() - The latest program of that name, or NULL. */
struct program *program_find(const char *name);

/** program_running() - Some program that has not ended, or NULL. */
struct program *program_running(void);

/**
 * program_pump() - Forward output, reap children and beat, until something happened or @deadline_ms.
 *
 * Every wait of the job is a loop around this, so that the host always hears from us.
 */
void program_pump(s64 deadline_ms);

/** program_said() - Whether a line of the program's (remembered) output contains @text. */
bool program_said(const struct program *program, const char *text);

/**
 * program_last_words() - The last line that the program wrote to stderr.
 * @line: Room for it.
 * @size: Size of @line in bytes; a longer line is cut.
 *
 * Return: @line, which is empty if there is none.
 */
const char *program_last_words(const struct program *program, char *line, size_t size);

/** program_wait() - Pump until the program ends. Return: Whether it ended by @deadline_ms. */
bool program_wait(const struct program *program, s64 deadline_ms);

/** program_end_all() - End what still runs: SIGTERM, a few seconds' grace, SIGKILL. */
void program_end_all(void);

#endif

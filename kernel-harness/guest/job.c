// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The interpreter of a job's steps. Sibling: ../steps.ts, which writes them. */
#define _GNU_SOURCE
#include "job.h"
#include "clock.h"
#include "follow.h"
#include "program.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_SIZE_MAX 4096
#define WORDS_MAX 64
#define MODULE_MS_MAX 60000
#define TREE_FDS_MAX 16
/* Sibling: ../console.ts finds this line, to say in which test the kernel complained. */
#define TEST_MARK "stp-test: "

/* words[0] is the verb, words[count] is NULL. Each verb returns whether it succeeded, and says why not. */
struct verb {
	const char *name;
	int words_min;
	bool (*run)(char **words, int count);
};

static s64 deadline_after(const char *seconds)
{
	return clock_ms() + atoi(seconds) * 1000LL;
}

static struct program *start(const char *name, int (*main)(char **), char **argv)
{
	struct program *program = program_start(name, main, argv);

	if (!program)
		report_error("cannot start %s: %s", name, errno == EBUSY ? "a program of that name still runs" : strerror(errno));
	return program;
}

static struct program *find(const char *name)
{
	struct program *program = program_find(name);

	if (!program)
		report_error("no program is called %s", name);
	return program;
}

static bool ends_with_status(struct program *program, s64 deadline_ms, int status)
{
	char words[256];

	if (!program_wait(program, deadline_ms)) {
		report_error("%s did not end in time", program->name);
		return false;
	}
	if (program->status == status || program->interrupted)
		return true;
	program_last_words(program, words, sizeof(words));
	report_error("%s ended with status %d, not %d%s%s", program->name, program->status, status, *words ? ": " : "", words);
	return false;
}

static bool verb_start(char **words, int count)
{
	(void)count;
	return start(words[1], program_exec, words + 2);
}

static bool verb_await(char **words, int count)
{
	struct program *program = find(words[1]);
	s64 deadline_ms = deadline_after(words[3]);

	(void)count;
	if (!program)
		return false;
	while (!program_said(program, words[2])) {
		if (program->ended || clock_ms() >= deadline_ms) {
			report_error("%s %s before it said \"%s\"", words[1],
				     program->ended ? "ended" : "ran out of time", words[2]);
			return false;
		}
		program_pump(deadline_ms);
	}
	return true;
}

static bool verb_run(char **words, int count)
{
	struct program *program = start(words[1], program_exec, words + 3);

	(void)count;
	if (program)
		program->interruptible = true;
	return program && ends_with_status(program, deadline_after(words[2]), 0);
}

static bool verb_signal(char **words, int count)
{
	static const struct { const char *name; int number; } signals[] = {
		{ "INT", SIGINT }, { "TERM", SIGTERM }, { "KILL", SIGKILL }, { "QUIT", SIGQUIT }, { "USR2", SIGUSR2 }, { "STOP", SIGSTOP }, { "CONT", SIGCONT },
	};
	struct program *program = find(words[1]);

	if (!program)
		return false;
	if (program->ended && count > 3 && !strcmp(words[3], "if-running"))
		return true;
	if (program->ended) {
		report_error("%s has ended already", words[1]);
		return false;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!strcmp(words[2], signals[i].name))
			return !kill(program->pid, signals[i].number);
	report_error("unknown signal %s", words[2]);
	return false;
}

static bool verb_wait(char **words, int count)
{
	struct program *program = find(words[1]);

	return program && ends_with_status(program, deadline_after(words[2]), count > 3 ? atoi(words[3]) : 0);
}

static int module_load(char **words)
{
	char params[LINE_SIZE_MAX] = "";
	int fd = open(words[1], O_RDONLY | O_CLOEXEC);

	for (char **word = words + 2; *word; word++) {
		strcat(params, *word);
		strcat(params, " ");
	}
	if (fd >= 0 && !syscall(SYS_finit_module, fd, params, 0))
		return 0;
	dprintf(2, "cannot load %s: %s\n", words[1], strerror(errno));
	return 1;
}

static int module_unload(char **words)
{
	if (!syscall(SYS_delete_module, words[1], O_NONBLOCK))
		return 0;
	dprintf(2, "cannot unload %s: %s\n", words[1], strerror(errno));
	return 1;
}

/* In a child: what a module's init or exit function does to its task must not happen to PID 1. */
static bool verb_insmod(char **words, int count)
{
	struct program *program = start("insmod", module_load, words);

	(void)count;
	return program && ends_with_status(program, clock_ms() + MODULE_MS_MAX, 0);
}

static bool verb_rmmod(char **words, int count)
{
	struct program *program = start("rmmod", module_unload, words);

	(void)count;
	return program && ends_with_status(program, clock_ms() + MODULE_MS_MAX, 0);
}

static int send_file(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	static char bytes[REPORT_PAYLOAD_SIZE_MAX];
	ssize_t size;
	int fd;

	(void)stat;
	(void)ftw;
	if (type == FTW_D)
		return 0;
	fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0) {
		report_error("cannot read %s: %s", path, type == FTW_F ? strerror(errno) : "not a readable file");
		return -1;
	}
	report_text(STP_FRAME_FILE, path);
	while ((size = read(fd, bytes, sizeof(bytes))) > 0)
		report_send(STP_FRAME_DATA, bytes, size);
	if (size < 0)
		report_error("cannot read all of %s: %s", path, strerror(errno));
	close(fd);
	return size;
}

static bool verb_send(char **words, int count)
{
	struct stat stat;

	(void)count;
	if (lstat(words[1], &stat)) {
		report_error("cannot send %s: %s", words[1], strerror(errno));
		return false;
	}
	return !nftw(words[1], send_file, TREE_FDS_MAX, FTW_PHYS);
}

static bool verb_follow(char **words, int count)
{
	(void)count;
	if (follow_begin(words[1]))
		return true;
	report_error("cannot follow %s: another directory is followed", words[1]);
	return false;
}

static bool verb_unfollow(char **words, int count)
{
	(void)words;
	(void)count;
	follow_end();
	return true;
}

static bool verb_write(char **words, int count)
{
	ssize_t size = strlen(words[2]);
	int fd = open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool written = fd >= 0 && write(fd, words[2], size) == size;

	(void)count;
	if (!written)
		report_error("cannot write %s: %s", words[1], strerror(errno));
	if (fd >= 0)
		close(fd);
	return written;
}

static bool verb_test(char **words, int count)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[LINE_SIZE_MAX + sizeof(TEST_MARK)];
	int size = snprintf(line, sizeof(line), TEST_MARK "%s\n", words[1]);
	bool written = fd >= 0 && write(fd, line, size) == size; /* one write is one line */

	(void)count;
	if (!written)
		report_error("cannot write into the kernel's log: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return written;
}

static const struct verb verbs[] = {
	{ "start", 3, verb_start },
	{ "await", 4, verb_await },
	{ "run", 4, verb_run },
	{ "signal", 3, verb_signal },
	{ "wait", 3, verb_wait },
	{ "insmod", 2, verb_insmod },
	{ "rmmod", 2, verb_rmmod },
	{ "send", 2, verb_send },
	{ "follow", 2, verb_follow },
	{ "unfollow", 1, verb_unfollow },
	{ "write", 3, verb_write },
	{ "test", 2, verb_test },
};

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Unquotes one word in place. Return: where the next one begins, or NULL if a quote is not closed. */
static char *word_cut(char *at)
{
	bool quoted = *at == '"';
	char *to = at, *from = at + quoted;

	while (*from && (quoted ? *from != '"' : *from != ' ')) {
		if (quoted && *from == '\\' && from[1])
			*to++ = *++from == 'n' ? '\n' : *from;
		else
			*to++ = *from;
		from++;
	}
	if (quoted && !*from)
		return NULL;
	from += *from != '\0';
	*to = '\0';
	return from;
}

/* Return: the number of words, or -1 if the line is malformed. */
static int line_cut(char *line, char **words)
{
	int count = 0;

	for (;;) {
		while (*line == ' ')
			line++;
		if (!*line)
			break;
		if (count == WORDS_MAX)
			return -1;
		words[count++] = line;
		line = word_cut(line);
		if (!line)
			return -1;
	}
	words[count] = NULL;
	return count;
}

static bool begins_test(const char *line)
{
	return !strncmp(line, "test ", strlen("test "));
}

static bool step_run(char *line, bool failed)
{
	char *words[WORDS_MAX + 1];
	const struct verb *verb;
	char shown[LINE_SIZE_MAX];
	int count;

	snprintf(shown, sizeof(shown), "%s", line);
	count = line_cut(line, words);
	if (count == 0 || *shown == '#')
		return true;
	verb = count > 0 ? verb_find(words[0]) : NULL;
	if (failed && (!verb || (verb->run != verb_send && verb->run != verb_unfollow)))
		return true;
	report_text(STP_FRAME_STEP, shown);
	if (!verb || count < verb->words_min) {
		report_error("not a step");
		return false;
	}
	return verb->run(words, count);
}

static bool nothing_runs(void)
{
	struct program *program = program_running();

	if (program)
		report_error("%s still runs at the end of the job", program->name);
	return !program;
}

int job_run(const char *path)
{
	char line[LINE_SIZE_MAX];
	FILE *steps = fopen(path, "re");
	bool failed = !steps;

	if (!steps)
		report_error("cannot read %s: %s", path, strerror(errno));
	while (steps && fgets(line, sizeof(line), steps)) {
		line[strcspn(line, "\n")] = '\0';
		if (failed && begins_test(line))
			break;
		if (step_run(line, failed) || failed)
			continue;
		failed = true;
		program_end_all();
	}
	if (!failed && !nothing_runs())
		failed = true;
	program_end_all();
	if (steps)
		fclose(steps);
	return failed;
}

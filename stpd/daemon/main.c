// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stpd: one for each session. Loads the module, records what it writes, stops it on a signal or when its command
 * ends, unloads it and finishes the recording.
 * Must never: leave the module loaded when it ends by itself, or call a recording finished that is not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "stpd.h"

static const char usage[] =
	"usage: stpd [-r] [-b SIZE] [-l LIMIT=N]... [-c COMMAND] -o DIRECTORY MODULE.ko\n"
	"Loads MODULE.ko, records its output into DIRECTORY until ^C or the end of COMMAND, unloads it.\n"
	"  -o DIRECTORY  the recording, a new or empty directory\n"
	"  -c COMMAND    run COMMAND while the session runs\n"
	"  -b SIZE       ring of each CPU: bytes, or with K or M; a power of two\n"
	"  -l LIMIT=N    a limit of the session, as \"modinfo -p MODULE.ko\" lists them\n"
	"  -r            record each hit, too, so that the sandbox can replay it\n";

/* "64K" to bytes; 0 if it is no size. */
static unsigned long parse_size(const char *text)
{
	char *end;
	unsigned long size = strtoul(text, &end, 10);

	if (*end == 'K' || *end == 'M')
		size <<= *end++ == 'K' ? 10 : 20;
	return *end || size & (size - 1) ? 0 : size;
}

/* "actions=500": appended to the module's parameters. */
static int add_limit(struct options *options, const char *text)
{
	size_t used = strlen(options->limits), name = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
	const char *number = text + name + 1;

	if (!name || text[name] != '=' || !*number || number[strspn(number, "0123456789")]) {
		say("-l takes a limit and a number, as actions=500, not \"%s\"", text);
		return -1;
	}
	if (used + strlen(text) + 2 <= sizeof(options->limits)) {
		sprintf(options->limits + used, "%s ", text);
		return 0;
	}
	say("more limits than fit into %d bytes", (int)sizeof(options->limits));
	return -1;
}

static int parse(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "o:c:b:l:rh")) != -1) {
		switch (option) {
		case 'o':
			options->directory = optarg;
			break;
		case 'c':
			options->command = optarg;
			break;
		case 'b':
			options->ring_size = parse_size(optarg);
			if (!options->ring_size) {
				say("-b takes a power of two, as 65536, 64K or 1M, not \"%s\"", optarg);
				return -1;
			}
			break;
		case 'l':
			if (add_limit(options, optarg))
				return -1;
			break;
		case 'r':
			options->record = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(STPD_OK);
		default:
			fputs(usage, stderr);
			return -1;
		}
	}
	if (optind != argc - 1 || !options->directory) {
		fputs(usage, stderr);
		return -1;
	}
	options->module = argv[optind];
	if (!module_set_name(options->module))
		return 0;
	say("%s is no module: its name must end in .ko", options->module);
	return -1;
}

/* Signals are taken by sigwaitinfo() alone; threads and the command inherit or reset the mask. */
static sigset_t block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGUSR1); /* from a reader: the session has ended by itself */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

static pid_t start_command(const char *command, const sigset_t *signals)
{
	wordexp_t words;
	pid_t pid;

	if (wordexp(command, &words, WRDE_NOCMD) || !words.we_wordc) {
		say("cannot read the command \"%s\"", command);
		return -1;
	}
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_UNBLOCK, signals, NULL);
		execvp(words.we_wordv[0], words.we_wordv);
		fprintf(stderr, "stpd: cannot run %s: %s\n", words.we_wordv[0], strerror(errno));
		_exit(127);
	}
	wordfree(&words);
	return pid;
}

/* Until a signal, the end of the command, or of the session by itself. Return: whether the command ended well or there is none. */
static bool wait_for_end(const sigset_t *signals, pid_t command)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD)
			return true;
		if (command > 0 && waitpid(command, &status, WNOHANG) == command) {
			if (WIFEXITED(status) && !WEXITSTATUS(status))
				return true;
			say("the command ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
			return false;
		}
	}
}

/* Stop, drain, keep manifest and log. Return: 0, or -1 if the recording is not whole. */
static int finish(void)
{
	char path[PATH_SIZE];
	int error = module_command("stop");
	int result;

	if (error)
		say("cannot stop the session: %s", strerror(error));
	result = readers_join();
	if (recording_copy(module_file(path, "manifest"), "manifest.json"))
		result = -1;
	if (recording_wants_symbols())
		recording_keep_symbols();
	module_say_log();
	return error ? -1 : result;
}

/* The session, its module loaded. Return: exit status. */
static int run(const struct options *options, const sigset_t *signals)
{
	pid_t command = 0;
	bool well = true;
	int error;

	if (readers_start()) {
		module_command("stop"); /* ends the readers that did start */
		return STPD_USAGE;
	}
	error = module_command("start");
	if (error) {
		module_say_log();
		say("the session could not start: %s", strerror(error));
		return STPD_USAGE;
	}
	say("session %s started", module_name());
	if (options->command)
		command = start_command(options->command, signals);
	if (command >= 0)
		well = wait_for_end(signals, command);
	return finish() || command < 0 || !well ? STPD_FAILED : STPD_OK;
}

int main(int argc, char **argv)
{
	struct options options = { .module = NULL };
	sigset_t signals;
	int status;

	if (parse(argc, argv, &options))
		return STPD_USAGE;
	signals = block_signals();
	if (recording_create(options.directory))
		return STPD_USAGE;
	if (module_load(&options)) {
		recording_discard();
		return STPD_USAGE;
	}
	status = run(&options, &signals);
	if (status == STPD_USAGE)
		readers_join(); /* the session has ended, and they see it */
	if (module_unload())
		status = STPD_FAILED;
	if (status == STPD_USAGE) {
		recording_discard();
		return status;
	}
	say("session %s ended, recording in %s", module_name(), options.directory);
	recording_close();
	return status;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The command line. Must never: let a combination pass that cannot be meant. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stpd.h"

static const char usage[] =
	"usage: stpd [options] -o DIRECTORY MODULE.ko    load MODULE.ko, record its output until ^C, unload it\n"
	"       stpd [options] -A NAME [-o DIRECTORY]    go on with the loaded module NAME\n"
	"       stpd -C NAME                             stop and unload a module that was left behind\n"
	"  -o, --output DIRECTORY   the recording, a new or empty directory; with -A the one that was begun, or a new one (NAME)\n"
	"  -c, --command COMMAND    run COMMAND, and end the session with it\n"
	"  -x, --pid PID            end the session when process PID ends\n"
	"  -b, --ring-size SIZE     ring of each CPU: bytes, or with K or M; a power of two\n"
	"  -S, --rotate SIZE[,N]    begin a new file of each CPU after SIZE bytes, keep only the last N\n"
	"  -m, --mode MODE          discard: what does not fit is lost; overwrite: keep the newest (a flight recorder)\n"
	"  -t, --transport WAY      relay: files in debugfs; netlink: needs no debugfs\n"
	"  -l, --limit LIMIT=N      a limit of the session, as \"modinfo -p MODULE.ko\" lists them; with -A while it runs\n"
	"  -r, --record             record each hit, too, so that the sandbox can replay it\n"
	"  -D, --daemon             go to the background once the session has started\n"
	"  -L, --leave              load and start it, and leave it: -A goes on with it\n"
	"  -A, --attach NAME        go on with a session that an stpd left or was killed in\n"
	"  -C, --clean-up NAME      stop and unload it, nothing is recorded\n"
	"  -h, --help               this text\n"
	"  -V, --version            version\n"
	"signals: INT, TERM, HUP stop the session and finish (a second one while it drains: at once); QUIT leaves it;\n"
	"         USR2 in overwrite mode writes DIRECTORY/snapshot-K\n";

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },  { "command", required_argument, NULL, 'c' },   { "pid", required_argument, NULL, 'x' },
	{ "ring-size", required_argument, NULL, 'b' }, { "rotate", required_argument, NULL, 'S' },  { "mode", required_argument, NULL, 'm' },
	{ "transport", required_argument, NULL, 't' }, { "limit", required_argument, NULL, 'l' },   { "record", no_argument, NULL, 'r' },
	{ "daemon", no_argument, NULL, 'D' },	     { "leave", no_argument, NULL, 'L' },	    { "attach", required_argument, NULL, 'A' },
	{ "clean-up", required_argument, NULL, 'C' }, { "cleanup", required_argument, NULL, 'C' },  { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },	     { NULL, 0, NULL, 0 },
};

/* "64K" to bytes. Return: what follows, or NULL if it is no size or too large. */
static const char *read_size(const char *text, uint64_t *size)
{
	char *end;
	unsigned int shift = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*size = strtoull(text, &end, 10);
	if (*end == 'K' || *end == 'M' || *end == 'G') {
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
		end++;
	}
	if (errno || *size > UINT64_MAX >> shift)
		return NULL;
	*size <<= shift;
	return end;
}

static int read_ring_size(struct options *options, const char *text)
{
	uint64_t size;
	const char *end = read_size(text, &size);

	if (end && !*end && size && !(size & (size - 1))) {
		options->ring_size = size;
		return 0;
	}
	say("-b takes a power of two, as 65536, 64K or 1M, not \"%s\"", text);
	return -1;
}

/* "16M,4" or "16M". */
static int read_rotation(struct options *options, const char *text)
{
	const char *end = read_size(text, &options->part_size);
	unsigned long parts = 0;
	char *rest = "";

	if (end && *end == ',' && end[1] >= '0' && end[1] <= '9')
		parts = strtoul(end + 1, &rest, 10);
	else if (end && *end)
		end = NULL;
	if (end && !*rest && options->part_size >= PART_SIZE_MIN && (parts || !*end) && parts <= PARTS_MAX) {
		options->parts_max = parts;
		return 0;
	}
	say("-S takes a size of at least %d bytes and how many files of that size to keep, at most %d, as 16M,4, not \"%s\"", PART_SIZE_MIN, PARTS_MAX, text);
	return -1;
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
	say("more limits than fit into %d bytes; give fewer -l", LIMITS_SIZE);
	return -1;
}

static int read_pid(struct options *options, const char *text)
{
	char *end;
	unsigned long pid = strtoul(text, &end, 10);

	if (*text >= '1' && *text <= '9' && !*end && pid <= INT32_MAX) {
		options->pid = pid;
		return 0;
	}
	say("-x takes the number of a process, not \"%s\"", text);
	return -1;
}

static int read_word(const char *option, const char *text, const char *one, const char *other, bool *is_other)
{
	*is_other = !strcmp(text, other);
	if (*is_other || !strcmp(text, one))
		return 0;
	say("%s takes %s or %s, not \"%s\"", option, one, other, text);
	return -1;
}

static int read_name(struct options *options, enum task task, const char *name)
{
	bool is_name = *name && strlen(name) < NAME_SIZE && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];

	if (options->task != TASK_RUN || !is_name) {
		say(is_name ? "give one -A or -C, not several" : "-%c takes the name of a loaded module, as lsmod lists it, not \"%s\"", task == TASK_ATTACH ? 'A' : 'C', name);
		return -1;
	}
	options->task = task;
	options->name = name;
	return 0;
}

/* Return: 0, -1 if it is wrong (said), 1 if it is none that is known. */
static int read_option(struct options *options, int option, const char *value)
{
	bool is_other;

	switch (option) {
	case 'o':
		options->directory = value;
		return 0;
	case 'c':
		options->command = value;
		return 0;
	case 'x':
		return read_pid(options, value);
	case 'b':
		return read_ring_size(options, value);
	case 'S':
		return read_rotation(options, value);
	case 'm':
		return read_word("-m", value, "discard", "overwrite", &options->overwrite);
	case 't':
		options->transport = value;
		return read_word("-t", value, "relay", "netlink", &is_other);
	case 'l':
		return add_limit(options, value);
	case 'r':
		options->record = true;
		return 0;
	case 'D':
		options->background = true;
		return 0;
	case 'L':
		options->leave = true;
		return 0;
	case 'A':
		return read_name(options, TASK_ATTACH, value);
	case 'C':
		return read_name(options, TASK_CLEAN_UP, value);
	default:
		return 1;
	}
}

/* Return: why they cannot be meant together, or NULL. */
static const char *find_contradiction(const struct options *options)
{
	bool loads = options->task == TASK_RUN;

	if (!loads && (options->ring_size || options->overwrite || options->record || options->leave))
		return "-b, -m, -r and -L are for a module that is yet to be loaded; leave them out with -A and -C";
	if (options->task == TASK_CLEAN_UP && (options->directory || options->command || options->pid || options->part_size || *options->limits || options->background))
		return "-C takes no other option than -t";
	if (options->leave && (options->command || options->pid || options->background || options->part_size))
		return "-L leaves the session at once; leave out -c, -x, -D and -S, and give them to the stpd that goes on with -A";
	if (options->overwrite && options->part_size)
		return "-S is for mode discard: in mode overwrite the ring itself keeps the newest; give a larger -b";
	if (loads && !options->directory && !options->leave)
		return "say by -o where the recording goes, a new or empty directory";
	return NULL;
}

int options_read(int argc, char **argv, struct options *options)
{
	const char *wrong;
	int option, result;

	while ((option = getopt_long(argc, argv, "o:c:x:b:S:m:t:l:rDLA:C:hV", long_options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			fputs(option == 'h' ? usage : "stpd " STPD_VERSION "\n", stdout);
			return STPD_OK;
		}
		result = read_option(options, option, optarg);
		if (result > 0)
			fputs(usage, stderr);
		if (result)
			return STPD_USAGE;
	}
	if (argc - optind != (options->task == TASK_RUN)) {
		fputs(usage, stderr);
		return STPD_USAGE;
	}
	options->module = argv[optind];
	if (options->task == TASK_ATTACH && !options->directory)
		options->directory = options->name;
	wrong = find_contradiction(options);
	if (!wrong)
		return -1;
	say("%s", wrong);
	return STPD_USAGE;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the parts of stpd share. Siblings: transport.h, stream.h, elf.h */
#ifndef STPD_H
#define STPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STPD_VERSION "0.2.0"

#define NAME_SIZE 56	     /* bytes: a module's name with its NUL, as the kernel limits it */
#define PATH_SIZE 512	     /* bytes: paths that stpd makes */
#define CPUS_MAX 64	     /* CPUs, as the runtime's STP_CPUS_MAX */
#define LIMITS_SIZE 512	     /* bytes: all -l of one call */
#define STACK_SIZE (64 << 10) /* bytes: stack of a reader thread */
#define PARTS_MAX 1000	     /* parts that -S may keep of each CPU */
#define PART_SIZE_MIN 4096   /* bytes: smallest SIZE of -S */

/* Exit statuses. */
enum {
	STPD_OK = 0,
	STPD_FAILED = 1, /* the session ran and something went wrong */
	STPD_USAGE = 2,	 /* the session could not begin, nothing is left behind */
};

enum task { TASK_RUN, TASK_ATTACH, TASK_CLEAN_UP };

struct options {
	enum task task;
	const char *module;    /* path of the .ko, TASK_RUN */
	const char *name;      /* of the loaded module, the other tasks */
	const char *directory; /* recording; NULL with leave: none */
	const char *command;   /* runs for the session's length, NULL: until a signal */
	const char *transport; /* "relay" or "netlink", NULL: relay, or what the loaded module has */
	pid_t pid;	       /* the session ends when it ends; 0: none */
	unsigned long ring_size; /* bytes, 0: the module's default */
	uint64_t part_size;    /* bytes after which a new part begins, 0: never */
	unsigned int parts_max; /* parts that are kept of each CPU, 0: all */
	bool overwrite;
	bool record;
	bool background;
	bool leave;
	char limits[LIMITS_SIZE]; /* "actions=500 errors=3 ", for the module */
};

/* options.c: Return: -1 to go on, else the exit status. */
int options_read(int argc, char **argv, struct options *options);

/* say.c: one line to stderr and to the recording's log, once that is open. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* From here on only the log: the terminal is no longer ours. */
void say_no_more_to_terminal(void);

/* privileges.c: capabilities of this process. Each says what is missing. */
enum privilege { TO_LOAD, TO_USE_NETLINK };
int privileges_check(enum privilege privilege);
/* Keeps what reading and unloading need, for this thread and those that it starts. */
void privileges_drop(bool netlink);

/* module.c: the kernel module of a session. Each says why it failed. */
int module_check(const struct options *options);
int module_load(const struct options *options);
int module_unload(void);
/* A loaded module, by its name. Return: 0, or -1 if it is not loaded, or none of stp. */
int module_find(const char *name);
bool module_is_loaded(void);
/* The transport that it was loaded with. */
const char *module_transport(void);
const char *module_name(void);

/* recording.c: the recording directory. Each says why it failed. */
int recording_create(const char *directory);
/* Goes on in @directory, or creates it. @session: identifies the session that it is of. */
int recording_resume(const char *directory, const char *session);
/* Notes whose recording it is, and holds some room back for its end. */
int recording_begin(const char *session);
/* The session never began: removes what was made, unless an earlier stpd had begun it. */
void recording_discard(void);
int recording_folder(void);
const char *recording_path(void);
/* Replaces @file by what @write writes into it, at once or not at all. @folder: the recording's, or a snapshot's. */
int recording_replace(int folder, const char *file, int (*write)(int to));
/* The last manifest has room, whatever the disk has. */
void recording_release_reserve(void);
/* What is for a running session only goes. */
void recording_end(void);
void recording_log(const char *line);
/* Whether an earlier stpd has logged it already. */
bool recording_has_logged(const char *line);
void recording_write_pid(void);
/* All of @bytes. Return: 0, or -1 with errno. */
int write_all(int to, const void *bytes, size_t size);

/* symbols.c: what gives addresses their names. Say what they could not keep. */
void symbols_keep_kernel(int folder);
void symbols_keep_modules(int folder);
/* What symbols/maps has so far, for a snapshot. */
void symbols_copy_maps(int folder);

/* maps.c: executable mappings of processes, into symbols/maps, from maps_begin() to maps_end(). */
struct pollfd;
void maps_begin(void);
/* Fills @polls, one for each CPU. Return: how many. */
int maps_polls(struct pollfd *polls);
/* Writes down what has come since. */
void maps_drain(void);
void maps_end(bool keep);

/* maps_file.c: its lines. */
#define BUILD_ID_SIZE_MAX 20 /* bytes */
int maps_file_open(void);
void maps_file_map(uint64_t time_ns, pid_t pid, uint64_t start, uint64_t end, uint64_t offset, const uint8_t *build_id, size_t size, const char *path);
void maps_file_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void maps_file_flush(void);
void maps_file_close(bool keep);
/* maps_scan.c: what is mapped already. */
void maps_scan(uint64_t time_ns);

/* command.c: the target of a session. */
int command_start(const char *command);
/* To be called at SIGCHLD. Return: whether the command has ended. */
bool command_reap(void);
/* Whether it ended well, or there was none. */
bool command_was_well(void);
/* The session has ended before it: SIGTERM. */
void command_end(void);
/* A process that is only watched. */
int watch_open(pid_t pid);
/* What to poll for its end, or -1: then ask watch_is_over() each WATCH_MS. */
int watch_poll(void);
bool watch_is_set(void);
/* True once. */
bool watch_is_over(void);
#define WATCH_MS 200 /* ms */

/* background.c: -D. */
int background_begin(void);
/* Tells the foreground how the start went; from then on the terminal is left alone. */
void background_started(int status);

/* events.c: what stpd waits for, in one place. */
enum event {
	EVENT_SESSION_OVER = 1, /* all readers have read to the end, or failed */
	EVENT_STOP,		/* signal */
	EVENT_DETACH,
	EVENT_SNAPSHOT,
	EVENT_TARGET_OVER,
};
int events_open(void);
enum event events_wait(void);
/* Has the log of the module said. @first: some of it was said by an earlier stpd. */
void events_say_log(bool first);
/* For a child: signals as they were. */
void events_reset_signals(void);

/* session.c, cleanup.c: the tasks. Return: exit status. */
int session_run(const struct options *options);
int clean_up(const struct options *options);

#endif

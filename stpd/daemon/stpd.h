/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the parts of stpd share. */
#ifndef STPD_H
#define STPD_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_SIZE 56 /* bytes: a module's name with its NUL, as the kernel limits it */
#define PATH_SIZE 512 /* bytes */

/* Exit statuses. */
enum {
	STPD_OK = 0,
	STPD_FAILED = 1, /* the session ran and something went wrong */
	STPD_USAGE = 2,  /* the session could not begin */
};

struct options {
	const char *module;    /* path of the .ko */
	const char *directory; /* recording */
	const char *command;   /* runs for the session's length, NULL: until a signal */
	unsigned long ring_size; /* bytes, 0: the module's default */
	bool record;
	char limits[512];        /* "actions=500 errors=3 ", for the module */
};

/* say() - One line to stderr and to the recording's log, once that is open. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* module.c: loading, unloading, and the files of a loaded module. */
int module_load(const struct options *options);
int module_unload(void);
/* Name of the module, from its path. Return: 0, -1 if it can be none. */
int module_set_name(const char *path);
const char *module_name(void);
/* Path of a session file in debugfs. */
const char *module_file(char path[PATH_SIZE], const char *file);
/* Sends "start" or "stop". Return: 0, or the errno. */
int module_command(const char *command);
/* Says what the module logged. */
void module_say_log(void);

/* recording.c: the recording directory. */
int recording_create(const char *directory);
/* Removes what recording_create() and the readers made: the session never began. */
void recording_discard(void);
int recording_open(const char *file);
/* Copies a session file into the recording. */
int recording_copy(const char *from, const char *file);
/* Whether the manifest that was copied says that addresses were recorded. */
bool recording_wants_symbols(void);
/* Keep the kernel's functions in symbols/kallsyms; says so if it cannot. */
void recording_keep_symbols(void);
void recording_log(const char *line);
void recording_close(void);

/* readers.c: a thread for each CPU. */
int readers_start(void);
/* Waits until all have read to the end of the session. Return: 0, -1 if one could not write. */
int readers_join(void);

#endif

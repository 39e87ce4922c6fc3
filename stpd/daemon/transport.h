/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How stpd talks with a loaded module, and gets its rings' bytes. Two ways: relay.c by files in debugfs, netlink.c by a generic netlink family.
 * Calls that return int give 0 or an errno, and say nothing; open() and start() say why they failed and return -1.
 */
#ifndef STPD_TRANSPORT_H
#define STPD_TRANSPORT_H

#include <poll.h>

#include "stream.h"

#define LOG_PIECE_SIZE 4096 /* bytes of the log at a time */

struct transport {
	const char *name;
	/* Whether it can work here at all, before the module is loaded. */
	int (*check)(void);
	/* Finds the module's side. No other stpd has it then. */
	int (*open)(const char *module);
	/* "start", "stop", "set NAME VALUE". */
	int (*command)(const char *text);
	/* Copies "status", "manifest" or "modules" to a file. */
	int (*copy)(const char *what, int to);
	/* Some of the log, without waiting. Return: bytes; 0: all, the session is over; -1: none for now. */
	ssize_t (*read_log)(char *to, size_t size);
	/* What to poll for more of it. */
	int (*log_poll)(void);
	/* Begins to read into @streams; each end of a reader is a write to transport_event. */
	int (*start)(struct stream *streams, int cpus);
	/* Whether all readers have ended. */
	bool (*is_over)(void);
	/* Ends the readers whatever they wait for. Return: 0, or -1 if one is stuck in a write. */
	int (*end)(void);
	/* Bytes that are in the ring of @cpu and not in its stream, after end(). */
	uint64_t (*left)(int cpu);
	/* errno of what ended the reader of @cpu early; 0: nothing. */
	int (*error)(int cpu);
	/* What the rings hold now. */
	int (*snapshot)(struct stream *streams, int cpus);
	void (*close)(void);
};

extern const struct transport transport_relay, transport_netlink;

/* The one in use. */
extern const struct transport *transport;
/* An eventfd: a reader has ended. */
extern int transport_event;

/* transport.c: what a session says about itself. */
struct status {
	int cpus;
	bool overwrite;
	bool is_idle, is_ended;
	unsigned long ring_size; /* bytes */
	char loaded_ns[24];	 /* when the module was loaded: identifies the session */
};

/* The streams that the readers fill, for the main thread when they have ended. */
extern struct stream transport_streams[CPUS_MAX];
extern int transport_streams_count;
/* Whether readers wait for the end of the session; in mode overwrite there are none. */
extern bool transport_has_readers;
/* Whether one could not read or write, so that the session should stop. */
bool transport_has_failed(void);

/* By its name. */
const struct transport *transport_of(const char *name);
/* Readers tell the main thread. */
int transport_event_open(void);
void transport_tell(void);
/* Return: 0, or -1 (and says why). */
int transport_status(struct status *status);
/* @what as text that must be freed, or NULL. */
char *transport_text(const char *what);

#endif

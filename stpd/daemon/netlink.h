/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Between netlink.c, netlink_reader.c and netlink_socket.c. Calls that return int give 0 or an errno. */
#ifndef STPD_NETLINK_H
#define STPD_NETLINK_H

#include "netlink_message.h"
#include "transport.h"

/* As in the runtime's protocol.gen.h; the daemon includes nothing of the runtime. */
enum {
	STP_NL_ATTACH = 1,
	STP_NL_DETACH,
	STP_NL_CONTROL,
	STP_NL_READ,
	STP_NL_DATA,
	STP_NL_ACK,
	STP_NL_END,
	STP_NL_LOG,
};
enum { STP_NL_ATTR_CPU = 1, STP_NL_ATTR_OFFSET, STP_NL_ATTR_DATA, STP_NL_ATTR_TEXT };

/* What both halves know of the session. */
struct netlink_side {
	int data;     /* socket: is attached, gets the streams */
	int requests; /* socket */
	int wake;     /* eventfd: the thread must end */
	int log;      /* eventfd: the log has grown */
	uint16_t family;
};

extern struct netlink_side netlink_side;

/* netlink_reader.c: operations of struct transport. */
int netlink_start(struct stream *to, int cpus);
bool netlink_is_over(void);
int netlink_end(void);
int netlink_error(int cpu);
bool netlink_session_is_over(void);

/* netlink.c */
void netlink_raise(int event);

/* A message that is no acknowledgement. */
typedef void (*netlink_answer)(const struct nlmsghdr *message, void *to);

/* Return: the socket, or -1. */
int netlink_socket(void);
int netlink_send(int fd, struct request *request);
/* Sends it and waits until the kernel has done it; what comes meanwhile goes to @answer. */
int netlink_ask(int fd, struct request *request, netlink_answer answer, void *to);
/* Number of the family of a loaded module; 0: there is none. */
uint16_t netlink_find(int fd, const char *module);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The transport by generic netlink: requests, over a socket of their own. Sibling: netlink_reader.c, the thread that takes the streams.
 * Must never: need debugfs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "netlink.h"

struct netlink_side netlink_side = { -1, -1, -1, -1, 0 };
static uint64_t log_offset;

static int netlink_check(void)
{
	return privileges_check(TO_USE_NETLINK);
}

void netlink_raise(int event)
{
	uint64_t one = 1;

	if (write(event, &one, sizeof(one)) < 0)
		return; /* it is raised already */
}

static int netlink_open(const char *module)
{
	netlink_side.requests = netlink_socket();
	netlink_side.data = netlink_socket();
	netlink_side.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	netlink_side.log = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (netlink_side.requests < 0 || netlink_side.data < 0 || netlink_side.wake < 0 || netlink_side.log < 0) {
		say("cannot open a netlink socket: %s", strerror(errno));
		return -1;
	}
	netlink_side.family = netlink_find(netlink_side.requests, module);
	if (netlink_side.family)
		return 0;
	say("module %s has no netlink family (%s); was it loaded without -t netlink?", module, strerror(errno));
	return -1;
}

static int netlink_command(const char *text)
{
	struct request request;

	request_begin(&request, netlink_side.family, STP_NL_CONTROL, 0);
	if (request_add(&request, STP_NL_ATTR_TEXT, text, strlen(text) + 1))
		return EMSGSIZE;
	return netlink_ask(netlink_side.requests, &request, NULL, NULL);
}

/* One part of a text or a snapshot, from @offset on. */
struct piece {
	int error;
	uint64_t offset;
	size_t size;
	char bytes[MESSAGE_SIZE_MAX];
};

static void take_piece(const struct nlmsghdr *message, void *to)
{
	struct attribute found[ATTRIBUTES_MAX];
	struct piece *piece = to;

	message_attributes(message, found);
	if (message->nlmsg_type != netlink_side.family || message_command(message) != STP_NL_READ || found[STP_NL_ATTR_OFFSET].size != sizeof(piece->offset))
		return;
	memcpy(&piece->offset, found[STP_NL_ATTR_OFFSET].data, sizeof(piece->offset));
	piece->size = found[STP_NL_ATTR_DATA].size;
	if (piece->size)
		memcpy(piece->bytes, found[STP_NL_ATTR_DATA].data, piece->size);
}

static int read_piece(const char *what, uint64_t offset, struct piece *piece)
{
	struct request request;

	piece->size = 0;
	piece->offset = offset;
	request_begin(&request, netlink_side.family, STP_NL_READ, 0);
	if (request_add(&request, STP_NL_ATTR_TEXT, what, strlen(what) + 1) || request_add(&request, STP_NL_ATTR_OFFSET, &offset, sizeof(offset)))
		return EMSGSIZE;
	return netlink_ask(netlink_side.requests, &request, take_piece, piece);
}

static int netlink_copy(const char *what, int to)
{
	static struct piece piece;
	uint64_t offset = 0;
	int error;

	do {
		error = read_piece(what, offset, &piece);
		if (!error && write_all(to, piece.bytes, piece.size))
			error = errno;
		offset = piece.offset + piece.size;
	} while (!error && piece.size);
	return error;
}

static ssize_t netlink_read_log(char *to, size_t size)
{
	static struct piece piece;
	bool over = netlink_session_is_over(); /* before the look, so that nothing is missed */
	uint64_t count;

	if (read(netlink_side.log, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -1;
	if (read_piece("log", log_offset, &piece) || !piece.size) {
		errno = EAGAIN;
		return over ? 0 : -1;
	}
	if (piece.size > size) {
		piece.size = size;
		netlink_raise(netlink_side.log);
	}
	memcpy(to, piece.bytes, piece.size);
	log_offset += piece.size;
	return piece.size;
}

static int netlink_log_poll(void)
{
	return netlink_side.log;
}

/* What is in the ring is not told over netlink. */
static uint64_t netlink_left(int cpu)
{
	(void)cpu;
	return 0;
}

static int snapshot_cpu(struct stream *stream)
{
	static struct piece piece;
	uint64_t offset = 0, first = 0;
	char name[16];
	int error;

	snprintf(name, sizeof(name), "cpu%d", stream->cpu);
	do {
		error = read_piece(name, offset, &piece);
		if (!error && !offset)
			first = piece.offset;
		if (!error && piece.size && stream_accept(stream, piece.offset, piece.bytes, piece.size))
			error = stream->error;
		offset = piece.offset + piece.size;
	} while (!error && piece.size);
	return error || !stream_touch(stream, first) ? error : errno;
}

static int netlink_snapshot(struct stream *to, int cpus)
{
	int cpu, error = 0;

	for (cpu = 0; cpu < cpus && !error; cpu++)
		error = snapshot_cpu(&to[cpu]);
	return error;
}

static void netlink_close(void)
{
	close(netlink_side.data); /* the kernel sees that nobody is attached any more */
	close(netlink_side.requests);
	close(netlink_side.wake);
	close(netlink_side.log);
	netlink_side = (struct netlink_side){ -1, -1, -1, -1, 0 };
}

const struct transport transport_netlink = {
	.name = "netlink",
	.check = netlink_check,
	.open = netlink_open,
	.command = netlink_command,
	.copy = netlink_copy,
	.read_log = netlink_read_log,
	.log_poll = netlink_log_poll,
	.start = netlink_start,
	.is_over = netlink_is_over,
	.end = netlink_end,
	.left = netlink_left,
	.error = netlink_error,
	.snapshot = netlink_snapshot,
	.close = netlink_close,
};

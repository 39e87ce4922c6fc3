// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Sockets to the session's generic netlink family: requests and their answers. Sibling: netlink.c, which reads the stream. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "netlink.h"

#define ANSWER_S_MAX 30	       /* s: a stop waits for probes that run */
#define RECEIVE_SIZE (4 << 20) /* bytes of the kernel's queue */

static atomic_uint sequence; /* both threads send */

int netlink_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), size = RECEIVE_SIZE;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int netlink_send(int fd, struct request *request)
{
	request->head.nlmsg_seq = atomic_fetch_add(&sequence, 1) + 1;
	return send(fd, request, request->head.nlmsg_len, 0) < 0 ? errno : 0;
}

int netlink_ask(int fd, struct request *request, netlink_answer answer, void *to)
{
	static char bytes[MESSAGE_SIZE_MAX] __attribute__((aligned(8))); /* only the main thread asks */
	struct timeval limit = { .tv_sec = ANSWER_S_MAX };
	int error;

	request->head.nlmsg_flags |= NLM_F_ACK;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	error = netlink_send(fd, request);
	while (!error) {
		ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
		const struct nlmsghdr *message = NULL;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno == EAGAIN ? ETIMEDOUT : errno;
		while ((message = message_next(bytes, size, message))) {
			if (message->nlmsg_seq == request->head.nlmsg_seq && message_error(message) >= 0)
				return message_error(message);
			if (answer)
				answer(message, to);
		}
	}
	return error;
}

static void take_family(const struct nlmsghdr *message, void *to)
{
	struct attribute found[ATTRIBUTES_MAX];
	uint16_t *family = to;

	message_attributes(message, found);
	if (found[CTRL_ATTR_FAMILY_ID].size == sizeof(*family))
		memcpy(family, found[CTRL_ATTR_FAMILY_ID].data, sizeof(*family));
}

uint16_t netlink_find(int fd, const char *module)
{
	uint32_t hash = 0x811c9dc5; /* FNV-1a, as the module's side has it */
	struct request request;
	char name[GENL_NAMSIZ];
	uint16_t family = 0;

	for (; *module; module++)
		hash = (hash ^ (uint8_t)*module) * 0x01000193;
	snprintf(name, sizeof(name), "stp-%08x", hash);
	request_begin(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	request_add(&request, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	errno = netlink_ask(fd, &request, take_family, &family);
	return errno ? 0 : family;
}

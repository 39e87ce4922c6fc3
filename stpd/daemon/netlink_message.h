/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Generic netlink messages, built and taken apart in place: no library. */
#ifndef STPD_NETLINK_MESSAGE_H
#define STPD_NETLINK_MESSAGE_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SIZE_MAX (32 << 10) /* bytes: the largest that the kernel sends is half of that */
#define ATTRIBUTES_MAX 8	    /* numbers of attributes that are looked at */

/* A message that is being built. */
struct request {
	struct nlmsghdr head;
	struct genlmsghdr command;
	char attributes[256];
};

struct attribute {
	const void *data; /* NULL: it has none */
	size_t size;
};

void request_begin(struct request *request, uint16_t family, uint8_t command, uint16_t flags);
/* Return: 0, or -1 if there is no room. */
int request_add(struct request *request, uint16_t number, const void *data, size_t size);

/* Whole messages of a datagram: the first, or the one behind @message; NULL: no more. */
const struct nlmsghdr *message_next(const void *bytes, size_t size, const struct nlmsghdr *message);
/* Attributes of a generic message by number. */
void message_attributes(const struct nlmsghdr *message, struct attribute found[ATTRIBUTES_MAX]);
uint8_t message_command(const struct nlmsghdr *message);
/* errno of an acknowledgement (0: it is fine); -1: it is none. */
int message_error(const struct nlmsghdr *message);

#endif

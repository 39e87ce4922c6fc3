// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Messages as linux/netlink.h has them: headers and attributes, each padded to 4 bytes. */
#include <string.h>

#include "netlink_message.h"

#define HEAD_SIZE (NLMSG_HDRLEN + GENL_HDRLEN)

void request_begin(struct request *request, uint16_t family, uint8_t command, uint16_t flags)
{
	memset(request, 0, sizeof(*request));
	request->head.nlmsg_len = HEAD_SIZE;
	request->head.nlmsg_type = family;
	request->head.nlmsg_flags = NLM_F_REQUEST | flags;
	request->command.cmd = command;
	request->command.version = 1;
}

int request_add(struct request *request, uint16_t number, const void *data, size_t size)
{
	struct nlattr attribute = { .nla_len = NLA_HDRLEN + size, .nla_type = number };
	size_t used = request->head.nlmsg_len - HEAD_SIZE;

	if (size > sizeof(request->attributes) || used + NLA_HDRLEN + NLA_ALIGN(size) > sizeof(request->attributes))
		return -1;
	memcpy(request->attributes + used, &attribute, sizeof(attribute));
	memcpy(request->attributes + used + NLA_HDRLEN, data, size);
	request->head.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(size);
	return 0;
}

const struct nlmsghdr *message_next(const void *bytes, size_t size, const struct nlmsghdr *message)
{
	const char *at = message ? (const char *)message + NLMSG_ALIGN(message->nlmsg_len) : bytes;
	size_t left;

	if (at > (const char *)bytes + size)
		return NULL;
	left = (const char *)bytes + size - at;
	message = (const struct nlmsghdr *)at;
	return left >= NLMSG_HDRLEN && message->nlmsg_len >= NLMSG_HDRLEN && message->nlmsg_len <= left ? message : NULL;
}

void message_attributes(const struct nlmsghdr *message, struct attribute found[ATTRIBUTES_MAX])
{
	const char *bytes = (const char *)message;
	size_t at = HEAD_SIZE;

	memset(found, 0, ATTRIBUTES_MAX * sizeof(*found));
	while (at + NLA_HDRLEN <= message->nlmsg_len) {
		const struct nlattr *attribute = (const struct nlattr *)(bytes + at);
		uint16_t number = attribute->nla_type & NLA_TYPE_MASK;

		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > message->nlmsg_len - at)
			break;
		if (number < ATTRIBUTES_MAX)
			found[number] = (struct attribute){ bytes + at + NLA_HDRLEN, attribute->nla_len - NLA_HDRLEN };
		at += NLA_ALIGN(attribute->nla_len);
	}
}

uint8_t message_command(const struct nlmsghdr *message)
{
	return message->nlmsg_len < HEAD_SIZE ? 0 : ((const struct genlmsghdr *)((const char *)message + NLMSG_HDRLEN))->cmd;
}

int message_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = (const struct nlmsgerr *)((const char *)message + NLMSG_HDRLEN);

	return message->nlmsg_type == NLMSG_ERROR && message->nlmsg_len >= NLMSG_HDRLEN + sizeof(*error) ? -error->error : -1;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The thread of the transport by netlink: takes what the kernel sends to the attached socket, writes it down, acknowledges. Sibling: netlink.c
 * The kernel sends nothing that would have to be thrown away: what is not acknowledged stays in its ring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

#define ACK_SIZE (64 << 10)	 /* bytes after which a CPU's stream is acknowledged, if no pause comes first */
#define NOTIFY_GROUP GENL_ID_CTRL /* of the controller: families come and go */
#define END_S_MAX 1		 /* s: the thread is stuck in a write if it has not ended by then */

static struct stream *streams;
static int streams_count;
static uint64_t acknowledged[CPUS_MAX];
static pthread_t thread;
static bool has_thread;
static int thread_error; /* errno */
static atomic_bool is_over, must_end, session_is_over;

static void acknowledge(int cpu)
{
	struct request request;
	uint32_t number = cpu;

	if (acknowledged[cpu] == streams[cpu].end)
		return;
	request_begin(&request, netlink_side.family, STP_NL_ACK, 0);
	if (!request_add(&request, STP_NL_ATTR_CPU, &number, sizeof(number)) && !request_add(&request, STP_NL_ATTR_OFFSET, &streams[cpu].end, sizeof(uint64_t)) &&
	    !netlink_send(netlink_side.data, &request))
		acknowledged[cpu] = streams[cpu].end;
}

static void acknowledge_all(void)
{
	int cpu;

	for (cpu = 0; cpu < streams_count; cpu++)
		acknowledge(cpu);
}

static void take_data(const struct nlmsghdr *message)
{
	struct attribute found[ATTRIBUTES_MAX];
	uint64_t offset;
	uint32_t cpu;

	message_attributes(message, found);
	if (found[STP_NL_ATTR_CPU].size != sizeof(cpu) || found[STP_NL_ATTR_OFFSET].size != sizeof(offset))
		return;
	memcpy(&cpu, found[STP_NL_ATTR_CPU].data, sizeof(cpu));
	memcpy(&offset, found[STP_NL_ATTR_OFFSET].data, sizeof(offset));
	if (cpu >= (uint32_t)streams_count)
		return;
	if (stream_accept(&streams[cpu], offset, found[STP_NL_ATTR_DATA].data, found[STP_NL_ATTR_DATA].size))
		atomic_store(&is_over, true);
	else if (streams[cpu].end - acknowledged[cpu] >= ACK_SIZE)
		acknowledge(cpu);
}

/* The family goes when the module goes. */
static bool is_farewell(const struct nlmsghdr *message)
{
	struct attribute found[ATTRIBUTES_MAX];

	if (message->nlmsg_type != GENL_ID_CTRL || message_command(message) != CTRL_CMD_DELFAMILY)
		return false;
	message_attributes(message, found);
	return found[CTRL_ATTR_FAMILY_ID].size == sizeof(netlink_side.family) && !memcmp(found[CTRL_ATTR_FAMILY_ID].data, &netlink_side.family, sizeof(netlink_side.family));
}

static void take(const struct nlmsghdr *message, void *unused)
{
	(void)unused;
	if (is_farewell(message)) {
		thread_error = ENODEV;
		atomic_store(&is_over, true);
	}
	if (message->nlmsg_type != netlink_side.family)
		return;
	switch (message_command(message)) {
	case STP_NL_DATA:
		take_data(message);
		break;
	case STP_NL_END:
		atomic_store(&session_is_over, true);
		atomic_store(&is_over, true);
		netlink_raise(netlink_side.log);
		break;
	case STP_NL_LOG:
		netlink_raise(netlink_side.log);
		break;
	}
}

/* All that is there, then what it was is acknowledged. */
static void receive(void)
{
	static char bytes[MESSAGE_SIZE_MAX] __attribute__((aligned(8)));

	while (!atomic_load(&is_over) && !atomic_load(&must_end)) {
		ssize_t size = recv(netlink_side.data, bytes, sizeof(bytes), MSG_DONTWAIT);
		const struct nlmsghdr *message = NULL;

		if (size < 0 && (errno == EINTR || errno == ENOBUFS))
			continue; /* the kernel keeps what did not fit */
		if (size < 0)
			break;
		while ((message = message_next(bytes, size, message)))
			take(message, NULL);
	}
	acknowledge_all();
}

static void *read_to_end(void *unused)
{
	struct pollfd polls[] = { { .fd = netlink_side.data, .events = POLLIN }, { .fd = netlink_side.wake, .events = POLLIN } };

	while (!atomic_load(&is_over) && !atomic_load(&must_end)) {
		poll(polls, 2, -1);
		receive();
	}
	atomic_store(&is_over, true);
	transport_tell();
	return unused;
}

static int attach(void)
{
	struct request request;
	int group = NOTIFY_GROUP;

	setsockopt(netlink_side.data, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	request_begin(&request, netlink_side.family, STP_NL_ATTACH, 0);
	return netlink_ask(netlink_side.data, &request, take, NULL);
}

int netlink_start(struct stream *to, int cpus)
{
	pthread_attr_t attributes;
	int error;

	streams = to;
	streams_count = cpus;
	error = attach();
	if (error == EBUSY)
		say("another stpd is at the session; end that first, by ^C or \"kill\"");
	else if (error)
		say("cannot attach to the session over netlink: %s", strerror(error));
	if (error)
		return -1;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	error = pthread_create(&thread, &attributes, read_to_end, NULL);
	pthread_attr_destroy(&attributes);
	has_thread = !error;
	if (error)
		say("cannot start the reading thread: %s", strerror(error));
	return error ? -1 : 0;
}

bool netlink_is_over(void)
{
	return atomic_load(&is_over);
}

int netlink_end(void)
{
	struct timespec until;

	if (!has_thread)
		return 0;
	atomic_store(&must_end, true);
	netlink_raise(netlink_side.wake);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S_MAX;
	if (pthread_timedjoin_np(thread, NULL, &until))
		return -1;
	has_thread = false;
	return 0;
}

int netlink_error(int cpu)
{
	(void)cpu;
	return thread_error;
}

bool netlink_session_is_over(void)
{
	return atomic_load(&session_is_over);
}

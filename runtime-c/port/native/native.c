// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The native world's part of include/stp/port.h, and the CPU switch of a replay. */
#include <stdlib.h>
#include <time.h>

#include <stp/session.h>

#include <replay/replay.h>

u32 stp_native_cpu;

u64 stp_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000 + now.tv_nsec;
}

void *stp_alloc(size_t size)
{
	return calloc(1, size ? size : 1);
}

void stp_free(void *p)
{
	free(p);
}

void stp_port_task(struct stp_event *event)
{
	memcpy(event->comm, "native", sizeof("native"));
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	(void)ctx;
	(void)n;
	return 0;
}

void stp_port_wake(struct stp_ring *ring)
{
	(void)ring;
}

const char *stp_port_world(void)
{
	return "native";
}

const char *stp_port_release(void)
{
	return "native";
}

void stp_replay_move(u32 cpu)
{
	stp_native_cpu = cpu;
}

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
	size_t whole = (size + 63) / 64 * 64;
	void *memory = aligned_alloc(64, whole ? whole : 64);

	if (memory)
		memset(memory, 0, whole);
	return memory;
}

void stp_free(void *p)
{
	free(p);
}

u32 stp_port_pid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return 0;
}

u32 stp_port_tid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return 0;
}

u32 stp_port_uid(const struct stp_ctx *ctx)
{
	(void)ctx;
	return 0;
}

void stp_port_comm(const struct stp_ctx *ctx, char *to)
{
	static const char comm[STP_COMM_SIZE] = "native";

	(void)ctx;
	memcpy(to, comm, sizeof(comm));
}

bool stp_port_pointers_32(const struct stp_ctx *ctx)
{
	(void)ctx;
	return false;
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

void stp_port_refill(void)
{
}

void stp_port_stop(void)
{
}

void stp_port_set_cpus(struct stp_cpu *cpus, u32 count)
{
	(void)count;
	stp_cpus = cpus;
}

u64 stp_port_cycles_per_us(void)
{
	return 1000;
}

/* No number is the address of anything here (P1), and there is nothing else to see. */
s32 stp_port_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	(void)ctx;
	(void)kind;
	(void)key;
	(void)detail;
	(void)to;
	(void)size;
	return -STP_EFAULT;
}

s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	return stp_port_look(ctx, kind, address, size, to, size);
}

int stp_port_resolve(struct stp_name *const *names, u32 count)
{
	(void)names;
	(void)count;
	return 0;
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

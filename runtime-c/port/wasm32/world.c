// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The sandbox's answers to include/stp/port.h that know the runtime: tasks and memory.
 * Never instrumented: it is part of the machine. What it holds is set from outside by sim/.
 * Siblings: cpu.c (the CPUs themselves), sandbox.c (a session for a probe)
 */
#include <stdlib.h>

#include <stp/look.h>
#include <stp/session.h>

#include "world.h"

/* What a context sees: an event as it was recorded, and its looks; those before @cursor have been looked at. */
struct shown {
	struct stp_event *event;
	u32 room;
	u32 cursor;
};

static struct shown shown_at[STP_CPUS_MAX][STP_CONTEXTS];
static struct shown shown_to_own[STP_PROBES_MAX];
static struct stp_event nobody;
static u32 missing;

static struct stp_event *show(struct shown *shown, u32 size)
{
	if (size > shown->room) {
		free(shown->event);
		shown->event = calloc(1, size);
		shown->room = shown->event ? size : 0;
	}
	shown->cursor = 0;
	return shown->event;
}

/* Room for an event of @size bytes, looks included, that contexts of this level and CPU will see; NULL if there is no memory. */
struct stp_event *stp_sim_show(u32 cpu, u32 level, u32 size)
{
	return show(&shown_at[cpu][level], size);
}

/* The same for a probe whose hits come from the session: begin, end, error. */
struct stp_event *stp_sim_show_own(u32 probe, u32 size)
{
	return show(&shown_to_own[probe], size);
}

/* Looks that no event had an answer for. */
u32 stp_sim_missing(void)
{
	return missing;
}

static struct shown *shown_to(const struct stp_ctx *ctx)
{
	if (ctx && ctx->probe && !ctx->probe->provider->rank && shown_to_own[ctx->probe->index].event)
		return &shown_to_own[ctx->probe->index];
	return &shown_at[stp_sim_cpu_hint()][stp_sim_level()];
}

static const struct stp_event *seen_by(const struct stp_ctx *ctx)
{
	const struct stp_event *event = shown_to(ctx)->event;

	return event ? event : &nobody;
}

/* The look of @event that has this kind, key and detail: the first from @from on, else the first of all; 0 if there is none. */
static u32 find_look(const struct stp_event *event, u32 from, u32 kind, u64 key, u32 detail, struct stp_look *look)
{
	const u8 *looks = (const u8 *)(event + 1);
	u32 at, next, round;

	for (round = 0; round < 2; round++) {
		for (at = round ? 0 : from; at + sizeof(*look) <= event->looks_size; at = next) {
			memcpy(look, looks + at, sizeof(*look));
			next = at + sizeof(*look) + (look->size + 7) / 8 * 8;
			if (look->size > event->looks_size || next > event->looks_size)
				return 0;
			if (look->kind == kind && look->key == key && look->detail == detail)
				return next;
		}
	}
	return 0;
}

#define MIX 0x9e3779b97f4a7c15ull
#define FAULT_EVERY 50 /* looks of a made-up world; what a probe has to live with */
#define FRAMES_MADE_UP 6
#define TEXT_BASE 0xffffffff81000000ull

static u64 mix(u64 n)
{
	n = (n ^ n >> 31) * MIX;
	return n ^ n >> 29;
}

/* The time of the hit, so that it does not depend on what else runs meanwhile; without an event the time of the world. */
static u64 now_of(const struct stp_event *event)
{
	return event->time_ns ? event->time_ns : stp_time_ns();
}

/* A made-up value, the same for the same event and look. */
static s32 make_up(const struct stp_event *event, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	static const char *const names[] = { "/etc/passwd", "/usr/lib/libc.so.6", "eth0", "read", "" };
	u64 n = mix(mix(mix(event->order + kind) + key) + detail);
	u64 words[FRAMES_MADE_UP];
	const char *name = names[n % (sizeof(names) / sizeof(*names))];
	u32 i, length = sizeof(*words);

	if (n % FAULT_EVERY == 0 && kind > STP_LOOK_TASK)
		return -STP_EFAULT;
	if (kind == STP_LOOK_NOW || kind == STP_LOOK_ENTRY) {
		words[0] = kind == STP_LOOK_NOW ? now_of(event) : event->time_ns - n % 1000000;
	} else if (kind == STP_LOOK_STACK || kind == STP_LOOK_USER_STACK) {
		length = sizeof(words);
		for (i = 0; i < FRAMES_MADE_UP; i++)
			words[i] = (kind == STP_LOOK_STACK ? TEXT_BASE : 0x400000) + mix(n + i) % 64 * 256;
	} else if (kind == STP_LOOK_KERNEL || kind == STP_LOOK_USER) {
		for (i = 0; i < size; i++)
			((u8 *)to)[i] = n >> 8 * (i % 8);
		return size;
	} else if (kind == STP_LOOK_TEXT || kind == STP_LOOK_FIELD_STRING || kind == STP_LOOK_MEMBER_STRING || kind == STP_LOOK_KERNEL_STRING ||
		   kind == STP_LOOK_USER_STRING || kind == STP_LOOK_REGISTERS || kind == STP_LOOK_SYMBOL) {
		length = strlen(name);
		memcpy(to, name, length < size ? length : size);
		return length < size ? length : size;
	} else {
		words[0] = n % 4096;
	}
	length = length < size ? length : size;
	memcpy(to, words, length);
	return length;
}

s32 stp_port_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	struct shown *shown = shown_to(ctx);
	const struct stp_event *event = seen_by(ctx);
	struct stp_look look;
	u32 next = find_look(event, shown->cursor, kind, key, detail, &look);

	if (!next && event->flags & STP_EVENT_MADE_UP)
		return make_up(event, kind, key, detail, to, size);
	if (!next && kind == STP_LOOK_NOW) {
		u64 now = now_of(event);

		memcpy(to, &now, sizeof(now));
		return sizeof(now);
	}
	if (!next) {
		missing++;
		return -STP_EFAULT;
	}
	shown->cursor = next;
	if (look.error)
		return -(s32)look.error;
	if (look.size < size)
		size = look.size;
	memcpy(to, (const u8 *)(event + 1) + next - (look.size + 7) / 8 * 8, size);
	return size;
}

s32 stp_port_read(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	return stp_port_look(ctx, kind, address, size, to, size);
}

/* Names mean what the recorded kernel had by them. */
int stp_port_resolve(struct stp_name *const *names, u32 count)
{
	(void)names;
	(void)count;
	return 0;
}

void *stp_alloc(size_t size)
{
	stp_sim_may_sleep("stp_alloc()");
	return stp_sim_calloc(size);
}

void stp_free(void *p)
{
	stp_sim_free(p);
}

u32 stp_port_pid(const struct stp_ctx *ctx)
{
	return seen_by(ctx)->pid;
}

u32 stp_port_tid(const struct stp_ctx *ctx)
{
	return seen_by(ctx)->tid;
}

u32 stp_port_uid(const struct stp_ctx *ctx)
{
	return seen_by(ctx)->uid;
}

void stp_port_comm(const struct stp_ctx *ctx, char *to)
{
	memcpy(to, seen_by(ctx)->comm, STP_COMM_SIZE);
}

bool stp_port_pointers_32(const struct stp_ctx *ctx)
{
	return seen_by(ctx)->flags & STP_EVENT_POINTERS_32;
}

u64 stp_port_arg(const struct stp_ctx *ctx, u32 n)
{
	return seen_by(ctx)->args[n];
}

void stp_port_wake(struct stp_ring *ring)
{
	(void)ring; /* the sandbox's reader looks by itself, see sandbox.c */
}

void stp_port_refill(void)
{
	/* sim/trace.ts has reserves filled after each event */
}

void stp_port_stop(void)
{
	/* the end of the trace stops the session; until then no hit begins */
}

void stp_port_set_cpus(struct stp_cpu *cpus, u32 count)
{
	(void)count;
	stp_cpus = cpus;
}

u64 stp_port_cycles_per_us(void)
{
	return 1000; /* stp_cycles() are nanoseconds */
}

const char *stp_port_world(void)
{
	return "sandbox";
}

const char *stp_port_release(void)
{
	return "wasm32";
}

void stp_replay_move(u32 cpu)
{
	stp_sim_set_cpu(cpu);
}

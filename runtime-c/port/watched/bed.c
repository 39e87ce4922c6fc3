// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The session of a case, and its reader. */
#include <stdio.h>

#include "bed.h"

struct stp_record_header bed_last;
struct stp_event bed_event;
u8 bed_looks[STP_LOOKS_SIZE_MAX];
u32 bed_records;

static int attach(struct stp_probe *probe)
{
	(void)probe;
	return 0;
}

static void detach(struct stp_probe *probe)
{
	(void)probe;
}

static const struct stp_provider bed_provider = { .name = "bed", .rank = 1, .attach = attach, .detach = detach };
static struct stp_probe probes[BED_PROBES];
static struct stp_probe *const refs[BED_PROBES] = { &probes[0], &probes[1] };
static void *rings[2];

void bed_nothing(struct stp_ctx *ctx)
{
	(void)ctx;
}

int bed_init(const struct stp_program *program, struct stp_config config)
{
	return stp_session_init(program, &config);
}

struct stp_probe *bed_probe(u32 index)
{
	return refs[index];
}

int bed_try(const struct bed_options *o)
{
	struct stp_program program = { .probes = refs, .probes_count = BED_PROBES, .maps = o->maps, .maps_count = o->maps_count };
	struct stp_config config = {
		.cpus = o->cpus, .print_size = BED_PRINT_SIZE, .strings = o->strings ? o->strings : 4, .record = o->record, .overwrite = o->overwrite, .actions = o->actions,
		.actions_ends = o->actions_ends ? o->actions_ends : 2 * o->actions, .time_us = o->time_us,
		.overload_percent = o->overload_percent, .overload_interval_ms = o->overload_interval_ms, .errors = o->errors,
	};
	int error;
	u32 i;

	probes[0] = (struct stp_probe){ .provider = &bed_provider, .target = "f", .body = o->body };
	probes[1] = (struct stp_probe){ .provider = &stp_provider_end, .target = "", .body = o->body };
	error = stp_session_init(&program, &config);
	for (i = 0; !error && i < o->cpus; i++) {
		rings[i] = stp_alloc(BED_RING_SIZE);
		memset(rings[i], 0xee, BED_RING_SIZE);
		need(!stp_session_set_ring(i, rings[i], BED_RING_SIZE));
	}
	return error;
}

void bed_open(const struct bed_options *options)
{
	watch_begin();
	need(!bed_try(options));
	need(!stp_session_start());
}

void bed_close(void)
{
	u32 i;

	probes[1].body = bed_nothing;
	stp_session_fini();
	for (i = 0; i < 2; i++) {
		stp_free(rings[i]);
		rings[i] = NULL;
	}
	need(!watch.live);
}

/* Bytes of the stream from @at on, around the end of the memory. */
static void copy_out(const struct stp_ring *ring, unsigned long at, void *to, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		((u8 *)to)[i] = ring->data[(at + i) % ring->size];
}

static size_t append(char *text, size_t used, const char *format, const char *more)
{
	return used + sprintf(text + used, format, more);
}

const char *bed_read(u32 cpu)
{
	static char text[BED_RING_SIZE * 2];
	struct stp_ring *ring = &stp_session.cpu[cpu].ring;
	u64 time_ns = 0;
	size_t used = 0;

	text[0] = 0;
	while (stp_ring_readable(ring)) {
		struct stp_record_header head;
		char payload[BED_RING_SIZE];
		unsigned long peeked, size;
		const u8 *bytes = stp_ring_peek(ring, &peeked);

		need(peeked && bytes == ring->data + ring->tail % ring->size && peeked <= ring->size - ring->tail % ring->size);
		need(peeked == stp_ring_readable(ring) || bytes + peeked == ring->data + ring->size);
		copy_out(ring, ring->tail, &head, sizeof(head));
		need(head.magic == STP_RECORD_MAGIC && head.cpu == cpu && head.sequence == ring->tail && head.time_ns > time_ns && head.context < STP_CONTEXTS);
		size = (sizeof(head) + head.payload_size + 7) / 8 * 8;
		need(size <= stp_ring_readable(ring));
		copy_out(ring, ring->tail + sizeof(head), payload, size - sizeof(head));
		for (peeked = head.payload_size; peeked < size - sizeof(head); peeked++)
			need(!payload[peeked]);
		payload[head.payload_size] = 0;
		if (head.type == STP_RECORD_EVENT) {
			memcpy(&bed_event, payload, sizeof(bed_event));
			need(head.payload_size == sizeof(bed_event) + bed_event.looks_size);
			memcpy(bed_looks, payload + sizeof(bed_event), bed_event.looks_size);
		} else
			used = append(text, used, head.type == STP_RECORD_ERROR ? "E(%s)" : "%s", payload);
		bed_last = head;
		bed_records++;
		time_ns = head.time_ns;
		stp_ring_consume(ring, size);
	}
	return text;
}

void bed_check_ledger(void)
{
	u32 cpu, probe, kind, cause;

	for (cpu = 0; cpu < stp_session.config.cpus; cpu++) {
		for (probe = 0; probe <= BED_PROBES; probe++) {
			for (kind = 0; kind < STP_LOSS_KINDS; kind++) {
				const struct stp_ledger_kind *counts = &stp_session.cpu[cpu].rows[probe].kind[kind];
				u64 accounted = counts->delivered;

				for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
					accounted += counts->lost[cause];
				need(counts->attempted == accounted);
			}
		}
	}
}

const char *bed_logged(void)
{
	static size_t seen;
	const char *text = stp_log_text() + seen;

	seen += strlen(text);
	return text;
}

u32 bed_random(u32 limit)
{
	static u64 state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % limit;
}

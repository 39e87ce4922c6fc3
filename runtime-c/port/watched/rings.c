// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Rings: their sizes, whom they wake, and those that overwrite (T2, T6). */
#include <stp/print.h>
#include <stp/stp.h>

#include "bed.h"

#define RECORD_SIZE 72 /* bytes of what print_40() prints, as a record */

static void print_40(struct stp_ctx *ctx)
{
	stp_printf(ctx, "%s", "1234567890123456789012345678901234567890");
}

static void case_rings(void)
{
	static u64 memory[64];
	struct stp_program program = { .probes = NULL };

	need(!bed_init(&program, (struct stp_config){ .cpus = 2, .print_size = 96 }));
	need(stp_session_set_ring(1, memory, 64) == -STP_EINVAL);
	need_log("a ring must be a power of two of 128 to 268435456 bytes and hold a print buffer of 96, not 64\n");
	need(stp_session_set_ring(1, memory, 192) == -STP_EINVAL);
	need(stp_session_set_ring(1, memory, 2ul * STP_RING_SIZE_MAX) == -STP_EINVAL);
	need(!stp_session.cpu[1].ring.data);
	bed_logged();
	need(!stp_session_set_ring(1, memory, STP_RING_SIZE_MAX));
	need(!stp_session_set_ring(1, memory, 128));
	need(stp_session.cpu[1].ring.data == (u8 *)memory && stp_session.cpu[1].ring.size == 128 && stp_session.cpu[1].ring.cpu == 1);
	need(stp_session.cpu[1].ring.wanted == STP_RING_UNWANTED && !stp_session.cpu[1].ring.overwritten && !stp_session.cpu[0].ring.data);
	need_log("");
	stp_session_fini();
	need(!bed_init(&program, (struct stp_config){ .cpus = 1, .print_size = 97 }));
	need(stp_session_set_ring(0, memory, 128) == -STP_EINVAL);
	bed_logged();
	need(!stp_session_set_ring(0, memory, 256));
	stp_session_fini();
}

/* The reader is woken once, from what it wants on. */
static void case_wakes(void)
{
	struct bed_options options = { .body = print_40, .cpus = 1 };
	struct stp_ring *ring;
	u32 i;

	bed_open(&options);
	ring = &stp_session.cpu[0].ring;
	watch.wakes = 0;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!watch.wakes); /* nobody waits */
	bed_read(0);
	ring->wanted = 1024;
	for (i = 1; i <= 14; i++)
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!watch.wakes && ring->wanted == 1024);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(watch.wakes == 1 && ring->wanted == STP_RING_UNWANTED);
	for (i = 1; i <= 64; i++)
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(watch.wakes == 1);
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD].lost[STP_LOSS_FULL] == 15 + 64 - BED_RING_SIZE / RECORD_SIZE);
	ring->wanted = 1;
	bed_read(0);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(watch.wakes == 2);
	bed_read(0);
	bed_close();
}

static void print_80(struct stp_ctx *ctx)
{
	print_40(ctx);
	print_40(ctx);
}

/* Whole records of @size bytes each, from stream offset @from on. */
static void need_records(const u8 *bytes, unsigned long got, unsigned long from, u32 size)
{
	struct stp_record_header head;
	unsigned long at;

	for (at = 0; at < got; at += size) {
		memcpy(&head, bytes + at, sizeof(head));
		need(head.magic == STP_RECORD_MAGIC && head.sequence == from + at && head.payload_size == size - sizeof(head));
	}
	need(at == got);
}

static void case_overwrite(void)
{
	struct bed_options options = { .body = print_40, .cpus = 1, .overwrite = true };
	const u32 fit = BED_RING_SIZE / RECORD_SIZE;
	struct stp_ledger_kind *records;
	static u8 bytes[BED_RING_SIZE];
	unsigned long got, from;
	struct stp_ring *ring;
	u32 i;

	bed_open(&options);
	ring = &stp_session.cpu[0].ring;
	records = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD];
	need(!stp_ring_snapshot(ring, bytes, &from) && !from);
	for (i = 1; i <= 1000; i++) {
		u32 kept = i < fit ? i : fit;

		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		got = stp_ring_snapshot(ring, bytes, &from);
		need(got == kept * RECORD_SIZE && from == (i - kept) * RECORD_SIZE);
		need_records(bytes, got, from, RECORD_SIZE);
		need(records->attempted == i && records->delivered == kept && records->lost[STP_LOSS_OVERWRITTEN] == i - kept && !records->lost[STP_LOSS_FULL]);
	}
	/* One that is larger than the ring drops nothing. */
	need(stp_ring_write(ring, STP_RECORD_PRINT, STP_CONTEXT_TASK, 0, bytes, BED_RING_SIZE - sizeof(struct stp_record_header) + 1) == -STP_EFULL);
	need(records->delivered == fit);
	/* One that is as large as it drops all. */
	need(!stp_ring_write(ring, STP_RECORD_PRINT, STP_CONTEXT_TASK, 0, bytes, BED_RING_SIZE - sizeof(struct stp_record_header)));
	need(!records->delivered && records->lost[STP_LOSS_OVERWRITTEN] == 1000);
	need(stp_ring_snapshot(ring, bytes, &from) == BED_RING_SIZE && from == 1000 * RECORD_SIZE);
	records->attempted++; /* stp_ring_write() by itself counts nothing */
	records->delivered++;
	bed_read(0);
	bed_close();

	/* A record that is still being written is never dropped: this one, as if interrupted, has reserved all of the ring. */
	options.body = print_80;
	bed_open(&options);
	ring = &stp_session.cpu[0].ring;
	ring->nest = 1;
	ring->head = BED_RING_SIZE;
	need(stp_ring_write(ring, STP_RECORD_PRINT, STP_CONTEXT_IRQ, 0, bytes, 8) == -STP_EFULL);
	need(!ring->tail && !ring->committed && ring->head == BED_RING_SIZE);
	ring->nest = 0;
	ring->head = 0;
	bed_close();
}

/* Limits that are changed while a session runs. */
static void case_set(void)
{
	struct bed_options options = { .body = print_80, .cpus = 1, .actions = 2 };

	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].delivered == 1);
	need(!stp_session_set("actions", 1));
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].lost[STP_LOSS_BUDGET] == 1);
	need(stp_session_set("actions", 0) == -STP_EINVAL && stp_session.config.actions == 1);
	need(!stp_session_set("actions_ends", 7) && stp_session.config.actions_ends == 7);
	need(!stp_session_set("errors", 3) && stp_session.config.errors == 3);
	need(!stp_session_set("time_us", 50) && stp_session.hit_cycles_max == 500);
	need(!stp_session_set("overload_percent", 10) && stp_session.overload_cycles_max == stp_session.overload_interval / 10);
	need(stp_session_set("time_us", STP_UNLIMITED) == -STP_EINVAL && stp_session.hit_cycles_max == 500);
	need(stp_session_set("overload_percent", STP_UNLIMITED) == -STP_EINVAL);
	need(stp_session_set("print_size", 100) == -STP_EINVAL && stp_session_set("", 1) == -STP_EINVAL);
	bed_read(0);
	bed_close();
}

void rings_cases(void)
{
	case_rings();
	case_wakes();
	case_overwrite();
	case_set();
}

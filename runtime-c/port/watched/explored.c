// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Each kind of hit interrupted at each point by the same, at each level, and met by another CPU and by the reader there; and
 * by two at once at random points. Whoever comes, nothing is lost that is not counted, and nothing is left behind.
 * Sibling: sim/check/ explores more finely, at each access of a compiled probe; this takes a second
 */
#include <stdio.h>
#include <stdlib.h>

#include <stp/error.h>
#include <stp/print.h>
#include <stp/stp.h>
#include <stp/task.h>

#include "bed.h"

#define PAIRS 250 /* runs with two or three that come in between */

#define TWICE 20 /* runs for each point with two that come in between */

STP_MAP(counts, STP_KEYS(STP_STR), STP_INT64, .entries_max = 3, .string_size = 16);
STP_MAP(each, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 3, .per_cpu = true);
STP_STAT(samples);
STP_LIST(list, STP_STR, .entries_max = 8, .string_size = 16);
STP_MAP(reserved, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 6, .scheme = &stp_scheme_reserve, .reserve = 2);

static struct stp_map *const maps[] = { &counts.map, &each.map, &samples.map, &list.map, &reserved.map };
#define MAPS (sizeof(maps) / sizeof(*maps))

static u32 hits, numbers; /* made; given to a body */
static s64 done[MAPS]; /* calls that were delivered, by map */
static char seen[1 << 16];

/* What a hit prints is one record, whoever prints in between. */
static void prints(struct stp_ctx *ctx)
{
	u32 number = numbers++;

	stp_printf(ctx, "<%d ", number);
	stp_printf(ctx, "%s %d>", "middle", number);
}

static void adds(struct stp_ctx *ctx)
{
	u32 number = numbers++;

	stp_printf(ctx, "<%d ", number);
	done[0] += !stp_map_add(&counts, STP_KEY("a key beyond one word"), 1);
	done[1] += !stp_map_add(&each, STP_KEY(5), 1);
	done[2] += !stp_stat_add(&samples, 1);
	stp_printf(ctx, "%s %d>", "middle", number);
}

static void reads(struct stp_ctx *ctx)
{
	u32 number = numbers++;
	struct stp_stats stats;
	s64 value;

	stp_printf(ctx, "<%d ", number);
	done[1] += !stp_map_add(&each, STP_KEY(5), 1);
	if (!stp_map_read(&each.map, STP_ARGS(5), &value))
		need(value > 0 && value <= hits + WATCH_PLANS);
	done[2] += !stp_stat_add(&samples, 1);
	stats = stp_stat_stats(&samples);
	need(stats.count <= hits && stats.count == stats.sum[0]);
	stp_printf(ctx, "%s %d>", "middle", number);
}

static void changes(struct stp_ctx *ctx)
{
	u32 number = numbers++;
	char text[16];

	sprintf(text, "text %u", number);
	stp_printf(ctx, "<%d ", number);
	stp_map_push_string(&list, text);
	stp_foreach(&list, it, .limit = 2) {
		const char *value = stp_it_value_str(it);

		need(!strncmp(value, "text ", 5) || value[0] == '!');
		stp_map_del(&list, STP_KEY(stp_it_key_int64(it, 0)));
	}
	stp_map_set_string(&list, STP_KEY(100), text);
	stp_map_append(&list, STP_KEY(100), "!");
	need(stp_map_size(&list) <= 8);
	stp_map_del_slice(&list, STP_KEY(STP_ANY));
	stp_map_add(&reserved, STP_KEY(number), 1);
	stp_printf(ctx, "%s %d>", "middle", number);
}

static void raises(struct stp_ctx *ctx)
{
	numbers++;
	stp_raise(ctx, "error");
}

static void hit(u32 level)
{
	hits++;
	stp_probe_hit(bed_probe(0), level, NULL);
}

static void read_now(u32 level)
{
	(void)level;
	strcat(seen, bed_read(0));
}

/* A call of nobody's probe: it belongs to whom it interrupts (X3). */
static void add_outside(u32 level)
{
	(void)level;
	done[1] += !stp_map_add(&each, STP_KEY(5), 1);
}

static void stop_now(u32 level)
{
	(void)level;
	stp_exit(NULL);
}

/* Who may come: where, at which level, and what he does. */
static const struct {
	u32 cpu, level;
	void (*call)(u32 level);
} comers[] = {
	{ 0, STP_CONTEXT_SOFTIRQ, hit },
	{ 0, STP_CONTEXT_IRQ, hit },
	{ 0, STP_CONTEXT_NMI, hit },
	{ 1, STP_CONTEXT_TASK, hit },
	{ 1, STP_CONTEXT_TASK, read_now },
	{ 0, STP_CONTEXT_NMI, add_outside },
	{ 1, STP_CONTEXT_TASK, add_outside },
	{ 0, STP_CONTEXT_NMI, stop_now },
};
#define COMERS (sizeof(comers) / sizeof(*comers))

static u64 total(u32 kind, u32 cause)
{
	u64 sum = 0;
	u32 cpu;

	for (cpu = 0; cpu < 2; cpu++) {
		const struct stp_ledger_kind *counts = &stp_session.cpu[cpu].rows[0].kind[kind];

		sum += cause == STP_LOSS_CAUSES ? counts->attempted : cause > STP_LOSS_CAUSES ? counts->delivered : counts->lost[cause];
	}
	return sum;
}
#define ATTEMPTED STP_LOSS_CAUSES
#define DELIVERED (STP_LOSS_CAUSES + 1)

/* Each record "<N middle N>", each N once. */
static u32 count_texts(void)
{
	static bool was[1000];
	const char *at = seen;
	u32 count = 0, first, second;
	int length;

	memset(was, 0, sizeof(was));
	for (; *at; at += length, count++) {
		need(sscanf(at, "<%u middle %u>%n", &first, &second, &length) == 2 && first == second && first < 1000 && !was[first]);
		was[first] = true;
	}
	return count;
}

static void judge(void (*body)(struct stp_ctx *), bool alone, bool stopped)
{
	u32 cpu, i, p;

	memset(watch.plan, 0, sizeof(watch.plan)); /* nobody comes while this looks */
	watch_quiet("explored");
	bed_check_ledger();
	for (cpu = 0; cpu < 2; cpu++) {
		struct stp_cpu *own = &stp_session.cpu[cpu];

		need(own->current_ctx == &own->none && !own->ring.nest && own->ring.committed == own->ring.head);
		need(!own->none.row->kind[STP_LOSS_KIND_HIT].attempted && !own->none.row->kind[STP_LOSS_KIND_STRING].attempted);
		strcat(seen, bed_read(cpu));
	}
	for (i = 0; i < MAPS; i++) {
		for (p = 0; p < maps[i]->parts_count; p++)
			need(!maps[i]->parts[p].owner);
		need(!maps[i]->rooms[0].busy && !maps[i]->rooms[1].busy);
	}
	if (!stopped)
		need(total(STP_LOSS_KIND_HIT, ATTEMPTED) == hits);
	need(total(STP_LOSS_KIND_HIT, DELIVERED) + total(STP_LOSS_KIND_HIT, STP_LOSS_ERROR) == numbers);
	if (body == raises) {
		need(stp_session.errors == numbers);
		return;
	}
	need(count_texts() == total(STP_LOSS_KIND_RECORD, DELIVERED) && count_texts() == numbers);
	if (alone)
		need(!total(STP_LOSS_KIND_MAP, STP_LOSS_BUSY) && numbers == 1);
	need(stp_map_get(&counts, STP_KEY("a key beyond one word")) == done[0]);
	need(stp_map_get(&each, STP_KEY(5)) == done[1] && stp_stat_count(&samples) == done[2]);
	need(!stp_session.cpu[0].rows[0].evicted);
}

static void begin(void (*body)(struct stp_ctx *))
{
	struct bed_options options = { .body = body, .maps = maps, .maps_count = MAPS, .cpus = 2, .actions = 200, .errors = STP_UNLIMITED };

	bed_open(&options);
	hits = numbers = 0;
	memset(done, 0, sizeof(done));
	seen[0] = 0;
	/* Streams begin near the end of the memory. */
	stp_session.cpu[0].ring.head = stp_session.cpu[0].ring.committed = stp_session.cpu[0].ring.tail = 3 * BED_RING_SIZE - 40;
	watch_begin();
}

static void plan(u32 n, u64 at, u32 comer)
{
	watch.plan[n] = (struct watch_plan){ .at = at, .cpu = comers[comer].cpu, .level = comers[comer].level, .call = comers[comer].call };
}

static void explore(void (*body)(struct stp_ctx *))
{
	u32 comer, i, n;
	u64 at, points;
	bool came = true;

	begin(body);
	hit(STP_CONTEXT_TASK);
	points = watch.points;
	judge(body, true, false);
	bed_close();
	need(points > 10 && points < 5000);
	for (comer = 0; comer < COMERS; comer++) {
		for (at = 0, came = true; came; at++) {
			begin(body);
			plan(0, at, comer);
			hit(STP_CONTEXT_TASK);
			came = watch.plan[0].done;
			judge(body, !came, comer == COMERS - 1);
			bed_close();
		}
	}
	for (i = 0; i < PAIRS; i++) {
		begin(body);
		for (n = 0; n < WATCH_PLANS; n++)
			plan(n, rand() % (points * (n + 1)), rand() % (COMERS - 1));
		hit(STP_CONTEXT_TASK);
		judge(body, false, false);
		bed_close();
	}
}

/* A reader looks behind each of two that come while one record is written. */
static void hit_and_read(u32 level)
{
	hit(level);
	read_now(level);
}

static void explore_twice(void (*body)(struct stp_ctx *))
{
	u64 points, at;
	u32 i;

	begin(body);
	hit(STP_CONTEXT_TASK);
	points = watch.points;
	judge(body, true, false);
	bed_close();
	for (at = 0; at < points; at++) {
		for (i = 0; i < TWICE; i++) {
			begin(body);
			watch.plan[0] = (struct watch_plan){ .at = at, .level = STP_CONTEXT_NMI, .call = hit_and_read };
			watch.plan[1] = (struct watch_plan){ .at = at + 1 + rand() % (2 * points), .level = STP_CONTEXT_NMI, .call = hit_and_read };
			hit(STP_CONTEXT_TASK);
			judge(body, false, false);
			bed_close();
		}
	}
}

void explore_all(void)
{
	srand(1);
	explore_twice(prints);
	explore(prints);
	explore(adds);
	explore(reads);
	explore(changes);
	explore(raises);
}

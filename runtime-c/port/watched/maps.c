// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Maps larger than those of a replay: orders, schemes, walks that are disturbed, accessors. */
#include <stdio.h>

#include <stp/print.h>
#include <stp/stp.h>

#include "bed.h"

#define MANY 100

STP_MAP(by_number, STP_KEYS(STP_INT64), STP_INT64, .entries_max = MANY);
STP_MAP(by_name, STP_KEYS(STP_STR, STP_INT64), STP_STR, .entries_max = MANY, .string_size = 40);
STP_MAP(measured, STP_KEYS(STP_INT64), STP_STATS, .entries_max = MANY);
STP_MAP(huge, STP_KEYS(STP_INT64), STP_STATS, .entries_max = MANY);
STP_MAP(merged, STP_KEYS(STP_INT64), STP_INT64, .entries_max = MANY, .per_cpu = true);
STP_MAP(merged_stats, STP_KEYS(STP_INT64), STP_STATS, .entries_max = MANY, .per_cpu = true);
STP_MAP(spread, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 1000);
STP_MAP(spread_names, STP_KEYS(STP_STR), STP_INT64, .entries_max = 1000, .string_size = 32);

static struct stp_map *const maps[] = { &by_number.map, &by_name.map, &measured.map, &huge.map, &merged.map, &merged_stats.map, &spread.map, &spread_names.map };
#define MAPS (sizeof(maps) / sizeof(*maps))

static void open_maps(void)
{
	static const struct bed_options options = { .maps = maps, .maps_count = MAPS, .cpus = 2, .actions = 100 };

	bed_open(&options);
}

/* What a map should hold, in insertion order. */
static struct shadow {
	s64 key;
	char name[64], text[64];
	__int128 sum;
	s64 value, count, min, max, avg, variance;
	__int128 squares;
} shadow[MANY];

static int by_field(u32 field, const struct shadow *a, const struct shadow *b)
{
#define COMPARE(what) (a->what < b->what ? -1 : a->what > b->what)
	switch (field) {
	case STP_SORT_FIELD_KEY1:
		return a->name[0] ? strcmp(a->name, b->name) : COMPARE(key);
	case STP_SORT_FIELD_KEY1 + 1:
		return COMPARE(key);
	case STP_SORT_FIELD_VALUE:
		return a->name[0] ? strcmp(a->text, b->text) : COMPARE(value);
	case STP_SORT_FIELD_COUNT:
		return COMPARE(count);
	case STP_SORT_FIELD_SUM:
		return COMPARE(sum);
	case STP_SORT_FIELD_MIN:
		return COMPARE(min);
	case STP_SORT_FIELD_MAX:
		return COMPARE(max);
	case STP_SORT_FIELD_AVG:
		return COMPARE(avg);
	case STP_SORT_FIELD_VARIANCE:
		return COMPARE(variance);
	default:
		return COMPARE(value);
	}
}

static void add_sample(struct shadow *to, s64 sample)
{
	to->min = !to->count || sample < to->min ? sample : to->min;
	to->max = !to->count || sample > to->max ? sample : to->max;
	to->count++;
	to->sum += sample;
	to->avg = to->sum / to->count;
	if (to->sum > 100000 || to->sum < -100000 || sample > 1000 || sample < -1000)
		return;
	to->squares += (__int128)sample * sample;
	if (to->count > 1)
		to->variance = (to->count * to->squares - to->sum * to->sum) / (to->count * (to->count - 1));
}

/* Orders by the definition: stable, one after the other. */
static void order(u32 count, u32 sort, u32 to[MANY])
{
	u32 i, at;

	for (i = 0; i < count; i++) {
		for (at = i; at; at--) {
			int compared = sort / 2 == STP_SORT_FIELD_INSERTION ? -1 : by_field(sort / 2, &shadow[to[at - 1]], &shadow[i]);

			if (sort % 2 ? compared >= 0 : compared <= 0)
				break;
			to[at] = to[at - 1];
		}
		to[at] = i;
	}
}

static void check_order(struct stp_map *map, u32 count, u32 sort, bool by_second)
{
	static const u32 limits[] = { 0, 1, 3, 7, 8, 9, 15, 16, 17, 50, MANY - 1, MANY, MANY + 1 };
	u32 expected[MANY], i, n, limit;
	struct stp_walk walk;

	order(count, sort, expected);
	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		limit = limits[i] && limits[i] < count ? limits[i] : count;
		need(!stp_walk_begin(&walk, NULL, map, (struct stp_walk_options){ .sort = sort, .limit = limits[i] }));
		for (n = 0; stp_walk_next(&walk); n++)
			need(n < limit && stp_it_key_int64(&walk, by_second) == shadow[expected[n]].key);
		need(n == limit);
	}
}

/* M13: the entries of the first CPU, then those that only the second has; values and statistics of both. */
static void check_merged(u32 count)
{
	static struct shadow place[MANY];
	bool first[MANY];
	u32 i, sort, at = 0;

	for (i = 0; i < count; i++) {
		u32 second = bed_random(2);
		s64 value = (s64)bed_random(5) - 2;

		first[i] = !(i % 2 && second);
		watch.cpu = i % 2;
		need(!stp_map_add(&merged, STP_KEY(shadow[i].key), value) && !stp_map_stat_add(&merged_stats, STP_KEY(shadow[i].key), value));
		watch.cpu = second;
		need(!stp_map_add(&merged, STP_KEY(shadow[i].key), 3) && !stp_map_stat_add(&merged_stats, STP_KEY(shadow[i].key), 3));
		watch.cpu = 0;
		shadow[i].value = value + 3;
	}
	for (i = 0; i < count; i++)
		if (first[i])
			place[at++] = shadow[i];
	for (i = 0; i < count; i++)
		if (!first[i])
			place[at++] = shadow[i];
	memcpy(shadow, place, sizeof(shadow));
	for (i = 0; i < count; i++)
		shadow[i].sum = shadow[i].value;
	need(stp_map_size(&merged) == merged.map.parts[0].size + merged.map.parts[1].size);
	for (sort = 0; sort < 6; sort++)
		check_order(&merged.map, count, sort < 4 ? sort : STP_BY_KEY(1) + sort - 4, false);
	for (sort = 0; sort < 2; sort++)
		check_order(&merged_stats.map, count, STP_BY_SUM + sort, false);
	for (i = 0; i < count; i++)
		shadow[i].sum = 0;
}

static void case_orders(void)
{
	static const u32 statistics[] = { STP_SORT_FIELD_COUNT, STP_SORT_FIELD_SUM, STP_SORT_FIELD_MIN, STP_SORT_FIELD_MAX, STP_SORT_FIELD_AVG, STP_SORT_FIELD_VARIANCE };
	u32 i, n, count, sort;

	for (count = 0; count <= MANY; count += count < 9 ? 1 : 13) {
		open_maps();
		memset(shadow, 0, sizeof(shadow));
		for (i = 0; i < count; i++) {
			shadow[i].key = i * 37 % MANY - 50;
			shadow[i].value = (s64)bed_random(20) - 10;
			need(!stp_map_set(&by_number, STP_KEY(shadow[i].key), shadow[i].value));
		}
		for (sort = 0; sort < 6; sort++)
			check_order(&by_number.map, count, sort < 4 ? sort : STP_BY_KEY(1) + sort - 4, false);
		check_merged(count);
		for (i = 0; i < count; i++) {
			s64 samples = 1 + bed_random(4);

			for (n = 0; n < samples; n++) {
				s64 sample = (s64)bed_random(9) - 4;

				add_sample(&shadow[i], sample);
				need(!stp_map_stat_add(&measured, STP_KEY(shadow[i].key), sample));
			}
		}
		for (n = 0; n < 6; n++)
			for (sort = 0; sort < 2; sort++)
				check_order(&measured.map, count, 2 * statistics[n] + sort, false);
		for (i = 0; i < count; i++) {
			struct shadow *one = &shadow[i];
			s64 samples = bed_random(4);

			one->count = one->sum = one->min = one->max = one->avg = 0;
			for (n = 0; n <= samples; n++) {
				static const s64 ends[] = { STP_INT64_MAX, STP_INT64_MIN + 1, STP_INT64_MAX - 1, 5 };
				s64 sample = ends[bed_random(4)];

				add_sample(one, sample);
				need(!stp_map_stat_add(&huge, STP_KEY(one->key), sample));
			}
		}
		for (n = 0; n < 5; n++)
			for (sort = 0; sort < 2; sort++)
				check_order(&huge.map, count, 2 * statistics[n] + sort, false);
		for (i = 0; i < count; i++) {
			sprintf(shadow[i].name, "%.*s%u", (int)bed_random(12), "prefix of all", bed_random(4));
			sprintf(shadow[i].text, "%.*s%s", (int)bed_random(20), "text\xff\x80 that goes on ", bed_random(2) ? "" : "\xe0");
			need(!stp_map_set_string(&by_name, STP_KEY(shadow[i].name, shadow[i].key), shadow[i].text));
		}
		for (sort = 0; sort < 2; sort++) {
			check_order(&by_name.map, count, STP_BY_KEY(1) + sort, true);
			check_order(&by_name.map, count, STP_BY_KEY(2) + sort, true);
			check_order(&by_name.map, count, STP_BY_VALUE + sort, true);
		}
		bed_close();
	}
}

/* Orders that a map does not have. */
static void case_no_orders(void)
{
	struct stp_walk walk;

#define NO_ORDER(map_, sort_) need(stp_walk_begin(&walk, NULL, &map_.map, (struct stp_walk_options){ .sort = sort_ }) == -STP_EINVAL)
#define AN_ORDER(map_, sort_) need(!stp_walk_begin(&walk, NULL, &map_.map, (struct stp_walk_options){ .sort = sort_ })); stp_walk_end(&walk)
	open_maps();
	NO_ORDER(by_number, STP_BY_COUNT);
	NO_ORDER(by_number, STP_BY_VARIANCE_DESC);
	NO_ORDER(by_number, STP_BY_VARIANCE_DESC + 1);
	NO_ORDER(by_number, STP_BY_KEY(2));
	NO_ORDER(by_name, STP_BY_KEY(3));
	NO_ORDER(by_name, STP_BY_SUM);
	NO_ORDER(measured, STP_BY_VALUE);
	NO_ORDER(measured, ~0u);
	AN_ORDER(by_name, STP_BY_KEY_DESC(2));
	AN_ORDER(measured, STP_BY_VARIANCE_DESC);
	AN_ORDER(measured, STP_BY_COUNT);
	bed_close();
}

/* Keys that follow each other share no buckets to speak of. */
static u32 longest_chain(const struct stp_map *map)
{
	const struct stp_map_node *node;
	u32 i, length, longest = 0;

	for (i = 0; i <= map->parts[0].bucket_mask; i++) {
		for (length = 0, node = map->parts[0].buckets[i]; node; node = node->chain)
			length++;
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void case_spread(void)
{
	char name[32];
	u32 i;

	for (i = 0; i < 2; i++) {
		u64 seed;

		watch.time_ns = 1000 + 1000 * i;
		open_maps();
		seed = spread.map.seed;
		need(seed >= watch.time_ns - 100 && seed <= watch.time_ns);
		need(spread.map.parts[0].bucket_mask == 1023 && by_number.map.parts[0].bucket_mask == 127);
		for (i = 0; i < 1000; i++) {
			sprintf(name, "a name, number %u", i);
			need(!stp_map_add(&spread, STP_KEY((s64)i * 4096), 1));
			need(!stp_map_add(&spread_names, STP_KEY(name), 1));
		}
		need(longest_chain(&spread.map) < 10 && longest_chain(&spread_names.map) < 10);
		need(stp_map_add(&spread, STP_KEY(-1), 1) == -STP_EFULL);
		bed_close();
	}
}

/* Schemes */

static s64 list_memory[513];
STP_LIST(refilled, STP_INT64, .entries_max = 10, .scheme = &stp_scheme_reserve, .reserve = 4);
STP_LIST(fixed, STP_INT64, .entries_max = 3, .scheme = &stp_scheme_static, .memory = &list_memory[1], .memory_size = sizeof(list_memory) - 8);
STP_MAP(refilled_wrap, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 5, .wrap = true, .scheme = &stp_scheme_reserve, .reserve = 3);

static void pushes(u32 good, u32 bad)
{
	for (; good; good--)
		need(!stp_map_push(&refilled, 7));
	for (; bad; bad--)
		need(stp_map_push(&refilled, 7) == -STP_EFULL);
}

static void case_schemes(void)
{
	static struct stp_map *const both[] = { &refilled.map, &fixed.map, &refilled_wrap.map };
	struct bed_options options = { .maps = both, .maps_count = 3, .cpus = 1, .actions = 100 };
	struct stp_map_part *part;
	u32 before, i;
	s64 key;

	fixed.map.memory_size = sizeof(list_memory) - 8;
	bed_open(&options);
	part = refilled.map.parts;
	watch.refills = 0;
	stp_session_refill();
	before = watch.allocations;
	need(part->nodes == 4 && part->spare == 4);
	pushes(2, 0); /* half of the reserve is left */
	need(!watch.refills && !refilled.map.hungry && part->spare == 2);
	stp_session_refill();
	need(watch.allocations == before);
	pushes(1, 0); /* less than half */
	need(watch.refills == 1 && refilled.map.hungry && part->spare == 1);
	pushes(1, 3);
	need(!part->spare && watch.refills == 2);
	stp_session_refill();
	need(watch.allocations == before + 1 && part->spare == 4 && part->nodes == 8 && !refilled.map.hungry);
	pushes(3, 0);
	watch.fail_at = watch.allocations + 1;
	stp_session_refill(); /* no memory: nothing happens; it is asked for again */
	watch.fail_at = 0;
	need(part->spare == 1 && part->nodes == 8);
	pushes(1, 1);
	need(refilled.map.hungry);
	stp_session_refill();
	need(part->spare == 2 && part->nodes == 10); /* up to entries_max */
	pushes(2, 2);
	watch.refills = 0;
	need(stp_map_size(&refilled) == 10);
	for (key = 0; key < 3; key++)
		need(!stp_map_del(&refilled, STP_KEY(key)));
	need(part->spare == 3);
	pushes(3, 1);
	need(!watch.refills); /* all nodes are there */
	stp_map_clear(&refilled);
	need(part->spare == 10 && part->nodes == 10);
	pushes(10, 1);
	for (i = 0; i < 12; i++) {
		need(!stp_map_add(&refilled_wrap, STP_KEY(i), i) || i == 3);
		stp_session_refill();
	}
	need(stp_map_size(&refilled_wrap) == 5 && stp_session.cpu[0].none.row->evicted == 7);
	for (i = 0; i < 3; i++)
		need(!stp_map_push(&fixed, 5));
	need(stp_map_push(&fixed, 5) == -STP_EFULL);
	need((uintptr_t)fixed.map.parts % 64 == 0 && (s64 *)fixed.map.parts > list_memory && (s64 *)fixed.map.parts <= list_memory + 8);
	need(fixed.map.memory_used <= sizeof(list_memory) - 8 && fixed.map.memory_used > 1000);
	before = fixed.map.memory_used;
	bed_close();
	fixed.map.memory_size = before; /* just enough; the memory is used again, and is not zeroed by anybody else */
	memset(list_memory, 0xff, sizeof(list_memory));
	bed_open(&options);
	for (i = 0; i < 3; i++)
		need(!stp_map_push(&fixed, 5));
	bed_close();
	fixed.map.memory_size = before - 1;
	watch_begin();
	need(bed_try(&options) == -STP_ENOMEM);
	need(!watch.live);
}

/* Walks */

static void taken_names(struct stp_ctx *ctx)
{
	u32 visits = 0;

	memset(ctx->strings, 'x', 4 * STP_STRING_SIZE_MAX); /* what was there before does not show */
	stp_foreach(&by_name, it, .sort = STP_BY_KEY(1)) {
		/* Each visit gives back the strings of the one before: four are enough for ever. */
		const char *name = stp_it_str(it, 0), *text = stp_it_value_str(it);
		s64 key = stp_it_key_int64(it, 1);
		char expected[64];

		sprintf(expected, "n%02lld", key);
		need(!strcmp(name, expected));
		sprintf(expected, "text %lld", key);
		need(!strcmp(text, expected));
		need(stp_it_int64(it) == 0 && !stp_it_key_int64(it, 0) && !stp_it_key_int64(it, 2) && !stp_it_str(it, 1)[0] && !stp_it_str(it, 2)[0]);
		visits++;
		stp_it_str(it, 0);
		need(ctx->strings_used == 3);
	}
	need(visits == 30 && !ctx->strings_used);
	stp_foreach(&by_number, it, .limit = 1)
		need(!stp_it_value_str(it)[0]);
	stp_foreach(&by_name, it, .limit = 3) {
		need(stp_it_str(it, 0) && stp_it_str(it, 0) && stp_it_str(it, 0) && stp_it_str(it, 0)[0]);
		need(!stp_it_str(it, 0)[0]); /* none is free */
	}
	stp_printf(ctx, "%s|%s|%s", stp_map_get_string(ctx, &by_name, STP_KEY("n07", 7)), stp_map_get_string(ctx, &by_name, STP_KEY("n07", 8)), stp_sprintf(ctx, "%d%s", 4, "2"));
	need(ctx->strings_used == 3);
	stp_map_get_string(ctx, &by_name, STP_KEY("n07", 7));
	need(!stp_map_get_string(ctx, &by_name, STP_KEY("n07", 7))[0] && !stp_sprintf(ctx, "%d", 4)[0]);
}

/* Entries that are changed, removed and made again while a walk is under way (M10): what is visited is what is there. */
static void disturbed(struct stp_ctx *ctx)
{
	u32 visits = 0;

	stp_foreach(&by_number, it) {
		s64 key = stp_it_key_int64(it, 0);

		visits++;
		need(stp_it_int64(it) == (key == 5 || key == 25 ? 500 + key : key));
		if (key == 2) {
			stp_map_set(&by_number, STP_KEY(5), 505);
			stp_map_set(&by_number, STP_KEY(25), 525);
		}
		if (key == 7) {
			stp_map_del(&by_number, STP_KEY(8));
			stp_map_del(&by_number, STP_KEY(24));
			stp_map_add(&by_number, STP_KEY(1000), 1000); /* in the node of the last one removed */
		}
		need(key != 8 && key != 24 && key != 1000);
	}
	need(visits == 28);
	/* Two walks at a time, no third; when they have ended there is room again. */
	stp_foreach(&by_number, a, .limit = 2) {
		stp_foreach(&by_number, b, .limit = 2, .sort = STP_BY_INSERTION_DESC) {
			need(stp_it_key_int64(a, 0) != stp_it_key_int64(b, 0));
			stp_foreach(&by_number, c)
				need(!c);
			break;
		}
	}
	need(!by_number.map.rooms[0].busy && !by_number.map.rooms[1].busy);
	need(ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUSY] == 2);
	visits = 0;
	stp_foreach(&by_number, it, .remove = true, .limit = 4)
		visits++;
	need(visits == 4 && stp_map_size(&by_number) == 25);
	stp_foreach(&by_number, it)
		if (visits++ == 6)
			stp_map_clear(&by_number);
	need(visits == 7);
}

static void out_of_actions(struct stp_ctx *ctx)
{
	u32 visits = 0;

	stp_foreach(&by_number, it)
		visits++;
	need(visits == 19); /* 20 actions, one of which began the walk */
	need(!by_number.map.rooms[0].busy && ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUDGET] == 1);
	need(!stp_map_get(&by_number, STP_KEY(3)) && ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUDGET] == 2);
	need(stp_map_add(&by_number, STP_KEY(3), 1) == -STP_EBUDGET && !stp_map_count(&measured, STP_KEY(3)) && ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUDGET] == 4);
}

/* Runs @body once with 30 entries in two maps. */
static void with_entries(void (*body)(struct stp_ctx *ctx), u32 actions, const char *printed)
{
	struct bed_options options = { .body = body, .maps = maps, .maps_count = MAPS, .cpus = 2, .actions = actions };
	char name[8], text[16];
	s64 i;

	bed_open(&options);
	for (i = 0; i < 30; i++) {
		sprintf(name, "n%02lld", i);
		sprintf(text, "text %lld", i);
		need(!stp_map_set(&by_number, STP_KEY(i), i) && !stp_map_set_string(&by_name, STP_KEY(name, i), text));
		watch.cpu = i % 2;
		need(!stp_map_add(&merged, STP_KEY(i / 3), 1 + i));
		watch.cpu = 0;
	}
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	watch_need(!strcmp(bed_read(0), printed), printed, __FILE__, __LINE__);
	watch_quiet("walks");
	bed_check_ledger();
	bed_close();
}

/* M13: each key once, where the first CPU that has it has it; removed from all. */
static void merged_walk(struct stp_ctx *ctx)
{
	stp_foreach(&merged, it, .limit = 3)
		stp_printf(ctx, "%d=%d ", stp_it_key_int64(it, 0), stp_it_int64(it));
	stp_foreach(&merged, it, .remove = true, .sort = STP_BY_KEY_DESC(1), .limit = 2)
		stp_printf(ctx, "%d=%d ", stp_it_key_int64(it, 0), stp_it_int64(it));
	stp_printf(ctx, "%d %d", stp_map_size(&merged), stp_map_get(&merged, STP_KEY(9)));
}

/* A walk that has ended goes nowhere, whatever was copied ahead. */
static void ended(struct stp_ctx *ctx)
{
	struct stp_walk walk;
	u32 i;

	need(!stp_walk_begin(&walk, ctx, &by_number.map, (struct stp_walk_options){ .sort = 0 }));
	for (i = 0; i < 20; i++)
		need(stp_walk_next(&walk) && stp_it_int64(&walk) == i);
	need(walk.ahead != walk.ahead_end);
	stp_walk_end(&walk);
	need(!stp_walk_next(&walk) && !stp_walk_next(&walk));
	stp_walk_end(&walk);
	need(!by_number.map.rooms[0].busy);
	stp_printf(ctx, "%d", i);
}

static void case_walks(void)
{
	with_entries(taken_names, 400, "text 7||42");
	with_entries(disturbed, 400, "");
	with_entries(out_of_actions, 20, "");
	with_entries(ended, 400, "20");
	with_entries(merged_walk, 200, "0=6 1=15 2=24 9=87 8=78 16 0");
}

/* Two keys of which the hash is one: the words tell them apart. */
STP_MAP(twins, STP_KEYS(STP_INT64, STP_INT64), STP_INT64, .entries_max = 8, .per_cpu = true);
STP_MAP(plain_twins, STP_KEYS(STP_INT64, STP_INT64), STP_INT64, .entries_max = 8);
STP_MAP(named_twins, STP_KEYS(STP_STR, STP_INT64), STP_INT64, .entries_max = 64, .per_cpu = true, .string_size = 32);
STP_MAP(one_value, STP_KEYS(), STP_INT64, .entries_max = 1);

static u64 hash_of(u64 seed, const char *string)
{
	u64 head, next;

	stp_hash_string(&seed, &head, &next, string, 31);
	return seed;
}

static void case_twins(void)
{
	static struct stp_map *const all[] = { &twins.map, &plain_twins.map, &named_twins.map, &one_value.map, &by_number.map };
	struct bed_options options = { .maps = all, .maps_count = 5, .cpus = 2 };
	s64 second, value;
	struct stp_walk walk;
	u32 visits;

	bed_open(&options);
	need(twins.map.parts->bucket_mask == 7 && named_twins.map.parts->bucket_mask == 63 && one_value.map.parts->bucket_mask == 7);
	second = stp_hash_mix(twins.map.seed, 1) ^ stp_hash_mix(twins.map.seed, 2);
	need(!stp_map_add(&twins, STP_KEY(1, 0), 10));
	watch.cpu = 1;
	need(!stp_map_add(&twins, STP_KEY(2, second), 20));
	need(!stp_map_add(&twins, STP_KEY(1, 5), 40));
	watch.cpu = 0;
	need(twins.map.parts[0].first->hash == twins.map.parts[1].first->hash);
	need(!stp_walk_begin(&walk, NULL, &twins.map, (struct stp_walk_options){ .sort = STP_BY_VALUE_DESC }));
	for (visits = 0; stp_walk_next(&walk); visits++)
		need(stp_it_int64(&walk) == 40 >> visits);
	need(visits == 3);
	need(stp_map_get(&twins, STP_KEY(1, 0)) == 10 && stp_map_get(&twins, STP_KEY(2, second)) == 20 && !stp_map_get(&twins, STP_KEY(1, 1)));
	second = stp_hash_mix(plain_twins.map.seed, 1) ^ stp_hash_mix(plain_twins.map.seed, 2);
	need(!stp_map_add(&plain_twins, STP_KEY(1, 0), 10) && !stp_map_add(&plain_twins, STP_KEY(2, second), 20));
	need(stp_map_get(&plain_twins, STP_KEY(1, 0)) == 10 && stp_map_get(&plain_twins, STP_KEY(2, second)) == 20);
	need(stp_map_size(&plain_twins) == 2 && !stp_map_get(&plain_twins, STP_KEY(2, 0)) && !stp_map_get(&plain_twins, STP_KEY(0, second)));

	second = hash_of(named_twins.map.seed, "a name of some length") ^ hash_of(named_twins.map.seed, "a name of other length");
	need(!stp_map_add(&named_twins, STP_KEY("a name of some length", 0), 10) && !stp_map_add(&named_twins, STP_KEY("a", 1), 3));
	watch.cpu = 1;
	need(!stp_map_add(&named_twins, STP_KEY("a name of other length", second), 20) && !stp_map_add(&named_twins, STP_KEY("a name of some length", 0), 5));
	watch.cpu = 0;
	need(named_twins.map.parts[0].first->hash == named_twins.map.parts[1].first->hash);
	need(!stp_walk_begin(&walk, NULL, &named_twins.map, (struct stp_walk_options){ .sort = STP_BY_VALUE_DESC, .remove = true }));
	for (visits = 0; stp_walk_next(&walk); visits++)
		need(stp_it_int64(&walk) == (visits == 0 ? 20 : visits == 1 ? 15 : 3));
	need(visits == 3 && !stp_map_size(&named_twins));

	/* Calls that are compiled into a probe with their types. */
	need(!stp_map_get(&one_value, STP_KEY()) && !stp_map_add(&one_value, STP_KEY(), 5) && !stp_map_add(&one_value, STP_KEY(), 6));
	need(stp_map_get(&one_value, STP_KEY()) == 11 && stp_map_size(&one_value) == 1);
	for (value = -20; value < 20; value++)
		need(!stp_map_add(&by_number, STP_KEY(value), 3 * value));
	for (value = -20; value < 20; value++)
		need(stp_map_get(&by_number, STP_KEY(value)) == 3 * value);
	need(!stp_map_get(&by_number, STP_KEY(20)));
	watch_quiet("twins");
	bed_close();
}

void maps_cases(void)
{
	case_twins();
	case_orders();
	case_no_orders();
	case_spread();
	case_schemes();
	case_walks();
}

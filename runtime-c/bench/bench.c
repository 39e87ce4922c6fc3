// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What each operation costs: a program like any other, whose hits run a chunk of a loop each and time it by the TSC.
 *
 * The first pass over the keys of a loop is not timed: maps are then filled. Under QEMU's -icount a tick is an
 * instruction. The last hit prints one line a loop, `bench NAME OPERATIONS TICKS`; kernel-harness/bench/rows.ts
 * says which loop is to be subtracted from which.
 * Must never: let the compiler see what a loop works on (HIDE), or run a chunk that a budget would cut.
 * Siblings: kernel-harness/bench/bench.stp, kernel-harness/bench/target.c, which makes the hits
 */
#include <stp/stp.h>

#include <asm/msr.h>
#include <linux/kernel.h>

#define KEYS 1000u		/* different keys of each map */
#define CHUNK 100u		/* operations of a hit, KEYS in whole chunks */
#define PASSES 10u		/* timed passes over the keys */
#define WALKS 20u		/* timed walks */
#define ENTRIES 2048		/* of each map */

/* The compiler knows nothing of the value from here on, and may not leave out what made it. */
#define HIDE(x) asm volatile("" : "+r"(x))

struct loop {
	const char *name;
	void (*run)(struct stp_ctx *ctx, u32 begin, u32 end);
	u32 chunk;		/* operations of a hit */
	u32 warm;		/* hits that are not timed */
	u32 hits;		/* hits in all */
	u64 ticks;
};

STP_MAP(by_int64, STP_KEYS(STP_INT64), STP_INT64, .entries_max = ENTRIES);
STP_MAP(by_two, STP_KEYS(STP_INT64, STP_INT64), STP_INT64, .entries_max = ENTRIES);
STP_MAP(by_string, STP_KEYS(STP_STR), STP_INT64, .entries_max = ENTRIES);
STP_MAP(walked, STP_KEYS(STP_INT64), STP_INT64, .entries_max = ENTRIES);

STP_STAT(statistics);
STP_STAT(histogram, .hist = STP_HIST_LOG);
STP_MAP(stats_by_int64, STP_KEYS(STP_INT64), STP_STATS, .per_cpu = true, .entries_max = ENTRIES);
STP_MAP(stats_by_string, STP_KEYS(STP_STR), STP_STATS, .per_cpu = true, .entries_max = ENTRIES);

static char names[KEYS][16];

/* A loop over `k`, the number of the key. */
#define LOOP(name, ...) \
	static void name(struct stp_ctx *ctx, u32 i, u32 end) \
	{ \
		for (; i < end; i++) { \
			s64 k = i % KEYS; \
\
			HIDE(k); \
			__VA_ARGS__; \
		} \
	}

/* The same with `s`, its name. */
#define STRING_LOOP(name, ...) \
	LOOP(name, const char *s = names[k]; HIDE(s); __VA_ARGS__)

LOOP(loop, )
STRING_LOOP(loop_string, )
LOOP(map_add, stp_map_add(&by_int64, STP_KEY(k), 1))
LOOP(map_read, s64 value = stp_map_get(&by_int64, STP_KEY(k)); HIDE(value))
LOOP(map_add_two, stp_map_add(&by_two, STP_KEY(k, k + 1), 1))
STRING_LOOP(map_add_string, stp_map_add(&by_string, STP_KEY(s), 1))
LOOP(stat_add, stp_stat_add(&statistics, k))
LOOP(stat_add_histogram, stp_stat_add(&histogram, k))
LOOP(map_stat_add, stp_map_stat_add(&stats_by_int64, STP_KEY(k), i))
STRING_LOOP(map_stat_add_string, stp_map_stat_add(&stats_by_string, STP_KEY(s), i))
LOOP(map_stat_count, s64 count = stp_map_count(&stats_by_int64, STP_KEY(k)); HIDE(count))
STRING_LOOP(printf_buffered, stp_printf(ctx, "%s %d\n", s, k))
STRING_LOOP(printf_flushed, stp_printf(ctx, "%s %d\n", s, k); stp_print_flush(ctx))

LOOP(fill, stp_map_set(&walked, STP_KEY(k), k * 7919 % KEYS))

/* One "operation" is an element. */
#define WALK(name, ...) \
	static void name(struct stp_ctx *ctx, u32 i, u32 end) \
	{ \
		s64 sum = 0; \
\
		stp_foreach(&walked, it, ##__VA_ARGS__) \
			sum += stp_it_int64(it); \
		HIDE(sum); \
	}

WALK(walk)
WALK(walk_sorted, .sort = STP_BY_VALUE_DESC)

#define KEYED(function) { #function, function, CHUNK, KEYS / CHUNK, (1 + PASSES) * KEYS / CHUNK, 0 }
#define WALKED(function) { #function, function, KEYS, 1, 1 + WALKS, 0 }

static struct loop loops[] = {
	KEYED(loop),
	KEYED(loop_string),
	KEYED(map_add),
	KEYED(map_read),
	KEYED(map_add_two),
	KEYED(map_add_string),
	KEYED(stat_add),
	KEYED(stat_add_histogram),
	KEYED(map_stat_add),
	KEYED(map_stat_add_string),
	KEYED(map_stat_count),
	KEYED(printf_buffered),
	KEYED(printf_flushed),
	KEYED(fill),
	WALKED(walk),
	WALKED(walk_sorted),
};

static u32 at, hits;		/* the loop, and its hits so far */

/* One hit of loops[at]. */
static void run_chunk(struct stp_ctx *ctx, struct loop *loop)
{
	u32 begin = hits * loop->chunk;
	u64 started = rdtsc_ordered();

	loop->run(ctx, begin, begin + loop->chunk);
	if (hits >= loop->warm)
		loop->ticks += rdtsc_ordered() - started;
	if (++hits == loop->hits) {
		hits = 0;
		at++;
	}
}

STP_PROBE(begin)
{
	u32 i;

	(void)ctx;
	for (i = 0; i < KEYS; i++)
		snprintf(names[i], sizeof(names[i]), "task-%u", i);
}

STP_PROBE(kprobe, "jiffies64_to_nsecs")
{
	if (at < ARRAY_SIZE(loops))
		run_chunk(ctx, &loops[at]);
}

STP_PROBE(end)
{
	u32 i;

	for (i = 0; i < at; i++)
		stp_printf(ctx, "bench %s %d %d\n", loops[i].name, (s64)((loops[i].hits - loops[i].warm) * loops[i].chunk),
			   (s64)loops[i].ticks);
}

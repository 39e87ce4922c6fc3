/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the parts of the stress module share: actors, what they count themselves, and the maps. */
#ifndef STP_STRESS_H
#define STP_STRESS_H

#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include <stp/stp.h>

#define STRESS_CPUS 4
#define STRESS_PROBES 3
#define STRESS_PROBE_WALKS 2 /* the only probe that walks: visits are refused without telling the caller (M10) */
#define STRESS_PRINT_SIZE 2048 /* bytes */
#define STRESS_RING_SIZE (128u << 10) /* bytes */
#define STRESS_ACTIONS 200 /* actions of a hit: enough, unless it burns them */
#define STRESS_ACTIONS_SPARE 50 /* actions: more than interrupts take between the end of a hit's calls and its exit */
#define STRESS_TEXT_SIZE 600 /* bytes */

/* Calls of the runtime, as the figures name them. */
#define STRESS_OPS \
	X(enter) X(exit) X(map_add) X(map_add_string) X(map_add_small) X(map_add_wrap) X(map_add_reserve) X(map_add_drained) \
	X(map_add_per_cpu) X(map_add_per_cpu_drained) X(map_stat_add) X(map_stat_add_string) X(stat_add) X(map_set) X(map_del) \
	X(map_contains) X(map_contains_slice) X(map_del_slice) X(map_clear) X(map_push) X(map_set_string) X(map_append) \
	X(map_get) X(map_get_string) X(map_get_per_cpu) X(map_stats) X(stat_stats) X(walk) X(walk_removing) X(walk_end) \
	X(sprintf) X(concat) X(substr) X(replace) X(token) X(quote) X(printf) X(flush) X(print_map) X(print_hist) \
	X(raise) X(catch) X(div) X(step)

#define X(name) OP_##name,
enum stress_op { OP_none, STRESS_OPS OP_COUNT };
#undef X

/* What must never be seen. */
#define STRESS_WRONGS \
	X(nested_hit_accepted) X(pool_string_changed) X(map_string_torn) X(walk_key_torn) X(walk_out_of_order) X(caught_message_changed) \
	X(division_wrong) X(unexpected_result) X(value_out_of_range) X(record_damaged) X(record_mixed) X(record_gap) X(record_context) X(time_backwards) \
	X(map_structure) X(stop_asked)

#define X(name) WRONG_##name,
enum stress_wrong { STRESS_WRONGS WRONG_COUNT };
#undef X

extern atomic64_t stress_wrong[WRONG_COUNT];

static inline void stress_is_wrong(enum stress_wrong wrong)
{
	atomic64_inc(&stress_wrong[wrong]);
}

struct stress_counted {
	u64 attempted;
	u64 delivered;
	u64 lost[STP_LOSS_CAUSES];
};

/**
 * struct stress_tally - What one actor knows that it did under one probe, by what its calls returned (X4).
 * @hidden:  Records whose fate no result tells: offered by an exit or by a full print buffer. Attempted all the same.
 * @walks:   Walks; each may end with one refused visit that nobody tells.
 * @cut:     Texts shortened; @cut_more: calls that may have shortened one more.
 */
struct stress_tally {
	struct stress_counted kind[STP_LOSS_KINDS];
	u64 hidden;
	u64 walks;
	u64 cut, cut_more;
};

/* Maps whose contents can be summed up: that are only added to, or taken from by removing walks that add up what they show. */
#define STRESS_SUMS \
	X(shared) X(names) X(small) X(growing) X(drained) X(per_cpu) X(per_cpu_drained)
#define STRESS_STATS X(keyed) X(named) X(single)

#define X(name) SUM_##name,
enum stress_sum { STRESS_SUMS SUM_COUNT };
#undef X
#define X(name) STAT_##name,
enum stress_stat { STRESS_STATS STAT_COUNT };
#undef X

struct stress_stats {
	u64 count, sum, sumsq;
	s64 min, max;
};

/**
 * struct stress_actor - One context level of one CPU. It is never interrupted by itself, so it counts without care.
 * @level:   STP_CONTEXT_* in which it really runs.
 * @in_call: The call of the runtime in which it is now, for nmis to see; 0 if none.
 * @hits:    Serial number of its hits.
 * @outside: Map calls outside of any probe of its own: they belong to whomever they interrupt (X3).
 * @result:  By call and result: the negative error, or 0.
 */
struct stress_actor {
	u32 cpu;
	u32 level;
	u32 in_call;
	u64 random;
	u32 hits;
	u64 calls;
	struct stress_tally tally[STRESS_PROBES];
	struct stress_counted outside;
	u64 added[SUM_COUNT], shown[SUM_COUNT];
	struct stress_stats stats[STAT_COUNT];
	u64 result[OP_COUNT][STP_EDOM + 1];
	char text[STRESS_TEXT_SIZE];
	u64 buckets[STP_HIST_BUCKETS_MAX];
};

extern struct stress_actor stress_actors[STRESS_CPUS][STP_CONTEXTS];
extern struct stp_probe stress_probe[STRESS_PROBES];
extern const char *const stress_op_name[OP_COUNT];

/* stress_random() - Below @below. */
static inline u32 stress_random(struct stress_actor *actor, u32 below)
{
	actor->random ^= actor->random << 13;
	actor->random ^= actor->random >> 7;
	actor->random ^= actor->random << 17;
	return (u32)(actor->random >> 32) % below;
}

/* load.c */
/* stress_hit() - One hit of at most @calls_max calls, or now and then calls outside of any hit. */
void stress_hit(struct stress_actor *actor, u32 calls_max);
/* stress_load_show() - Contents of the maps against what was added. Nobody else uses them now. */
void stress_load_show(struct seq_file *seq);

/* reader.c */
int stress_reader_init(void);
void stress_reader_wake(void);
/* stress_reader_fini() - Reads what is left, then ends. */
void stress_reader_fini(void);
void stress_reader_show(struct seq_file *seq);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A program that has every call a probe can make, for looking at the compiled object; it is never loaded.
 *
 * A call that the compiler inlines (a macro, a static inline function) stands in a function of its own, so that it has a stack to
 * measure: measured_CALL, or measured_CALL__VARIANT. Functions of the runtime are measured as they are. analyse.ts refuses
 * an object in which an inlined call of the headers is missing.
 */
#include <stp/stp.h>
#include <stp/session.h>

#define MEASURED static __attribute__((noipa, used))

/* Maps of all types of keys and values, shared and per-CPU. */
STP_MAP(single, STP_KEYS(), STP_INT64);
STP_MAP(numbers, STP_KEYS(STP_INT64), STP_INT64);
STP_MAP(pairs, STP_KEYS(STP_INT64, STP_INT64), STP_INT64);
STP_MAP(names, STP_KEYS(STP_STR), STP_INT64, .wrap = true);
STP_MAP(mixed, STP_KEYS(STP_STR, STP_INT64), STP_INT64, .scheme = &stp_scheme_reserve, .reserve = 16);
STP_MAP(cpu_numbers, STP_KEYS(STP_INT64), STP_INT64, .per_cpu = true);
STP_MAP(cpu_names, STP_KEYS(STP_STR), STP_INT64, .per_cpu = true);
STP_MAP(texts, STP_KEYS(STP_INT64), STP_STR);
STP_MAP(sizes, STP_KEYS(STP_INT64), STP_STATS, .hist = STP_HIST_LOG);
STP_MAP(cpu_sizes, STP_KEYS(STP_STR, STP_INT64), STP_STATS, .per_cpu = true, .hist = STP_HIST_LINEAR(0, 1000, 10));
STP_MAP(cpu_times, STP_KEYS(STP_STR), STP_STATS, .per_cpu = true, .hist = STP_HIST_LOG);
STP_LIST(list, STP_INT64);
STP_LIST(lines, STP_STR);
STP_STAT(latency, .hist = STP_HIST_LOG);
STP_STAT(length, .hist = STP_HIST_LINEAR(0, 100, 10));

/* Adding. */
MEASURED int measured_stp_map_add__single(s64 n) { return stp_map_add(&single, STP_KEY(), n); }
MEASURED int measured_stp_map_add__number(s64 key, s64 n) { return stp_map_add(&numbers, STP_KEY(key), n); }
MEASURED int measured_stp_map_add__pair(s64 a, s64 b, s64 n) { return stp_map_add(&pairs, STP_KEY(a, b), n); }
MEASURED int measured_stp_map_add__name(const char *key, s64 n) { return stp_map_add(&names, STP_KEY(key), n); }
MEASURED int measured_stp_map_add__mixed(const char *a, s64 b, s64 n) { return stp_map_add(&mixed, STP_KEY(a, b), n); }
MEASURED int measured_stp_map_add__cpu_number(s64 key, s64 n) { return stp_map_add(&cpu_numbers, STP_KEY(key), n); }
MEASURED int measured_stp_map_add__cpu_name(const char *key, s64 n) { return stp_map_add(&cpu_names, STP_KEY(key), n); }
MEASURED int measured_stp_map_stat_add__log(s64 key, s64 n) { return stp_map_stat_add(&sizes, STP_KEY(key), n); }
MEASURED int measured_stp_map_stat_add__linear(const char *a, s64 b, s64 n) { return stp_map_stat_add(&cpu_sizes, STP_KEY(a, b), n); }
MEASURED int measured_stp_map_stat_add__name(const char *key, s64 n) { return stp_map_stat_add(&cpu_times, STP_KEY(key), n); }
MEASURED int measured_stp_stat_add__log(s64 n) { return stp_stat_add(&latency, n); }
MEASURED int measured_stp_stat_add__linear(s64 n) { return stp_stat_add(&length, n); }

/* Storing. */
MEASURED int measured_stp_map_set(const char *a, s64 b, s64 n) { return stp_map_set(&mixed, STP_KEY(a, b), n); }
MEASURED int measured_stp_map_set_string(s64 key, const char *text) { return stp_map_set_string(&texts, STP_KEY(key), text); }
MEASURED int measured_stp_map_append(s64 key, const char *text) { return stp_map_append(&texts, STP_KEY(key), text); }
MEASURED int measured_stp_map_push(s64 n) { return stp_map_push(&list, n); }
MEASURED int measured_stp_map_push_string(const char *text) { return stp_map_push_string(&lines, text); }

/* Reading. */
MEASURED s64 measured_stp_map_get__single(void) { return stp_map_get(&single, STP_KEY()); }
MEASURED s64 measured_stp_map_get__number(s64 key) { return stp_map_get(&numbers, STP_KEY(key)); }
MEASURED s64 measured_stp_map_get__pair(s64 a, s64 b) { return stp_map_get(&pairs, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_get__mixed(const char *a, s64 b) { return stp_map_get(&mixed, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_get__cpu_number(s64 key) { return stp_map_get(&cpu_numbers, STP_KEY(key)); }
MEASURED const char *measured_stp_map_get_string(struct stp_ctx *ctx, s64 key) { return stp_map_get_string(ctx, &texts, STP_KEY(key)); }
MEASURED struct stp_stats measured_stp_map_stats(const char *a, s64 b) { return stp_map_stats(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_count(const char *a, s64 b) { return stp_map_count(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_sum(const char *a, s64 b) { return stp_map_sum(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_min(const char *a, s64 b) { return stp_map_min(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_max(const char *a, s64 b) { return stp_map_max(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_avg(const char *a, s64 b) { return stp_map_avg(&cpu_sizes, STP_KEY(a, b)); }
MEASURED s64 measured_stp_map_variance(const char *a, s64 b) { return stp_map_variance(&cpu_sizes, STP_KEY(a, b)); }
MEASURED struct stp_stats measured_stp_stat_stats(void) { return stp_stat_stats(&latency); }
MEASURED s64 measured_stp_stat_count(void) { return stp_stat_count(&latency); }
MEASURED s64 measured_stp_stat_sum(void) { return stp_stat_sum(&latency); }
MEASURED s64 measured_stp_stat_min(void) { return stp_stat_min(&latency); }
MEASURED s64 measured_stp_stat_max(void) { return stp_stat_max(&latency); }
MEASURED s64 measured_stp_stat_avg(void) { return stp_stat_avg(&latency); }
MEASURED s64 measured_stp_stat_variance(void) { return stp_stat_variance(&latency); }
MEASURED bool measured_stp_stats_overflow(const struct stp_stats *stats) { return stp_stats_overflow(stats); }
MEASURED s64 measured_stp_stats_min(const struct stp_stats *stats) { return stp_stats_min(stats); }
MEASURED s64 measured_stp_stats_max(const struct stp_stats *stats) { return stp_stats_max(stats); }
MEASURED int measured_stp_map_contains(const char *a, s64 b) { return stp_map_contains(&mixed, STP_KEY(a, b)); }
MEASURED int measured_stp_map_contains__slice(s64 b) { return stp_map_contains(&mixed, STP_KEY(STP_ANY, b)); }
MEASURED u32 measured_stp_map_size(void) { return stp_map_size(&mixed); }

/* Removing. */
MEASURED int measured_stp_map_del(const char *a, s64 b) { return stp_map_del(&mixed, STP_KEY(a, b)); }
MEASURED int measured_stp_map_del_slice(s64 b) { return stp_map_del_slice(&mixed, STP_KEY(STP_ANY, b)); }
MEASURED int measured_stp_map_clear(void) { return stp_map_clear(&cpu_sizes); }
MEASURED int measured_stp_stat_clear(void) { return stp_stat_clear(&latency); }

/* Walking. */
MEASURED s64 measured_stp_foreach__sorted(struct stp_ctx *ctx)
{
	s64 sum = 0;

	stp_foreach(&cpu_sizes, it, .sort = STP_BY_AVG_DESC, .limit = 10) {
		sum += stp_it_stats(it)->count + stp_it_key_int64(it, 1);
		if (!stp_it_str(it, 0)[0])
			break;
	}
	return sum;
}

MEASURED s64 measured_stp_foreach__removing(struct stp_ctx *ctx)
{
	s64 sum = 0;

	stp_foreach(&numbers, it, .sort = STP_BY_KEY_DESC(1), .remove = true)
		sum += stp_it_int64(it);
	return sum;
}

MEASURED s64 measured_stp_foreach__string(struct stp_ctx *ctx)
{
	s64 sum = 0;

	stp_foreach(&texts, it)
		sum += stp_string_length(stp_it_value_str(it));
	return sum;
}

MEASURED bool measured_stp_walk_next(struct stp_walk *walk) { return stp_walk_next(walk); }
MEASURED s64 measured_stp_it_int64(const struct stp_walk *it) { return stp_it_int64(it); }
MEASURED const struct stp_stats *measured_stp_it_stats(const struct stp_walk *it) { return stp_it_stats(it); }
MEASURED u64 measured_stp_it_count(const struct stp_walk *it) { return stp_it_count(it); }
MEASURED s64 measured_stp_it_sum(const struct stp_walk *it) { return stp_it_sum(it); }
MEASURED s64 measured_stp_it_min(const struct stp_walk *it) { return stp_it_min(it); }
MEASURED s64 measured_stp_it_max(const struct stp_walk *it) { return stp_it_max(it); }
MEASURED s64 measured_stp_it_avg(const struct stp_walk *it) { return stp_it_avg(it); }

/* Strings. */
MEASURED const char *measured_stp_str_copy(struct stp_ctx *ctx, const char *a) { return stp_str_copy(ctx, a); }
MEASURED const char *measured_stp_str_concat(struct stp_ctx *ctx, const char *a, const char *b) { return stp_str_concat(ctx, a, b); }
MEASURED const char *measured_stp_str_substr(struct stp_ctx *ctx, const char *a) { return stp_str_substr(ctx, a, 1, 5); }
MEASURED const char *measured_stp_str_replace(struct stp_ctx *ctx, const char *a, const char *b) { return stp_str_replace(ctx, a, b, "by"); }
MEASURED const char *measured_stp_str_token(struct stp_ctx *ctx, const char *a) { return stp_str_token(ctx, a, " ,", 2); }
MEASURED const char *measured_stp_str_quote(struct stp_ctx *ctx, const char *a) { return stp_str_quote(ctx, a); }
MEASURED const char *measured_stp_sprintf(struct stp_ctx *ctx, const char *a, s64 n) { return stp_sprintf(ctx, "%s %-*d", a, 8, n); }

/* Printing. */
MEASURED int measured_stp_printf(struct stp_ctx *ctx, const char *a, s64 n) { return stp_printf(ctx, "%s %d %x %c %p\n", a, n, n, n, (const void *)ctx); }
MEASURED int measured_stp_printf__most(struct stp_ctx *ctx, s64 n)
{
	/* The arguments are the author's: their place is not on the stack here. */
	static u64 words[STP_PRINT_ARGS_MAX];

	words[0] = n;
	return stp_printf_args(ctx, "%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d\n", &(const struct stp_args){ .value = words, .shape = STP_SHAPE(STP_PRINT_ARGS_MAX, 0) });
}
MEASURED int measured_stp_print_map(struct stp_ctx *ctx) { return stp_print_map(ctx, &cpu_sizes, .sort = STP_BY_SUM_DESC, .remove = true); }
MEASURED int measured_stp_print_hist(struct stp_ctx *ctx, const char *a, s64 b) { return stp_print_hist(ctx, &cpu_sizes, STP_KEY(a, b)); }

/* What a hit shows. */
MEASURED s64 measured_stp_cpu_id(struct stp_ctx *ctx) { return stp_cpu_id(ctx); }
MEASURED s64 measured_stp_level(struct stp_ctx *ctx) { return stp_level(ctx); }
MEASURED s64 measured_stp_tracepoint_int(struct stp_ctx *ctx) { return stp_tracepoint_int(ctx, prev_pid); }
MEASURED const char *measured_stp_tracepoint_string(struct stp_ctx *ctx) { return stp_tracepoint_string(ctx, prev_comm); }

/* Errors and steps. */
MEASURED int measured_stp_raise(struct stp_ctx *ctx, s64 n) { return stp_raise(ctx, "no %d", n); }
MEASURED bool measured_stp_raised(struct stp_ctx *ctx) { return stp_raised(ctx); }
MEASURED s64 measured_stp_div(struct stp_ctx *ctx, s64 a, s64 b) { return stp_div(ctx, a, b); }
MEASURED s64 measured_stp_mod(struct stp_ctx *ctx, s64 a, s64 b) { return stp_mod(ctx, a, b); }
MEASURED bool measured_stp_step(struct stp_ctx *ctx) { return stp_step(ctx); }

/* What a provider hits. */
STP_PROBE(kprobe, "do_sys_openat2")
{
	if (stp_pid(ctx) == 1)
		stp_exit(ctx);
}

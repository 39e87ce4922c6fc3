// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What an actor does in a hit: calls of every kind at random, each result entered in the actor's own books.
 * Must never: look into the runtime for what a call did; only what it returned counts.
 * Siblings: stress_main.c, which makes the contexts; reader.c
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include <stp/session.h>

#include "stress.h"

#define KEYS 64 /* keys of the maps that are only added to */
#define LONG_NAME "name-of-too-many-bytes-to-be-kept-0123456789"

STP_MAP(shared, STP_KEYS(STP_INT64), STP_INT64, .entries_max = KEYS);
STP_MAP(names, STP_KEYS(STP_STR), STP_INT64, .entries_max = KEYS, .string_size = 24);
STP_MAP(small, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 8);
STP_MAP(recent, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 16, .wrap = true);
STP_MAP(growing, STP_KEYS(STP_INT64, STP_INT64), STP_INT64, .entries_max = 4096, .scheme = &stp_scheme_reserve, .reserve = 32);
STP_MAP(drained, STP_KEYS(STP_INT64), STP_INT64, .entries_max = KEYS);
STP_MAP(per_cpu, STP_KEYS(STP_INT64), STP_INT64, .entries_max = KEYS, .per_cpu = true);
STP_MAP(per_cpu_drained, STP_KEYS(STP_STR), STP_INT64, .entries_max = KEYS, .string_size = 24, .per_cpu = true);
STP_MAP(keyed, STP_KEYS(STP_INT64), STP_STATS, .entries_max = KEYS, .per_cpu = true, .hist = STP_HIST_LINEAR(-200, 200, 100));
STP_MAP(named, STP_KEYS(STP_STR), STP_STATS, .entries_max = KEYS, .string_size = 24);
STP_STAT(single, .hist = STP_HIST_LOG);
STP_MAP(pairs, STP_KEYS(STP_INT64, STP_STR), STP_INT64, .entries_max = 48, .string_size = 16);
STP_MAP(texts, STP_KEYS(STP_INT64), STP_STR, .entries_max = 16, .string_size = 64);
STP_LIST(list, STP_INT64, .entries_max = 256);

struct stp_probe stress_probe[STRESS_PROBES];

#define X(name) #name,
const char *const stress_op_name[OP_COUNT] = { "none", STRESS_OPS };
#undef X

/*
 * struct hit - A hit under way.
 * @used: Bytes that must be in the print buffer now.
 * @line: Lines printed in this hit.
 * @raised_serial: What the raised error's message tells; 0 for a division by zero.
 */
struct hit {
	struct stress_actor *actor;
	struct stp_ctx *ctx;
	struct stress_tally *tally;
	u32 probe, level;
	u32 used, line;
	bool raised, exhausted;
	u32 raised_serial;
};

/* Makes the call with its name where an nmi finds it, and notes what it returned. */
#define CALL(actor_, op, call) ({ \
	s64 call_result; \
	WRITE_ONCE((actor_)->in_call, OP_##op); \
	barrier(); \
	call_result = (call); \
	barrier(); \
	WRITE_ONCE((actor_)->in_call, 0); \
	(s64)note(actor_, OP_##op, call_result); \
})

static s64 note(struct stress_actor *actor, u32 op, s64 result)
{
	actor->calls++;
	if (result < -STP_EDOM)
		stress_is_wrong(WRONG_unexpected_result);
	else
		actor->result[op][result < 0 ? -result : 0]++;
	return result;
}

static void lose(struct stress_counted *kind, u32 cause)
{
	kind->attempted++;
	kind->lost[cause]++;
}

/* X4: a refusal; true if it was one. */
static bool count_refusal(struct stress_counted *kind, s64 result)
{
	if (result == -STP_EBUSY)
		lose(kind, STP_LOSS_BUSY);
	else if (result == -STP_EBUDGET)
		lose(kind, STP_LOSS_BUDGET);
	else
		return false;
	return true;
}

static void count_change(struct stress_counted *map, s64 result)
{
	if (count_refusal(map, result))
		return;
	if (result == -STP_EFULL) {
		lose(map, STP_LOSS_FULL);
		return;
	}
	if (result < 0 && result != -STP_ENOENT)
		stress_is_wrong(WRONG_unexpected_result);
	map->attempted++;
	map->delivered++;
}

#define CHANGE(hit_, op, call) ({ \
	s64 change_result = CALL((hit_)->actor, op, call); \
	count_change(&(hit_)->tally->kind[STP_LOSS_KIND_MAP], change_result); \
	change_result; \
})

#define LOOK(hit_, op, call) ({ \
	s64 read_result = CALL((hit_)->actor, op, call); \
	if (!count_refusal(&(hit_)->tally->kind[STP_LOSS_KIND_MAP], read_result) && read_result < 0) \
		stress_is_wrong(WRONG_unexpected_result); \
	read_result; \
})

/* A number that a sum of many tells apart from another. */
static s64 delta(struct stress_actor *actor)
{
	return (s64)(((u64)stress_random(actor, 1u << 20) << (stress_random(actor, 8) ? 0 : 40)) - 1000);
}

static void count_added(struct stress_actor *actor, enum stress_sum sum, s64 result, s64 value)
{
	if (!result)
		actor->added[sum] += (u64)value;
}

static const char *name_of(u32 n)
{
	static const char *const name[8] = { "", "a", "seven77", "eight888", "nine99999", "sixteen bytes 16", "twenty-three bytes 2323", LONG_NAME };

	return name[n % 8];
}

/* Cuts of a key are counted unless the call had no action (M1, M2). */
static void count_name_cut(struct hit *hit, u32 n, s64 result)
{
	if (name_of(n) == name_of(7) && result != -STP_EBUDGET)
		hit->tally->cut++;
}

/*
 * Maps.
 */

static noinline void add_plain(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	s64 by = delta(actor), r;
	u32 key = stress_random(actor, KEYS);

	switch (stress_random(actor, 6)) {
	case 0:
	case 1:
		r = CHANGE(hit, map_add, stp_map_add(&shared, STP_KEY(key), by));
		count_added(actor, SUM_shared, r, by);
		break;
	case 2:
		r = CHANGE(hit, map_add_small, stp_map_add(&small, STP_KEY(key % 16), by));
		count_added(actor, SUM_small, r, by);
		break;
	case 3:
		CHANGE(hit, map_add_wrap, stp_map_add(&recent, STP_KEY(key), by));
		break;
	case 4:
		key = stress_random(actor, 6000);
		r = CHANGE(hit, map_add_reserve, stp_map_add(&growing, STP_KEY(key, key / 2), by));
		count_added(actor, SUM_growing, r, by);
		break;
	default:
		r = CHANGE(hit, map_add_drained, stp_map_add(&drained, STP_KEY(key), by));
		count_added(actor, SUM_drained, r, by);
	}
}

static noinline void add_other(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	s64 by = delta(actor), r;
	u32 key = stress_random(actor, KEYS);

	switch (stress_random(actor, 4)) {
	case 0:
		r = CHANGE(hit, map_add_string, stp_map_add(&names, STP_KEY(name_of(key)), by));
		count_added(actor, SUM_names, r, by);
		count_name_cut(hit, key, r);
		break;
	case 1:
		r = CHANGE(hit, map_add_per_cpu_drained, stp_map_add(&per_cpu_drained, STP_KEY(name_of(key)), by));
		count_added(actor, SUM_per_cpu_drained, r, by);
		count_name_cut(hit, key, r);
		break;
	default:
		r = CHANGE(hit, map_add_per_cpu, stp_map_add(&per_cpu, STP_KEY(key), by));
		count_added(actor, SUM_per_cpu, r, by);
	}
}

static void count_sample(struct stress_actor *actor, enum stress_stat stat, s64 result, s64 sample)
{
	struct stress_stats *stats = &actor->stats[stat];

	if (result)
		return;
	if (!stats->count || sample < stats->min)
		stats->min = sample;
	if (!stats->count || sample > stats->max)
		stats->max = sample;
	stats->count++;
	stats->sum += (u64)sample;
	stats->sumsq += (u64)(sample * sample);
}

static noinline void add_sample(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	s64 sample = (s64)stress_random(actor, 1u << (1 + stress_random(actor, 16))) - 300, r;
	u32 key = stress_random(actor, KEYS);

	switch (stress_random(actor, 3)) {
	case 0:
		r = CHANGE(hit, map_stat_add, stp_map_stat_add(&keyed, STP_KEY(key), sample));
		count_sample(actor, STAT_keyed, r, sample);
		break;
	case 1:
		r = CHANGE(hit, map_stat_add_string, stp_map_stat_add(&named, STP_KEY(name_of(key)), sample));
		count_sample(actor, STAT_named, r, sample);
		count_name_cut(hit, key, r);
		break;
	default:
		r = CHANGE(hit, stat_add, stp_stat_add(&single, sample));
		count_sample(actor, STAT_single, r, sample);
	}
}

/* Entries that come and go; key and value tell the same number. */
static noinline void change_pairs(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	u32 n = stress_random(actor, 64);
	char name[8];

	snprintf(name, sizeof(name), "p%u", n);
	switch (stress_random(actor, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		CHANGE(hit, map_set, stp_map_set(&pairs, STP_KEY(n, (const char *)name), (s64)stress_random(actor, 1000) * 64 + n));
		break;
	case 4:
	case 5:
		CHANGE(hit, map_del, stp_map_del(&pairs, STP_KEY(n, (const char *)name)));
		break;
	case 6:
		LOOK(hit, map_contains, stp_map_contains(&pairs, STP_KEY(n, (const char *)name)));
		break;
	case 7:
		LOOK(hit, map_contains_slice, stp_map_contains(&pairs, STP_KEY(STP_ANY, (const char *)name)));
		break;
	case 8:
		if (CHANGE(hit, map_del_slice, stp_map_del_slice(&pairs, STP_KEY(n, STP_ANY))) > 1)
			stress_is_wrong(WRONG_unexpected_result);
		break;
	default:
		if (!stress_random(actor, 40))
			CHANGE(hit, map_clear, stp_map_clear(&pairs));
	}
	if (!stress_random(actor, 8) && CHANGE(hit, map_push, stp_map_push(&list, n)) == -STP_EFULL)
		CHANGE(hit, map_clear, stp_map_clear(&list));
}

/* Whether a text is one letter repeated (keys below 8), or "ab" repeated. */
static bool is_whole_text(const char *text, u32 key)
{
	u32 i;

	for (i = 0; text[i]; i++)
		if (text[i] != (key < 8 ? text[0] : "ab"[i % 2]))
			return false;
	return i < 64;
}

static noinline void change_texts(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	u32 key = stress_random(actor, 16), n;
	s64 r;

	if (stress_random(actor, 3) == 0) {
		r = LOOK(hit, map_get_string, stp_map_read_string(&texts.map, STP_ARGS(key), actor->text));
		if (!r && !is_whole_text(actor->text, key))
			stress_is_wrong(WRONG_map_string_torn);
	} else if (key < 8) {
		n = stress_random(actor, 80);
		memset(actor->text, 'a' + stress_random(actor, 26), n);
		actor->text[n] = 0;
		r = CHANGE(hit, map_set_string, stp_map_set_string(&texts, STP_KEY(key), actor->text));
		hit->tally->cut += !r && n > 63;
	} else if (stress_random(actor, 30) == 0) {
		CHANGE(hit, map_del, stp_map_del(&texts, STP_KEY(key)));
	} else {
		r = CHANGE(hit, map_append, stp_map_append(&texts, STP_KEY(key), "ab"));
		hit->tally->cut_more += !r;
	}
}

static void check_stats(struct stress_actor *actor, const struct stp_stats *stats, u32 buckets)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < buckets; i++)
		sum += actor->buckets[i];
	if (sum != stats->count || (stats->count && (stats->min > stats->max || stats->min < -300 || stats->max > 65536)))
		stress_is_wrong(WRONG_value_out_of_range);
}

static noinline void read_maps(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	u32 key = stress_random(actor, KEYS);
	struct stp_stats stats;
	s64 value;

	switch (stress_random(actor, 4)) {
	case 0:
		LOOK(hit, map_get, stp_map_read(&shared.map, STP_ARGS(key), &value));
		break;
	case 1:
		LOOK(hit, map_get_per_cpu, stp_map_read(&per_cpu.map, STP_ARGS(key), &value));
		break;
	case 2:
		if (!LOOK(hit, map_stats, stp_map_read_stats(&keyed.map, STP_ARGS(key), &stats, actor->buckets)))
			check_stats(actor, &stats, keyed.map.hist.buckets);
		break;
	default:
		if (!LOOK(hit, stat_stats, stp_map_read_stats(&single.map, STP_ARGS(), &stats, actor->buckets)))
			check_stats(actor, &stats, single.map.hist.buckets);
	}
}

/*
 * Walks.
 */

static void count_string(struct hit *hit, s64 result)
{
	struct stress_counted *string = &hit->tally->kind[STP_LOSS_KIND_STRING];

	if (count_refusal(string, result) || result == -STP_ENOENT)
		return;
	if (result == -STP_EFULL) {
		lose(string, STP_LOSS_FULL);
		return;
	}
	if (result)
		stress_is_wrong(WRONG_unexpected_result);
	string->attempted++;
	string->delivered++;
}

/* What a visit of `pairs` shows must hang together. */
static void check_pair(struct hit *hit, struct stp_walk *walk, s64 *last, bool ascending)
{
	s64 n = stp_it_key_int64(walk, 0);
	const char *string = stp_it_str(walk, 1);
	char name[16];

	count_string(hit, *string ? 0 : -STP_EFULL);
	snprintf(name, sizeof(name), "p%lld", n);
	if ((*string && strcmp(string, name)) || stp_it_int64(walk) % 64 != n)
		stress_is_wrong(WRONG_walk_key_torn);
	if (ascending && n <= *last)
		stress_is_wrong(WRONG_walk_out_of_order);
	*last = n;
}

static noinline void walk_pairs(struct hit *hit)
{
	static const u32 sorts[] = { STP_BY_INSERTION, STP_BY_KEY(1), STP_BY_VALUE_DESC, STP_BY_KEY_DESC(2) };
	struct stress_actor *actor = hit->actor;
	u32 sort = sorts[stress_random(actor, 4)];
	struct stp_walk walk;
	s64 last = -1;

	if (LOOK(hit, walk, stp_walk_begin(&walk, hit->ctx, &pairs.map, (struct stp_walk_options){ .sort = sort, .limit = stress_random(actor, 64) })))
		return;
	hit->tally->walks++;
	while (CALL(actor, walk, stp_walk_next(&walk)) == 1) {
		check_pair(hit, &walk, &last, sort == STP_BY_KEY(1));
		if (!stress_random(actor, 50))
			break;
	}
	CALL(actor, walk_end, (stp_walk_end(&walk), 0));
}

/* Of what is added meanwhile nothing is lost and nothing shown twice (M10). */
static noinline void walk_removing(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	enum stress_sum sum = stress_random(actor, 2) ? SUM_drained : SUM_per_cpu_drained;
	struct stp_map *map = sum == SUM_drained ? &drained.map : &per_cpu_drained.map;
	struct stp_walk_options options = { .sort = stress_random(actor, 2) ? STP_BY_INSERTION : STP_BY_VALUE, .remove = true };
	struct stp_walk walk;

	if (LOOK(hit, walk_removing, stp_walk_begin(&walk, hit->ctx, map, options)))
		return;
	hit->tally->walks++;
	while (CALL(actor, walk_removing, stp_walk_next(&walk)) == 1)
		actor->shown[sum] += (u64)stp_it_int64(&walk);
	CALL(actor, walk_end, (stp_walk_end(&walk), 0));
}

/*
 * Strings.
 */

#define STRING(hit_, op, call) ({ \
	s64 string_result = CALL((hit_)->actor, op, call); \
	count_string(hit_, string_result); \
	string_result; \
})

static void check_string(const char *string, const char *expected)
{
	if (strcmp(string, expected))
		stress_is_wrong(WRONG_pool_string_changed);
}

static noinline void make_strings(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	u32 n = stress_random(actor, 1000000);
	const char *out, *more;
	s64 r;

	scnprintf(actor->text, sizeof(actor->text), "<%u,%u,%u>", n, actor->cpu, actor->level);
	r = STRING(hit, sprintf, stp_string_printf(hit->ctx, &out, "<%d,%d,%d>", STP_ARGS(n, actor->cpu, actor->level)));
	if (r)
		return;
	check_string(out, actor->text);
	switch (stress_random(actor, 5)) {
	case 0:
		r = STRING(hit, substr, stp_string_substr(hit->ctx, &more, out, 0, 1));
		if (!r)
			check_string(more, "<");
		break;
	case 1:
		r = STRING(hit, replace, stp_string_replace(hit->ctx, &more, "xaxbx", "x", "--"));
		if (!r)
			check_string(more, "--a--b--");
		break;
	case 2:
		r = STRING(hit, token, stp_string_token(hit->ctx, &more, "one two,three", ", ", stress_random(actor, 4)));
		break;
	case 3:
		r = STRING(hit, quote, stp_string_quote(hit->ctx, &more, "\"\n"));
		if (!r)
			check_string(more, "\"\\\"\\n\"");
		break;
	default:
		memset(actor->text, 'x', 300);
		actor->text[300] = 0;
		r = STRING(hit, concat, stp_string_concat(hit->ctx, &more, actor->text, actor->text));
		hit->tally->cut += !r;
		if (!r && (strlen(more) != STP_STRING_SIZE_MAX - 1 || strspn(more, "x") != STP_STRING_SIZE_MAX - 1))
			stress_is_wrong(WRONG_pool_string_changed);
		scnprintf(actor->text, sizeof(actor->text), "<%u,%u,%u>", n, actor->cpu, actor->level);
	}
	check_string(out, actor->text); /* one buffer is not handed out twice */
}

/*
 * Output. A record holds lines of one hit, numbered without a gap; reader.c takes them apart.
 */

static struct stress_counted *records_of(struct hit *hit)
{
	return &hit->tally->kind[STP_LOSS_KIND_RECORD];
}

/* A record was offered by a call that does not tell what became of it. */
static void offered(struct hit *hit)
{
	records_of(hit)->attempted++;
	hit->tally->hidden++;
}

static bool print_line(struct hit *hit, u32 width)
{
	static const char format[] = "c%d a%d l%d p%d h%d n%d %*s|\n";
	struct stress_actor *actor = hit->actor;
	u32 length = snprintf(NULL, 0, format, actor->cpu, actor->level, hit->level, hit->probe, actor->hits, hit->line, width, "x");
	s64 r = CALL(actor, printf,
		     stp_printf(hit->ctx, "c%d a%d l%d p%d h%d n%d %*s|\n", actor->cpu, actor->level, hit->level, hit->probe, actor->hits, hit->line, width, "x"));

	if (count_refusal(records_of(hit), r))
		return false;
	if (r)
		stress_is_wrong(WRONG_unexpected_result);
	if (hit->used && hit->used + length > STRESS_PRINT_SIZE) {
		offered(hit);
		hit->used = 0;
	}
	hit->used += length;
	hit->line++;
	return true;
}

static bool flush(struct hit *hit)
{
	s64 r = CALL(hit->actor, flush, stp_print_flush(hit->ctx));

	if (count_refusal(records_of(hit), r))
		return false;
	if (hit->used) {
		records_of(hit)->attempted++;
		if (r == -STP_EFULL)
			records_of(hit)->lost[STP_LOSS_FULL]++;
		else
			records_of(hit)->delivered++;
	}
	if (r && (r != -STP_EFULL || !hit->used))
		stress_is_wrong(WRONG_unexpected_result);
	hit->used = 0;
	return true;
}

static noinline void print(struct hit *hit)
{
	print_line(hit, stress_random(hit->actor, 4) ? stress_random(hit->actor, 20) : stress_random(hit->actor, 500));
	if (!stress_random(hit->actor, 4))
		flush(hit);
}

/* Its text is of a length that is not known here, so it stands in a record of its own, behind one line. */
static noinline void print_whole(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	s64 r;

	if (!flush(hit) || !print_line(hit, 1))
		return;
	if (stress_random(actor, 2)) {
		r = CALL(actor, print_map, stp_print_map(hit->ctx, &pairs, .sort = STP_BY_VALUE_DESC, .limit = 8));
		hit->tally->walks += r >= 0;
	} else {
		r = CALL(actor, print_hist, stp_print_hist(hit->ctx, &keyed, STP_KEY(stress_random(actor, KEYS))));
	}
	if (r == -STP_EBUSY)
		lose(&hit->tally->kind[STP_LOSS_KIND_MAP], STP_LOSS_BUSY);
	else if (r == -STP_EBUDGET)
		lose(records_of(hit), STP_LOSS_BUDGET);
	flush(hit);
}

/*
 * Errors.
 */

static void check_message(struct hit *hit, const char *message)
{
	char expected[32] = "division by zero";

	if (hit->raised_serial)
		snprintf(expected, sizeof(expected), "error c%u a%u h%u", hit->actor->cpu, hit->actor->level, hit->raised_serial);
	if (strcmp(message, expected))
		stress_is_wrong(WRONG_caught_message_changed);
}

static void raised(struct hit *hit, u32 serial)
{
	if (!hit->raised)
		hit->raised_serial = serial;
	hit->raised = true;
}

static noinline void raise_and_catch(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	const char *message;
	s64 quotient, r;

	switch (stress_random(actor, 3)) {
	case 0:
		r = CALL(actor, raise, stp_raise(hit->ctx, "error c%d a%d h%d", actor->cpu, actor->level, actor->hits));
		if (!count_refusal(records_of(hit), r))
			raised(hit, actor->hits);
		break;
	case 1:
		r = CALL(actor, div, stp_divide_int64(hit->ctx, -7, stress_random(actor, 2) * 2, &quotient));
		if (r == -STP_EDOM)
			raised(hit, 0);
		else if (!r && quotient != -3)
			stress_is_wrong(WRONG_division_wrong);
		break;
	}
	if (!stress_random(actor, 8))
		return; /* not caught */
	r = CALL(actor, catch, stp_catch(hit->ctx, &message));
	if (r == -STP_EBUDGET)
		return;
	if (r != hit->raised)
		stress_is_wrong(WRONG_unexpected_result);
	if (r == 1)
		check_message(hit, message);
	hit->raised = false;
}

/* A hit at a level that is taken is refused (X1). */
static noinline void hit_within(struct hit *hit)
{
	struct stress_actor *actor = hit->actor;
	u32 probe = stress_random(actor, STRESS_PROBES);

	if (CALL(actor, enter, stp_probe_enter(&stress_probe[probe], stress_random(actor, hit->level + 1)) ? 0 : -STP_ENESTED) != -STP_ENESTED)
		stress_is_wrong(WRONG_nested_hit_accepted);
	lose(&actor->tally[probe].kind[STP_LOSS_KIND_HIT], STP_LOSS_NESTED);
}

static noinline void burn_actions(struct hit *hit)
{
	u32 i;

	for (i = 0; i <= STRESS_ACTIONS && CALL(hit->actor, step, stp_step(hit->ctx)) == 1; i++)
		;
	if (i > STRESS_ACTIONS)
		stress_is_wrong(WRONG_unexpected_result);
}

static void call_something(struct hit *hit)
{
	u32 choice = stress_random(hit->actor, 100);

	if (choice < 22)
		add_plain(hit);
	else if (choice < 34)
		add_other(hit);
	else if (choice < 48)
		add_sample(hit);
	else if (choice < 58)
		change_pairs(hit);
	else if (choice < 64)
		change_texts(hit);
	else if (choice < 69)
		read_maps(hit);
	else if (choice < 75)
		make_strings(hit);
	else if (choice < 88)
		print(hit);
	else if (choice < 92)
		raise_and_catch(hit);
	else if (choice < 94)
		hit_within(hit);
	else if (choice < 95)
		stress_random(hit->actor, 8) ? (void)0 : burn_actions(hit);
	else if (hit->probe != STRESS_PROBE_WALKS)
		add_plain(hit);
	else if (choice < 97)
		walk_pairs(hit);
	else if (choice < 99)
		walk_removing(hit);
	else
		print_whole(hit);
}

/*
 * Whether the hit is exhausted. Calls of whoever interrupts it outside of any hit take its actions, too, so one that is left
 * with few of them burns them: nobody could tell whether they last until its end.
 */
static void end_actions(struct hit *hit)
{
	if (READ_ONCE(hit->ctx->actions) < STRESS_ACTIONS_SPARE)
		burn_actions(hit);
	hit->exhausted = CALL(hit->actor, step, stp_step(hit->ctx)) != 1;
}

/* X2, X4: how the hit must have ended. */
static void count_hit(struct hit *hit)
{
	struct stress_counted *hits = &hit->tally->kind[STP_LOSS_KIND_HIT];

	hits->attempted++;
	if (hit->exhausted)
		hits->lost[STP_LOSS_BUDGET]++;
	else if (hit->raised)
		hits->lost[STP_LOSS_ERROR]++;
	else
		hits->delivered++;
	if (hit->used)
		offered(hit);
	if (hit->raised)
		offered(hit);
}

/* A call outside of any hit of our own; it may be within one that we interrupted. */
static void call_outside(struct stress_actor *actor)
{
	s64 by = delta(actor), r;

	if (stress_random(actor, 2)) {
		r = CALL(actor, map_add, stp_map_add(&shared, STP_KEY(3), by));
		count_added(actor, SUM_shared, r, by);
	} else {
		by = stress_random(actor, 100);
		r = CALL(actor, stat_add, stp_stat_add(&single, by));
		count_sample(actor, STAT_single, r, by);
	}
	count_change(&actor->outside, r);
}

/* The level of the actor; now and then a lower one, as of a provider that does not know what it interrupted. */
static u32 level_for(struct stress_actor *actor)
{
	return stress_random(actor, 16) ? actor->level : stress_random(actor, actor->level + 1);
}

void stress_hit(struct stress_actor *actor, u32 calls_max)
{
	u32 calls = 1 + stress_random(actor, calls_max);
	struct hit hit = { .actor = actor, .probe = stress_random(actor, STRESS_PROBES) };

	if (!stress_random(actor, 32)) {
		call_outside(actor);
		return;
	}
	actor->hits++;
	hit.level = level_for(actor);
	hit.tally = &actor->tally[hit.probe];
	if (CALL(actor, enter, (hit.ctx = stp_probe_enter(&stress_probe[hit.probe], hit.level)) ? 0 : -STP_ENESTED)) {
		lose(&hit.tally->kind[STP_LOSS_KIND_HIT], STP_LOSS_NESTED);
		return;
	}
	while (calls--)
		call_something(&hit);
	end_actions(&hit);
	count_hit(&hit);
	CALL(actor, exit, (stp_probe_exit(hit.ctx), 0));
}

/*
 * What is in the maps, when all is over. The runtime's own walks are not used: they are what was tested.
 */

/* Whether lists, chains and counts of a part agree. */
static void check_part(const struct stp_map *map, const struct stp_map_part *part)
{
	const struct stp_map_node *node, *at, *last = NULL;
	u32 count = 0, unused = part->fresh_left;

	for (node = part->first; node && count <= part->size; node = node->next, count++) {
		for (at = part->buckets[node->hash & part->bucket_mask]; at && at != node; at = at->chain)
			;
		if (!at || node->prev != last || (last && node->order <= last->order))
			stress_is_wrong(WRONG_map_structure);
		last = node;
	}
	for (node = part->free; node && unused <= map->entries_max; node = node->chain)
		unused++;
	if (count != part->size || part->last != last || part->owner || count + unused != (map->scheme->refills ? part->nodes : map->entries_max))
		stress_is_wrong(WRONG_map_structure);
}

static u64 sum_of(const struct stp_map *map)
{
	const struct stp_map_node *node;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < map->parts_count; i++)
		for (node = map->parts[i].first; node; node = node->next)
			sum += node->word[0];
	return sum;
}

static void show_sum(struct seq_file *seq, enum stress_sum sum, const struct stp_map *map)
{
	u64 added = 0, shown = 0;
	u32 cpu, level;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++) {
		for (level = 0; level < STP_CONTEXTS; level++) {
			added += stress_actors[cpu][level].added[sum];
			shown += stress_actors[cpu][level].shown[sum];
		}
	}
	seq_printf(seq, "sum name=%s added=%llu shown=%llu left=%llu entries=%u\n", map->name, added, shown, sum_of(map), stp_map_entries(map));
}

static void show_stats_line(struct seq_file *seq, const char *who, const struct stp_map *map, const struct stress_stats *stats, u64 bucketed)
{
	seq_printf(seq, "%s name=%s count=%llu sum=%llu sumsq=%llu min=%lld max=%lld bucketed=%llu\n", who, map->name, stats->count, stats->sum, stats->sumsq,
		   stats->min, stats->max, bucketed);
}

static void merge(struct stress_stats *to, u64 count, u64 sum, u64 sumsq, s64 min, s64 max)
{
	if (count && (!to->count || min < to->min))
		to->min = min;
	if (count && (!to->count || max > to->max))
		to->max = max;
	to->count += count;
	to->sum += sum;
	to->sumsq += sumsq;
}

static void show_stats(struct seq_file *seq, enum stress_stat stat, const struct stp_map *map)
{
	struct stress_stats own = { 0 }, kept = { 0 };
	const struct stp_map_node *node;
	u64 bucketed = 0;
	u32 i, bucket;

	for (i = 0; i < STRESS_CPUS * STP_CONTEXTS; i++) {
		const struct stress_stats *from = &stress_actors[i / STP_CONTEXTS][i % STP_CONTEXTS].stats[stat];

		merge(&own, from->count, from->sum, from->sumsq, from->min, from->max);
	}
	for (i = 0; i < map->parts_count; i++) {
		for (node = map->parts[i].first; node; node = node->next) {
			const struct stp_stats *from = stp_map_node_stats(node);

			merge(&kept, from->count, from->sum[0], from->sumsq[0], from->min, from->max);
			for (bucket = 0; bucket < map->hist.buckets; bucket++)
				bucketed += stp_map_node_buckets(node)[bucket];
		}
	}
	show_stats_line(seq, "own_stats", map, &own, map->hist.buckets ? own.count : 0);
	show_stats_line(seq, "stats", map, &kept, bucketed);
}

void stress_load_show(struct seq_file *seq)
{
	u32 i, part;

	for (i = 0; i < stp_session.program.maps_count; i++)
		for (part = 0; part < stp_session.program.maps[i]->parts_count; part++)
			check_part(stp_session.program.maps[i], &stp_session.program.maps[i]->parts[part]);
#define X(name) show_sum(seq, SUM_##name, &name.map);
	STRESS_SUMS
#undef X
#define X(name) show_stats(seq, STAT_##name, &name.map);
	STRESS_STATS
#undef X
	/* Nothing is taken from the wrap map but by eviction. */
	seq_printf(seq, "wrap name=%s made=%llu entries=%u\n", recent.map.name, recent.map.parts->order_next, stp_map_entries(&recent.map));
}

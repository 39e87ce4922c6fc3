// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Orders of a walk, and the sort: insertion sort of short runs, then merging, each run cut to the limit (M10).
 * Must never: recurse, compare more than its bound, change the map.
 * Siblings: walk.c, runtime-as/assembly/walk.ts
 */
#include <stp/sort.h>

#define RUN 8 /* references sorted by insertion */
#define SIGN (1ull << 63)

static bool is_statistic(u32 field)
{
	return field >= STP_SORT_FIELD_COUNT;
}

static bool is_key(u32 field)
{
	return field >= STP_SORT_FIELD_KEY1 && field < STP_SORT_FIELD_COUNT;
}

static bool by_string(const struct stp_sorting *by)
{
	if (is_key(by->field))
		return stp_map_part_is_string(by->map, by->field - STP_SORT_FIELD_KEY1);
	return by->field == STP_SORT_FIELD_VALUE && by->map->value_type == STP_VALUE_STRING;
}

bool stp_sorting_init(struct stp_sorting *by, const struct stp_map *map, u32 sort)
{
	*by = (struct stp_sorting){ .map = map, .field = sort / 2, .descending = sort % 2 };
	if (by->field > STP_SORT_FIELD_VARIANCE)
		return false;
	if (is_statistic(by->field) && map->value_type != STP_VALUE_STATS)
		return false;
	if (by->field == STP_SORT_FIELD_VALUE && map->value_type == STP_VALUE_STATS)
		return false;
	if (is_key(by->field) && by->field - STP_SORT_FIELD_KEY1 >= stp_map_key_parts(map))
		return false;
	by->closer = by_string(by);
	by->low = by->field == STP_SORT_FIELD_SUM;
	return true;
}

/* Words of the string by which a node is sorted. */
static const u64 *string_of(const struct stp_sorting *by, const struct stp_map_node *node)
{
	return by->field == STP_SORT_FIELD_VALUE ? node->word : stp_map_node_part(by->map, node, by->field - STP_SORT_FIELD_KEY1);
}

/* The first bytes of a string, so that unsigned order is theirs. */
static u64 prefix(const u64 *string)
{
	const u8 *bytes = (const u8 *)(string + 1);
	u64 word = 0;
	u32 i;

	for (i = 0; i < sizeof(word); i++)
		word = word << 8 | (i < string[0] ? bytes[i] : 0);
	return word;
}

static void merged_stats(const struct stp_map *map, const struct stp_map_node *node, struct stp_stats *stats)
{
	u32 i;

	stp_stats_clear(stats, NULL, 0);
	for (i = 0; i < map->parts_count; i++) {
		const struct stp_map_node *same = stp_map_find_same(map, &map->parts[i], node);

		if (same)
			stp_stats_merge(stats, NULL, stp_map_node_stats(same), NULL, 0);
	}
}

static u64 merged_int64(const struct stp_map *map, const struct stp_map_node *node)
{
	u64 value = 0;
	u32 i;

	if (map->parts_count == 1)
		return node->word[0];
	for (i = 0; i < map->parts_count; i++) {
		const struct stp_map_node *same = stp_map_find_same(map, &map->parts[i], node);

		if (same)
			value += same->word[0];
	}
	return value;
}

void stp_map_merge(const struct stp_map *map, struct stp_map_node *to, const struct stp_map_node *node)
{
	u32 i;

	if (map->value_type == STP_VALUE_INT64) {
		to->word[0] = merged_int64(map, node);
		return;
	}
	stp_stats_clear(stp_map_node_stats(to), stp_map_node_buckets(to), map->hist.buckets);
	for (i = 0; i < map->parts_count; i++) {
		const struct stp_map_node *same = stp_map_find_same(map, &map->parts[i], node);

		if (same)
			stp_stats_merge(stp_map_node_stats(to), stp_map_node_buckets(to), stp_map_node_stats(same), stp_map_node_buckets(same),
					map->hist.buckets);
	}
}

static STP_NOINLINE u64 statistic(const struct stp_sorting *by, const struct stp_map_node *node, struct stp_stats *stats)
{
	merged_stats(by->map, node, stats);
	switch (by->field) {
	case STP_SORT_FIELD_COUNT:
		return stats->count;
	case STP_SORT_FIELD_SUM:
		return by->low ? stats->sum[0] : stats->sum[1] ^ SIGN;
	case STP_SORT_FIELD_MIN:
		return (u64)stats->min ^ SIGN;
	case STP_SORT_FIELD_MAX:
		return (u64)stats->max ^ SIGN;
	case STP_SORT_FIELD_AVG:
		return (u64)stp_stats_avg(stats) ^ SIGN;
	default:
		return (u64)stp_stats_variance(stats) ^ SIGN;
	}
}

static STP_ALWAYS_INLINE u64 word_of(const struct stp_sorting *by, const struct stp_map_node *node, struct stp_stats *merged)
{
	if (is_statistic(by->field))
		return statistic(by, node, merged);
	if (by_string(by))
		return prefix(string_of(by, node));
	if (by->field == STP_SORT_FIELD_VALUE)
		return merged_int64(by->map, node) ^ SIGN;
	return *stp_map_node_part(by->map, node, by->field - STP_SORT_FIELD_KEY1) ^ SIGN;
}

void stp_sort_words(const struct stp_sorting *by, struct stp_map_room *room, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		u64 word = by->field == STP_SORT_FIELD_INSERTION ? i : word_of(by, room->refs[i].node, &room->merged);

		room->refs[i].word = by->descending ? ~word : word;
	}
}

static int compare_strings(const u64 *a, const u64 *b)
{
	u64 common = *a < *b ? *a : *b;
	int first = memcmp(a + 1, b + 1, common);

	return first ? first : *a < *b ? -1 : *a > *b;
}

/* Whether @b, which stands behind @a, is to be visited before it; their words are equal. */
static bool closer_before(const struct stp_sorting *by, const struct stp_map_ref *b, const struct stp_map_ref *a)
{
	int order = compare_strings(string_of(by, b->node), string_of(by, a->node));

	return by->descending ? order > 0 : order < 0;
}

static inline bool before(const struct stp_sorting *by, const struct stp_map_ref *b, const struct stp_map_ref *a)
{
	return b->word < a->word || (by->closer && b->word == a->word && closer_before(by, b, a));
}

static void sort_run(const struct stp_sorting *by, struct stp_map_ref *refs, u32 count)
{
	u32 i, at;

	for (i = 1; i < count; i++) {
		struct stp_map_ref moving = refs[i];

		for (at = i; at && before(by, &moving, &refs[at - 1]); at--)
			refs[at] = refs[at - 1];
		refs[at] = moving;
	}
}

/* The first @count of two sorted runs; ties from the left one first. */
static void merge(const struct stp_sorting *by, struct stp_map_ref *to, u32 count, const struct stp_map_ref *left, const struct stp_map_ref *left_end,
		  const struct stp_map_ref *right, const struct stp_map_ref *right_end)
{
	const struct stp_map_ref *end = to + count;

	while (to != end) {
		if (left == left_end || (right != right_end && before(by, right, left)))
			*to++ = *right++;
		else
			*to++ = *left++;
	}
}

static u32 smaller(u32 a, u32 b)
{
	return a < b ? a : b;
}

/* Entries of the run that begins at @begin, of up to @width references, when each is cut to @limit. */
static u32 run_length(u32 begin, u32 width, u32 count, u32 limit)
{
	return begin < count ? smaller(smaller(width, count - begin), limit) : 0;
}

void stp_sort(const struct stp_sorting *by, struct stp_map_room *room, u32 count, u32 limit)
{
	u32 width, begin;

	for (begin = 0; begin < count; begin += RUN)
		sort_run(by, room->refs + begin, smaller(RUN, count - begin));
	for (width = RUN; width < count; width *= 2) {
		struct stp_map_ref *from = room->refs;

		for (begin = 0; begin < count; begin += 2 * width) {
			const struct stp_map_ref *left = from + begin, *right = left + width;
			u32 left_length = run_length(begin, width, count, limit);
			u32 right_length = run_length(begin + width, width, count, limit);

			merge(by, room->other + begin, smaller(left_length + right_length, limit), left, left + left_length, right, right + right_length);
		}
		room->refs = room->other;
		room->other = from;
	}
}

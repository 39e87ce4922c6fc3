// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Whole maps and histograms as text (P5, P6).
 * Must never: hold a map while it prints.
 * Siblings: print.c, hist.c, runtime-as/assembly/print.ts
 */
#include <stp/print.h>

static void write_string(struct stp_text *text, const u64 *words)
{
	stp_text_quoted(text, (const char *)(words + 1), words[0]);
}

static void write_key(struct stp_text *text, const struct stp_map *map, const struct stp_map_node *node)
{
	u32 i;

	for (i = 0; i < stp_map_key_parts(map); i++) {
		const u64 *part = stp_map_node_part(map, node, i);

		stp_text_put(text, i ? "," : "[", 1);
		if (stp_map_part_is_string(map, i))
			write_string(text, part);
		else
			stp_text_number(text, *part, true);
	}
	stp_text_put(text, "]", i ? 1 : 0);
}

static void write_stats(struct stp_text *text, const struct stp_stats *stats)
{
	stp_text_put(text, " @count=", 8);
	stp_text_number(text, stats->count, false);
	stp_text_put(text, " @min=", 6);
	stp_text_number(text, stp_stats_min(stats), true);
	stp_text_put(text, " @max=", 6);
	stp_text_number(text, stp_stats_max(stats), true);
	stp_text_put(text, " @sum=", 6);
	stp_text_number(text, stats->sum[0], true);
	stp_text_put(text, " @avg=", 6);
	stp_text_number(text, stp_stats_avg(stats), true);
}

static void write_entry(struct stp_text *text, const struct stp_map *map, const struct stp_map_node *node)
{
	stp_text_put(text, map->name, strnlen(map->name, STP_STRING_SIZE_MAX));
	write_key(text, map, node);
	if (map->value_type == STP_VALUE_STATS) {
		write_stats(text, stp_map_node_stats(node));
	} else {
		stp_text_put(text, "=", 1);
		if (map->value_type == STP_VALUE_STRING)
			write_string(text, node->word);
		else
			stp_text_number(text, node->word[0], true);
	}
	stp_text_put(text, "\n", 1);
}

static STP_NOINLINE void print_entry(struct stp_ctx *ctx, const struct stp_walk *walk)
{
	struct stp_text text = stp_print_room(ctx);

	write_entry(&text, walk->map, walk->node);
	if (stp_print_full(ctx, &text)) {
		text = stp_print_room(ctx);
		write_entry(&text, walk->map, walk->node);
	}
	stp_print_take(ctx, &text);
}

int stp_print_map_options(struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	struct stp_walk walk;
	int error = stp_print_begin(ctx);
	int count = 0;

	if (error)
		return error;
	error = stp_walk_begin_paid(&walk, ctx, map, options);
	if (error)
		return error;
	for (; stp_walk_next(&walk); count++)
		print_entry(ctx, &walk);
	return count;
}

int stp_print_hist_args(struct stp_ctx *ctx, struct stp_map *map, const struct stp_args *key)
{
	struct stp_map_room *room;
	int error = stp_print_begin(ctx);

	if (error)
		return error;
	error = stp_map_show(map, key, &room);
	if (error)
		return error;
	stp_hist_print(ctx, &map->hist, stp_map_node_buckets(room->shown));
	stp_map_room_give(room);
	return 0;
}

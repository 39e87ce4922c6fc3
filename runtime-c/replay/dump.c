// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The canonical dump of the state (O6).
 * Must never: use the formatter or any other code that it is to judge, change what it shows.
 * Siblings: outputs.c, runtime-as/assembly/dump.ts
 */
#include <replay/replay.h>

static void dump_part(struct stp_dump *dump, const struct stp_map *map, const struct stp_map_part *part)
{
	const struct stp_map_node *node;

	stp_dump_word(dump, STP_DUMP_PART);
	stp_dump_word(dump, part->owner);
	stp_dump_word(dump, part->position);
	stp_dump_word(dump, part->size);
	for (node = part->first; node; node = node->next)
		stp_dump_entry(dump, map, node);
}

/* Statistics without a key: the parts of a CPU's levels are one part (O6). */
static void dump_levels(struct stp_dump *dump, const struct stp_map *map, const struct stp_map_part *parts)
{
	static struct {
		struct stp_stats stats;
		u64 buckets[STP_HIST_BUCKETS_MAX];
	} merged;
	u32 level, size = 0;

	stp_stats_clear(&merged.stats, merged.buckets, map->hist.buckets);
	for (level = 0; level < STP_CONTEXTS; level++) {
		const struct stp_map_node *node = parts[level].first;

		if (!node)
			continue;
		size = 1;
		stp_stats_merge(&merged.stats, merged.buckets, stp_map_node_stats(node), stp_map_node_buckets(node), map->hist.buckets);
	}
	stp_dump_word(dump, STP_DUMP_PART);
	stp_dump_word(dump, parts[0].owner);
	stp_dump_word(dump, 0);
	stp_dump_word(dump, size);
	if (!size)
		return;
	stp_dump_word(dump, STP_DUMP_ENTRY);
	stp_dump_stats(dump, &merged.stats, merged.buckets, map->hist.buckets);
}

void stp_dump_map(struct stp_dump *dump, const struct stp_map *map)
{
	bool levels = stp_map_per_level(map->key_shape, map->per_cpu);
	u32 i;

	stp_dump_word(dump, STP_DUMP_MAP);
	stp_dump_word(dump, map->index);
	for (i = 0; i < map->parts_count; i += levels ? STP_CONTEXTS : 1) {
		if (levels)
			dump_levels(dump, map, &map->parts[i]);
		else
			dump_part(dump, map, &map->parts[i]);
	}
}

/* Bit i: level i is in the chain of the active ones. */
static u32 active_levels(const struct stp_cpu *cpu)
{
	const struct stp_ctx *at = cpu->current_ctx;
	u32 depth, level, levels = 0;

	/* No deeper than there are levels, even if the chain is broken. */
	for (depth = 0; at && depth < STP_CONTEXTS; depth++, at = at->outer)
		for (level = 0; level < STP_CONTEXTS; level++)
			if (at == &cpu->ctx[level])
				levels |= 1u << level;
	return levels;
}

static void dump_level(struct stp_dump *dump, const struct stp_ctx *ctx, u32 level)
{
	stp_dump_word(dump, STP_DUMP_LEVEL);
	stp_dump_word(dump, level);
	stp_dump_word(dump, 1);
	stp_dump_word(dump, ctx->probe->index);
	stp_dump_word(dump, ctx->actions + ctx->rest);
	stp_dump_word(dump, ctx->exhausted);
	stp_dump_word(dump, ctx->strings_used);
	stp_dump_word(dump, ctx->raised);
	stp_dump_string(dump, ctx->error, ctx->raised ? strnlen(ctx->error, sizeof(ctx->error)) : 0);
	stp_dump_string(dump, ctx->print, ctx->print_used);
}

/* No text, and zeros everywhere (O6). */
static void dump_idle_level(struct stp_dump *to, u32 level)
{
	struct stp_dump dump = *to; /* in registers: there is one of these for most operations, and of nothing else so many words */
	u32 i;

	stp_dump_word(&dump, STP_DUMP_LEVEL);
	stp_dump_word(&dump, level);
	for (i = 0; i < 8; i++)
		stp_dump_word(&dump, 0);
	*to = dump;
}

void stp_dump_cpu(struct stp_dump *dump, const struct stp_cpu *cpu)
{
	u32 level, count = 0, active = active_levels(cpu);

	for (level = 0; level < STP_CONTEXTS; level++)
		count += active >> level & 1;
	stp_dump_word(dump, STP_DUMP_CPU);
	stp_dump_word(dump, cpu->index);
	stp_dump_word(dump, count);
	for (level = 0; level < STP_CONTEXTS; level++)
		if (active & 1u << level)
			dump_level(dump, &cpu->ctx[level], level);
		else
			dump_idle_level(dump, level);
}

void stp_dump_ring(struct stp_dump *dump, const struct stp_ring *ring)
{
	unsigned long at = ring->tail;

	stp_dump_word(dump, STP_DUMP_RING);
	stp_dump_word(dump, ring->cpu);
	stp_dump_word(dump, ring->head);
	stp_dump_word(dump, ring->tail);
	/* Also ends if a damaged length jumps over the end. */
	while (ring->committed - at - 1 < ring->size)
		at = stp_dump_record(dump, ring, at);
}

void stp_dump_row(struct stp_dump *to, u32 cpu, u32 probe)
{
	/* All of a row are counts, in the order of O6. */
	const u64 *counts = (const u64 *)&stp_session.cpu[cpu].rows[probe];
	struct stp_dump dump = *to; /* in registers, as in dump_idle_level() */
	u32 i;

	stp_dump_word(&dump, STP_DUMP_LEDGER);
	stp_dump_word(&dump, probe);
	stp_dump_word(&dump, cpu);
	for (i = 0; i < sizeof(struct stp_ledger) / sizeof(*counts); i++) {
		if (!counts[i])
			continue;
		stp_dump_word(&dump, i + 1);
		stp_dump_word(&dump, counts[i]);
	}
	stp_dump_word(&dump, 0);
	*to = dump;
}

void stp_dump_all(struct stp_dump *dump)
{
	u32 i, probe;

	for (i = 0; i < stp_session.program.maps_count; i++)
		stp_dump_map(dump, stp_session.program.maps[i]);
	for (i = 0; i < stp_session.config.cpus; i++) {
		stp_dump_cpu(dump, &stp_session.cpu[i]);
		stp_dump_ring(dump, &stp_session.cpu[i].ring);
		for (probe = 0; probe <= stp_session.program.probes_count; probe++)
			stp_dump_row(dump, i, probe);
	}
}

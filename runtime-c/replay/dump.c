// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The canonical dump of the state (O6).
 * Must never: use the formatter or any other code that it is to judge, change what it shows.
 * Siblings: outputs.c, runtime-as/assembly/dump.ts
 */
#include <replay/replay.h>

void stp_dump_map(struct stp_dump *dump, const struct stp_map *map)
{
	u32 index;

	stp_dump_word(dump, STP_DUMP_MAP);
	stp_dump_word(dump, map->index);
	stp_dump_word(dump, map->size);
	stp_dump_word(dump, map->owner);
	for (index = map->first; index; index = stp_map_node_at(map, index)->next) {
		const struct stp_map_node *node = stp_map_node_at(map, index);

		stp_dump_entry(dump, map, node, node->value);
	}
}

static bool is_active(const struct stp_cpu *cpu, const struct stp_ctx *ctx)
{
	const struct stp_ctx *at = cpu->current_ctx;
	u32 depth;

	/* No deeper than there are levels, even if the chain is broken. */
	for (depth = 0; at && depth < STP_CONTEXTS; depth++, at = at->outer)
		if (at == ctx)
			return true;
	return false;
}

static void dump_level(struct stp_dump *dump, const struct stp_cpu *cpu, u32 level)
{
	const struct stp_ctx *ctx = &cpu->ctx[level];
	bool active = is_active(cpu, ctx);

	stp_dump_word(dump, STP_DUMP_LEVEL);
	stp_dump_word(dump, level);
	stp_dump_word(dump, active);
	stp_dump_word(dump, active ? ctx->probe->index : 0);
	stp_dump_word(dump, active ? ctx->strings_used : 0);
	stp_dump_string(dump, ctx->print, active ? ctx->print_used : 0);
}

void stp_dump_cpu(struct stp_dump *dump, const struct stp_cpu *cpu)
{
	u32 level, active = 0;

	for (level = 0; level < STP_CONTEXTS; level++)
		active += is_active(cpu, &cpu->ctx[level]);
	stp_dump_word(dump, STP_DUMP_CPU);
	stp_dump_word(dump, cpu->index);
	stp_dump_word(dump, active);
	for (level = 0; level < STP_CONTEXTS; level++)
		dump_level(dump, cpu, level);
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

void stp_dump_row(struct stp_dump *dump, u32 cpu, u32 probe)
{
	const struct stp_ledger *row = &stp_session.cpu[cpu].rows[probe];
	u32 kind, cause;

	stp_dump_word(dump, STP_DUMP_LEDGER);
	stp_dump_word(dump, probe);
	stp_dump_word(dump, cpu);
	for (kind = 0; kind < STP_LOSS_KINDS; kind++) {
		stp_dump_word(dump, row->kind[kind].attempted);
		stp_dump_word(dump, row->kind[kind].delivered);
		for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
			stp_dump_word(dump, row->kind[kind].lost[cause]);
	}
	stp_dump_word(dump, row->cut);
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

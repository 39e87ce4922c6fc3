// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The canonical dump and its digest (O4, O6).
 * Must never: use the formatter or any other code that it is to judge, change what it shows.
 * Sibling: runtime-as/assembly/dump.ts
 */
#include <replay/replay.h>

#define DIGEST_MULTIPLIER 0x9e3779b97f4a7c15ull

void stp_dump_word(struct stp_dump *dump, u64 word)
{
	if (dump->out) {
		if (dump->words < dump->words_max)
			dump->out[dump->words] = word;
		dump->words++;
		return;
	}
	dump->digest = (dump->digest ^ word) * DIGEST_MULTIPLIER;
	dump->digest ^= dump->digest >> 29;
}

void stp_dump_string(struct stp_dump *dump, const char *bytes, u32 length)
{
	u64 word = 0;
	u32 i;

	stp_dump_word(dump, length);
	for (i = 0; i < length; i++) {
		word |= (u64)(u8)bytes[i] << i % 8 * 8;
		if (i % 8 == 7 || i == length - 1) {
			stp_dump_word(dump, word);
			word = 0;
		}
	}
}

void stp_dump_entry(struct stp_dump *dump, const struct stp_map *map, const struct stp_map_node *node, s64 value)
{
	u32 i;

	stp_dump_word(dump, STP_DUMP_ENTRY);
	for (i = 0; i < stp_map_key_parts(map); i++) {
		const u64 *part = stp_map_node_part(map, node, i);

		if (stp_map_part_is_string(map, i))
			stp_dump_string(dump, (const char *)(part + 1), *part);
		else
			stp_dump_word(dump, *part);
	}
	stp_dump_word(dump, value);
}

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

static void read_ring(const struct stp_ring *ring, unsigned long at, void *to, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		((u8 *)to)[i] = ring->data[(at + i) & (ring->size - 1)];
}

/* Whether the record is whole: its magic, and zeros up to the next one (T1). */
static bool is_whole(const struct stp_ring *ring, unsigned long at, const struct stp_record_header *header)
{
	u32 end = sizeof(*header) + ((header->payload_size + 7) & ~7u);
	u32 i;

	for (i = sizeof(*header) + header->payload_size; i < end; i++)
		if (ring->data[(at + i) & (ring->size - 1)])
			return false;
	return header->magic == STP_RECORD_MAGIC;
}

unsigned long stp_dump_record(struct stp_dump *dump, const struct stp_ring *ring, unsigned long at)
{
	struct stp_record_header header;
	char payload[STP_REPLAY_PRINT_SIZE];
	u32 size;

	read_ring(ring, at, &header, sizeof(header));
	size = header.payload_size < sizeof(payload) ? header.payload_size : sizeof(payload);
	read_ring(ring, at + sizeof(header), payload, size);
	stp_dump_word(dump, STP_DUMP_RECORD);
	stp_dump_word(dump, is_whole(ring, at, &header) ? header.type : 0);
	stp_dump_word(dump, header.context);
	stp_dump_word(dump, header.probe);
	stp_dump_word(dump, header.cpu);
	stp_dump_word(dump, header.sequence);
	stp_dump_string(dump, payload, size);
	return at + sizeof(header) + ((header.payload_size + 7) & ~7u);
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

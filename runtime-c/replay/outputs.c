// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Words of a dump, their digest (O4), and what operations output: strings, entries of a walk, records (O5, O6).
 * It looks at these as their user does. So in the sandbox it is instrumented, like src/: whoever may change them
 * meanwhile is let in.
 * Must never: use the formatter or any other code that it is to judge, change what it shows.
 * Siblings: dump.c, runtime-as/assembly/dump.ts
 */
#include <replay/replay.h>
#include <stp/wire.h>

void stp_dump_string(struct stp_dump *dump, const char *bytes, u32 length)
{
	u64 word;
	u32 i, shift;

	stp_dump_word(dump, length);
	/* memcpy() of a size that the compiler does not know would be a call for each word. */
	for (i = 0; i + sizeof(word) <= length; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		stp_dump_word(dump, stp_wire64(word));
	}
	if (i == length)
		return;
	for (word = 0, shift = 0; i < length; i++, shift += 8)
		word |= (u64)(u8)bytes[i] << shift;
	stp_dump_word(dump, word);
}

void stp_dump_stats(struct stp_dump *dump, const struct stp_stats *stats, const u64 *buckets, u32 buckets_count)
{
	u32 i;

	stp_dump_word(dump, STP_DUMP_STATS);
	stp_dump_word(dump, stats->count);
	stp_dump_word(dump, stats->sum[0]);
	stp_dump_word(dump, stats->sum[1]);
	stp_dump_word(dump, stats->count ? stats->min : 0);
	stp_dump_word(dump, stats->count ? stats->max : 0);
	stp_dump_word(dump, stats->sumsq[0]);
	stp_dump_word(dump, stats->sumsq[1]);
	for (i = 0; i < buckets_count; i++) {
		if (!buckets[i])
			continue;
		stp_dump_word(dump, i + 1);
		stp_dump_word(dump, buckets[i]);
	}
	stp_dump_word(dump, 0);
}

static void dump_string_words(struct stp_dump *dump, const u64 *words)
{
	stp_dump_string(dump, (const char *)(words + 1), *words);
}

void stp_dump_entry(struct stp_dump *dump, const struct stp_map *map, const struct stp_map_node *node)
{
	u32 i;

	stp_dump_word(dump, STP_DUMP_ENTRY);
	for (i = 0; i < stp_map_key_parts(map); i++) {
		const u64 *part = stp_map_node_part(map, node, i);

		if (stp_map_part_is_string(map, i))
			dump_string_words(dump, part);
		else
			stp_dump_word(dump, *part);
	}
	if (map->value_type == STP_VALUE_STATS)
		stp_dump_stats(dump, stp_map_node_stats(node), stp_map_node_buckets(node), map->hist.buckets);
	else if (map->value_type == STP_VALUE_STRING)
		dump_string_words(dump, node->word);
	else
		stp_dump_word(dump, node->word[0]);
}

/* The @size bytes, 8 at most, at stream offset @at, and zeros behind them. */
static u64 ring_bytes(const struct stp_ring *ring, unsigned long at, u32 size)
{
	u64 word = 0;
	u32 i;

	for (i = 0; i < size; i++)
		word |= (u64)ring->data[(at + i) & (ring->size - 1)] << 8 * i;
	return word;
}

/* The word at @at. Those of a record are aligned and never go over the ring's end; a damaged offset may be any. */
static u64 ring_word(const struct stp_ring *ring, unsigned long at)
{
	u64 word;

	if (at % sizeof(word))
		return ring_bytes(ring, at, sizeof(word));
	memcpy(&word, ring->data + (at & (ring->size - 1)), sizeof(word));
	return stp_wire64(word);
}

/* Whether the record is whole: its magic, and zeros up to the next one (T1). */
static bool is_whole(const struct stp_ring *ring, unsigned long at, const struct stp_record_header *header)
{
	return header->magic == STP_RECORD_MAGIC && !ring_bytes(ring, at + sizeof(*header) + header->payload_size, -header->payload_size % 8);
}

unsigned long stp_dump_record(struct stp_dump *dump, const struct stp_ring *ring, unsigned long at)
{
	union {
		struct stp_record_header header;
		u64 word[sizeof(struct stp_record_header) / sizeof(u64)];
	} read;
	struct stp_record_header *header = &read.header;
	unsigned long payload = at + sizeof(*header);
	u32 i, size;

	for (i = 0; i < sizeof(read) / sizeof(*read.word); i++)
		read.word[i] = stp_wire64(ring_word(ring, at + i * sizeof(*read.word))); /* as it lies there */
	header->magic = stp_wire32(header->magic);
	header->payload_size = stp_wire32(header->payload_size);
	header->cpu = stp_wire16(header->cpu);
	header->probe = stp_wire32(header->probe);
	header->sequence = stp_wire64(header->sequence);
	size = header->payload_size < STP_REPLAY_RING_SIZE ? header->payload_size : STP_REPLAY_RING_SIZE;
	stp_dump_word(dump, STP_DUMP_RECORD);
	stp_dump_word(dump, is_whole(ring, at, header) ? header->type : 0);
	stp_dump_word(dump, header->context);
	stp_dump_word(dump, header->probe);
	stp_dump_word(dump, header->cpu);
	stp_dump_word(dump, header->sequence);
	stp_dump_word(dump, size);
	for (i = 0; i + 8 <= size; i += 8)
		stp_dump_word(dump, ring_word(ring, payload + i));
	if (i < size)
		stp_dump_word(dump, ring_bytes(ring, payload + i, size - i));
	return payload + ((header->payload_size + 7) & ~7u);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Words of a dump, their digest (O4), and what operations output: strings, entries of a walk, records (O5, O6).
 * It looks at these as their user does. So in the sandbox it is instrumented, like src/: whoever may change them
 * meanwhile is let in.
 * Must never: use the formatter or any other code that it is to judge, change what it shows.
 * Siblings: dump.c, runtime-as/assembly/dump.ts
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
	u32 i;

	stp_dump_word(dump, length);
	for (i = 0; i < length; i += 8) {
		u64 word = 0;

		memcpy(&word, bytes + i, length - i < 8 ? length - i : 8);
		stp_dump_word(dump, word);
	}
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

static void read_ring(const struct stp_ring *ring, unsigned long at, void *to, u32 size)
{
	unsigned long begin = at & (ring->size - 1);
	unsigned long until_end = ring->size - begin;

	if (size < until_end)
		until_end = size;
	memcpy(to, ring->data + begin, until_end);
	memcpy((u8 *)to + until_end, ring->data, size - until_end);
}

/* Whether the record is whole: its magic, and zeros up to the next one (T1). */
static bool is_whole(const struct stp_ring *ring, unsigned long at, const struct stp_record_header *header)
{
	u32 used = sizeof(*header) + header->payload_size;
	u64 padding = 0;

	read_ring(ring, at + used, &padding, -header->payload_size % 8);
	return header->magic == STP_RECORD_MAGIC && !padding;
}

unsigned long stp_dump_record(struct stp_dump *dump, const struct stp_ring *ring, unsigned long at)
{
	struct stp_record_header header;
	char payload[STP_REPLAY_RING_SIZE];
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

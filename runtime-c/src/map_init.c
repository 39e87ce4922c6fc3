// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Maps from init to fini: layout, memory by the map's scheme, and the refilling of reserves. Task context only.
 * Must never: leave anything behind after a failure, touch a part that it does not hold once the session runs.
 * Siblings: map.c, scheme.c
 */
#include <stp/map.h>
#include <stp/session.h>

#define BUCKETS_MIN 8 /* buckets */

/* Nodes taken from the scheme at once. */
struct block {
	struct block *next;
	u64 nodes[];
};

static u32 string_words(const struct stp_map *map)
{
	return 1 + (map->string_size + 7) / 8;
}

/* Words of a node before the key, and of each part. */
static void lay_out(struct stp_map *map)
{
	u32 parts = stp_map_key_parts(map);
	u32 words, i;

	if (map->value_type == STP_VALUE_STATS)
		words = STP_STATS_WORDS + map->hist.buckets;
	else
		words = map->value_type == STP_VALUE_STRING ? string_words(map) : 1;
	map->key_at = words;
	for (i = 0; i < parts; i++) {
		map->key_words[i] = stp_map_part_is_string(map, i) ? string_words(map) : 1;
		words += map->key_words[i];
	}
	map->node_size = sizeof(struct stp_map_node) + words * sizeof(u64);
}

static int refuse(const struct stp_map *map, const char *why)
{
	stp_log("map %s: %s\n", map->name, why);
	return -STP_EINVAL;
}

static int check(struct stp_map *map)
{
	if (!map->entries_max)
		map->entries_max = stp_session.config.map_entries;
	if (!map->string_size)
		map->string_size = STP_STRING_SIZE_MAX;
	if (!map->scheme)
		map->scheme = &stp_scheme_preallocated;
	if (map->key_shape == STP_SHAPE(0, 0) && map->value_type == STP_VALUE_STATS)
		map->per_cpu = true;
	if (map->entries_max > STP_MAP_ENTRIES_MAX || map->string_size > STP_STRING_SIZE_MAX) {
		stp_log("map %s: entries_max must be 1 to %d and string_size 1 to %d\n", map->name, STP_MAP_ENTRIES_MAX, STP_STRING_SIZE_MAX);
		return -STP_EINVAL;
	}
	if (map->per_cpu && map->value_type == STP_VALUE_STRING)
		return refuse(map, "strings cannot be merged; leave out .per_cpu or store numbers");
	if (map->hist.kind != STP_HIST_KIND_NONE && map->value_type != STP_VALUE_STATS)
		return refuse(map, "only statistics have a histogram; leave out .hist or store STP_STATS");
	if (map->scheme->refills && (map->reserve < STP_RESERVE_MIN || map->reserve > map->entries_max))
		return refuse(map, "a reserve needs .reserve, from 1 to entries_max");
	return stp_hist_init(&map->hist, map->name);
}

/* @count nodes more for a part. Return: the block; NULL if there is no memory. */
static struct block *take_block(struct stp_map *map, u32 count)
{
	return map->scheme->take(map, sizeof(struct block) + (size_t)count * map->node_size);
}

static int init_part(struct stp_map *map, struct stp_map_part *part, u32 buckets)
{
	u32 nodes = map->scheme->refills ? map->reserve : map->entries_max;
	struct block *block = take_block(map, nodes);

	part->bucket_mask = buckets - 1;
	part->buckets = map->scheme->take(map, buckets * sizeof(*part->buckets));
	part->blocks = block;
	if (!block || !part->buckets)
		return -STP_ENOMEM;
	part->fresh = (u8 *)block->nodes;
	part->fresh_left = nodes;
	part->nodes = part->spare = nodes;
	return 0;
}

/* A walk may visit an entry of each node of each part. */
static int init_room(struct stp_map *map, struct stp_map_room *room)
{
	size_t size = (size_t)map->entries_max * map->parts_count * sizeof(*room->refs);

	room->busy = 0;
	room->refs = map->scheme->take(map, size);
	room->other = map->scheme->take(map, size);
	room->before = map->scheme->take(map, map->parts_count * sizeof(*room->before));
	room->shown = map->scheme->take(map, (size_t)map->node_size * STP_MAP_AHEAD);
	return room->refs && room->other && room->before && room->shown ? 0 : -STP_ENOMEM;
}

static u32 count_parts(const struct stp_map *map)
{
	if (!map->per_cpu)
		return 1;
	return stp_session.config.cpus * (stp_map_per_level(map->key_shape, true) ? STP_CONTEXTS : 1);
}

static int init_memory(struct stp_map *map)
{
	u32 buckets = BUCKETS_MIN;
	int error = 0;
	u32 i;

	while (buckets < map->entries_max)
		buckets *= 2;
	map->parts = map->scheme->take(map, map->parts_count * sizeof(*map->parts));
	if (!map->parts)
		return -STP_ENOMEM;
	for (i = 0; i < map->parts_count && !error; i++)
		error = init_part(map, &map->parts[i], buckets);
	for (i = 0; i < STP_MAP_WALKS_MAX && !error; i++)
		error = init_room(map, &map->rooms[i]);
	return error;
}

int stp_map_init(struct stp_map *map)
{
	int error = check(map);

	if (error)
		return error;
	lay_out(map);
	map->parts_count = count_parts(map);
	map->memory_used = 0;
	map->hungry = 0;
	map->seed = stp_time_ns();
	error = init_memory(map);
	if (error)
		stp_map_fini(map);
	return error;
}

static void fini_part(struct stp_map *map, struct stp_map_part *part)
{
	struct block *block = part->blocks;

	while (block) {
		struct block *next = block->next;

		map->scheme->give(map, block);
		block = next;
	}
	map->scheme->give(map, part->buckets);
}

void stp_map_fini(struct stp_map *map)
{
	u32 i;

	if (!map->scheme)
		return;
	for (i = 0; i < STP_MAP_WALKS_MAX; i++) {
		struct stp_map_room *room = &map->rooms[i];

		map->scheme->give(map, room->refs);
		map->scheme->give(map, room->other);
		map->scheme->give(map, room->before);
		map->scheme->give(map, room->shown);
		*room = (struct stp_map_room){ .refs = NULL };
	}
	for (i = 0; map->parts && i < map->parts_count; i++)
		fini_part(map, &map->parts[i]);
	map->scheme->give(map, map->parts);
	map->parts = NULL;
}

/* How many nodes a part lacks. */
static u32 lacking(const struct stp_map *map, const struct stp_map_part *part)
{
	u32 spare = STP_READ(part->spare);
	u32 room = map->entries_max - STP_READ(part->nodes);
	u32 lacks = spare < map->reserve ? map->reserve - spare : 0;

	return lacks < room ? lacks : room;
}

/* Holds the part, sleeping never, waiting for its holder as long as it takes. */
static void give_nodes(struct stp_map *map, struct stp_map_part *part, struct block *block, u32 count)
{
	unsigned long flags;
	u32 i;

	for (;;) {
		flags = stp_irq_save();
		if (stp_map_take(part, stp_this_ctx()))
			break;
		stp_irq_restore(flags);
		stp_relax();
	}
	block->next = part->blocks;
	part->blocks = block;
	for (i = 0; i < count; i++) {
		struct stp_map_node *node = (struct stp_map_node *)((u8 *)block->nodes + (size_t)i * map->node_size);

		node->order = STP_MAP_ORDER_FREE;
		node->chain = part->free;
		part->free = node;
	}
	part->spare += count;
	part->nodes += count;
	stp_map_give(part);
	stp_irq_restore(flags);
}

void stp_map_refill(struct stp_map *map)
{
	u32 i;

	if (!map->scheme->refills || !STP_READ(map->hungry))
		return;
	STP_WRITE(map->hungry, 0); /* first: whoever takes a node from now on says it again */
	for (i = 0; i < map->parts_count; i++) {
		u32 count = lacking(map, &map->parts[i]);
		struct block *block = count ? take_block(map, count) : NULL;

		if (block)
			give_nodes(map, &map->parts[i], block, count);
	}
}

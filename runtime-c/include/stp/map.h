/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Maps: bounded, preallocated associative arrays (M1-M11). */
#ifndef STP_MAP_H
#define STP_MAP_H

#include <stp/args.h>
#include <stp/probe.h>

struct stp_map_node;

#define STP_MAP_ORDER_FREE (~0ull) /* order of a node that is no entry */

/**
 * struct stp_map_order - Room for the entries of one walk.
 * @node:  Index of each entry to visit.
 * @shown: The entry that is visited now, as it was when its turn came.
 * @busy:  A walk uses it; taken under the map's lock, given back without.
 */
struct stp_map_order {
	u32 *node;
	struct stp_map_node *shown;
	u32 busy;
};

/**
 * struct stp_map - A map; the first part is written by STP_MAP(), the rest by stp_map_init().
 * @key_shape:   Number and types of the key's parts, as struct stp_args has it.
 * @string_size: Bytes of a string part, its NUL included.
 * @owner:       The lock: CPU + 1 that holds the map, 0 if none (M6).
 * @order_next:  Number of the next entry to be made; grows for ever, so that a walk knows what came after it.
 * @first:       Oldest entry; @last: newest. Node 0 is no node.
 * @free:        Chain of nodes that were used before; @fresh: first node never used.
 */
struct stp_map {
	const char *name;
	u32 key_shape;
	u32 entries_max;
	u32 string_size;

	u32 index;
	u32 owner;
	u32 size;
	u32 node_size;
	u32 bucket_mask;
	u32 first, last;
	u32 free, fresh;
	u32 key_words[STP_KEY_PARTS_MAX];
	u64 order_next;
	u32 *buckets;
	u8 *nodes;
	struct stp_map_order orders[STP_MAP_WALKS_MAX];
};

#define STP_INT64 0u
#define STP_STR 1u
#define STP_KEYS_1(a) STP_SHAPE(1, a)
#define STP_KEYS_2(a, b) STP_SHAPE(2, (a) | (b) << 1)
/* STP_KEYS(STP_STR, STP_INT64) - Types of a key's parts. */
#define STP_KEYS(...) STP_ARGS_APPLY(STP_KEYS_, STP_ARGS_COUNT_OF(__VA_ARGS__))(__VA_ARGS__)
#define STP_KEY(...) STP_ARGS(__VA_ARGS__)

/*
 * STP_MAP(name, STP_KEYS(...), STP_INT64, .entries_max = N, .string_size = N) - Define a map of the program.
 * Its memory is taken when the session begins.
 */
#define STP_MAP(map, keys, value_type, ...) \
	_Static_assert((value_type) == STP_INT64, "the value of map " #map " must be STP_INT64"); \
	static struct stp_map map = { .name = #map, .key_shape = (keys), ##__VA_ARGS__ }; \
	static struct stp_map *const STP_PASTE(stp_map_ref_, map) STP_SECTION(stp_maps) = &map

/**
 * stp_map_init() - Take all memory that @map will ever need.
 *
 * entries_max and string_size of 0 mean STP_MAP_ENTRIES_DEFAULT and STP_STRING_SIZE_MAX.
 *
 * Context: Task, may sleep.
 * Return:  0; -STP_EINVAL for a capacity or size beyond its limit; -STP_ENOMEM: nothing is kept.
 */
int stp_map_init(struct stp_map *map);

/**
 * stp_map_fini() - Give the memory back. Takes a map whose init failed, too.
 */
void stp_map_fini(struct stp_map *map);

/**
 * stp_map_add() - Add @delta to the value stored under @key.
 * @delta: Signed addend; wraps modulo 2^64 (M5).
 *
 * Makes the entry with value 0 first if it is absent (M3).
 *
 * Context: Any, including NMI. Never sleeps or allocates.
 * Locking: The map's lock, interrupts off; a caller that interrupted its holder fails, it never spins (M6).
 * Bound:   At most @map->entries_max nodes visited; STP_LOCK_SPINS_MAX tries for the lock.
 * Return:  0; -STP_EINVAL if @key is not of the map's shape (M1); -STP_EBUSY if the map is held (M6);
 *          -STP_EFULL if there is no free entry (map unchanged, M4).
 */
int stp_map_add(struct stp_map *map, const struct stp_args *key, s64 delta);

/**
 * stp_map_set() - Store @value under @key (M7).
 *
 * Context, Locking, Bound, Return: As stp_map_add().
 */
int stp_map_set(struct stp_map *map, const struct stp_args *key, s64 value);

/**
 * stp_map_read() - Read the value under @key.
 * @value: Out: the value; 0 if the key is absent (M8) or the call fails.
 *
 * Context, Locking, Bound: As stp_map_add().
 * Return:  0; -STP_EINVAL; -STP_EBUSY (counted).
 */
int stp_map_read(struct stp_map *map, const struct stp_args *key, s64 *value);

/* stp_map_get() - The value under @key; 0 if absent or if the read was refused (counted). */
static inline s64 stp_map_get(struct stp_map *map, const struct stp_args *key)
{
	s64 value;

	stp_map_read(map, key, &value);
	return value;
}

/**
 * stp_map_contains() - Tell whether @key has an entry.
 *
 * Return: 1 or 0; -STP_EINVAL; -STP_EBUSY (counted).
 */
int stp_map_contains(struct stp_map *map, const struct stp_args *key);

/**
 * stp_map_del() - Remove the entry of @key (M9).
 *
 * Return: 0; -STP_ENOENT if there is none; -STP_EINVAL; -STP_EBUSY.
 */
int stp_map_del(struct stp_map *map, const struct stp_args *key);

/**
 * stp_map_clear() - Remove all entries (M11).
 *
 * Bound:  @map->entries_max.
 * Return: 0; -STP_EBUSY.
 */
int stp_map_clear(struct stp_map *map);

/* stp_map_size() - Number of entries now; never fails (M11). */
u32 stp_map_size(const struct stp_map *map);

/* How stp_foreach() sorts. */
#define STP_BY_INSERTION STP_SORT_INSERTION
#define STP_BY_VALUE_ASC STP_SORT_VALUE_ASC
#define STP_BY_VALUE_DESC STP_SORT_VALUE_DESC
#define STP_BY_KEY1_ASC STP_SORT_KEY1_ASC
#define STP_BY_KEY1_DESC STP_SORT_KEY1_DESC
#define STP_BY_KEY2_ASC STP_SORT_KEY2_ASC
#define STP_BY_KEY2_DESC STP_SORT_KEY2_DESC

/**
 * struct stp_walk_options - How to walk.
 * @sort:  STP_BY_*.
 * @limit: Visit at most so many entries; 0: all.
 */
struct stp_walk_options {
	u32 sort;
	u32 limit;
};

/**
 * struct stp_walk - A walk under way.
 * @node:    Entry being visited.
 * @value:   Its value when the visit began.
 * @strings: Pool strings in use when the walk began; each step gives back those of the step before.
 */
struct stp_walk {
	struct stp_map *map;
	struct stp_map_order *order;
	struct stp_ctx *ctx;
	const struct stp_map_node *node;
	s64 value;
	u64 made_before;
	u32 count;
	u32 next;
	u32 strings;
};

/**
 * stp_walk_begin() - Begin a walk (M10).
 * @ctx: Context for stp_it_str(); may be NULL.
 *
 * Context: Any. The map's lock is held while the order is made, not during the walk.
 * Bound:   entries_max * log2(limit) comparisons.
 * Return:  0; -STP_EINVAL for an order that the key does not have; -STP_EBUSY if the map is held or has
 *          STP_MAP_WALKS_MAX walks (counted). A walk that did not begin visits nothing and needs no end.
 */
int stp_walk_begin(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options);

/* stp_walk_next() - Go to the next entry. Return: whether there is one. */
bool stp_walk_next(struct stp_walk *walk);

/* stp_walk_end() - End the walk; safe to call again. */
void stp_walk_end(struct stp_walk *walk);

static inline struct stp_walk stp_walk_start(struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	struct stp_walk walk;

	stp_walk_begin(&walk, ctx, map, options);
	return walk;
}

/*
 * stp_foreach(&map, it, .sort = STP_BY_..., .limit = N) { ... } - Visit entries; `it` is for stp_it_*().
 * Uses the `ctx` of the probe body. break and return end the walk properly. Strings taken in the body live until its end.
 */
#define stp_foreach(map, it, ...) \
	for (struct stp_walk STP_PASTE(it, _walk) __attribute__((cleanup(stp_walk_end))) = \
		     stp_walk_start(ctx, map, (struct stp_walk_options){ __VA_ARGS__ }), \
	     *it = &STP_PASTE(it, _walk); \
	     stp_walk_next(it);)

/* stp_it_int64() - Value of the entry being visited. */
static inline s64 stp_it_int64(const struct stp_walk *it)
{
	return it->value;
}

/* stp_it_key_int64() - Key part @n (from 0); 0 if it is no int64. */
s64 stp_it_key_int64(const struct stp_walk *it, u32 n);

/* stp_it_str() - Key part @n (from 0) as a pool string; "" if it is no string or none is free (counted). */
const char *stp_it_str(struct stp_walk *it, u32 n);

/*
 * Below the public calls: for adapters that hold the lock themselves.
 */

/**
 * struct stp_map_node - One entry.
 * @chain: Next node of the bucket, or of the free chain.
 * @order: Its number among all entries ever made.
 * @key:   The parts, each of map->key_words words: an int64, or a string as length and zero-padded bytes.
 */
struct stp_map_node {
	u32 chain;
	u32 hash;
	u32 prev, next;
	u64 order;
	s64 value;
	u64 key[];
};

/* stp_map_lock() - Return: 0 with interrupts off and the map held; -STP_EBUSY (M6). */
int stp_map_lock(struct stp_map *map, unsigned long *flags);
void stp_map_unlock(struct stp_map *map, unsigned long flags);

/* stp_map_node_at() - Node of a non-zero index. The map must be held. */
static inline struct stp_map_node *stp_map_node_at(const struct stp_map *map, u32 index)
{
	return (struct stp_map_node *)(map->nodes + (size_t)index * map->node_size);
}

/* stp_map_node_part() - Words of key part @n. */
static inline const u64 *stp_map_node_part(const struct stp_map *map, const struct stp_map_node *node, u32 n)
{
	const u64 *part = node->key;
	u32 i;

	for (i = 0; i < n; i++)
		part += map->key_words[i];
	return part;
}

static inline u32 stp_map_key_parts(const struct stp_map *map)
{
	return 31 - __builtin_clz(map->key_shape);
}

static inline bool stp_map_part_is_string(const struct stp_map *map, u32 n)
{
	return map->key_shape & (1u << n);
}

#endif

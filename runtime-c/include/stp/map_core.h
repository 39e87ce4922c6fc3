/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a map is made of, below its public calls: parts, nodes, lock, look-up, insertion. For src/, for adapters that hold the lock
 * themselves, and for the calls that a probe makes all the time, which are inlined with the map's types as constants.
 * Must never: allocate, spin on a holder that it interrupted, refuse while there is a free node.
 */
#ifndef STP_MAP_CORE_H
#define STP_MAP_CORE_H

#include <stp/probe.h>
#include <stp/stats.h>

#define STP_CACHE_LINE 64 /* bytes */
#define STP_MAP_ORDER_FREE (~0ull) /* order of a node that is no entry */

/**
 * struct stp_map_node - One entry.
 * @chain: Next node of the bucket, or of the free chain.
 * @order: Its number among all entries ever made in its part.
 * @word:  The value: an int64, or length and bytes of a string, or struct stp_stats and buckets; from map->key_at on the key's parts,
 *         each of map->key_words words: an int64, or a string as length and zero-padded bytes.
 */
struct stp_map_node {
	struct stp_map_node *chain;
	struct stp_map_node *prev, *next;
	u64 order;
	u64 hash;
	u64 word[];
};

/**
 * struct stp_map_part - The entries of a map, or those of one CPU (M13).
 * @owner:      The lock: CPU + 1 that holds the part, 0 if none (M6).
 * @order_next: Number of the next entry to be made; grows for ever, so that a walk knows what came after it.
 * @changes:    Grows before each change; a walk that sees the same number sees the same part.
 * @first:      Oldest entry; @last: newest.
 * @free:       Chain of nodes that were used before; @fresh: the @fresh_left nodes never used.
 * @spare:      Nodes that are no entries; @nodes: all of them. Both only if the scheme refills.
 * @position:   Next position of a list (M16).
 * @blocks:     Chain of the blocks that hold the nodes.
 */
struct stp_map_part {
	u32 owner;
	u32 size;
	u32 bucket_mask;
	u32 fresh_left;
	struct stp_map_node **buckets;
	struct stp_map_node *first, *last, *free;
	u8 *fresh;
	u64 order_next;
	unsigned long changes;
	u64 position;
	u32 spare;
	u32 nodes;
	void *blocks;
} __attribute__((aligned(STP_CACHE_LINE)));

/**
 * struct stp_map_ref - An entry that a walk will visit.
 * @word: What it is sorted by, so that unsigned order is the order; equal words may need a closer look.
 * @part: Part that gives it its place.
 */
struct stp_map_ref {
	u64 word;
	struct stp_map_node *node;
	u32 part;
};

#define STP_MAP_AHEAD 16 /* entries that a walk copies at a time */

/**
 * struct stp_map_room - Room for one walk.
 * @refs:   Entries to visit, in order; @other: as much again, for sorting.
 * @before: For each part: the entries of the walk have a lower number.
 * @shown:  The entry that is visited now, as it was when its turn came, and up to STP_MAP_AHEAD - 1 that come next.
 * @merged: Room for sorting by a statistic.
 * @changes: Of the part, when they were copied.
 * @busy:   A walk uses it; taken under the map's lock, given back without.
 */
struct stp_map_room {
	struct stp_map_ref *refs, *other;
	u64 *before;
	struct stp_map_node *shown;
	struct stp_stats merged;
	unsigned long changes;
	u32 busy;
};

struct stp_map;

/**
 * struct stp_scheme - Where a map's memory comes from.
 * @take: @size zeroed bytes for @map, aligned to 64; NULL if there are none. Task context, may sleep.
 * @give: What @take gave; takes NULL.
 * @refills: Nodes come from a reserve of map->reserve nodes a part, refilled outside of probes; else all are taken at init.
 *
 * Neither is ever called in a probe.
 */
struct stp_scheme {
	const char *name;
	void *(*take)(struct stp_map *map, size_t size);
	void (*give)(struct stp_map *map, void *memory);
	bool refills;
};

extern const struct stp_scheme stp_scheme_preallocated;
extern const struct stp_scheme stp_scheme_static;
extern const struct stp_scheme stp_scheme_reserve;

/**
 * struct stp_map - A map; the first part is written by STP_MAP(), the rest by stp_map_init().
 * @key_shape:   Number and types of the key's parts, as struct stp_args has it.
 * @value_type:  STP_VALUE_*.
 * @string_size: Bytes of a string part or value, the NUL included.
 * @scheme:      Where its memory comes from; NULL: stp_scheme_preallocated.
 * @memory:      stp_scheme_static: @memory_size bytes, of which @memory_used are given.
 * @reserve:     stp_scheme_reserve: nodes of a part that are kept free.
 * @parts_count: 1; per-CPU: CPUs; a map without key parts that is per-CPU: CPUs * STP_CONTEXTS.
 * @key_at:      Words of a node before its key.
 * @hungry:      A reserve has less than half of what it should.
 */
struct stp_map {
	const char *name;
	u32 key_shape;
	u32 value_type;
	u32 entries_max;
	u32 string_size;
	bool wrap;
	bool per_cpu;
	struct stp_hist hist;
	const struct stp_scheme *scheme;
	void *memory;
	size_t memory_size;
	u32 reserve;

	u32 index;
	u32 parts_count;
	u32 node_size;
	u32 key_at;
	u32 key_words[STP_KEY_PARTS_MAX];
	u32 hungry;
	size_t memory_used;
	u64 seed;
	struct stp_map_part *parts;
	struct stp_map_room rooms[STP_MAP_WALKS_MAX];
};

/* STP_PARTS_OF() - Number of key parts of a shape. */
#define STP_PARTS_OF(shape) (31u - (u32)__builtin_clz(shape))

static STP_ALWAYS_INLINE u32 stp_map_key_parts(const struct stp_map *map)
{
	return STP_PARTS_OF(map->key_shape);
}

static STP_ALWAYS_INLINE bool stp_map_part_is_string(const struct stp_map *map, u32 n)
{
	return map->key_shape & (1u << n);
}

/* Whether its parts are one for each CPU and level, so that nothing interrupts a call that adds to them. */
static STP_ALWAYS_INLINE bool stp_map_per_level(u32 shape, bool per_cpu)
{
	return shape == 1 && per_cpu;
}

static inline struct stp_stats *stp_map_node_stats(const struct stp_map_node *node)
{
	return (struct stp_stats *)node->word;
}

static inline u64 *stp_map_node_buckets(const struct stp_map_node *node)
{
	return (u64 *)(stp_map_node_stats(node) + 1);
}

/* stp_map_node_part() - Words of key part @n. */
static inline const u64 *stp_map_node_part(const struct stp_map *map, const struct stp_map_node *node, u32 n)
{
	const u64 *part = node->word + map->key_at;
	u32 i;

	for (i = 0; i < n; i++)
		part += map->key_words[i];
	return part;
}

/*
 * Look-up.
 */

#define STP_HASH_MULTIPLIER 0x9e3779b97f4a7c15ull

/**
 * struct stp_map_lookup - A key made ready outside the lock.
 * @cut:    Parts that were shortened.
 * @length: If part 0 is a string, the bytes that it keeps; @head, @next: the first 16 of them, as words.
 */
struct stp_map_lookup {
	const u64 *value;
	u64 hash;
	u32 cut;
	u32 length;
	u64 head, next;
};

static STP_ALWAYS_INLINE u64 stp_hash_mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * STP_HASH_MULTIPLIER;
	return hash ^ hash >> 32;
}

static STP_ALWAYS_INLINE const char *stp_lookup_string(const struct stp_map_lookup *lookup, u32 n)
{
	return (const char *)(uintptr_t)lookup->value[n];
}

/* Words of @string into @hash, up to @limit bytes; the first two are @head and @next. Return: its length, at most @limit. */
static STP_ALWAYS_INLINE u32 stp_hash_string(u64 *hash, u64 *head, u64 *next, const char *string, u32 limit)
{
	u32 length = stp_string_word(string, limit, head);
	u32 bytes = length;
	u64 word;

	*hash = stp_hash_mix(*hash, *head);
	*next = 0;
	if (bytes < sizeof(word) || length == limit)
		return length;
	bytes = stp_string_word(string + length, limit - length, next);
	*hash = stp_hash_mix(*hash, *next);
	length += bytes;
	while (bytes == sizeof(word) && length < limit) {
		bytes = stp_string_word(string + length, limit - length, &word);
		*hash = stp_hash_mix(*hash, word);
		length += bytes;
	}
	return length;
}

/* M1: cuts and hashes; the shape is the map's. Without @value nothing is looked at: the call will be refused. */
static STP_ALWAYS_INLINE void stp_map_prepare(const struct stp_map *map, u32 shape, const u64 *value, u32 any, struct stp_map_lookup *lookup)
{
	u64 head, next;
	u32 i, length;

	lookup->value = value;
	lookup->hash = map->seed;
	lookup->cut = 0;
	if (!value)
		return;
	STP_UNROLL
	for (i = 0; i < STP_PARTS_OF(shape); i++) {
		if (any & (1u << i))
			continue;
		if (!(shape & (1u << i))) {
			lookup->hash = stp_hash_mix(lookup->hash, value[i]);
			continue;
		}
		length = stp_hash_string(&lookup->hash, &head, &next, stp_lookup_string(lookup, i), map->string_size - 1);
		if (length == map->string_size - 1 && stp_lookup_string(lookup, i)[length])
			lookup->cut++;
		if (i == 0) {
			lookup->length = length;
			lookup->head = head;
			lookup->next = next;
		}
	}
}

/* Whether the string of @part goes on as @string does from @at, a multiple of 8, on; at most @limit bytes count. */
static STP_ALWAYS_INLINE bool stp_map_string_goes_on(const u64 *part, const char *string, u32 at, u32 limit)
{
	u32 bytes;
	u64 word;

	do {
		if (at == limit)
			return part[0] == at;
		bytes = stp_string_word(string + at, limit - at, &word);
		/* A word without bytes is not there: what stands in its place is left from another string. */
		if (bytes && part[1 + at / sizeof(word)] != word)
			return false;
		at += bytes;
	} while (bytes == sizeof(word));
	return part[0] == at;
}

static STP_ALWAYS_INLINE bool stp_map_node_matches(const struct stp_map *map, u32 shape, u32 key_at, const struct stp_map_node *node,
						   const struct stp_map_lookup *lookup, u32 any)
{
	const u64 *part = node->word + key_at;
	u32 i;

	STP_UNROLL
	for (i = 0; i < STP_PARTS_OF(shape); i++) {
		if (any & (1u << i)) {
			part += map->key_words[i];
		} else if (!(shape & (1u << i))) {
			if (*part++ != lookup->value[i])
				return false;
		} else {
			if (i == 0 && !(any & 1)) {
				if (part[0] != lookup->length || (lookup->length && part[1] != lookup->head))
					return false;
				if (lookup->length > sizeof(u64) && part[2] != lookup->next)
					return false;
				if (lookup->length > 2 * sizeof(u64) && !stp_map_string_goes_on(part, stp_lookup_string(lookup, i), 2 * sizeof(u64), map->string_size - 1))
					return false;
			} else if (!stp_map_string_goes_on(part, stp_lookup_string(lookup, i), 0, map->string_size - 1)) {
				return false;
			}
			part += map->key_words[i];
		}
	}
	return true;
}

/* stp_map_find() - The entry of a key in a part; NULL if there is none. The part is held. */
static STP_ALWAYS_INLINE struct stp_map_node *stp_map_find(const struct stp_map *map, u32 shape, u32 key_at, const struct stp_map_part *part,
							   const struct stp_map_lookup *lookup)
{
	struct stp_map_node *node;

	if (shape == 1)
		return part->first;
	node = part->buckets[lookup->hash & part->bucket_mask];
	/* Comparing one int64 is as good as comparing hashes first. */
	while (node && ((shape != 2 && node->hash != lookup->hash) || !stp_map_node_matches(map, shape, key_at, node, lookup, 0)))
		node = node->chain;
	return node;
}

/* stp_map_insert() - A new entry of that key, newest in the order, its value 0, "" or no samples (M3); NULL if the part is full (M4, M12). */
struct stp_map_node *stp_map_insert(struct stp_map *map, struct stp_map_part *part, const u64 *key, u64 hash, struct stp_ctx *ctx);

/* stp_map_remove() - Remove an entry that the part has. */
void stp_map_remove(struct stp_map *map, struct stp_map_part *part, struct stp_map_node *node);

/* stp_map_find_same() - The entry of the same key as that of @node in another part; NULL if there is none. */
struct stp_map_node *stp_map_find_same(const struct stp_map *map, const struct stp_map_part *part, const struct stp_map_node *node);

/*
 * The lock (M6).
 */

/* stp_map_wait() - Wait for the holder, another CPU. Return: whether the part is ours. */
bool stp_map_wait(struct stp_map_part *part, struct stp_ctx *ctx);

/* stp_map_take() - Take a part; interrupts are off. Return: whether it is ours. */
static STP_ALWAYS_INLINE bool stp_map_take(struct stp_map_part *part, struct stp_ctx *ctx)
{
	/* Pairs with stp_map_give(). */
	if (stp_unlikely(stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id) != 0) && !stp_map_wait(part, ctx))
		return false;
	stp_lock_taken(&part->owner, STP_LOCK_TRIED);
	return true;
}

static STP_ALWAYS_INLINE void stp_map_give(struct stp_map_part *part)
{
	stp_lock_given(&part->owner);
	/* Pairs with stp_map_take(). */
	stp_store_release(&part->owner, 0);
}

/* stp_map_take_others(), stp_map_give_others() - All parts but the first, which is held, in the order of CPUs. */
bool stp_map_take_others(struct stp_map *map, struct stp_ctx *ctx);
void stp_map_give_others(struct stp_map *map);

/* stp_map_take_all(), stp_map_give_all() - All parts. Return: whether they are ours; else none is. */
static STP_ALWAYS_INLINE bool stp_map_take_all(struct stp_map *map, struct stp_ctx *ctx)
{
	if (stp_unlikely(!stp_map_take(map->parts, ctx)))
		return false;
	if (map->parts_count == 1 || stp_map_take_others(map, ctx))
		return true;
	stp_map_give(map->parts);
	return false;
}

static STP_ALWAYS_INLINE void stp_map_give_all(struct stp_map *map)
{
	if (map->parts_count > 1)
		stp_map_give_others(map);
	stp_map_give(map->parts);
}

/* stp_map_part_here() - The part on which a call adds. */
static STP_ALWAYS_INLINE struct stp_map_part *stp_map_part_here(const struct stp_map *map, u32 shape, const struct stp_ctx *ctx)
{
	if (!map->per_cpu)
		return map->parts;
	return &map->parts[shape == 1 ? ctx->slot : ctx->cpu->index];
}

/*
 * Calls. Each begins by finding its context, with interrupts off, and ends by entering its result in the ledger (X4).
 * What is passed on is passed by value, so that it stays in registers.
 */

struct stp_map_call {
	struct stp_map_part *part;
	struct stp_ctx *ctx;
	unsigned long flags;
};

/* stp_map_refuse() - End a call that was refused and holds nothing: enter it, interrupts as they were. Gives @error. */
int stp_map_refuse(struct stp_ctx *ctx, unsigned long flags, int error);

/* stp_map_change() - The part, which is held, is about to change. */
static STP_ALWAYS_INLINE void stp_map_change(struct stp_map_part *part)
{
	/* Pairs with stp_walk_next(), which looks without the lock: a word, so that it sees one number or the other. */
	STP_WRITE(part->changes, part->changes + 1);
}

/* stp_map_begin_paid() - Begin a call on all parts that has its action: 0, and all are held; or the call is over. */
static STP_ALWAYS_INLINE int stp_map_begin_paid(struct stp_map_call *call, struct stp_map *map, bool fits, u32 cut)
{
	call->flags = stp_irq_save();
	call->ctx = stp_this_ctx();
	if (!fits)
		return stp_map_refuse(call->ctx, call->flags, -STP_EINVAL);
	stp_ledger_cut(call->ctx->row, cut);
	if (stp_unlikely(!stp_map_take_all(map, call->ctx)))
		return stp_map_refuse(call->ctx, call->flags, -STP_EBUSY);
	return 0;
}

/* stp_map_begin_all() - The same with its action. */
static STP_ALWAYS_INLINE int stp_map_begin_all(struct stp_map_call *call, struct stp_map *map, bool fits, u32 cut)
{
	call->flags = stp_irq_save();
	call->ctx = stp_this_ctx();
	if (stp_unlikely(!stp_act(call->ctx)))
		return stp_map_refuse(call->ctx, call->flags, -STP_EBUDGET);
	if (!fits)
		return stp_map_refuse(call->ctx, call->flags, -STP_EINVAL);
	stp_ledger_cut(call->ctx->row, cut);
	if (stp_unlikely(!stp_map_take_all(map, call->ctx)))
		return stp_map_refuse(call->ctx, call->flags, -STP_EBUSY);
	return 0;
}

/* stp_map_end_all() - End one that only read. */
static STP_ALWAYS_INLINE void stp_map_end_all(struct stp_map_call *call, struct stp_map *map)
{
	stp_map_give_all(map);
	stp_irq_restore(call->flags);
}

/* stp_map_begin_add() - Begin a call that adds to one part. @fits: no EINVAL. Return: 0; or the call is over. */
static STP_ALWAYS_INLINE int stp_map_begin_add(struct stp_map_call *call, struct stp_map *map, u32 shape, bool fits, u32 cut)
{
	call->flags = stp_irq_save();
	call->ctx = stp_this_ctx();
	if (stp_unlikely(!stp_act(call->ctx)))
		return stp_map_refuse(call->ctx, call->flags, -STP_EBUDGET);
	if (!fits)
		return stp_map_refuse(call->ctx, call->flags, -STP_EINVAL);
	stp_ledger_cut(call->ctx->row, cut);
	call->part = stp_map_part_here(map, shape, call->ctx);
	if (stp_unlikely(!stp_map_take(call->part, call->ctx)))
		return stp_map_refuse(call->ctx, call->flags, -STP_EBUSY);
	stp_ledger_attempt(call->ctx->row, STP_LOSS_KIND_MAP);
	stp_map_change(call->part);
	return 0;
}

/* stp_map_end_add() - End it. @done: it had its entry. */
static STP_ALWAYS_INLINE int stp_map_end_add(struct stp_map_call *call, bool done)
{
	stp_map_give(call->part);
	if (stp_unlikely(!done)) {
		stp_ledger_lose(call->ctx->row, STP_LOSS_KIND_MAP, STP_LOSS_FULL);
		stp_irq_restore(call->flags);
		return -STP_EFULL;
	}
	stp_ledger_deliver(call->ctx->row, STP_LOSS_KIND_MAP);
	stp_irq_restore(call->flags);
	return 0;
}

/* The entry of a call that adds: found, or made (M3); NULL if the part is full (M4). */
static STP_ALWAYS_INLINE struct stp_map_node *stp_map_entry(struct stp_map *map, u32 shape, u32 key_at, struct stp_map_part *part,
							    const struct stp_map_lookup *lookup, const u64 *key, struct stp_ctx *ctx)
{
	struct stp_map_node *node = stp_map_find(map, shape, key_at, part, lookup);

	return stp_unlikely(!node) ? stp_map_insert(map, part, key, lookup->hash, ctx) : node;
}

static STP_ALWAYS_INLINE int stp_map_add_body(struct stp_map *map, u32 shape, u32 key_at, bool fits, const u64 *key, s64 delta)
{
	struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;

	stp_map_prepare(map, shape, fits ? key : NULL, 0, &lookup);
	error = stp_map_begin_add(&call, map, shape, fits, lookup.cut);
	if (stp_unlikely(error))
		return error;
	node = stp_map_entry(map, shape, key_at, call.part, &lookup, key, call.ctx);
	if (node)
		node->word[0] += (u64)delta; /* M5 */
	return stp_map_end_add(&call, node);
}

static STP_ALWAYS_INLINE int stp_map_stat_add_body(struct stp_map *map, u32 shape, u32 key_at, bool fits, const u64 *key, s64 sample)
{
	struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;

	stp_map_prepare(map, shape, fits ? key : NULL, 0, &lookup);
	error = stp_map_begin_add(&call, map, shape, fits, lookup.cut);
	if (stp_unlikely(error))
		return error;
	node = stp_map_entry(map, shape, key_at, call.part, &lookup, key, call.ctx);
	if (node)
		stp_stats_add(stp_map_node_stats(node), &map->hist, sample);
	return stp_map_end_add(&call, node);
}

/* stp_stat_refuse() - As stp_map_refuse(), of a call that only keeps preemption off. */
int stp_stat_refuse(struct stp_ctx *ctx, int error);

/*
 * Statistics without a key: the part is this CPU's and level's own, so interrupts stay on. Whoever interrupts has another one;
 * only a reader, which wants all of them, is refused then (M6).
 */
static STP_ALWAYS_INLINE int stp_stat_add_body(struct stp_map *map, s64 sample)
{
	struct stp_ledger *row;
	struct stp_map_part *part;
	struct stp_map_node *node;
	struct stp_ctx *ctx;

	stp_preempt_disable();
	ctx = stp_this_ctx();
	if (stp_unlikely(!stp_act(ctx)))
		return stp_stat_refuse(ctx, -STP_EBUDGET);
	part = &map->parts[ctx->slot];
	if (stp_unlikely(!stp_map_take(part, ctx)))
		return stp_stat_refuse(ctx, -STP_EBUSY);
	row = ctx->row;
	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);
	node = part->first;
	if (stp_unlikely(!node))
		node = stp_map_insert(map, part, NULL, map->seed, ctx);
	if (stp_likely(node))
		stp_stats_add(stp_map_node_stats(node), &map->hist, sample);
	stp_map_give(part);
	if (stp_unlikely(!node))
		stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_FULL);
	else
		stp_ledger_deliver(row, STP_LOSS_KIND_MAP);
	stp_preempt_enable();
	return node ? 0 : -STP_EFULL;
}

/* Of a map that is not per-CPU. */
static STP_ALWAYS_INLINE int stp_map_read_body(struct stp_map *map, u32 shape, const u64 *key, s64 *value)
{
	const struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;

	stp_map_prepare(map, shape, key, 0, &lookup);
	*value = 0;
	call.flags = stp_irq_save();
	call.ctx = stp_this_ctx();
	error = stp_unlikely(!stp_act(call.ctx)) ? -STP_EBUDGET : 0;
	if (stp_unlikely(error))
		return stp_map_refuse(call.ctx, call.flags, error);
	stp_ledger_cut(call.ctx->row, lookup.cut);
	call.part = map->parts;
	if (stp_unlikely(!stp_map_take(call.part, call.ctx)))
		return stp_map_refuse(call.ctx, call.flags, -STP_EBUSY);
	node = stp_map_find(map, shape, 1, call.part, &lookup);
	if (node)
		*value = node->word[0]; /* M8: else 0 */
	stp_map_give(call.part);
	stp_irq_restore(call.flags);
	return 0;
}

/* stp_map_merge_others() - Add what the parts from the second on have under a key (M13). All are held. */
void stp_map_merge_others(const struct stp_map *map, const struct stp_map_lookup *lookup, struct stp_stats *stats, u64 *buckets, u32 buckets_count);

static STP_ALWAYS_INLINE int stp_map_read_stats_body(struct stp_map *map, u32 shape, u32 key_at, bool fits, const u64 *key, struct stp_stats *stats,
						     u64 *buckets)
{
	u32 buckets_count = buckets ? map->hist.buckets : 0;
	const struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;
	u32 i;

	*stats = (struct stp_stats){ .min = STP_INT64_MAX, .max = STP_INT64_MIN };
	for (i = 0; i < buckets_count; i++)
		buckets[i] = 0;
	stp_map_prepare(map, shape, fits ? key : NULL, 0, &lookup);
	error = stp_map_begin_all(&call, map, fits, lookup.cut);
	if (stp_unlikely(error))
		return error;
	node = stp_map_find(map, shape, key_at, map->parts, &lookup);
	if (node) {
		*stats = *stp_map_node_stats(node);
		for (i = 0; i < buckets_count; i++)
			buckets[i] = stp_map_node_buckets(node)[i];
	}
	if (map->parts_count > 1)
		stp_map_merge_others(map, &lookup, stats, buckets, buckets_count);
	stp_map_end_all(&call, map);
	return 0;
}

/* Key shapes for which the call is inlined: few instructions, so that what they add to a probe is not mostly the way there and back. */
#define STP_MAP_INLINED(shape) ((shape) == STP_SHAPE(0, 0) || (shape) == STP_SHAPE(1, 0) || (shape) == STP_SHAPE(2, 0))
#define STP_STATS_WORDS (sizeof(struct stp_stats) / sizeof(u64))

int stp_map_add_args(struct stp_map *map, const struct stp_args *key, s64 delta);
int stp_map_stat_add_args(struct stp_map *map, const struct stp_args *key, s64 sample);
int stp_map_read(struct stp_map *map, const struct stp_args *key, s64 *value);

/* The same for a key that is one string. */
int stp_map_add_string(struct stp_map *map, const u64 *key, s64 delta);
int stp_map_stat_add_string(struct stp_map *map, const u64 *key, s64 sample);

static STP_ALWAYS_INLINE int stp_map_add_typed(struct stp_map *map, u32 shape, const u64 *key, s64 delta)
{
	if (STP_MAP_INLINED(shape))
		return stp_map_add_body(map, shape, 1, true, key, delta);
	if (shape == STP_SHAPE(1, 1))
		return stp_map_add_string(map, key, delta);
	return stp_map_add_args(map, &(const struct stp_args){ .value = key, .shape = shape }, delta);
}

static STP_ALWAYS_INLINE int stp_map_stat_add_typed(struct stp_map *map, u32 shape, const u64 *key, s64 sample)
{
	if (shape == STP_SHAPE(0, 0))
		return stp_stat_add_body(map, sample);
	if (STP_MAP_INLINED(shape))
		return stp_map_stat_add_body(map, shape, map->key_at, true, key, sample);
	if (shape == STP_SHAPE(1, 1))
		return stp_map_stat_add_string(map, key, sample);
	return stp_map_stat_add_args(map, &(const struct stp_args){ .value = key, .shape = shape }, sample);
}

static STP_ALWAYS_INLINE s64 stp_map_get_typed(struct stp_map *map, u32 shape, const u64 *key)
{
	s64 value;

	if (STP_MAP_INLINED(shape) && !map->per_cpu)
		stp_map_read_body(map, shape, key, &value);
	else
		stp_map_read(map, &(const struct stp_args){ .value = key, .shape = shape }, &value);
	return value;
}

#endif

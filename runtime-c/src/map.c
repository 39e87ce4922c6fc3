// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Maps: hash chains over preallocated nodes, and a list in insertion order (M1-M9, M11).
 * Must never: allocate after init, spin on a holder that it interrupted, refuse while there is a free node.
 * Siblings: runtime-as/assembly/map.ts, walk.c
 */
#include <stp/ledger.h>
#include <stp/map.h>

#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ull
#define BUCKETS_MIN 8 /* buckets */

/* A key made ready outside the lock: hash, and the length that each string part keeps. */
struct lookup {
	const struct stp_args *key;
	u32 hash;
	u32 cut; /* parts that were shortened */
	u32 length[STP_KEY_PARTS_MAX];
};

static u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * HASH_MULTIPLIER;
	return hash ^ hash >> 32;
}

static u64 mix_string(u64 hash, const char *string, u32 length)
{
	u64 word;

	hash = mix(hash, length);
	for (; length >= sizeof(word); length -= sizeof(word), string += sizeof(word)) {
		memcpy(&word, string, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, string, length);
	return mix(hash, word);
}

/* M1: checks the shape, cuts, hashes. */
static int prepare(const struct stp_map *map, const struct stp_args *key, struct lookup *lookup)
{
	u32 parts = stp_map_key_parts(map);
	u64 hash = 0;
	u32 i;

	if (key->shape != map->key_shape)
		return -STP_EINVAL;
	lookup->key = key;
	lookup->cut = 0;
	for (i = 0; i < parts; i++) {
		u32 length;

		if (!stp_map_part_is_string(map, i)) {
			hash = mix(hash, key->value[i]);
			continue;
		}
		length = strnlen(stp_args_string(key, i), map->string_size);
		if (length == map->string_size) {
			length--;
			lookup->cut++;
		}
		lookup->length[i] = length;
		hash = mix_string(hash, stp_args_string(key, i), length);
	}
	lookup->hash = hash;
	return 0;
}

static bool node_has_key(const struct stp_map *map, const struct stp_map_node *node, const struct lookup *lookup)
{
	u32 parts = stp_map_key_parts(map);
	const u64 *part = node->key;
	u32 i;

	for (i = 0; i < parts; part += map->key_words[i], i++) {
		if (!stp_map_part_is_string(map, i)) {
			if (*part != lookup->key->value[i])
				return false;
		} else if (*part != lookup->length[i] ||
			   memcmp(part + 1, stp_args_string(lookup->key, i), lookup->length[i])) {
			return false;
		}
	}
	return true;
}

static struct stp_map_node *find(const struct stp_map *map, const struct lookup *lookup)
{
	u32 index = map->buckets[lookup->hash & map->bucket_mask];

	while (index) {
		struct stp_map_node *node = stp_map_node_at(map, index);

		if (node->hash == lookup->hash && node_has_key(map, node, lookup))
			return node;
		index = node->chain;
	}
	return NULL;
}

/* A node that is in no chain and no list; 0 if all entries_max are used (M4). */
static u32 take_node(struct stp_map *map)
{
	u32 index = map->free;

	if (index) {
		map->free = stp_map_node_at(map, index)->chain;
		return index;
	}
	if (map->fresh > map->entries_max)
		return 0;
	return map->fresh++;
}

static void store_key(const struct stp_map *map, struct stp_map_node *node, const struct lookup *lookup)
{
	u32 parts = stp_map_key_parts(map);
	u64 *part = node->key;
	u32 i;

	for (i = 0; i < parts; part += map->key_words[i], i++) {
		if (!stp_map_part_is_string(map, i)) {
			*part = lookup->key->value[i];
			continue;
		}
		*part = lookup->length[i];
		memcpy(part + 1, stp_args_string(lookup->key, i), lookup->length[i]);
		((char *)(part + 1))[lookup->length[i]] = 0;
	}
}

/* M3: a new entry with value 0, newest in the order; NULL if the map is full. */
static struct stp_map_node *insert(struct stp_map *map, const struct lookup *lookup)
{
	u32 *bucket = &map->buckets[lookup->hash & map->bucket_mask];
	u32 index = take_node(map);
	struct stp_map_node *node;

	if (!index)
		return NULL;
	node = stp_map_node_at(map, index);
	node->hash = lookup->hash;
	node->value = 0;
	node->order = map->order_next++;
	store_key(map, node, lookup);
	node->chain = *bucket;
	*bucket = index;
	node->prev = map->last;
	node->next = 0;
	if (map->last)
		stp_map_node_at(map, map->last)->next = index;
	else
		map->first = index;
	map->last = index;
	STP_WRITE(map->size, map->size + 1); /* stp_map_size() looks without the lock */
	return node;
}

static u32 node_index(const struct stp_map *map, const struct stp_map_node *node)
{
	return ((const u8 *)node - map->nodes) / map->node_size;
}

static void unchain(struct stp_map *map, struct stp_map_node *node)
{
	u32 *link = &map->buckets[node->hash & map->bucket_mask];

	while (*link != node_index(map, node))
		link = &stp_map_node_at(map, *link)->chain;
	*link = node->chain;
}

static void unlist(struct stp_map *map, struct stp_map_node *node)
{
	if (node->prev)
		stp_map_node_at(map, node->prev)->next = node->next;
	else
		map->first = node->next;
	if (node->next)
		stp_map_node_at(map, node->next)->prev = node->prev;
	else
		map->last = node->prev;
}

/* The size is the caller's to change. */
static void remove_node(struct stp_map *map, struct stp_map_node *node)
{
	unchain(map, node);
	unlist(map, node);
	node->order = STP_MAP_ORDER_FREE;
	node->chain = map->free;
	map->free = node_index(map, node);
}

/* How long to wait for another CPU: its holder runs with interrupts off, so only an nmi or a hypervisor delays it. */
static u32 tries_max(void)
{
	const struct stp_ctx *ctx = stp_current_ctx();

	return ctx && ctx->level == STP_CONTEXT_NMI ? STP_LOCK_SPINS_NMI_MAX : STP_LOCK_SPINS_MAX;
}

/* Waits for the holder, another CPU. Return: whether the map is ours. */
static bool wait_for_owner(struct stp_map *map, u32 me)
{
	u32 tries;

	for (tries = tries_max(); tries; tries--) {
		stp_relax();
		/* Pairs with stp_map_unlock(). */
		if (!STP_READ(map->owner) && !stp_cmpxchg(&map->owner, 0, me))
			return true;
	}
	return false;
}

int stp_map_lock(struct stp_map *map, unsigned long *flags)
{
	u32 me, owner;

	*flags = stp_irq_save();
	me = stp_cpu() + 1;
	/* Pairs with stp_map_unlock(). */
	owner = stp_cmpxchg(&map->owner, 0, me);
	/* If it is ours already, we interrupted the holder, which cannot go on before us (M6). */
	if (!owner || (owner != me && wait_for_owner(map, me))) {
		stp_lock_taken(&map->owner, STP_LOCK_TRIED);
		return 0;
	}
	stp_irq_restore(*flags);
	return -STP_EBUSY;
}

void stp_map_unlock(struct stp_map *map, unsigned long flags)
{
	stp_lock_given(&map->owner);
	/* Pairs with stp_map_lock(). */
	stp_store_release(&map->owner, 0);
	stp_irq_restore(flags);
}

/* Begins a call that changes the map: its attempt is counted, and @cut parts of its key. */
static int begin_change(struct stp_map *map, u32 cut, unsigned long *flags)
{
	struct stp_ledger *row;
	int error;

	stp_preempt_disable();
	row = stp_current_row();
	stp_ledger_cut(row, cut);
	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);
	error = stp_map_lock(map, flags);
	if (error) {
		stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_BUSY);
		stp_preempt_enable();
	}
	return error;
}

static int end_change(struct stp_map *map, unsigned long flags, int result)
{
	struct stp_ledger *row = stp_current_row();

	stp_map_unlock(map, flags);
	if (result == -STP_EFULL)
		stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_FULL);
	else
		stp_ledger_deliver(row, STP_LOSS_KIND_MAP);
	stp_preempt_enable();
	return result;
}

/* Begins a call that only reads: counted only if it is refused (X4). */
static int begin_read(struct stp_map *map, u32 cut, unsigned long *flags)
{
	struct stp_ledger *row;
	int error;

	stp_preempt_disable();
	row = stp_current_row();
	stp_ledger_cut(row, cut);
	error = stp_map_lock(map, flags);
	if (error) {
		stp_ledger_attempt(row, STP_LOSS_KIND_MAP);
		stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_BUSY);
		stp_preempt_enable();
	}
	return error;
}

static void end_read(struct stp_map *map, unsigned long flags)
{
	stp_map_unlock(map, flags);
	stp_preempt_enable();
}

int stp_map_add(struct stp_map *map, const struct stp_args *key, s64 delta)
{
	struct stp_map_node *node;
	struct lookup lookup;
	unsigned long flags;

	if (prepare(map, key, &lookup))
		return -STP_EINVAL;
	if (begin_change(map, lookup.cut, &flags))
		return -STP_EBUSY;
	node = find(map, &lookup);
	if (!node)
		node = insert(map, &lookup); /* M3 */
	if (node)
		node->value = (s64)((u64)node->value + (u64)delta); /* M5 */
	return end_change(map, flags, node ? 0 : -STP_EFULL); /* M4 */
}

int stp_map_set(struct stp_map *map, const struct stp_args *key, s64 value)
{
	struct stp_map_node *node;
	struct lookup lookup;
	unsigned long flags;

	if (prepare(map, key, &lookup))
		return -STP_EINVAL;
	if (begin_change(map, lookup.cut, &flags))
		return -STP_EBUSY;
	node = find(map, &lookup);
	if (!node)
		node = insert(map, &lookup);
	if (node)
		node->value = value; /* M7 */
	return end_change(map, flags, node ? 0 : -STP_EFULL);
}

int stp_map_read(struct stp_map *map, const struct stp_args *key, s64 *value)
{
	const struct stp_map_node *node;
	struct lookup lookup;
	unsigned long flags;

	*value = 0;
	if (prepare(map, key, &lookup))
		return -STP_EINVAL;
	if (begin_read(map, lookup.cut, &flags))
		return -STP_EBUSY;
	node = find(map, &lookup);
	if (node)
		*value = node->value; /* M8: else 0 */
	end_read(map, flags);
	return 0;
}

int stp_map_contains(struct stp_map *map, const struct stp_args *key)
{
	struct lookup lookup;
	unsigned long flags;
	bool there;

	if (prepare(map, key, &lookup))
		return -STP_EINVAL;
	if (begin_read(map, lookup.cut, &flags))
		return -STP_EBUSY;
	there = find(map, &lookup);
	end_read(map, flags);
	return there;
}

int stp_map_del(struct stp_map *map, const struct stp_args *key)
{
	struct stp_map_node *node;
	struct lookup lookup;
	unsigned long flags;

	if (prepare(map, key, &lookup))
		return -STP_EINVAL;
	if (begin_change(map, lookup.cut, &flags))
		return -STP_EBUSY;
	node = find(map, &lookup);
	if (node) {
		remove_node(map, node); /* M9 */
		STP_WRITE(map->size, map->size - 1);
	}
	return end_change(map, flags, node ? 0 : -STP_ENOENT);
}

int stp_map_clear(struct stp_map *map)
{
	unsigned long flags;

	if (begin_change(map, 0, &flags))
		return -STP_EBUSY;
	while (map->first)
		remove_node(map, stp_map_node_at(map, map->first)); /* M11 */
	STP_WRITE(map->size, 0); /* at once: whoever asks for the size meanwhile sees all or none */
	return end_change(map, flags, 0);
}

u32 stp_map_size(const struct stp_map *map)
{
	return STP_READ(map->size);
}

/* Words of a node before the key, and of each part. */
static void lay_out(struct stp_map *map)
{
	u32 parts = stp_map_key_parts(map);
	u32 words = 0;
	u32 i;

	for (i = 0; i < parts; i++) {
		map->key_words[i] = stp_map_part_is_string(map, i) ? 1 + (map->string_size + 7) / 8 : 1;
		words += map->key_words[i];
	}
	map->node_size = sizeof(struct stp_map_node) + words * sizeof(u64);
}

int stp_map_init(struct stp_map *map)
{
	u32 buckets = BUCKETS_MIN;
	u32 i;

	if (!map->entries_max)
		map->entries_max = STP_MAP_ENTRIES_DEFAULT;
	if (!map->string_size)
		map->string_size = STP_STRING_SIZE_MAX;
	if (map->entries_max > STP_MAP_ENTRIES_MAX || map->string_size > STP_STRING_SIZE_MAX)
		return -STP_EINVAL;
	while (buckets < map->entries_max)
		buckets *= 2;
	lay_out(map);
	map->owner = map->size = 0;
	map->first = map->last = map->free = 0;
	map->fresh = 1; /* node 0 is no node */
	map->order_next = 0;
	map->bucket_mask = buckets - 1;
	map->buckets = stp_alloc(buckets * sizeof(u32));
	map->nodes = stp_alloc((size_t)(map->entries_max + 1) * map->node_size);
	for (i = 0; i < STP_MAP_WALKS_MAX; i++) {
		map->orders[i].busy = 0;
		map->orders[i].node = stp_alloc(map->entries_max * sizeof(u32));
		map->orders[i].shown = stp_alloc(map->node_size);
	}
	for (i = 0; i < STP_MAP_WALKS_MAX; i++)
		if (!map->orders[i].node || !map->orders[i].shown)
			goto no_memory;
	if (map->buckets && map->nodes)
		return 0;
no_memory:
	stp_map_fini(map);
	return -STP_ENOMEM;
}

void stp_map_fini(struct stp_map *map)
{
	u32 i;

	for (i = 0; i < STP_MAP_WALKS_MAX; i++) {
		stp_free(map->orders[i].node);
		stp_free(map->orders[i].shown);
		map->orders[i].node = NULL;
		map->orders[i].shown = NULL;
	}
	stp_free(map->nodes);
	stp_free(map->buckets);
	map->nodes = NULL;
	map->buckets = NULL;
}

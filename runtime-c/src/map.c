// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Maps: hash chains over preallocated nodes, and a list in insertion order, for each part (M1-M9, M11-M16).
 * Must never: allocate after init, spin on a holder that it interrupted, refuse while there is a free node.
 * Siblings: runtime-as/assembly/map.ts, map_core.h, map_init.c, walk.c
 */
#include <stp/map.h>

/* A part of a key as the node keeps it: length and zero-padded words. */
static void store_string(u64 *part, const char *string, u32 limit)
{
	u32 length = 0, bytes;
	u64 *word = part + 1;

	do {
		bytes = stp_string_word(string + length, limit - length, word++);
		length += bytes;
	} while (bytes == sizeof(*word) && length < limit);
	*part = length;
}

static void store_key(const struct stp_map *map, struct stp_map_node *node, const u64 *key)
{
	u32 parts = stp_map_key_parts(map);
	u64 *part = node->word + map->key_at;
	u32 i;

	for (i = 0; i < parts; part += map->key_words[i], i++) {
		if (stp_map_part_is_string(map, i))
			store_string(part, (const char *)(uintptr_t)key[i], map->string_size - 1);
		else
			*part = key[i];
	}
}

/* A node that is in no chain and no list; NULL if there is none (M4). */
static struct stp_map_node *take_node(struct stp_map *map, struct stp_map_part *part)
{
	struct stp_map_node *node = part->free;

	if (node) {
		part->free = node->chain;
	} else if (part->fresh_left) {
		node = (struct stp_map_node *)part->fresh;
		part->fresh += map->node_size;
		part->fresh_left--;
	}
	if (node && map->scheme->refills) {
		part->spare--;
		if (part->spare < (map->reserve + 1) / 2 && part->nodes < map->entries_max) {
			STP_WRITE(map->hungry, 1);
			stp_port_refill();
		}
	}
	return node;
}

static void unchain(struct stp_map_part *part, struct stp_map_node *node)
{
	struct stp_map_node **link = &part->buckets[node->hash & part->bucket_mask];

	while (*link != node)
		link = &(*link)->chain;
	*link = node->chain;
}

static void unlist(struct stp_map_part *part, struct stp_map_node *node)
{
	if (node->prev)
		node->prev->next = node->next;
	else
		part->first = node->next;
	if (node->next)
		node->next->prev = node->prev;
	else
		part->last = node->prev;
}

/* The size is the caller's to change. */
static void free_node(struct stp_map *map, struct stp_map_part *part, struct stp_map_node *node)
{
	stp_map_change(part);
	unchain(part, node);
	unlist(part, node);
	node->order = STP_MAP_ORDER_FREE;
	node->chain = part->free;
	part->free = node;
	if (map->scheme->refills)
		part->spare++;
}

void stp_map_remove(struct stp_map *map, struct stp_map_part *part, struct stp_map_node *node)
{
	free_node(map, part, node);
	STP_WRITE(part->size, part->size - 1);
}

static void clear_value(const struct stp_map *map, struct stp_map_node *node)
{
	if (map->value_type == STP_VALUE_STATS)
		stp_stats_clear(stp_map_node_stats(node), stp_map_node_buckets(node), map->hist.buckets);
	else
		node->word[0] = 0;
}

struct stp_map_node *stp_map_insert(struct stp_map *map, struct stp_map_part *part, const u64 *key, u64 hash, struct stp_ctx *ctx)
{
	struct stp_map_node **bucket = &part->buckets[hash & part->bucket_mask];
	struct stp_map_node *node;

	if (part->size == map->entries_max) {
		if (!map->wrap)
			return NULL; /* M4 */
		stp_map_remove(map, part, part->first); /* M12 */
		stp_local_add(&ctx->row->evicted, 1);
	}
	node = take_node(map, part);
	if (!node)
		return NULL;
	node->hash = hash;
	node->order = part->order_next++;
	clear_value(map, node);
	store_key(map, node, key);
	node->chain = *bucket;
	*bucket = node;
	node->prev = part->last;
	node->next = NULL;
	if (part->last)
		part->last->next = node;
	else
		part->first = node;
	part->last = node;
	STP_WRITE(part->size, part->size + 1); /* stp_map_entries() looks without the lock */
	return node;
}

static bool same_key(const struct stp_map *map, const struct stp_map_node *a, const struct stp_map_node *b)
{
	u32 parts = stp_map_key_parts(map);
	const u64 *left = a->word + map->key_at, *right = b->word + map->key_at;
	u32 i, words, w;

	for (i = 0; i < parts; left += map->key_words[i], right += map->key_words[i], i++) {
		/* Behind the zero-padded end of a string stands what was there before. */
		words = stp_map_part_is_string(map, i) ? 1 + (*left + 7) / 8 : 1;
		for (w = 0; w < words; w++)
			if (left[w] != right[w])
				return false;
	}
	return true;
}

struct stp_map_node *stp_map_find_same(const struct stp_map *map, const struct stp_map_part *part, const struct stp_map_node *node)
{
	struct stp_map_node *at = part->buckets[node->hash & part->bucket_mask];

	while (at && (at->hash != node->hash || !same_key(map, at, node)))
		at = at->chain;
	return at;
}

/* How long to wait for another CPU: its holder runs with interrupts off, so only an nmi or a hypervisor delays it. */
static u32 tries_max(const struct stp_ctx *ctx)
{
	return ctx->level == STP_CONTEXT_NMI ? STP_LOCK_SPINS_NMI_MAX : STP_LOCK_SPINS_MAX;
}

bool stp_map_wait(struct stp_map_part *part, struct stp_ctx *ctx)
{
	u32 tries;

	/* If it is ours already, we interrupted the holder, which cannot go on before us (M6). */
	if (STP_READ(part->owner) == ctx->cpu->lock_id)
		return false;
	for (tries = tries_max(ctx); tries; tries--) {
		stp_relax();
		/* Pairs with stp_map_give(). */
		if (!STP_READ(part->owner) && !stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id))
			return true;
	}
	return false;
}

bool stp_map_take_others(struct stp_map *map, struct stp_ctx *ctx)
{
	u32 i;

	for (i = 1; i < map->parts_count; i++) {
		if (stp_map_take(&map->parts[i], ctx))
			continue;
		while (--i > 0)
			stp_map_give(&map->parts[i]);
		return false;
	}
	return true;
}

void stp_map_give_others(struct stp_map *map)
{
	u32 i;

	for (i = map->parts_count; --i > 0;)
		stp_map_give(&map->parts[i]);
}

/* What stands in the ledger for a call that was refused (X4). */
static void enter_refusal(struct stp_ledger *row, int error)
{
	if (error == -STP_EINVAL)
		return;
	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);
	stp_ledger_lose(row, STP_LOSS_KIND_MAP, error == -STP_EBUDGET ? STP_LOSS_BUDGET : STP_LOSS_BUSY);
}

int stp_map_refuse(struct stp_ctx *ctx, unsigned long flags, int error)
{
	enter_refusal(ctx->row, error);
	stp_irq_restore(flags);
	return error;
}

int stp_stat_refuse(struct stp_ctx *ctx, int error)
{
	enter_refusal(ctx->row, error);
	stp_preempt_enable();
	return error;
}

static int end_change_all(struct stp_map_call *call, struct stp_map *map, int result)
{
	stp_map_give_all(map);
	stp_ledger_attempt(call->ctx->row, STP_LOSS_KIND_MAP);
	stp_ledger_deliver(call->ctx->row, STP_LOSS_KIND_MAP);
	stp_irq_restore(call->flags);
	return result;
}

static bool fits(const struct stp_map *map, const struct stp_args *key, u32 value_type)
{
	return key->shape == map->key_shape && !key->any && map->value_type == value_type;
}

int stp_map_add_args(struct stp_map *map, const struct stp_args *key, s64 delta)
{
	return stp_map_add_body(map, map->key_shape, 1, fits(map, key, STP_VALUE_INT64), key->value, delta);
}

int stp_map_add_string(struct stp_map *map, const u64 *key, s64 delta)
{
	return stp_map_add_body(map, STP_SHAPE(1, 1), 1, true, key, delta);
}

int stp_map_stat_add_args(struct stp_map *map, const struct stp_args *key, s64 sample)
{
	if (stp_map_per_level(map->key_shape, map->per_cpu) && fits(map, key, STP_VALUE_STATS))
		return stp_stat_add_body(map, sample);
	return stp_map_stat_add_body(map, map->key_shape, map->key_at, fits(map, key, STP_VALUE_STATS), key->value, sample);
}

int stp_map_stat_add_string(struct stp_map *map, const u64 *key, s64 sample)
{
	return stp_map_stat_add_body(map, STP_SHAPE(1, 1), map->key_at, true, key, sample);
}

/* A call that changes the value of one entry of a map that is not per-CPU: up to its entry. Return: 0; or the call is over. */
static int begin_entry(struct stp_map_call *call, struct stp_map *map, bool valid, const u64 *key, struct stp_map_node **node)
{
	struct stp_map_lookup lookup;
	int error;

	valid = valid && !map->per_cpu; /* M13 */
	stp_map_prepare(map, map->key_shape, valid ? key : NULL, 0, &lookup);
	error = stp_map_begin_add(call, map, map->key_shape, valid, lookup.cut);
	if (error)
		return error;
	*node = stp_map_find(map, map->key_shape, map->key_at, call->part, &lookup);
	if (!*node)
		*node = stp_map_insert(map, call->part, key, lookup.hash, call->ctx);
	return *node ? 0 : stp_map_end_add(call, false);
}

int stp_map_set_args(struct stp_map *map, const struct stp_args *key, s64 value)
{
	struct stp_map_node *node;
	struct stp_map_call call;
	int error = begin_entry(&call, map, fits(map, key, STP_VALUE_INT64), key->value, &node);

	if (error)
		return error;
	node->word[0] = value; /* M7 */
	return stp_map_end_add(&call, true);
}

/* Behind the @length bytes that are there; what does not fit is cut (M7, M15). */
static void append_text(const struct stp_map *map, struct stp_map_node *node, struct stp_ctx *ctx, u32 length, const char *text)
{
	u32 room = map->string_size - 1 - length;
	u32 size = strnlen(text, room + 1);

	if (size > room) {
		size = room;
		stp_ledger_cut(ctx->row, 1);
	}
	memcpy((char *)(node->word + 1) + length, text, size);
	node->word[0] = length + size;
}

int stp_map_set_string_args(struct stp_map *map, const struct stp_args *key, const char *text)
{
	struct stp_map_node *node;
	struct stp_map_call call;
	int error = begin_entry(&call, map, fits(map, key, STP_VALUE_STRING), key->value, &node);

	if (error)
		return error;
	append_text(map, node, call.ctx, 0, text);
	return stp_map_end_add(&call, true);
}

int stp_map_append_args(struct stp_map *map, const struct stp_args *key, const char *text)
{
	struct stp_map_node *node;
	struct stp_map_call call;
	int error = begin_entry(&call, map, fits(map, key, STP_VALUE_STRING), key->value, &node);

	if (error)
		return error;
	append_text(map, node, call.ctx, node->word[0], text);
	return stp_map_end_add(&call, true);
}

/* M16: as begin_entry(), with the next position as the key. */
static int begin_push(struct stp_map_call *call, struct stp_map *map, u32 value_type, struct stp_map_node **node)
{
	bool valid = map->key_shape == STP_SHAPE(1, 0) && map->value_type == value_type && !map->per_cpu;
	struct stp_map_lookup lookup;
	int error = stp_map_begin_add(call, map, map->key_shape, valid, 0);

	if (error)
		return error;
	stp_map_prepare(map, map->key_shape, &call->part->position, 0, &lookup);
	*node = stp_map_find(map, map->key_shape, map->key_at, call->part, &lookup);
	if (!*node)
		*node = stp_map_insert(map, call->part, &call->part->position, lookup.hash, call->ctx);
	if (!*node)
		return stp_map_end_add(call, false);
	call->part->position++;
	return 0;
}

int stp_map_push_value(struct stp_map *map, s64 value)
{
	struct stp_map_node *node;
	struct stp_map_call call;
	int error = begin_push(&call, map, STP_VALUE_INT64, &node);

	if (error)
		return error;
	node->word[0] = value;
	return stp_map_end_add(&call, true);
}

int stp_map_push_text(struct stp_map *map, const char *text)
{
	struct stp_map_node *node;
	struct stp_map_call call;
	int error = begin_push(&call, map, STP_VALUE_STRING, &node);

	if (error)
		return error;
	append_text(map, node, call.ctx, 0, text);
	return stp_map_end_add(&call, true);
}

/* A call that reads one entry, or several of a slice. */
static int begin_read(struct stp_map_call *call, struct stp_map *map, bool valid, const struct stp_args *key, struct stp_map_lookup *lookup)
{
	stp_map_prepare(map, map->key_shape, valid ? key->value : NULL, key->any, lookup);
	return stp_map_begin_all(call, map, valid, lookup->cut);
}

static const struct stp_map_node *find_in(const struct stp_map *map, u32 part, const struct stp_map_lookup *lookup)
{
	return stp_map_find(map, map->key_shape, map->key_at, &map->parts[part], lookup);
}

int stp_map_read(struct stp_map *map, const struct stp_args *key, s64 *value)
{
	const struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;
	u32 i;

	*value = 0;
	error = begin_read(&call, map, fits(map, key, STP_VALUE_INT64), key, &lookup);
	if (error)
		return error;
	for (i = 0; i < map->parts_count; i++) {
		node = find_in(map, i, &lookup);
		if (node)
			*value = (s64)((u64)*value + node->word[0]); /* M13 */
	}
	stp_map_end_all(&call, map);
	return 0;
}

int stp_map_read_string(struct stp_map *map, const struct stp_args *key, char *out)
{
	const struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error;

	out[0] = 0;
	error = begin_read(&call, map, fits(map, key, STP_VALUE_STRING), key, &lookup);
	if (error)
		return error;
	node = find_in(map, 0, &lookup);
	if (node) {
		memcpy(out, node->word + 1, node->word[0]);
		out[node->word[0]] = 0;
	}
	stp_map_end_all(&call, map);
	return 0;
}

void stp_map_merge_others(const struct stp_map *map, const struct stp_map_lookup *lookup, struct stp_stats *stats, u64 *buckets, u32 buckets_count)
{
	const struct stp_map_node *node;
	u32 i;

	for (i = 1; i < map->parts_count; i++) {
		node = find_in(map, i, lookup);
		if (node)
			stp_stats_merge(stats, buckets, stp_map_node_stats(node), stp_map_node_buckets(node), buckets_count);
	}
}

int stp_map_read_stats(struct stp_map *map, const struct stp_args *key, struct stp_stats *stats, u64 *buckets)
{
	return stp_map_read_stats_body(map, map->key_shape, map->key_at, fits(map, key, STP_VALUE_STATS), key->value, stats, buckets);
}

const char *stp_map_get_string_args(struct stp_ctx *ctx, struct stp_map *map, const struct stp_args *key)
{
	char *string = stp_string_take(ctx);

	if (!string)
		return "";
	stp_map_read_string(map, key, string);
	return string;
}

/* M14: wildcards beside whose types nothing is looked at. */
static bool slice_fits(const struct stp_map *map, const struct stp_args *key)
{
	return key->shape == map->key_shape && !(key->any >> stp_map_key_parts(map));
}

/* The first entry from @node on that matches a slice; NULL if there is none. */
static struct stp_map_node *next_match(const struct stp_map *map, struct stp_map_node *node, const struct stp_map_lookup *lookup, u32 any)
{
	while (node && !stp_map_node_matches(map, map->key_shape, map->key_at, node, lookup, any))
		node = node->next;
	return node;
}

int stp_map_contains_args(struct stp_map *map, const struct stp_args *key)
{
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	bool there = false;
	int error;
	u32 i;

	error = begin_read(&call, map, slice_fits(map, key), key, &lookup);
	if (error)
		return error;
	for (i = 0; i < map->parts_count && !there; i++)
		there = key->any ? !!next_match(map, map->parts[i].first, &lookup, key->any) : !!find_in(map, i, &lookup);
	stp_map_end_all(&call, map);
	return there;
}

int stp_map_del_args(struct stp_map *map, const struct stp_args *key)
{
	struct stp_map_node *node;
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	bool there = false;
	int error;
	u32 i;

	error = begin_read(&call, map, fits(map, key, map->value_type), key, &lookup);
	if (error)
		return error;
	for (i = 0; i < map->parts_count; i++) {
		node = (struct stp_map_node *)find_in(map, i, &lookup);
		if (!node)
			continue;
		stp_map_remove(map, &map->parts[i], node); /* M9 */
		there = true;
	}
	return end_change_all(&call, map, there ? 0 : -STP_ENOENT);
}

/*
 * What part @i adds to a number of entries, given that of its own. Without key parts, the levels of a CPU are one part to
 * whoever counts: it has one entry if any of them has.
 */
static u32 counted(const struct stp_map *map, const u32 counts[STP_CONTEXTS], u32 i)
{
	u32 level;

	if (!stp_map_per_level(map->key_shape, map->per_cpu))
		return counts[i % STP_CONTEXTS];
	for (level = 0; level < i % STP_CONTEXTS; level++)
		if (counts[level])
			return 0;
	return counts[level];
}

/* Remove what matches from one part. Return: how many. */
static u32 del_slice_in(struct stp_map *map, struct stp_map_part *part, const struct stp_map_lookup *lookup, u32 any)
{
	struct stp_map_node *node, *next;
	u32 count = 0;

	for (node = next_match(map, part->first, lookup, any); node; node = next_match(map, next, lookup, any)) {
		next = node->next;
		free_node(map, part, node);
		count++;
	}
	if (count)
		STP_WRITE(part->size, part->size - count); /* at once: whoever asks for the size meanwhile sees all or none */
	return count;
}

int stp_map_del_slice_args(struct stp_map *map, const struct stp_args *key)
{
	u32 counts[STP_CONTEXTS] = { 0 }; /* of the CPU's parts: one, or one for each level */
	struct stp_map_lookup lookup;
	struct stp_map_call call;
	int error, count = 0;
	u32 i;

	error = begin_read(&call, map, slice_fits(map, key), key, &lookup);
	if (error)
		return error;
	for (i = 0; i < map->parts_count; i++) {
		counts[i % STP_CONTEXTS] = del_slice_in(map, &map->parts[i], &lookup, key->any);
		count += counted(map, counts, i);
	}
	return end_change_all(&call, map, count);
}

int stp_map_clear_all(struct stp_map *map)
{
	struct stp_map_call call;
	int error = stp_map_begin_all(&call, map, true, 0);
	u32 i;

	if (error)
		return error;
	for (i = 0; i < map->parts_count; i++) {
		struct stp_map_part *part = &map->parts[i];

		while (part->first)
			free_node(map, part, part->first); /* M11 */
		part->position = 0; /* M16 */
		STP_WRITE(part->size, 0); /* at once */
	}
	return end_change_all(&call, map, 0);
}

u32 stp_map_entries(const struct stp_map *map)
{
	u32 counts[STP_CONTEXTS];
	u32 size = 0;
	u32 i;

	for (i = 0; i < map->parts_count; i++) {
		counts[i % STP_CONTEXTS] = STP_READ(map->parts[i].size);
		size += counted(map, counts, i);
	}
	return size;
}

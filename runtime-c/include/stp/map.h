/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Maps: bounded, preallocated associative arrays (M1-M16), and single statistics, which are maps of one entry.
 *
 * A map is defined by STP_MAP(), which gives it its types. The calls in lower case without _args are macros: they take the map by
 * its address, and the compiler refuses a key or a value of another type. Those with _args are functions for any map.
 */
#ifndef STP_MAP_H
#define STP_MAP_H

#include <stp/map_core.h>
#include <stp/string.h>

/* Types of a key's parts and of values. */
#define STP_INT64 STP_VALUE_INT64
#define STP_STR STP_VALUE_STRING
#define STP_STATS STP_VALUE_STATS

#define STP_KEY_BIT(type) (type)
/* STP_KEYS(STP_STR, STP_INT64) - Types of a key's parts, up to STP_KEY_PARTS_MAX. */
#define STP_KEYS(...) STP_SHAPE(STP_ARGS_COUNT_OF(__VA_ARGS__), STP_ARGS_BITS(STP_KEY_BIT, ##__VA_ARGS__))
/* STP_KEY(name, 5) - A key. */
#define STP_KEY(...) (__VA_ARGS__)

/*
 * STP_MAP(name, STP_KEYS(...), STP_INT64 | STP_STR | STP_STATS, options) - Define a map of the program. Options:
 *   .entries_max = N   capacity; default STP_MAP_ENTRIES_DEFAULT
 *   .string_size = N   bytes of a string part or value, the NUL included; default STP_STRING_SIZE_MAX
 *   .wrap = true       when full, drop the oldest entry instead of refusing a new one (M12)
 *   .per_cpu = true    a part for each CPU: adding shares nothing, reading merges (M13); int64 and statistics, and always
 *                      with statistics without a key
 *   .hist = STP_HIST_LOG or STP_HIST_LINEAR(low, high, interval)   a histogram with each statistics value
 *   .scheme = &stp_scheme_static, .memory = array, .memory_size = sizeof(array), or .scheme = &stp_scheme_reserve, .reserve = N
 * Its memory is taken when the session begins.
 */
#define STP_MAP(map_, keys, value_type_, ...) \
	_Static_assert((keys) >> (STP_KEY_PARTS_MAX + 1) == 0, "the key of map " #map_ " has more parts than STP_KEY_PARTS_MAX"); \
	static union { \
		struct stp_map map; \
		char (*key_type)[keys]; \
		char (*value_kind)[(value_type_) + 1]; \
	} map_ = { .map = { .name = #map_, .key_shape = (keys), .value_type = (value_type_), ##__VA_ARGS__ } }; \
	static struct stp_map *const STP_PASTE(stp_map_ref_, map_) STP_SECTION(stp_maps) = &map_.map

/* STP_LIST(name, STP_INT64 | STP_STR, options) - A map whose key is the position: see stp_map_push(). */
#define STP_LIST(list, value_type_, ...) STP_MAP(list, STP_KEYS(STP_INT64), value_type_, ##__VA_ARGS__)

/* STP_STAT(name, .hist = ...) - Statistics without a key: a part for each CPU and context level, so that adding waits for nobody. */
#define STP_STAT(stat, ...) STP_MAP(stat, STP_KEYS(), STP_STATS, .per_cpu = true, .entries_max = 1, ##__VA_ARGS__)

/* Checks of types while compiling; each is 0. */
#define STP_COMPILES(condition, message) (0 * sizeof(struct { _Static_assert(condition, message); char c; }))
#define STP_MAP_SHAPE(m) ((u32)sizeof(*(m)->key_type))
#define STP_MAP_KEY_FITS(m, key) \
	STP_COMPILES(STP_ARGS_SHAPE key == sizeof(*(m)->key_type), "the key has not the number and types of parts of the map's STP_KEYS()")
#define STP_MAP_SLICE_FITS(m, key) \
	STP_COMPILES(((STP_ARGS_SHAPE key ^ sizeof(*(m)->key_type)) & ~(STP_ARGS_ANY key)) == 0, \
		     "the key has not the number and types of parts of the map's STP_KEYS()")
#define STP_MAP_VALUE_IS(m, type) STP_COMPILES(sizeof(*(m)->value_kind) == (type) + 1, "the map's values are of another type")
#define STP_MAP_WORDS(m, key) (STP_ARGS_WORDS key + STP_MAP_KEY_FITS(m, key))
#define STP_MAP_KEY(m, key) (STP_ARGS key + STP_MAP_KEY_FITS(m, key))
#define STP_MAP_SLICE(m, key) (&(const struct stp_args){ \
	.value = STP_ARGS_WORDS key + STP_MAP_SLICE_FITS(m, key), .shape = STP_MAP_SHAPE(m), .any = STP_ARGS_ANY key })

/**
 * stp_map_init() - Take all memory that @map will ever need, or its reserve.
 *
 * entries_max and string_size of 0 mean STP_MAP_ENTRIES_DEFAULT and STP_STRING_SIZE_MAX.
 *
 * Context: Task, may sleep.
 * Return:  0; -STP_EINVAL for a definition that cannot be, said in the log; -STP_ENOMEM: nothing is kept.
 */
int stp_map_init(struct stp_map *map);

/**
 * stp_map_fini() - Give the memory back. Takes a map whose init failed, too.
 */
void stp_map_fini(struct stp_map *map);

/**
 * stp_map_refill() - Fill the reserves of @map again, if its scheme has any.
 *
 * Context: Task, may sleep.
 */
void stp_map_refill(struct stp_map *map);

/* stp_map_add(&map, STP_KEY(...), delta) - Add to an int64 value; see stp_map_add_args(). */
#define stp_map_add(m, key, delta) \
	stp_map_add_typed(&(m)->map, STP_MAP_SHAPE(m), STP_MAP_WORDS(m, key) + STP_MAP_VALUE_IS(m, STP_INT64), delta)

/**
 * stp_map_add_args() - Add @delta to the value stored under @key.
 * @delta: Signed addend; wraps modulo 2^64 (M5).
 *
 * Makes the entry with value 0 first if it is absent (M3).
 *
 * Context: Any, including NMI. Never sleeps or allocates.
 * Locking: The lock of the map or of this CPU's part, interrupts off; a caller that interrupted its holder fails, it never spins (M6).
 * Bound:   At most entries_max nodes visited; STP_LOCK_SPINS_MAX tries for the lock.
 * Return:  0; -STP_EBUDGET if the hit has no action left (X6); -STP_EINVAL if @key or the value's type are not the map's (M1);
 *          -STP_EBUSY if the map is held (M6); -STP_EFULL if there is no free entry (map unchanged, M4).
 */
int stp_map_add_args(struct stp_map *map, const struct stp_args *key, s64 delta);

/* stp_map_set(&map, STP_KEY(...), value) - Store an int64 value; see stp_map_set_args(). */
#define stp_map_set(m, key, value) stp_map_set_args(&(m)->map, STP_MAP_KEY(m, key) + STP_MAP_VALUE_IS(m, STP_INT64), value)

/**
 * stp_map_set_args() - Store @value under @key (M7). Not for per-CPU maps (M13).
 *
 * Context, Locking, Bound: As stp_map_add_args().
 * Return: As stp_map_add_args().
 */
int stp_map_set_args(struct stp_map *map, const struct stp_args *key, s64 value);

/* stp_map_set_string(&map, STP_KEY(...), text) - Store a string; see stp_map_set_string_args(). */
#define stp_map_set_string(m, key, text) stp_map_set_string_args(&(m)->map, STP_MAP_KEY(m, key) + STP_MAP_VALUE_IS(m, STP_STR), text)

/**
 * stp_map_set_string_args() - Store @text under @key, cut to the map's string_size (M7).
 *
 * Return: As stp_map_add_args().
 */
int stp_map_set_string_args(struct stp_map *map, const struct stp_args *key, const char *text);

/* stp_map_append(&map, STP_KEY(...), text) - Append to a string; see stp_map_append_args(). */
#define stp_map_append(m, key, text) stp_map_append_args(&(m)->map, STP_MAP_KEY(m, key) + STP_MAP_VALUE_IS(m, STP_STR), text)

/**
 * stp_map_append_args() - Append @text to the string under @key, "" if it is absent; cut to the map's string_size (M15).
 *
 * Return: As stp_map_add_args().
 */
int stp_map_append_args(struct stp_map *map, const struct stp_args *key, const char *text);

/* stp_map_stat_add(&map, STP_KEY(...), sample) - Add a sample; see stp_map_stat_add_args(). */
#define stp_map_stat_add(m, key, sample) \
	stp_map_stat_add_typed(&(m)->map, STP_MAP_SHAPE(m), STP_MAP_WORDS(m, key) + STP_MAP_VALUE_IS(m, STP_STATS), sample)

/**
 * stp_map_stat_add_args() - Add a sample to the statistics under @key (S1).
 *
 * Context, Locking, Bound: As stp_map_add_args().
 * Return: As stp_map_add_args().
 */
int stp_map_stat_add_args(struct stp_map *map, const struct stp_args *key, s64 sample);

/* stp_map_push(&list, value), stp_map_push_string(&list, text) - Store under the next position; see stp_map_push_value(). */
#define stp_map_push(m, value) stp_map_push_value(&(m)->map + STP_MAP_VALUE_IS(m, STP_INT64), value)
#define stp_map_push_string(m, text) stp_map_push_text(&(m)->map + STP_MAP_VALUE_IS(m, STP_STR), text)

/**
 * stp_map_push_value() - Store @value under the list's next position, which then grows by 1 (M16).
 *
 * Return: As stp_map_add_args(); -STP_EINVAL also if the map's key is not one int64.
 */
int stp_map_push_value(struct stp_map *map, s64 value);

/**
 * stp_map_push_text() - Store @text under the list's next position (M16).
 *
 * Return: As stp_map_push_value().
 */
int stp_map_push_text(struct stp_map *map, const char *text);

/**
 * stp_map_read() - Read the int64 under @key.
 * @value: Out: the value; 0 if the key is absent (M8) or the call fails.
 *
 * In a per-CPU map it holds all parts at once (M13).
 *
 * Context, Locking, Bound: As stp_map_add_args().
 * Return:  0; -STP_EBUDGET; -STP_EINVAL; -STP_EBUSY (counted).
 */
int stp_map_read(struct stp_map *map, const struct stp_args *key, s64 *value);

/**
 * stp_map_read_string() - Read the string under @key into @out, STP_STRING_SIZE_MAX bytes; "" as stp_map_read() has 0.
 *
 * Return: As stp_map_read().
 */
int stp_map_read_string(struct stp_map *map, const struct stp_args *key, char *out);

/**
 * stp_map_read_stats() - Read the statistics under @key, merged; no samples as stp_map_read() has 0.
 * @buckets: Out: the histogram's buckets; may be NULL.
 *
 * Return: As stp_map_read().
 */
int stp_map_read_stats(struct stp_map *map, const struct stp_args *key, struct stp_stats *stats, u64 *buckets);

/* stp_map_get(&map, STP_KEY(...)) - The int64 under a key; 0 if absent or if the read was refused (counted). */
#define stp_map_get(m, key) stp_map_get_typed(&(m)->map, STP_MAP_SHAPE(m), STP_MAP_WORDS(m, key) + STP_MAP_VALUE_IS(m, STP_INT64))

/* stp_map_get_string(ctx, &map, STP_KEY(...)) - The string under a key as a pool string; "" if it cannot be had (counted). */
#define stp_map_get_string(ctx, m, key) \
	stp_map_get_string_args(ctx, &(m)->map, STP_MAP_KEY(m, key) + STP_MAP_VALUE_IS(m, STP_STR))
const char *stp_map_get_string_args(struct stp_ctx *ctx, struct stp_map *map, const struct stp_args *key);

/* stp_map_stats(&map, STP_KEY(...)) - The statistics under a key, as a struct stp_stats; see <stp/stats.h> for what to ask it. */
#define stp_map_stats(m, key) stp_map_stats_typed(&(m)->map, STP_MAP_SHAPE(m), STP_MAP_WORDS(m, key) + STP_MAP_VALUE_IS(m, STP_STATS))
static STP_ALWAYS_INLINE struct stp_stats stp_map_stats_typed(struct stp_map *map, u32 shape, const u64 *key)
{
	struct stp_stats stats;

	if (STP_MAP_INLINED(shape))
		stp_map_read_stats_body(map, shape, map->key_at, true, key, &stats, NULL);
	else
		stp_map_read_stats(map, &(const struct stp_args){ .value = key, .shape = shape }, &stats, NULL);
	return stats;
}

/* One of the statistics under a key. */
#define stp_map_count(m, key) ((s64)stp_map_stats(m, key).count)
#define stp_map_sum(m, key) ((s64)stp_map_stats(m, key).sum[0])
#define stp_map_min(m, key) ({ struct stp_stats stp_s = stp_map_stats(m, key); stp_stats_min(&stp_s); })
#define stp_map_max(m, key) ({ struct stp_stats stp_s = stp_map_stats(m, key); stp_stats_max(&stp_s); })
#define stp_map_avg(m, key) ({ struct stp_stats stp_s = stp_map_stats(m, key); stp_stats_avg(&stp_s); })
#define stp_map_variance(m, key) ({ struct stp_stats stp_s = stp_map_stats(m, key); stp_stats_variance(&stp_s); })

/* The same for statistics without a key. */
#define stp_stat_add(m, sample) \
	stp_stat_add_body(&(m)->map + STP_MAP_KEY_FITS(m, STP_KEY()) + STP_MAP_VALUE_IS(m, STP_STATS), sample)
#define stp_stat_stats(m) stp_map_stats(m, STP_KEY())
#define stp_stat_count(m) stp_map_count(m, STP_KEY())
#define stp_stat_sum(m) stp_map_sum(m, STP_KEY())
#define stp_stat_min(m) stp_map_min(m, STP_KEY())
#define stp_stat_max(m) stp_map_max(m, STP_KEY())
#define stp_stat_avg(m) stp_map_avg(m, STP_KEY())
#define stp_stat_variance(m) stp_map_variance(m, STP_KEY())
#define stp_stat_clear(m) stp_map_clear(m)

/* stp_map_contains(&map, STP_KEY(...)) - Whether there is an entry; STP_ANY matches any part. See stp_map_contains_args(). */
#define stp_map_contains(m, key) stp_map_contains_args(&(m)->map, STP_MAP_SLICE(m, key))

/**
 * stp_map_contains_args() - Tell whether an entry matches @key, whose wildcard parts match anything (M8, M14).
 *
 * Bound:  All entries, with a wildcard.
 * Return: 1 or 0; -STP_EBUDGET; -STP_EINVAL; -STP_EBUSY (counted).
 */
int stp_map_contains_args(struct stp_map *map, const struct stp_args *key);

/* stp_map_del(&map, STP_KEY(...)) - Remove an entry; see stp_map_del_args(). */
#define stp_map_del(m, key) stp_map_del_args(&(m)->map, STP_MAP_KEY(m, key))

/**
 * stp_map_del_args() - Remove the entry of @key (M9).
 *
 * Return: 0; -STP_EBUDGET; -STP_EINVAL; -STP_EBUSY; -STP_ENOENT if there is none.
 */
int stp_map_del_args(struct stp_map *map, const struct stp_args *key);

/* stp_map_del_slice(&map, STP_KEY(STP_ANY, 5)) - Remove all entries that match; see stp_map_del_slice_args(). */
#define stp_map_del_slice(m, key) stp_map_del_slice_args(&(m)->map, STP_MAP_SLICE(m, key))

/**
 * stp_map_del_slice_args() - Remove all entries that match @key, whose wildcard parts match anything (M14).
 *
 * Bound:  All entries.
 * Return: How many it removed; -STP_EBUDGET; -STP_EINVAL; -STP_EBUSY.
 */
int stp_map_del_slice_args(struct stp_map *map, const struct stp_args *key);

/* stp_map_clear(&map) - Remove all entries; see stp_map_clear_all(). */
#define stp_map_clear(m) stp_map_clear_all(&(m)->map)

/**
 * stp_map_clear_all() - Remove all entries (M11), of all CPUs (M13).
 *
 * Bound:  All entries.
 * Return: 0; -STP_EBUDGET; -STP_EBUSY.
 */
int stp_map_clear_all(struct stp_map *map);

/* stp_map_size(&map) - Number of entries now; never fails (M11). */
#define stp_map_size(m) stp_map_entries(&(m)->map)
u32 stp_map_entries(const struct stp_map *map);

/* How stp_foreach() sorts: STP_BY_X ascending, STP_BY_X_DESC descending. */
#define STP_BY(field) (2 * STP_SORT_FIELD_##field)
#define STP_BY_INSERTION STP_BY(INSERTION)
#define STP_BY_INSERTION_DESC (STP_BY(INSERTION) + 1)
#define STP_BY_VALUE STP_BY(VALUE)
#define STP_BY_VALUE_DESC (STP_BY(VALUE) + 1)
#define STP_BY_KEY(part) (STP_BY(KEY1) + 2 * ((part) - 1)) /* part: from 1 */
#define STP_BY_KEY_DESC(part) (STP_BY_KEY(part) + 1)
#define STP_BY_COUNT STP_BY(COUNT)
#define STP_BY_COUNT_DESC (STP_BY(COUNT) + 1)
#define STP_BY_SUM STP_BY(SUM)
#define STP_BY_SUM_DESC (STP_BY(SUM) + 1)
#define STP_BY_MIN STP_BY(MIN)
#define STP_BY_MIN_DESC (STP_BY(MIN) + 1)
#define STP_BY_MAX STP_BY(MAX)
#define STP_BY_MAX_DESC (STP_BY(MAX) + 1)
#define STP_BY_AVG STP_BY(AVG)
#define STP_BY_AVG_DESC (STP_BY(AVG) + 1)
#define STP_BY_VARIANCE STP_BY(VARIANCE)
#define STP_BY_VARIANCE_DESC (STP_BY(VARIANCE) + 1)

/**
 * struct stp_walk_options - How to walk.
 * @sort:   STP_BY_*.
 * @limit:  Visit at most so many entries; 0: all.
 * @remove: Remove each entry in the visit that shows it.
 */
struct stp_walk_options {
	u32 sort;
	u32 limit;
	bool remove;
};

/**
 * struct stp_walk - A walk under way.
 * @node:    Entry being visited, a copy; its value is merged.
 * @at:      Next of the @count references of the room.
 * @ahead:   Next copy of those that were made with the one before; @ahead_end: behind the last.
 * @step:    Bytes from one copy to the next.
 * @strings: Pool strings in use when the walk began; each step gives back those of the step before.
 */
struct stp_walk {
	struct stp_map *map;
	struct stp_map_room *room;
	struct stp_ctx *ctx;
	const struct stp_map_node *node;
	const u8 *ahead;
	const u8 *ahead_end;
	u32 at;
	u32 count;
	u32 step;
	u32 strings;
	bool remove;
};

/**
 * stp_walk_begin() - Begin a walk (M10).
 * @ctx: Context for stp_it_str(); may be NULL.
 *
 * Context: Any. The map's lock, of all its parts, is held while the order is made, not during the walk.
 * Bound:   entries * log2(limit) comparisons; in a per-CPU map, entries of all parts, each looked for in the parts before.
 * Return:  0; -STP_EBUDGET; -STP_EINVAL for an order that the map does not have; -STP_EBUSY if the map is held or has
 *          STP_MAP_WALKS_MAX walks (counted). A walk that did not begin visits nothing and needs no end.
 */
int stp_walk_begin(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options);

/* stp_walk_begin_paid() - The same within a call that has taken its action. */
int stp_walk_begin_paid(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options);

/**
 * stp_map_show() - A copy of one entry, merged, within a call that has taken its action; it takes a room of the map as a walk does.
 * @room: Out: the copy is room->shown, until stp_map_room_give().
 *
 * Return: 0; -STP_EINVAL if @key does not fit or the map has no histogram; -STP_EBUSY; -STP_ENOENT: no room is taken.
 */
int stp_map_show(struct stp_map *map, const struct stp_args *key, struct stp_map_room **room);

/* stp_map_room_give() - Give a room back. */
void stp_map_room_give(struct stp_map_room *room);

/* stp_walk_next_slowly() - Go to the next entry under the map's lock, and copy some ahead. Return: whether there is one. */
bool stp_walk_next_slowly(struct stp_walk *walk);

/* stp_walk_next() - Go to the next entry. Return: whether there is one. */
static inline bool stp_walk_next(struct stp_walk *walk)
{
	const struct stp_map_node *node = (const struct stp_map_node *)walk->ahead;

	/* Copies are as good as the entries while the part has not changed. Inside a probe this code stays on its CPU. */
	if (walk->ahead == walk->ahead_end || STP_READ(walk->map->parts->changes) != walk->room->changes || !stp_act(walk->ctx))
		return stp_walk_next_slowly(walk);
	walk->ahead += walk->step;
	walk->ctx->strings_used = walk->strings;
	walk->node = node;
	return true;
}

/* stp_walk_end() - End the walk; safe to call again. */
void stp_walk_end(struct stp_walk *walk);

static inline struct stp_walk *stp_walk_start(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	stp_walk_begin(walk, ctx, map, options);
	return walk;
}

/*
 * stp_foreach(&map, it, .sort = STP_BY_..., .limit = N, .remove = true) { ... } - Visit entries; `it` is for stp_it_*().
 * Uses the `ctx` of the probe body. break and return end the walk properly. Strings taken in the body live until its end.
 */
#define stp_foreach(m, it, ...) \
	for (struct stp_walk STP_PASTE(it, _walk) __attribute__((cleanup(stp_walk_end))), \
	     *it = stp_walk_start(&STP_PASTE(it, _walk), ctx, &(m)->map, (struct stp_walk_options){ __VA_ARGS__ }); \
	     stp_walk_next(it);)

/* stp_it_int64() - Value of the entry being visited; 0 if it is no int64. */
static inline s64 stp_it_int64(const struct stp_walk *it)
{
	return it->map->value_type == STP_INT64 ? (s64)it->node->word[0] : 0;
}

/* stp_it_stats() - Statistics of the entry being visited; only of a map of statistics. */
static inline const struct stp_stats *stp_it_stats(const struct stp_walk *it)
{
	return stp_map_node_stats(it->node);
}

/* stp_it_count(), stp_it_sum(), stp_it_min(), stp_it_max(), stp_it_avg() - One of those statistics; the sum as its low 64 bits (S2). */
static inline u64 stp_it_count(const struct stp_walk *it)
{
	return stp_it_stats(it)->count;
}

static inline s64 stp_it_sum(const struct stp_walk *it)
{
	return (s64)stp_it_stats(it)->sum[0];
}

static inline s64 stp_it_min(const struct stp_walk *it)
{
	return stp_stats_min(stp_it_stats(it));
}

static inline s64 stp_it_max(const struct stp_walk *it)
{
	return stp_stats_max(stp_it_stats(it));
}

static inline s64 stp_it_avg(const struct stp_walk *it)
{
	return stp_stats_avg(stp_it_stats(it));
}

/* stp_it_value_str() - String value of the entry being visited, as a pool string; "" if it is no string or none is free (counted). */
const char *stp_it_value_str(struct stp_walk *it);

/* stp_it_key_int64() - Key part @n (from 0); 0 if it is no int64. */
s64 stp_it_key_int64(const struct stp_walk *it, u32 n);

/* stp_it_str() - Key part @n (from 0) as a pool string; "" if it is no string or none is free (counted). */
const char *stp_it_str(struct stp_walk *it, u32 n);

#endif

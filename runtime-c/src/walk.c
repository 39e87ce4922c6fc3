// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Walks (M10): the order is made once, under the lock of all parts; each visit copies its entry under the lock.
 * Must never: visit an entry that was made after the walk began, leave a map held while the author's code runs, let that
 * code look at a node that may change.
 * Siblings: runtime-as/assembly/walk.ts, map.c, sort.c
 */
#include <stp/map.h>
#include <stp/sort.h>

static struct stp_map_room *take_room(struct stp_map *map)
{
	u32 i;

	for (i = 0; i < STP_MAP_WALKS_MAX; i++) {
		/* Pairs with stp_map_room_give(), which holds no lock. */
		if (!stp_load_acquire(&map->rooms[i].busy)) {
			STP_WRITE(map->rooms[i].busy, 1);
			return &map->rooms[i];
		}
	}
	return NULL;
}

/* M13: whether a part before @part has the entry, too, and gives it its place. */
static bool has_place_before(const struct stp_map *map, u32 part, const struct stp_map_node *node)
{
	u32 i;

	for (i = 0; i < part; i++)
		if (stp_map_find_same(map, &map->parts[i], node))
			return true;
	return false;
}

static bool is_in_order(const struct stp_sorting *by)
{
	return by->field == STP_SORT_FIELD_INSERTION && !by->descending;
}

/* References to all entries in insertion order, or to the first @limit if that is the order wanted. Return: how many. */
static STP_NOINLINE u32 collect(const struct stp_sorting *by, struct stp_map_room *room, u32 limit)
{
	const struct stp_map *map = by->map;
	bool in_order = is_in_order(by);
	u32 count = 0;
	u32 part;

	for (part = 0; part < map->parts_count; part++) {
		struct stp_map_node *node;

		room->before[part] = map->parts[part].order_next;
		for (node = map->parts[part].first; node && !(in_order && count == limit); node = node->next) {
			if (part && has_place_before(map, part, node))
				continue;
			room->refs[count].node = node;
			room->refs[count++].part = part;
		}
	}
	return count;
}

/* Sorts them as far as the limit. 128-bit sums are sorted by their lower words first, all of them. */
static void sort(struct stp_sorting *by, struct stp_map_room *room, u32 count, u32 limit)
{
	stp_sort_words(by, room, count);
	if (by->low) {
		stp_sort(by, room, count, ~0u);
		by->low = false;
		stp_sort_words(by, room, count);
	}
	stp_sort(by, room, count, limit);
}

/* @paid: The call has taken its action. */
static int begin(struct stp_walk *walk, struct stp_map *map, const struct stp_walk_options *options, bool paid)
{
	u32 limit = options->limit ? options->limit : ~0u;
	struct stp_sorting by;
	struct stp_map_call call;
	bool fits = stp_sorting_init(&by, map, options->sort);
	int error = paid ? stp_map_begin_paid(&call, map, fits, 0) : stp_map_begin_all(&call, map, fits, 0);

	if (error)
		return error;
	walk->room = take_room(map);
	if (!walk->room) {
		stp_map_give_all(map);
		return stp_map_refuse(call.ctx, call.flags, -STP_EBUSY);
	}
	walk->count = collect(&by, walk->room, limit);
	if (!is_in_order(&by))
		sort(&by, walk->room, walk->count, limit);
	if (walk->count > limit)
		walk->count = limit;
	stp_map_end_all(&call, map);
	return 0;
}

static void clear(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, bool remove)
{
	*walk = (struct stp_walk){ .map = map, .ctx = ctx, .step = map->node_size, .strings = ctx ? ctx->strings_used : 0, .remove = remove };
}

int stp_walk_begin(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	clear(walk, ctx, map, options.remove);
	return begin(walk, map, &options, false);
}

int stp_walk_begin_paid(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	clear(walk, ctx, map, options.remove);
	return begin(walk, map, &options, true);
}

static void copy_words(u64 *to, const u64 *from, u32 words)
{
	while (words--)
		*to++ = *from++;
}

/* Words of a node behind its links. */
static u32 node_words(const struct stp_map *map)
{
	return (map->node_size - sizeof(struct stp_map_node)) / sizeof(u64);
}

/* A copy of an entry as it is now, merged. */
static void show(const struct stp_map *map, struct stp_map_node *shown, const struct stp_map_node *node)
{
	shown->hash = node->hash;
	copy_words(shown->word, node->word, node_words(map));
	if (map->parts_count > 1)
		stp_map_merge(map, shown, node);
}

/* The first entry of a key, over all parts. */
static const struct stp_map_node *find_first(const struct stp_map *map, const struct stp_map_lookup *lookup)
{
	const struct stp_map_node *node = NULL;
	u32 i;

	for (i = 0; i < map->parts_count && !node; i++)
		node = stp_map_find(map, map->key_shape, map->key_at, &map->parts[i], lookup);
	return node;
}

void stp_map_room_give(struct stp_map_room *room)
{
	stp_store_release(&room->busy, 0); /* pairs with take_room() under the lock */
}

int stp_map_show(struct stp_map *map, const struct stp_args *key, struct stp_map_room **room)
{
	bool fits = key->shape == map->key_shape && !key->any && map->hist.kind != STP_HIST_KIND_NONE;
	struct stp_map_lookup lookup;
	const struct stp_map_node *node;
	struct stp_map_call call;
	int error;

	stp_map_prepare(map, map->key_shape, fits ? key->value : NULL, 0, &lookup);
	error = stp_map_begin_paid(&call, map, fits, lookup.cut);
	if (error)
		return error;
	*room = take_room(map);
	node = *room ? find_first(map, &lookup) : NULL;
	if (node)
		show(map, (*room)->shown, node);
	stp_map_give_all(map);
	if (!*room)
		return stp_map_refuse(call.ctx, call.flags, -STP_EBUSY);
	stp_irq_restore(call.flags);
	if (node)
		return 0;
	stp_map_room_give(*room);
	return -STP_ENOENT;
}

static void remove_everywhere(struct stp_map *map, const struct stp_map_node *shown)
{
	u32 i;

	for (i = 0; i < map->parts_count; i++) {
		struct stp_map_node *node = stp_map_find_same(map, &map->parts[i], shown);

		if (node)
			stp_map_remove(map, &map->parts[i], node);
	}
}

/* Whether the entry that a walk found is still there: free nodes and nodes made since have a higher number. */
static bool is_there(const struct stp_map_room *room, const struct stp_map_ref *ref)
{
	return ref->node->order < room->before[ref->part];
}

/* Copies of the entries behind the one that is shown, as long as they are there (see stp_walk_next()). */
static void look_ahead(struct stp_walk *walk)
{
	struct stp_map_room *room = walk->room;
	u32 size = walk->map->node_size, words = node_words(walk->map);
	const struct stp_map_ref *ref = &room->refs[walk->at];
	u32 left = walk->count - walk->at;
	u8 *to = (u8 *)room->shown + size;

	if (left > STP_MAP_AHEAD - 1)
		left = STP_MAP_AHEAD - 1;
	room->changes = walk->map->parts->changes;
	walk->ahead = to;
	for (; left && is_there(room, ref); left--, ref++, to += size)
		copy_words(((struct stp_map_node *)to)->word, ref->node->word, words);
	walk->ahead_end = to;
	walk->at = ref - room->refs;
}

/* Show the next entry that is still there. Return: whether there is one; a refusal is entered (M10). */
static bool show_next(struct stp_walk *walk)
{
	struct stp_map_room *room = walk->room;
	const struct stp_map_ref *ref;
	struct stp_map_call call;
	bool found = false;

	if (stp_map_begin_all(&call, walk->map, true, 0))
		return false;
	while (!found && walk->at < walk->count) {
		ref = &room->refs[walk->at++];
		found = is_there(room, ref);
	}
	if (found) {
		show(walk->map, room->shown, ref->node);
		if (walk->remove)
			remove_everywhere(walk->map, room->shown);
		else if (walk->ctx && walk->map->parts_count == 1)
			look_ahead(walk);
	}
	stp_map_end_all(&call, walk->map);
	return found;
}

bool stp_walk_next_slowly(struct stp_walk *walk)
{
	if (walk->ctx)
		walk->ctx->strings_used = walk->strings;
	/* What was copied and not visited is looked at again. */
	walk->at -= (walk->ahead_end - walk->ahead) / walk->map->node_size;
	walk->ahead = walk->ahead_end = NULL;
	if (walk->at == walk->count || !show_next(walk)) {
		stp_walk_end(walk);
		return false;
	}
	walk->node = walk->room->shown;
	return true;
}

void stp_walk_end(struct stp_walk *walk)
{
	if (walk->room)
		stp_map_room_give(walk->room);
	walk->room = NULL;
	walk->ahead = walk->ahead_end = NULL;
	walk->at = walk->count = 0;
}

s64 stp_it_key_int64(const struct stp_walk *it, u32 n)
{
	if (n >= stp_map_key_parts(it->map) || stp_map_part_is_string(it->map, n))
		return 0;
	return *stp_map_node_part(it->map, it->node, n);
}

/* A string of the entry being visited, given as length and bytes. */
static const char *show_string(struct stp_walk *it, const u64 *words)
{
	char *string = it->ctx ? stp_string_take(it->ctx) : NULL;

	if (!string)
		return "";
	memcpy(string, words + 1, words[0]);
	string[words[0]] = 0;
	return string;
}

const char *stp_it_str(struct stp_walk *it, u32 n)
{
	if (n >= stp_map_key_parts(it->map) || !stp_map_part_is_string(it->map, n))
		return "";
	return show_string(it, stp_map_node_part(it->map, it->node, n));
}

const char *stp_it_value_str(struct stp_walk *it)
{
	return it->map->value_type == STP_VALUE_STRING ? show_string(it, it->node->word) : "";
}

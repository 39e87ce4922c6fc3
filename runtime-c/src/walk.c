// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Walks (M10): the order is made once under the map's lock, by a bounded heap; each visit copies its entry under the lock.
 * Must never: visit an entry that was made after the walk began, leave a map held while the author's code runs, let that
 * code look at a node that may change.
 * Siblings: runtime-as/assembly/map.ts, map.c
 */
#include <stp/ledger.h>
#include <stp/map.h>
#include <stp/string.h>

/* How a walk compares: part of the key, or the value. */
struct sorting {
	const struct stp_map *map;
	u32 part; /* VALUE, or a part's number */
	bool descending;
};

#define VALUE STP_KEY_PARTS_MAX

static int compare_int(s64 a, s64 b)
{
	return a < b ? -1 : a > b;
}

static int compare_string(const u64 *a, const u64 *b)
{
	u64 common = *a < *b ? *a : *b;
	int first = memcmp(a + 1, b + 1, common);

	return first ? first : compare_int(*a, *b);
}

/* Whether node @a is visited before node @b; never equal, for ties keep insertion order. */
static bool before(const struct sorting *by, u32 a, u32 b)
{
	const struct stp_map_node *left = stp_map_node_at(by->map, a);
	const struct stp_map_node *right = stp_map_node_at(by->map, b);
	int order;

	if (by->part == VALUE)
		order = compare_int(left->value, right->value);
	else if (stp_map_part_is_string(by->map, by->part))
		order = compare_string(stp_map_node_part(by->map, left, by->part), stp_map_node_part(by->map, right, by->part));
	else
		order = compare_int(*stp_map_node_part(by->map, left, by->part), *stp_map_node_part(by->map, right, by->part));
	if (!order)
		return left->order < right->order;
	return by->descending ? order > 0 : order < 0;
}

/* Let heap[@at] sink until none below it is visited later: the top is the last to be visited. */
static void sink(const struct sorting *by, u32 *heap, u32 count, u32 at)
{
	u32 moving = heap[at];

	for (;;) {
		u32 child = 2 * at + 1;

		if (child >= count)
			break;
		if (child + 1 < count && before(by, heap[child], heap[child + 1]))
			child++;
		if (!before(by, moving, heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moving;
}

/* The first @limit nodes of the order into @out; gives how many. */
static u32 choose(const struct sorting *by, u32 *out, u32 limit)
{
	const struct stp_map *map = by->map;
	u32 count = 0;
	u32 index, i;

	for (index = map->first; index; index = stp_map_node_at(map, index)->next) {
		if (count < limit) {
			out[count++] = index;
			if (count == limit)
				for (i = count / 2; i-- > 0;)
					sink(by, out, count, i);
		} else if (before(by, index, out[0])) {
			out[0] = index;
			sink(by, out, count, 0);
		}
	}
	if (count < limit)
		for (i = count / 2; i-- > 0;)
			sink(by, out, count, i);
	for (i = count; i-- > 1;) {
		u32 last = out[0];

		out[0] = out[i];
		out[i] = last;
		sink(by, out, i, 0);
	}
	return count;
}

static u32 copy_in_order(const struct stp_map *map, u32 *out, u32 limit)
{
	u32 count = 0;
	u32 index;

	for (index = map->first; index && count < limit; index = stp_map_node_at(map, index)->next)
		out[count++] = index;
	return count;
}

static struct stp_map_order *take_order(struct stp_map *map)
{
	u32 i;

	for (i = 0; i < STP_MAP_WALKS_MAX; i++) {
		/* Pairs with stp_walk_end(), which holds no lock. */
		if (!stp_load_acquire(&map->orders[i].busy)) {
			STP_WRITE(map->orders[i].busy, 1);
			return &map->orders[i];
		}
	}
	return NULL;
}

static int refuse_busy(void)
{
	struct stp_ledger *row;

	stp_preempt_disable();
	row = stp_current_row();
	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);
	stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_BUSY);
	stp_preempt_enable();
	return -STP_EBUSY;
}

/* Return: whether @sort is an order that @map has. */
static bool read_sort(const struct stp_map *map, u32 sort, struct sorting *by)
{
	*by = (struct sorting){ .map = map, .part = VALUE };
	switch (sort) {
	case STP_SORT_VALUE_DESC:
		by->descending = true;
		return true;
	case STP_SORT_INSERTION:
	case STP_SORT_VALUE_ASC:
		return true;
	default:
		if (sort > STP_SORT_KEY2_DESC)
			return false;
		by->part = (sort - STP_SORT_KEY1_ASC) / 2;
		by->descending = (sort - STP_SORT_KEY1_ASC) % 2;
		return by->part < stp_map_key_parts(map);
	}
}

int stp_walk_begin(struct stp_walk *walk, struct stp_ctx *ctx, struct stp_map *map, struct stp_walk_options options)
{
	u32 limit = options.limit && options.limit < map->entries_max ? options.limit : map->entries_max;
	struct sorting by;
	unsigned long flags;

	*walk = (struct stp_walk){ .map = map, .ctx = ctx, .strings = ctx ? ctx->strings_used : 0 };
	if (!read_sort(map, options.sort, &by))
		return -STP_EINVAL;
	if (stp_map_lock(map, &flags))
		return refuse_busy();
	walk->order = take_order(map);
	if (walk->order) {
		walk->made_before = map->order_next;
		walk->count = options.sort == STP_SORT_INSERTION ? copy_in_order(map, walk->order->node, limit) :
								   choose(&by, walk->order->node, limit);
	}
	stp_map_unlock(map, flags);
	return walk->order ? 0 : refuse_busy();
}

/* Copy the next entry that is still there. Return: -STP_ENOENT if there is none; -STP_EBUSY (M6). */
static int show_next(struct stp_walk *walk)
{
	struct stp_map_node *node;
	int result = -STP_ENOENT;
	unsigned long flags;

	if (stp_map_lock(walk->map, &flags))
		return -STP_EBUSY;
	while (result && walk->next < walk->count) {
		node = stp_map_node_at(walk->map, walk->order->node[walk->next++]);
		/* Free nodes and nodes made since have a higher number (M10). */
		if (node->order < walk->made_before) {
			memcpy(walk->order->shown, node, walk->map->node_size);
			result = 0;
		}
	}
	stp_map_unlock(walk->map, flags);
	return result;
}

bool stp_walk_next(struct stp_walk *walk)
{
	int result = -STP_ENOENT;

	if (walk->ctx)
		walk->ctx->strings_used = walk->strings;
	if (walk->next < walk->count)
		result = show_next(walk);
	if (result == -STP_EBUSY)
		refuse_busy(); /* M10: the walk ends there */
	if (result) {
		stp_walk_end(walk);
		return false;
	}
	walk->node = walk->order->shown;
	walk->value = walk->node->value;
	return true;
}

void stp_walk_end(struct stp_walk *walk)
{
	if (walk->order)
		stp_store_release(&walk->order->busy, 0); /* pairs with take_order() under the lock */
	walk->order = NULL;
	walk->count = 0;
}

s64 stp_it_key_int64(const struct stp_walk *it, u32 n)
{
	if (n >= stp_map_key_parts(it->map) || stp_map_part_is_string(it->map, n))
		return 0;
	return *stp_map_node_part(it->map, it->node, n);
}

const char *stp_it_str(struct stp_walk *it, u32 n)
{
	char *string;

	if (n >= stp_map_key_parts(it->map) || !stp_map_part_is_string(it->map, n) || !it->ctx)
		return "";
	string = stp_string_take(it->ctx);
	if (!string)
		return "";
	memcpy(string, stp_map_node_part(it->map, it->node, n) + 1, it->map->string_size);
	return string;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Sorting what a walk will visit: stable, bounded, without recursion, and no further than the limit of the walk. */
#ifndef STP_SORT_H
#define STP_SORT_H

#include <stp/map_core.h>

/**
 * struct stp_sorting - An order of entries (M10).
 * @field:      STP_SORT_FIELD_*.
 * @descending: Greatest first; ties keep their order all the same.
 * @closer:     Entries of equal words may still differ.
 * @low:        By the lower words of 128-bit sums, which is sorted before their upper ones.
 */
struct stp_sorting {
	const struct stp_map *map;
	u32 field;
	bool descending;
	bool closer;
	bool low;
};

/**
 * stp_sorting_init() - The order of a number of SORTS.
 *
 * Return: Whether the map has it.
 */
bool stp_sorting_init(struct stp_sorting *by, const struct stp_map *map, u32 sort);

/* stp_sort_words() - What the @count references of @room are sorted by; they stand in insertion order. The map is held. */
void stp_sort_words(const struct stp_sorting *by, struct stp_map_room *room, u32 count);

/**
 * stp_sort() - Sort @count references of @room, as far as @limit; those are room->refs then.
 *
 * Bound: count * log2(limit) comparisons.
 */
void stp_sort(const struct stp_sorting *by, struct stp_map_room *room, u32 count, u32 limit);

/* stp_map_merge() - The value of an entry over all parts into @to, a node of the same map (M13). The map is held. */
void stp_map_merge(const struct stp_map *map, struct stp_map_node *to, const struct stp_map_node *node);

#endif

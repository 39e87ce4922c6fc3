// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory schemes: where a map's memory comes from. Each is two functions that are called in task context only.
 * Must never: be called in a probe; give memory that is not zeroed.
 * Siblings: map_init.c; docs/memory-schemes.md shows how to write another
 */
#include <stp/map.h>
#include <stp/session.h>

#define ALIGN_BYTES 64 /* a cache line: parts of different CPUs share none */

static void *take_allocated(struct stp_map *map, size_t size)
{
	(void)map;
	return stp_alloc(size);
}

static void give_allocated(struct stp_map *map, void *memory)
{
	(void)map;
	stp_free(memory);
}

/* All at init; the default. */
const struct stp_scheme stp_scheme_preallocated = {
	.name = "preallocated",
	.take = take_allocated,
	.give = give_allocated,
};

/* A reserve at init, more of it outside of probes, up to entries_max. Calls that find it empty are refused as if the map were full. */
const struct stp_scheme stp_scheme_reserve = {
	.name = "reserve",
	.take = take_allocated,
	.give = give_allocated,
	.refills = true,
};

/* Pieces of an array that the program has: nothing is allocated at all. */
static void *take_static(struct stp_map *map, size_t size)
{
	uintptr_t array = (uintptr_t)map->memory;
	size_t begin = ((array + map->memory_used + ALIGN_BYTES - 1) & ~(uintptr_t)(ALIGN_BYTES - 1)) - array; /* the array may begin anywhere */
	void *memory = (u8 *)map->memory + begin;

	map->memory_used = begin + size;
	if (map->memory_used > map->memory_size) {
		stp_log("map %s: %d bytes of .memory are too few; it needs %d so far\n", map->name, map->memory_size, map->memory_used);
		return NULL;
	}
	memset(memory, 0, size);
	return memory;
}

static void give_static(struct stp_map *map, void *memory)
{
	(void)map;
	(void)memory;
}

const struct stp_scheme stp_scheme_static = {
	.name = "static",
	.take = take_static,
	.give = give_static,
};

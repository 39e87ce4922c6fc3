// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Calls on maps as a program makes them: with the map's types as constants, so that they are inlined (map_core.h).
 * In the sandbox it is instrumented, like a program.
 * Sibling: runtime-as/assembly/map.ts
 */
#include <replay/replay.h>

static bool fits(const struct stp_map *map, const struct stp_args *key, u32 value_type)
{
	return key->shape == map->key_shape && map->value_type == value_type;
}

int stp_replay_add(struct stp_map *map, const struct stp_args *key, s64 delta)
{
	if (!fits(map, key, STP_VALUE_INT64))
		return stp_map_add_args(map, key, delta); /* which refuses it; a program would not be compiled */
	switch (map->key_shape) {
	case STP_SHAPE(1, 0):
		return stp_map_add_typed(map, STP_SHAPE(1, 0), key->value, delta);
	case STP_SHAPE(1, 1):
		return stp_map_add_typed(map, STP_SHAPE(1, 1), key->value, delta);
	case STP_SHAPE(2, 0):
		return stp_map_add_typed(map, STP_SHAPE(2, 0), key->value, delta);
	default:
		return stp_map_add_args(map, key, delta);
	}
}

int stp_replay_stat_add(struct stp_map *map, const struct stp_args *key, s64 sample)
{
	if (!fits(map, key, STP_VALUE_STATS))
		return stp_map_stat_add_args(map, key, sample);
	switch (map->key_shape) {
	case STP_SHAPE(0, 0):
		return stp_map_stat_add_typed(map, STP_SHAPE(0, 0), key->value, sample);
	case STP_SHAPE(1, 1):
		return stp_map_stat_add_typed(map, STP_SHAPE(1, 1), key->value, sample);
	default:
		return stp_map_stat_add_args(map, key, sample);
	}
}

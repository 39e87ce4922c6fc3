// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_hold and map_release (M6): a map's lock, taken as a call takes it and kept.
 * In the sandbox it is instrumented, like src/: what it does to the lock, others meet.
 * Sibling: runtime-as/assembly/map.ts
 */
#include <replay/replay.h>

/* The parts that a hold of a CPU is about (M13). */
static struct stp_map_part *held_parts(const struct stp_map *map, u32 cpu, u32 *count)
{
	*count = stp_map_per_level(map->key_shape, map->per_cpu) ? STP_CONTEXTS : 1;
	return &map->parts[map->per_cpu ? cpu * *count : 0];
}

int stp_replay_hold(struct stp_map *map, u32 cpu)
{
	u32 count, i;
	struct stp_map_part *parts = held_parts(map, cpu, &count);
	unsigned long flags = stp_irq_save();
	int error = 0;

	for (i = 0; i < count && !error; i++)
		if (!stp_map_take(&parts[i], stp_this_ctx()))
			error = -STP_EBUSY;
	if (error)
		for (i--; i-- > 0;)
			stp_map_give(&parts[i]);
	stp_irq_restore(flags);
	return error;
}

int stp_replay_release(struct stp_map *map, u32 cpu)
{
	u32 count, i;
	struct stp_map_part *parts = held_parts(map, cpu, &count);
	unsigned long flags;

	if (STP_READ(parts->owner) != cpu + 1)
		return -STP_ESTATE;
	flags = stp_irq_save();
	for (i = 0; i < count; i++)
		stp_map_give(&parts[i]);
	stp_irq_restore(flags);
	return 0;
}

#include <stp/stp.h>
#include <stp/session.h>

#define POOL_SIZE (64 * 1024) /* bytes, for all maps of the scheme together */
#define PIECE_SIZE 64         /* bytes; every piece begins at a multiple of it */

static struct {
	u8 memory[POOL_SIZE] __attribute__((aligned(PIECE_SIZE)));
	size_t used;
	u32 pieces; /* taken and not yet given back */
} pool;

static void *take_from_pool(struct stp_map *map, size_t size)
{
	size_t left = POOL_SIZE - pool.used;
	size_t pieces = size / PIECE_SIZE + (size % PIECE_SIZE != 0);
	void *memory = pool.memory + pool.used;

	if (pieces > left / PIECE_SIZE) {
		stp_log("map %s: it asks for %d bytes more, and the pool has %d of %d left\n", map->name, size, left, POOL_SIZE);
		return NULL;
	}
	memset(memory, 0, size);
	pool.used += pieces * PIECE_SIZE;
	pool.pieces++;
	return memory;
}

static void give_to_pool(struct stp_map *map, void *memory)
{
	(void)map;
	if (memory && --pool.pieces == 0)
		pool.used = 0;
}

static const struct stp_scheme pool_scheme = {
	.name = "pool",
	.take = take_from_pool,
	.give = give_to_pool,
};

STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 128, .string_size = 16, .scheme = &pool_scheme);
STP_MAP(users, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 64, .scheme = &pool_scheme);

STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
	stp_map_add(&users, STP_KEY(stp_uid(ctx)), 1);
}

STP_PROBE(end)
{
	stp_print_map(ctx, &opens, .sort = STP_BY_VALUE_DESC);
	stp_print_map(ctx, &users);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Replay: a session, batches, and the call of each operation (O2-O5).
 * Must never: help the runtime, or know what it ought to return.
 * Siblings: decode.c reads the operations, value.c makes those on values; runtime-as/assembly/replay.ts
 */
#include <stp/error.h>
#include <stp/print.h>
#include <stp/wire.h>

#include <replay/replay.h>

#define STP_REPLAY_MAP(map, keys, value, ...) STP_MAP(map, keys, value, ##__VA_ARGS__);
STP_REPLAY_MAPS
#undef STP_REPLAY_MAP

#define STP_REPLAY_MAP(map_, keys, value, ...) &map_.map,
static struct stp_map *const replay_maps[] = { STP_REPLAY_MAPS };

static struct stp_probe replay_probe[STP_REPLAY_PROBES];
static struct stp_probe *replay_probes[STP_REPLAY_PROBES];

static struct stp_dump rolling;
static u64 operations_made;
static u8 *ring_memory[STP_REPLAY_CPUS];

#define MAPS_COUNT (sizeof(replay_maps) / sizeof(*replay_maps))

static struct stp_map *map_of(const struct stp_replay_room *op)
{
	return replay_maps[op->head.target];
}

static s64 probe_enter(struct stp_replay_room *op)
{
	struct stp_ctx *ctx = stp_probe_enter(&replay_probe[op->head.target], op->head.context);

	if (!ctx)
		return -STP_ENESTED;
	/* Between operations a replay may be moved; what stays on the CPU is in its contexts. */
	if (!op->stays)
		stp_preempt_enable();
	return 0;
}

struct stp_ctx *stp_replay_innermost(void)
{
	struct stp_ctx *ctx;

	stp_preempt_disable();
	ctx = stp_current_ctx();
	stp_preempt_enable();
	return ctx;
}

static s64 probe_exit(struct stp_replay_room *op)
{
	struct stp_ctx *ctx = stp_replay_innermost();

	if (!ctx)
		return -STP_ESTATE;
	if (!op->stays)
		stp_preempt_disable(); /* for the one in probe_enter() */
	stp_probe_exit(ctx);
	return 0;
}

static void between_steps(struct stp_replay_room *op)
{
	if (op->between)
		op->between(op);
}

static s64 map_get(struct stp_replay_room *op)
{
	struct stp_map *map = map_of(op);
	struct stp_stats stats;
	s64 value;
	int error;

	if (map->value_type == STP_STATS) {
		error = stp_map_read_stats(map, &op->args, &stats, op->buckets);
		if (!error)
			stp_dump_stats(&op->outputs, &stats, op->buckets, map->hist.buckets);
	} else if (map->value_type == STP_STR) {
		error = stp_map_read_string(map, &op->args, op->string);
		if (!error)
			stp_dump_string(&op->outputs, op->string, strnlen(op->string, sizeof(op->string)));
	} else {
		error = stp_map_read(map, &op->args, &value);
		if (!error)
			stp_dump_word(&op->outputs, value);
	}
	return error;
}

/* The arguments with the value as their mask of wildcards; one that has more than 32 bits is none of any map. */
static const struct stp_args *any_slice(struct stp_replay_room *op)
{
	op->args.any = (u64)op->head.value >> 32 ? ~0u : op->head.value;
	return &op->args;
}

/* Order, limit and removal from the value; a negative one gives an order that is none. */
static struct stp_walk_options options_of(const struct stp_replay_room *op)
{
	u64 limit = (u64)op->head.value >> 7;

	return (struct stp_walk_options){
		.sort = op->head.value < 0 ? ~0u : op->head.value & 63,
		.limit = limit > 0xffffffff ? 0xffffffff : limit,
		.remove = op->head.value & 64,
	};
}

static s64 map_walk(struct stp_replay_room *op)
{
	struct stp_walk walk;
	s64 count = 0;
	int error = stp_walk_begin(&walk, stp_replay_innermost(), map_of(op), options_of(op));

	if (error)
		return error;
	for (between_steps(op); stp_walk_next(&walk); between_steps(op)) {
		stp_dump_entry(&op->outputs, walk.map, walk.node);
		count++;
	}
	return count;
}

static s64 catch_error(struct stp_replay_room *op)
{
	const char *message;
	int result = stp_catch(stp_replay_innermost(), &message);

	if (result == 1)
		stp_dump_string(&op->outputs, message, strnlen(message, STP_ERROR_SIZE_MAX));
	return result;
}

static s64 ring_read(struct stp_replay_room *op)
{
	struct stp_ring *ring = &stp_session.cpu[op->head.cpu].ring;
	unsigned long at = ring->tail;
	s64 count;

	for (count = 0; count < op->head.value; count++) {
		if (count)
			between_steps(op);
		if (stp_ring_readable(ring) == at - ring->tail)
			break;
		at = stp_dump_record(&op->outputs, ring, at);
		if (!ring->overwritten) /* T6 */
			stp_ring_consume(ring, at - ring->tail);
	}
	return count;
}

static s64 make_map_call(struct stp_replay_room *op)
{
	struct stp_map *map = map_of(op);

	switch (op->head.code) {
	case STP_OP_MAP_ADD:
		return stp_replay_add(map, &op->args, op->head.value);
	case STP_OP_MAP_SET:
		return stp_map_set_args(map, &op->args, op->head.value);
	case STP_OP_MAP_GET:
		return map_get(op);
	case STP_OP_MAP_CONTAINS:
		return stp_map_contains_args(map, any_slice(op));
	case STP_OP_MAP_DEL:
		return stp_map_del_args(map, &op->args);
	case STP_OP_MAP_WALK:
		return map_walk(op);
	case STP_OP_MAP_CLEAR:
		return stp_map_clear_all(map);
	case STP_OP_MAP_SIZE:
		return stp_map_entries(map);
	case STP_OP_MAP_HOLD:
		return stp_replay_hold(map, op->head.cpu);
	case STP_OP_MAP_RELEASE:
		return stp_replay_release(map, op->head.cpu);
	case STP_OP_MAP_SET_STRING:
		return stp_map_set_string_args(map, &op->args, op->text);
	case STP_OP_MAP_APPEND:
		return stp_map_append_args(map, &op->args, op->text);
	case STP_OP_MAP_STAT_ADD:
		return stp_replay_stat_add(map, &op->args, op->head.value);
	case STP_OP_MAP_PUSH:
		return stp_map_push_value(map, op->head.value);
	case STP_OP_MAP_PUSH_STRING:
		return stp_map_push_text(map, op->text);
	default: /* del_slice */
		return stp_map_del_slice_args(map, any_slice(op));
	}
}

static bool is_map_call(const struct stp_replay_room *op)
{
	return op->head.code >= STP_OP_MAP_ADD && op->head.code <= STP_OP_MAP_DEL_SLICE;
}

static bool has_map(const struct stp_replay_room *op)
{
	return is_map_call(op) || op->head.code == STP_OP_PRINT_MAP || op->head.code == STP_OP_PRINT_HIST;
}

static s64 make_call(struct stp_replay_room *op)
{
	if (is_map_call(op))
		return make_map_call(op);
	switch (op->head.code) {
	case STP_OP_PROBE_ENTER:
		return probe_enter(op);
	case STP_OP_PROBE_EXIT:
		return probe_exit(op);
	case STP_OP_RAISE:
		return stp_raise_args(stp_replay_innermost(), op->text, &op->args);
	case STP_OP_CATCH:
		return catch_error(op);
	case STP_OP_PRINT_PRINTF:
		return stp_printf_args(stp_replay_innermost(), op->text, &op->args);
	case STP_OP_PRINT_FLUSH:
		return stp_print_flush(stp_replay_innermost());
	case STP_OP_PRINT_MAP:
		return stp_print_map_options(stp_replay_innermost(), map_of(op), options_of(op));
	case STP_OP_PRINT_HIST:
		return stp_print_hist_args(stp_replay_innermost(), map_of(op), &op->args);
	case STP_OP_RING_READ:
		return ring_read(op);
	default:
		return stp_replay_value(op); /* div, mod, str_... */
	}
}

static bool target_is_known(const struct stp_replay_room *op)
{
	if (has_map(op))
		return op->head.target < MAPS_COUNT;
	return op->head.code != STP_OP_PROBE_ENTER || op->head.target < STP_REPLAY_PROBES;
}

static bool context_is_known(const struct stp_replay_room *op)
{
	return op->head.code != STP_OP_PROBE_ENTER || op->head.context < STP_CONTEXTS;
}

static bool code_is_known(const struct stp_replay_room *op)
{
	switch (op->head.code) {
	case STP_OP_PROBE_ENTER ... STP_OP_MOD:
	case STP_OP_MAP_ADD ... STP_OP_MAP_DEL_SLICE:
	case STP_OP_STR_PRINTF ... STP_OP_STR_NUMBER:
	case STP_OP_PRINT_PRINTF ... STP_OP_PRINT_HIST:
	case STP_OP_RING_READ:
		return true;
	default:
		return false;
	}
}

/* The ledger row to which X3 attributes the call. */
static u32 row_of(const struct stp_replay_room *op)
{
	const struct stp_ctx *ctx = stp_session.cpu[op->head.cpu].current_ctx;

	if (op->head.code == STP_OP_PROBE_ENTER)
		return op->head.target;
	return stp_outside(ctx) ? STP_REPLAY_PROBES : ctx->probe->index;
}

s64 stp_replay_make(struct stp_replay_room *op)
{
	op->outputs = (struct stp_dump){ .out = op->output, .words_max = STP_REPLAY_OUTPUTS_MAX };
	op->accepted = op->head.cpu < STP_REPLAY_CPUS && code_is_known(op) && target_is_known(op) && context_is_known(op);
	if (!op->accepted)
		return -STP_EINVAL;
	if (!op->stays)
		stp_replay_move(op->head.cpu);
	op->row = row_of(op);
	return make_call(op);
}

/* Result, outputs and the touched state into the digest (O4). */
static void absorb(const struct stp_replay_room *op, s64 result)
{
	u32 i;

	stp_dump_word(&rolling, result);
	for (i = 0; i < op->outputs.words && i < STP_REPLAY_OUTPUTS_MAX; i++)
		stp_dump_word(&rolling, op->output[i]);
	if (has_map(op) && target_is_known(op))
		stp_dump_map(&rolling, map_of(op));
	if (!is_map_call(op) && op->head.cpu < STP_REPLAY_CPUS) {
		stp_dump_cpu(&rolling, &stp_session.cpu[op->head.cpu]);
		stp_dump_ring(&rolling, &stp_session.cpu[op->head.cpu].ring);
	}
	if (op->accepted)
		stp_dump_row(&rolling, op->head.cpu, op->row);
}

int stp_replay_begin(struct stp_replay_batch *batch, const u8 *bytes, u32 size, struct stp_op_result *results)
{
	struct stp_batch_header header;

	if (size < sizeof(header))
		return -STP_EINVAL;
	memcpy(&header, bytes, sizeof(header));
	if (stp_wire32(header.protocol_version) != STP_PROTOCOL_VERSION || stp_wire32(header.cpus) != STP_REPLAY_CPUS)
		return -STP_EINVAL;
	*batch = (struct stp_replay_batch){
		.at = bytes + sizeof(header),
		.end = bytes + size,
		.operations = stp_wire32(header.operations),
		.full_every = stp_wire32(header.full_every),
		.results = results,
	};
	return 0;
}

/* By the port's division: not all machines have one of 64 bits. */
static bool is_multiple(u64 number, u32 of)
{
	return !stp_divide(&number, of);
}

int stp_replay_next(struct stp_replay_batch *batch)
{
	static struct stp_replay_room op; /* too large for a kernel stack */
	struct stp_op_result *result = &batch->results[batch->made];
	u32 size = stp_replay_decode(batch->at, batch->end, &op);
	s64 returned;

	if (!size)
		return -STP_EINVAL;
	batch->at += size;
	returned = stp_replay_make(&op);
	absorb(&op, returned);
	if (batch->full_every && is_multiple(++operations_made, batch->full_every))
		stp_dump_all(&rolling);
	result->result = stp_wire64(returned);
	result->digest = stp_wire64(rolling.digest);
	batch->made++;
	return 0;
}

int stp_replay_run(const u8 *bytes, u32 size, struct stp_op_result *results)
{
	struct stp_replay_batch batch;
	int error = stp_replay_begin(&batch, bytes, size, results);

	while (!error && batch.made < batch.operations)
		error = stp_replay_next(&batch);
	return error ? error : batch.made;
}

u32 stp_replay_dump(void *out, u32 size_max)
{
	struct stp_dump dump = { .out = out, .words_max = size_max / sizeof(u64) };
	u32 i;

	stp_dump_all(&dump);
	for (i = 0; i < dump.words && i < dump.words_max; i++)
		dump.out[i] = stp_wire64(dump.out[i]);
	return dump.words * sizeof(u64);
}

static int give_rings(void)
{
	u32 i;

	for (i = 0; i < STP_REPLAY_CPUS; i++) {
		ring_memory[i] = stp_alloc(STP_REPLAY_RING_SIZE);
		if (!ring_memory[i])
			return -STP_ENOMEM;
		if (stp_session_set_ring(i, ring_memory[i], STP_REPLAY_RING_SIZE))
			return -STP_EINVAL;
	}
	if (STP_REPLAY_OVERWRITING_CPU < STP_REPLAY_CPUS)
		stp_session.cpu[STP_REPLAY_OVERWRITING_CPU].ring.overwritten = stp_session.cpu[STP_REPLAY_OVERWRITING_CPU].rows;
	return 0;
}

int stp_replay_init(void)
{
	struct stp_config config = {
		.cpus = STP_REPLAY_CPUS,
		.print_size = STP_REPLAY_PRINT_SIZE,
		.strings = STP_REPLAY_STRINGS,
		.actions = STP_REPLAY_ACTIONS,
		.actions_ends = STP_REPLAY_ACTIONS,
		.time_us = STP_UNLIMITED,
		.overload_percent = STP_UNLIMITED,
		.errors = STP_UNLIMITED,
	};
	struct stp_program program = {
		.probes = replay_probes,
		.probes_count = STP_REPLAY_PROBES,
		.maps = replay_maps,
		.maps_count = MAPS_COUNT,
	};
	int error;
	u32 i;

	stp_replay_fini();
	for (i = 0; i < STP_REPLAY_PROBES; i++) {
		replay_probe[i] = (struct stp_probe){ .provider = &stp_provider_begin, .target = "" };
		replay_probes[i] = &replay_probe[i];
	}
	rolling = (struct stp_dump){ .digest = 0 };
	operations_made = 0;
	error = stp_session_init(&program, &config);
	if (!error)
		error = give_rings();
	if (error)
		stp_replay_fini();
	return error;
}

void stp_replay_fini(void)
{
	u32 i;

	stp_session_fini();
	for (i = 0; i < STP_REPLAY_CPUS; i++) {
		stp_free(ring_memory[i]);
		ring_memory[i] = NULL;
	}
}

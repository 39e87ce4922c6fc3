// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The session: takes all memory, attaches, runs begin and end probes, gives everything back.
 * Must never: leave anything behind after a failure, run a probe after its stop.
 */
#include <stp/look.h>
#include <stp/session.h>

struct stp_session stp_session;
#ifndef STP_PORT_THIS_CPU
struct stp_cpu *stp_cpus;
#endif

static void free_cpu(struct stp_cpu *cpu)
{
	u32 level;

	for (level = 0; level < STP_CONTEXTS; level++) {
		stp_free(cpu->ctx[level].strings);
		stp_free(cpu->ctx[level].print);
		stp_free(cpu->ctx[level].event);
	}
	stp_free(cpu->rows);
}

static int init_cpu(struct stp_cpu *cpu, u32 index)
{
	const struct stp_config *config = &stp_session.config;
	u32 rows = stp_session.program.probes_count + 1;
	bool complete;
	u32 level;

	cpu->index = index;
	cpu->lock_id = index + 1;
	cpu->rows = stp_alloc(rows * sizeof(*cpu->rows));
	complete = cpu->rows;
	stp_owned_by(cpu->rows, rows * sizeof(*cpu->rows), index);
	stp_owned_by(cpu->ctx, sizeof(cpu->ctx), index);
	cpu->none = (struct stp_ctx){
		.cpu = cpu, .row = cpu->rows + rows - 1, .level = STP_CONTEXTS, .slot = index * STP_CONTEXTS, .actions = STP_ACTIONS_ENDLESS,
	};
	cpu->current_ctx = &cpu->none;
	for (level = 0; level < STP_CONTEXTS; level++) {
		struct stp_ctx *ctx = &cpu->ctx[level];

		ctx->cpu = cpu;
		ctx->level = level;
		ctx->slot = index * STP_CONTEXTS + level;
		ctx->row = cpu->rows + rows - 1;
		ctx->strings = stp_alloc((size_t)config->strings * STP_STRING_SIZE_MAX);
		ctx->print = stp_alloc(config->print_size);
		stp_owned_by(ctx->strings, (size_t)config->strings * STP_STRING_SIZE_MAX, index);
		stp_owned_by(ctx->print, config->print_size, index);
		complete = complete && ctx->strings && ctx->print;
		if (!config->record)
			continue;
		ctx->event = stp_alloc(sizeof(*ctx->event) + STP_LOOKS_SIZE_MAX);
		stp_owned_by(ctx->event, sizeof(*ctx->event) + STP_LOOKS_SIZE_MAX, index);
		complete = complete && ctx->event;
	}
	return complete ? 0 : -STP_ENOMEM;
}

static int init_cpus(void)
{
	u32 i;

	stp_session.cpu = stp_alloc(stp_session.config.cpus * sizeof(*stp_session.cpu));
	if (!stp_session.cpu)
		return -STP_ENOMEM;
	for (i = 0; i < stp_session.config.cpus; i++)
		if (init_cpu(&stp_session.cpu[i], i))
			return -STP_ENOMEM;
	stp_port_set_cpus(stp_session.cpu, stp_session.config.cpus);
	return 0;
}

static void free_cpus(void)
{
	u32 i;

	if (!stp_session.cpu)
		return;
	for (i = 0; i < stp_session.config.cpus; i++)
		free_cpu(&stp_session.cpu[i]);
	stp_port_set_cpus(NULL, 0);
	stp_free(stp_session.cpu);
	stp_session.cpu = NULL;
}

static int init_maps(void)
{
	u32 i;

	for (i = 0; i < stp_session.program.maps_count; i++) {
		struct stp_map *map = stp_session.program.maps[i];
		int error;

		map->index = i;
		error = stp_map_init(map);
		if (error == -STP_ENOMEM)
			stp_log("map %s: no memory for %d entries on %d CPUs; lower entries_max or string_size\n", map->name, map->entries_max,
				map->per_cpu ? stp_session.config.cpus : 1);
		if (error)
			return error;
	}
	return 0;
}

static void free_maps(void)
{
	u32 i;

	for (i = 0; i < stp_session.program.maps_count; i++)
		stp_map_fini(stp_session.program.maps[i]);
}

static int check_limits(const struct stp_program *program, const struct stp_config *config)
{
	if (!config->cpus || config->cpus > STP_CPUS_MAX) {
		stp_log("a session serves 1 to %d CPUs, not %d\n", STP_CPUS_MAX, config->cpus);
		return -STP_EINVAL;
	}
	if (program->probes_count > STP_PROBES_MAX || program->maps_count > STP_MAPS_MAX) {
		stp_log("a program has at most %d probes and %d maps, not %d and %d\n", STP_PROBES_MAX, STP_MAPS_MAX,
			program->probes_count, program->maps_count);
		return -STP_EINVAL;
	}
	return 0;
}

/* All formats of the program, before anything runs (P1). */
static int check_formats(const struct stp_program *program)
{
	int error = 0;
	u32 i;

	for (i = 0; i < program->formats_count; i++) {
		const struct stp_format_use *use = program->formats[i];

		if (!stp_format_check(use->format, use->shape))
			continue;
		stp_log("%s:%d: the format does not fit its arguments in number or types, or has an unknown directive: %s\n", use->file, use->line,
			use->format);
		error = -STP_EINVAL;
	}
	return error;
}

/* Members and fields that the program reads by name (L5). */
static int resolve_names(const struct stp_program *program)
{
	u32 i;

	for (i = 0; i < program->names_count; i++)
		program->names[i]->id = stp_name_id(program->names[i]->type, program->names[i]->member);
	return program->names_count ? stp_port_resolve(program->names, program->names_count) : 0;
}

static void set_default(u32 *limit, u32 value)
{
	if (!*limit)
		*limit = value;
}

static void set_defaults(struct stp_config *config)
{
	set_default(&config->print_size, STP_PRINT_SIZE_DEFAULT);
	set_default(&config->strings, STP_STRINGS_PER_CONTEXT);
	set_default(&config->actions, STP_HIT_ACTIONS_MAX);
	set_default(&config->actions_ends, STP_HIT_ACTIONS_ENDS_MAX);
	set_default(&config->time_us, STP_HIT_TIME_MAX_US);
	set_default(&config->overload_percent, STP_OVERLOAD_PERCENT);
	set_default(&config->overload_interval_ms, STP_OVERLOAD_INTERVAL_MS);
	set_default(&config->errors, STP_ERRORS_MAX);
	set_default(&config->map_entries, STP_MAP_ENTRIES_DEFAULT);
}

/* Limits of time, in cycles. */
static void set_clock(struct stp_session *session)
{
	const struct stp_config *config = &session->config;
	u64 cycles_per_us = stp_port_cycles_per_us();

	if (config->time_us != STP_UNLIMITED)
		session->hit_cycles_max = config->time_us * cycles_per_us;
	if (config->overload_percent != STP_UNLIMITED) {
		session->overload_interval = config->overload_interval_ms * cycles_per_us * 1000;
		session->overload_cycles_max = stp_divide_u64(session->overload_interval * config->overload_percent, 100);
	}
	session->timed = session->hit_cycles_max || session->overload_interval;
}

static u32 *live_limit(struct stp_config *config, const char *name)
{
	if (!strcmp(name, "actions"))
		return &config->actions;
	if (!strcmp(name, "actions_ends"))
		return &config->actions_ends;
	if (!strcmp(name, "errors"))
		return &config->errors;
	if (!strcmp(name, "time_us"))
		return &config->time_us;
	return strcmp(name, "overload_percent") ? NULL : &config->overload_percent;
}

int stp_session_set(const char *name, u32 value)
{
	struct stp_session changed = { .config = stp_session.config };
	u32 *limit = live_limit(&changed.config, name);

	if (!limit || !value)
		return -STP_EINVAL;
	*limit = value;
	set_clock(&changed);
	/* A hit under way must end as it began. */
	if (changed.timed != stp_session.timed || !changed.hit_cycles_max != !stp_session.hit_cycles_max ||
	    !changed.overload_interval != !stp_session.overload_interval)
		return -STP_EINVAL;
	STP_WRITE(*live_limit(&stp_session.config, name), value);
	STP_WRITE(stp_session.hit_cycles_max, changed.hit_cycles_max);
	STP_WRITE(stp_session.overload_cycles_max, changed.overload_cycles_max);
	return 0;
}

int stp_session_init(const struct stp_program *program, const struct stp_config *config)
{
	int error = check_limits(program, config);
	u32 i;

	if (!error)
		error = check_formats(program);
	if (error)
		return error;
	stp_session = (struct stp_session){ .program = *program, .config = *config };
	set_defaults(&stp_session.config);
	set_clock(&stp_session);
	for (i = 0; i < program->probes_count; i++)
		program->probes[i]->index = i;
	error = resolve_names(program);
	if (error)
		return error;
	error = init_cpus();
	if (!error)
		error = init_maps();
	if (error)
		stp_session_fini();
	return error;
}

int stp_session_check_ring(unsigned long size)
{
	if (size < STP_RING_SIZE_MIN || size > STP_RING_SIZE_MAX || (size & (size - 1)) ||
	    size < stp_session.config.print_size + sizeof(struct stp_record_header)) {
		stp_log("a ring must be a power of two of %d to %d bytes and hold a print buffer of %d, not %d\n", STP_RING_SIZE_MIN,
			STP_RING_SIZE_MAX, stp_session.config.print_size, size);
		return -STP_EINVAL;
	}
	return 0;
}

int stp_session_set_ring(u32 cpu, void *data, unsigned long size)
{
	int error = stp_session_check_ring(size);

	if (error)
		return error;
	stp_session.cpu[cpu].ring = (struct stp_ring){ .data = data, .size = size, .wanted = STP_RING_UNWANTED, .cpu = cpu };
	if (stp_session.config.overwrite)
		stp_session.cpu[cpu].ring.overwritten = stp_session.cpu[cpu].rows;
	return 0;
}

/* Hits that the kernel dropped belong to no CPU that it would name: they stand in CPU 0's row (X4). */
static void count_missed(const struct stp_probe *probe)
{
	struct stp_ledger_kind *hits = &stp_session.cpu[0].rows[probe->index].kind[STP_LOSS_KIND_HIT];

	stp_local_add(&hits->attempted, probe->missed);
	stp_local_add(&hits->lost[STP_LOSS_TRANSPORT], probe->missed);
}

static void detach_rank(u32 rank)
{
	u32 i;

	for (i = stp_session.program.probes_count; i-- > 0;) {
		struct stp_probe *probe = stp_session.program.probes[i];

		if (!probe->attached || probe->provider->rank != rank)
			continue;
		probe->missed = 0;
		probe->provider->detach(probe);
		probe->attached = false;
		count_missed(probe);
	}
}

static int attach_rank(u32 rank)
{
	u32 i;

	for (i = 0; i < stp_session.program.probes_count; i++) {
		struct stp_probe *probe = stp_session.program.probes[i];
		int error;

		if (probe->provider->rank != rank)
			continue;
		error = probe->provider->attach(probe);
		if (error && probe->optional) {
			stp_log("%s:%d: the session goes on without this optional probe\n", probe->file, probe->line);
			continue;
		}
		if (error)
			return error;
		probe->attached = true;
	}
	return 0;
}

int stp_session_start(void)
{
	int error;

	if (stp_session.state != STP_STATE_IDLE)
		return -STP_ESTATE;
	STP_WRITE(stp_session.state, STP_STATE_STARTING);
	error = attach_rank(0);
	if (!error && STP_READ(stp_session.state) == STP_STATE_STARTING) {
		STP_WRITE(stp_session.state, STP_STATE_RUNNING);
		error = attach_rank(1);
	}
	if (error) {
		STP_WRITE(stp_session.state, STP_STATE_STOPPING);
		detach_rank(1);
		stp_store_release(&stp_session.state, STP_STATE_ENDED);
	}
	return error;
}

void stp_session_stop(void)
{
	if (stp_session.state == STP_STATE_RUNNING || stp_session.state == STP_STATE_STOPPING) {
		STP_WRITE(stp_session.state, STP_STATE_STOPPING);
		detach_rank(1);
		detach_rank(0); /* end probes run here */
	}
	/* Pairs with readers' look at it: what end probes wrote is seen before. */
	stp_store_release(&stp_session.state, STP_STATE_ENDED);
}

/* No more hits from now on; who drives the session is told. */
static void want_stop(void)
{
	u32 state = STP_READ(stp_session.state);

	if (state != STP_STATE_STARTING && state != STP_STATE_RUNNING)
		return;
	STP_WRITE(stp_session.state, STP_STATE_STOPPING);
	stp_port_stop();
}

/* Whether there were more errors than the session bears. */
static bool is_over(const struct stp_session *session)
{
	return session->config.errors != STP_UNLIMITED && STP_READ(session->errors) >= session->config.errors;
}

#define COUNT_TRIES_MAX 64 /* tries; each that fails is an error that another CPU has counted */

void stp_session_error(void)
{
	u32 errors, tries;

	for (tries = COUNT_TRIES_MAX; tries; tries--) {
		errors = STP_READ(stp_session.errors);
		if (stp_cmpxchg(&stp_session.errors, errors, errors + 1) == errors)
			break;
	}
	if (is_over(&stp_session))
		want_stop();
}

void stp_exit(struct stp_ctx *ctx)
{
	(void)ctx;
	want_stop();
}

void stp_session_refill(void)
{
	u32 i;

	for (i = 0; i < stp_session.program.maps_count; i++)
		stp_map_refill(stp_session.program.maps[i]);
}

void stp_session_fini(void)
{
	stp_session_stop();
	free_maps();
	free_cpus();
}

/* begin runs when it is attached, end when it is detached; both need nothing else. */

static int run_now(struct stp_probe *probe)
{
	stp_probe_hit(probe, STP_CONTEXT_TASK, NULL);
	return 0;
}

static int attach_nothing(struct stp_probe *probe)
{
	(void)probe;
	return 0;
}

static void run_at_end(struct stp_probe *probe)
{
	stp_probe_hit(probe, STP_CONTEXT_TASK, NULL);
}

static void detach_nothing(struct stp_probe *probe)
{
	(void)probe;
}

/* X5 */
static void run_after_errors(struct stp_probe *probe)
{
	if (is_over(&stp_session))
		stp_probe_hit(probe, STP_CONTEXT_TASK, NULL);
}

const struct stp_provider stp_provider_begin = {
	.name = "begin",
	.about = "nothing: the beginning of the session",
	.rank = 0,
	.attach = run_now,
	.detach = detach_nothing,
};

const struct stp_provider stp_provider_end = {
	.name = "end",
	.about = "nothing: the end of the session",
	.rank = 0,
	.attach = attach_nothing,
	.detach = run_at_end,
};

const struct stp_provider stp_provider_error = {
	.name = "error",
	.about = "nothing: the end of a session that errors have ended",
	.rank = 0,
	.attach = attach_nothing,
	.detach = run_after_errors,
};

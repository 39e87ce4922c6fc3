// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a replay cannot see of the runtime: init, fini and their refusals, the log, the manifest, limits of time, schemes, orders of
 * large maps, who waits for whom, and what nests within a hit. Exit 0: all is as it should be; else the first that is not.
 * Siblings: watched.c; explored.c makes things come in between; properties/watched.test.ts runs it
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stp/error.h>
#include <stp/print.h>
#include <stp/stp.h>
#include <stp/task.h>

#include "bed.h"

STP_MAP(numbers, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 100);
STP_MAP(names, STP_KEYS(STP_STR), STP_INT64, .entries_max = 100, .string_size = 40);
STP_MAP(texts, STP_KEYS(STP_INT64, STP_STR), STP_STR, .entries_max = 100, .string_size = 40);
STP_MAP(sizes, STP_KEYS(STP_INT64), STP_STATS, .entries_max = 100);
STP_MAP(shared, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 20, .per_cpu = true);
STP_MAP(spread, STP_KEYS(STP_INT64), STP_STATS, .entries_max = 20, .per_cpu = true);
STP_STAT(times, .hist = STP_HIST_LOG);

static struct stp_map *const all_maps[] = { &numbers.map, &names.map, &texts.map, &sizes.map, &shared.map, &spread.map, &times.map };
#define ALL_MAPS (sizeof(all_maps) / sizeof(*all_maps))

/* Limits and refusals */

static void nothing(struct stp_ctx *ctx)
{
	(void)ctx;
}

static int init_with(const struct stp_program *program, struct stp_config config)
{
	return stp_session_init(program, &config);
}

static void case_limits(void)
{
	static struct stp_probe many[STP_PROBES_MAX + 1];
	static struct stp_probe *refs[STP_PROBES_MAX + 1];
	static struct stp_map maps[STP_MAPS_MAX + 1];
	static struct stp_map *map_refs[STP_MAPS_MAX + 1];
	struct stp_program program = { .probes = refs, .maps = map_refs };
	u32 i;

	for (i = 0; i <= STP_PROBES_MAX; i++) {
		many[i] = (struct stp_probe){ .provider = &stp_provider_end, .body = nothing, .target = "" };
		refs[i] = &many[i];
	}
	for (i = 0; i <= STP_MAPS_MAX; i++) {
		maps[i] = (struct stp_map){ .name = "m", .key_shape = STP_SHAPE(1, 0), .value_type = STP_INT64, .entries_max = 1 };
		map_refs[i] = &maps[i];
	}
	need(init_with(&program, (struct stp_config){ .cpus = 0 }) == -STP_EINVAL);
	need_log("a session serves 1 to 64 CPUs, not 0\n");
	need(init_with(&program, (struct stp_config){ .cpus = STP_CPUS_MAX + 1 }) == -STP_EINVAL);
	need_log("a session serves 1 to 64 CPUs, not 65\n");
	need(!watch.live && !watch.allocations);
	need(!init_with(&program, (struct stp_config){ .cpus = STP_CPUS_MAX, .strings = 1, .print_size = 8 }));
	need(!stp_session.cpu[63].rows[0].cut);
	stp_session_fini();
	watch.owned_count = 0;
	program.probes_count = STP_PROBES_MAX + 1;
	program.maps_count = 2;
	need(init_with(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
	need_log("a program has at most 64 probes and 64 maps, not 65 and 2\n");
	program.probes_count = 3;
	program.maps_count = STP_MAPS_MAX + 1;
	need(init_with(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
	need_log("a program has at most 64 probes and 64 maps, not 3 and 65\n");
	program.probes_count = STP_PROBES_MAX;
	program.maps_count = STP_MAPS_MAX;
	need(!init_with(&program, (struct stp_config){ .cpus = 1 }));
	for (i = 0; i < STP_PROBES_MAX; i++)
		need(many[i].index == i && maps[i].index == i);
	need_log("");
	stp_session_fini();
	need(!watch.live && !stp_session.cpu && !stp_cpus);
	stp_session_fini(); /* again: nothing is left to give back */
}

static void case_defaults(void)
{
	struct stp_program program = { .probes = NULL };
	const struct stp_config *config = &stp_session.config;

	need(!init_with(&program, (struct stp_config){ .cpus = 2 }));
	need(config->print_size == STP_PRINT_SIZE_DEFAULT && config->strings == STP_STRINGS_PER_CONTEXT && config->actions == STP_HIT_ACTIONS_MAX);
	need(config->actions_ends == STP_HIT_ACTIONS_ENDS_MAX && config->time_us == STP_HIT_TIME_MAX_US && config->errors == STP_ERRORS_MAX);
	need(config->overload_percent == STP_OVERLOAD_PERCENT && config->overload_interval_ms == STP_OVERLOAD_INTERVAL_MS);
	need(config->map_entries == STP_MAP_ENTRIES_DEFAULT);
	need(stp_session.hit_cycles_max == STP_HIT_TIME_MAX_US * 10ull);
	need(stp_session.overload_interval == STP_OVERLOAD_INTERVAL_MS * 10000ull);
	need(stp_session.overload_cycles_max == STP_OVERLOAD_INTERVAL_MS * 10000ull * STP_OVERLOAD_PERCENT / 100);
	need(stp_session.timed);
	stp_session_fini();
	need(!init_with(&program, (struct stp_config){ .cpus = 1, .time_us = STP_UNLIMITED, .overload_percent = 3 }));
	need(stp_session.timed && !stp_session.hit_cycles_max && stp_session.overload_interval);
	stp_session_fini();
	need(!init_with(&program, (struct stp_config){ .cpus = 1, .overload_percent = STP_UNLIMITED }));
	need(stp_session.timed && stp_session.hit_cycles_max && !stp_session.overload_interval);
	stp_session_fini();
	need(!init_with(&program, (struct stp_config){ .cpus = 1, .time_us = STP_UNLIMITED, .overload_percent = STP_UNLIMITED }));
	need(!stp_session.timed);
	stp_session_fini();
}

static void case_formats(void)
{
	static const struct stp_format_use uses[] = {
		{ .format = "%d", .shape = STP_SHAPE(1, 0), .file = "a.c", .line = 1 },
		{ .format = "%d", .shape = STP_SHAPE(1, 1), .file = "b.c", .line = 2 },
		{ .format = "%*d %.*s", .shape = STP_SHAPE(4, 8), .file = "c.c", .line = 3 },
		{ .format = "%q", .shape = STP_SHAPE(1, 0), .file = "d.c", .line = 4 },
		{ .format = "%3b", .shape = STP_SHAPE(1, 0), .file = "e.c", .line = 5 },
		{ .format = "%m%M", .shape = STP_SHAPE(2, 1), .file = "f.c", .line = 6 },
		{ .format = "%d", .shape = STP_SHAPE(0, 0), .file = "g.c", .line = 7 },
		{ .format = "", .shape = STP_SHAPE(1, 0), .file = "h.c", .line = 8 },
		{ .format = "%600d", .shape = STP_SHAPE(1, 0), .file = "i.c", .line = 9 },
		{ .format = "%+b", .shape = STP_SHAPE(1, 0), .file = "j.c", .line = 10 },
		{ .format = "%*d", .shape = STP_SHAPE(2, 1), .file = "k.c", .line = 11 },
		{ .format = "%m", .shape = STP_SHAPE(0, 0), .file = "l.c", .line = 12 },
	};
	const struct stp_format_use *refs[12];
	struct stp_program program = { .formats = refs, .formats_count = 12 };
	u32 i;

	for (i = 0; i < 12; i++)
		refs[i] = &uses[i];
	need(init_with(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
#define WRONG(place) place ": the format does not fit its arguments in number or types, or has an unknown directive: "
	need_log(WRONG("b.c:2") "%d\n" WRONG("d.c:4") "%q\n" WRONG("g.c:7") "%d\n" WRONG("h.c:8") "\n" WRONG("i.c:9") "%600d\n" WRONG("j.c:10") "%+b\n"
		 WRONG("k.c:11") "%*d\n" WRONG("l.c:12") "%m\n");
	need(!watch.live);
	program.formats_count = 1;
	need(!init_with(&program, (struct stp_config){ .cpus = 1 }));
	stp_session_fini();
}

static bool is_owned(const void *memory, size_t size, u32 cpu)
{
	u32 i;

	for (i = 0; i < watch.owned_count; i++)
		if (watch.owned[i].memory == memory && watch.owned[i].size == size && watch.owned[i].cpu == cpu)
			return true;
	return false;
}

/* In a process of its own: each failure logs a line. */
static void without_each(const struct bed_options *options, u32 allocations)
{
	int status;
	u32 i;

	if (fork()) {
		wait(&status);
		need(!status);
		return;
	}
	for (i = 1; i <= allocations; i++) {
		watch.allocations = 0;
		watch.fail_at = i;
		need(bed_try(options) == -STP_ENOMEM);
		watch.fail_at = 0;
		need(!watch.live && !stp_session.cpu && !stp_cpus);
	}
	for (i = 0; i < ALL_MAPS; i++)
		need(!all_maps[i]->parts && !all_maps[i]->rooms[0].refs && !all_maps[i]->rooms[1].shown);
	_exit(0);
}

/* Each CPU's memory is its own, and of the right size; without one piece of it nothing begins and nothing is left. */
static void case_memory(void)
{
	struct bed_options options = { .body = nothing, .maps = all_maps, .maps_count = ALL_MAPS, .cpus = 2 };
	u32 cpu, level, all;

	watch.owned_count = 0;
	watch.allocations = 0;
	bed_open(&options);
	all = watch.allocations;
	for (cpu = 0; cpu < 2; cpu++) {
		struct stp_cpu *own = &stp_session.cpu[cpu];

		need(own->index == cpu && own->lock_id == cpu + 1 && own->current_ctx == &own->none);
		need(own->none.level == STP_CONTEXTS && own->none.cpu == own && own->none.row == own->rows + BED_PROBES && own->none.slot == cpu * STP_CONTEXTS);
		need(own->none.actions == STP_ACTIONS_ENDLESS);
		need(is_owned(own->rows, (BED_PROBES + 1) * sizeof(*own->rows), cpu) && is_owned(own->ctx, sizeof(own->ctx), cpu));
		for (level = 0; level < STP_CONTEXTS; level++) {
			struct stp_ctx *ctx = &own->ctx[level];

			need(ctx->cpu == own && ctx->level == level && ctx->slot == cpu * STP_CONTEXTS + level && ctx->row == own->none.row);
			need(is_owned(ctx->strings, 4 * STP_STRING_SIZE_MAX, cpu) && is_owned(ctx->print, BED_PRINT_SIZE, cpu));
			memset(ctx->strings, 1, 4 * STP_STRING_SIZE_MAX);
			memset(ctx->print, 1, BED_PRINT_SIZE);
		}
	}
	need(stp_cpus == stp_session.cpu);
	bed_close();
	without_each(&options, all - 2); /* the last two are the bed's */
	watch.allocations = 0;
	watch.fail_at = 20; /* behind rows and levels of two CPUs: the first map's */
	options.maps_count = 1;
	need(bed_try(&options) == -STP_ENOMEM);
	watch.fail_at = 0;
	need_log("map numbers: no memory for 100 entries on 1 CPUs; lower entries_max or string_size\n");
	options.maps = &all_maps[4];
	watch.allocations = 0;
	watch.fail_at = 20;
	need(bed_try(&options) == -STP_ENOMEM);
	watch.fail_at = 0;
	need_log("map shared: no memory for 20 entries on 2 CPUs; lower entries_max or string_size\n");
	watch.owned_count = 0;
}

static int init_map(struct stp_map map)
{
	bool per_cpu = map.per_cpu;
	struct stp_map *refs[] = { &map };
	struct stp_program program = { .maps = refs, .maps_count = 1 };
	int error;

	map.name = "m";
	map.key_shape = map.key_shape ? map.key_shape : STP_SHAPE(1, 0);
	error = init_with(&program, (struct stp_config){ .cpus = 1, .map_entries = 5 });
	if (!error) {
		need(map.entries_max && map.string_size && map.scheme && map.parts_count == 1 && map.per_cpu == per_cpu);
		need(map.node_size == sizeof(struct stp_map_node) + 8 * (map.key_at + 1));
		stp_session_fini();
	}
	need(!watch.live && !map.parts);
	return error;
}

#define INT64_MAP .value_type = STP_INT64
#define STATS_MAP .value_type = STP_STATS
static void case_map_definitions(void)
{
	const s64 max = STP_INT64_MAX, min = STP_INT64_MIN;

	need(init_map((struct stp_map){ INT64_MAP, .entries_max = STP_MAP_ENTRIES_MAX + 1 }) == -STP_EINVAL);
	need_log("map m: entries_max must be 1 to 1048576 and string_size 1 to 512\n");
	need(init_map((struct stp_map){ INT64_MAP, .entries_max = 1, .string_size = 513 }) == -STP_EINVAL);
	need_log("map m: entries_max must be 1 to 1048576 and string_size 1 to 512\n");
	need(!init_map((struct stp_map){ INT64_MAP, .string_size = 512 }));
	need(!init_map((struct stp_map){ INT64_MAP, .entries_max = STP_MAP_ENTRIES_MAX, .scheme = &stp_scheme_reserve, .reserve = 1 }));
	need(init_map((struct stp_map){ .value_type = STP_STR, .entries_max = 1, .per_cpu = true }) == -STP_EINVAL);
	need_log("map m: strings cannot be merged; leave out .per_cpu or store numbers\n");
	need(!init_map((struct stp_map){ .value_type = STP_STR, .entries_max = 1 }));
	need(init_map((struct stp_map){ INT64_MAP, .entries_max = 1, .hist = STP_HIST_LOG }) == -STP_EINVAL);
	need_log("map m: only statistics have a histogram; leave out .hist or store STP_STATS\n");
	need(init_map((struct stp_map){ INT64_MAP, .entries_max = 9, .scheme = &stp_scheme_reserve }) == -STP_EINVAL);
	need_log("map m: a reserve needs .reserve, from 1 to entries_max\n");
	need(init_map((struct stp_map){ INT64_MAP, .entries_max = 9, .scheme = &stp_scheme_reserve, .reserve = 10 }) == -STP_EINVAL);
	need_log("map m: a reserve needs .reserve, from 1 to entries_max\n");
	need(!init_map((struct stp_map){ INT64_MAP, .entries_max = 9, .scheme = &stp_scheme_reserve, .reserve = 9 }));
	need(!init_map((struct stp_map){ INT64_MAP, .entries_max = 9, .scheme = &stp_scheme_reserve, .reserve = 1 }));
	need(!init_map((struct stp_map){ INT64_MAP, .entries_max = 9, .reserve = 10 }));
	need_log("");
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(0, 10, 0) }) == -STP_EINVAL);
	need_log("map m: the histogram's interval must be 1 or more, not 0\n");
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(0, 10, -3) }) == -STP_EINVAL);
	need_log("map m: the histogram's interval must be 1 or more, not -3\n");
	need(!init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(0, 10, 1) }));
	need(!init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(10, 10, 1) }));
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(11, 10, 1) }) == -STP_EINVAL);
	need_log("map m: the histogram's low of 11 is above its high of 10; exchange them\n");
	need(!init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(1, 126, 1) }));
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(0, 126, 1) }) == -STP_EINVAL);
	need_log("map m: a histogram has at most 126 buckets, not 127; make the interval larger\n");
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(min, max, 1) }) == -STP_EINVAL);
	need_log("map m: a histogram has at most 126 buckets, not 18446744073709551615; make the interval larger\n");
	need(init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(min, max - 1, 1) }) == -STP_EINVAL);
	need_log("map m: a histogram has at most 126 buckets, not 18446744073709551615; make the interval larger\n");
	need(!init_map((struct stp_map){ STATS_MAP, .hist = STP_HIST_LINEAR(min, max, max / 60) }));
	need_log("");
}

/* Life of a session */

static char life[256];
static int refuse_attach;

static int attach_noted(struct stp_probe *probe)
{
	sprintf(life + strlen(life), "+%s ", probe->target);
	return refuse_attach && !strcmp(probe->target, "second") ? -7 : 0;
}

static void detach_noted(struct stp_probe *probe)
{
	sprintf(life + strlen(life), "-%s ", probe->target);
	stp_probe_hit(probe, STP_CONTEXT_TASK, NULL); /* X5: who comes while it stops is no hit any more */
	need(!probe->missed);
	probe->missed = probe->target[0] == 's' ? 3 : 0;
}

static const struct stp_provider noted = { .name = "noted", .rank = 1, .attach = attach_noted, .detach = detach_noted };

static void note_hit(struct stp_ctx *ctx)
{
	sprintf(life + strlen(life), "%s ", ctx->probe->target);
	if (!strcmp(ctx->probe->target, "exits"))
		stp_exit(ctx);
}

static struct stp_probe life_probes[] = {
	{ .provider = &noted, .target = "first", .body = note_hit },
	{ .provider = &stp_provider_begin, .target = "begin", .body = note_hit },
	{ .provider = &stp_provider_end, .target = "end", .body = note_hit },
	{ .provider = &noted, .target = "second", .body = note_hit, .missed = 9 },
	{ .provider = &noted, .target = "third", .body = note_hit },
};

static void need_life(const char *what, int line)
{
	watch_need(!strcmp(life, what), life, __FILE__, line);
	life[0] = 0;
}

static void live(struct stp_probe **refs)
{
	u32 i;

	for (i = 0; i < 5; i++)
		refs[i] = &life_probes[i];
}

static void case_life(void)
{
	struct stp_probe *refs[5];
	struct stp_program program = { .probes = refs, .probes_count = 5 };
	struct stp_config config = { .cpus = 1 };
	struct stp_ledger_kind *hits;

	live(refs);
	need(!stp_session_init(&program, &config));
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL); /* idle: no hit */
	need_life("", __LINE__);
	need(!stp_session_start());
	need(stp_session.state == STP_STATE_RUNNING);
	need_life("begin +first +second +third ", __LINE__);
	need(stp_session_start() == -STP_ESTATE);
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	need_life("first ", __LINE__);
	stp_session_stop();
	need(stp_session.state == STP_STATE_ENDED);
	need_life("-third -second -first end ", __LINE__);
	hits = &stp_session.cpu[0].rows[3].kind[STP_LOSS_KIND_HIT];
	need(hits->attempted == 3 && hits->lost[STP_LOSS_TRANSPORT] == 3 && !hits->delivered);
	need(!stp_session.cpu[0].rows[4].kind[STP_LOSS_KIND_HIT].attempted);
	stp_session_stop();
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	need_life("", __LINE__);
	need(stp_session_start() == -STP_ESTATE);
	stp_session_fini();
	need_life("", __LINE__);

	need(!stp_session_init(&program, &config));
	stp_session_stop();
	need(stp_session.state == STP_STATE_ENDED);
	need_life("", __LINE__);
	stp_session_fini();

	need(!stp_session_init(&program, &config));
	refuse_attach = 1;
	need(stp_session_start() == -7);
	refuse_attach = 0;
	need(stp_session.state == STP_STATE_ENDED);
	need_life("begin +first +second -first ", __LINE__);
	stp_session_fini();
	need_life("", __LINE__);

	/* A begin probe that exits: nothing is attached, end probes run. */
	life_probes[1].target = "exits";
	need(!stp_session_init(&program, &config));
	watch.stops = 0;
	need(!stp_session_start());
	need(watch.stops == 1 && stp_session.state == STP_STATE_STOPPING);
	stp_exit(NULL);
	need(watch.stops == 1);
	stp_session_stop();
	need_life("exits end ", __LINE__);
	stp_exit(NULL);
	need(watch.stops == 1 && stp_session.state == STP_STATE_ENDED);
	stp_session_fini();
	life_probes[1].target = "begin";

	need(!stp_session_init(&program, &config));
	stp_exit(NULL); /* idle: there is nothing to stop */
	need(watch.stops == 1 && stp_session.state == STP_STATE_IDLE);
	need(!stp_session_start());
	stp_exit(NULL);
	need(watch.stops == 2);
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	stp_session_fini(); /* stops */
	need_life("begin +first +second +third -third -second -first end ", __LINE__);
}

/* Hits */

static void see_task(struct stp_ctx *ctx)
{
	stp_printf(ctx, "%s %d %d %d %d %d %d", stp_execname(ctx), stp_pid(ctx), stp_tid(ctx), stp_uid(ctx), stp_arg(ctx, 0), stp_arg(ctx, 5), stp_arg(ctx, 6));
	need(ctx->hit == &watch);
	need(stp_current_ctx() == ctx);
}

static void case_tasks(void)
{
	struct bed_options options = { .body = see_task, .record = true, .cpus = 1 };
	struct stp_ledger_kind *records;
	u32 i;

	watch.task = (struct stp_event){ .pid = 11, .tid = 12, .uid = 13, .args = { 21, 22, 23, 24, 25, 26 } };
	memcpy(watch.task.comm, "sixteen letters!", 16);
	bed_open(&options);
	records = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_IRQ, &watch);
	need_printed("sixteen letters 11 12 13 21 26 0");
	need(bed_event.pid == 11 && bed_event.tid == 12 && bed_event.uid == 13 && !memcmp(bed_event.comm, watch.task.comm, 16));
	need(!memcmp(bed_event.args, watch.task.args, sizeof(bed_event.args)) && !bed_event.looks_size && !bed_event.flags && bed_event.order == 1);
	need(stp_session.order == 1 && !stp_session.recorder && bed_event.time_ns && bed_event.time_ns <= bed_last.time_ns);
	need(bed_last.context == STP_CONTEXT_IRQ && bed_last.probe == 0 && bed_last.cpu == 0 && bed_last.type == STP_RECORD_PRINT);
	need(records->attempted == 2 && records->delivered == 2);
	for (i = 0; !stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_RECORD].lost[STP_LOSS_FULL]; i++)
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, &watch);
	need(i > 10 && records->attempted == records->delivered + records->lost[STP_LOSS_FULL]);
	watch_begin();
	watch.preempt_off[0]++;
	need(!stp_current_ctx());
	watch.preempt_off[0]--;
	bed_close();
	watch_quiet("tasks");
}

static u32 rounds;

static void act(struct stp_ctx *ctx)
{
	for (rounds = 0; stp_step(ctx); rounds++)
		watch.cycles += 10;
}

/* X6: the clock is looked at every 32 actions; X6's throttle. Of the same CPU only. */
static void case_time(void)
{
	struct bed_options options = { .body = act, .cpus = 2, .actions = 100, .time_us = 50, .overload_percent = STP_UNLIMITED };
	struct stp_ledger_kind *hits;

	bed_open(&options);
	need(stp_session.hit_cycles_max == 500);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 64); /* 320 cycles are not too many, 640 are */
	bed_close();
	options.time_us = 64;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 96); /* 640 cycles are just not too many, 960 are */
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].lost[STP_LOSS_BUDGET] == 1);
	need(stp_session.cpu[0].used == 960);
	bed_close();
	options.time_us = STP_UNLIMITED;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100);
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL); /* an end probe has its own number, and no time */
	need(rounds == 200);
	bed_close();
	options.time_us = 50;
	options.actions_ends = 300;
	bed_open(&options);
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL);
	need(rounds == 300);
	bed_close();

	/* 10 ms are 100,000 cycles, of which 2 % may be used: a hit of 100 actions uses 1000. */
	options = (struct bed_options){ .body = act, .cpus = 2, .actions = 100, .time_us = STP_UNLIMITED, .overload_percent = 2, .overload_interval_ms = 10 };
	watch.cycles = 1000000;
	bed_open(&options);
	need(stp_session.overload_interval == 100000 && stp_session.overload_cycles_max == 2000);
	hits = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].window == 1000000 && stp_session.cpu[0].used == 1000);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].used == 2000);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.cpu[0].used == 3000 && hits->lost[STP_LOSS_BUDGET] == 3);
	rounds = 0;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!rounds && hits->lost[STP_LOSS_BUDGET] == 4 && hits->attempted == 4);
	watch_quiet("throttle");
	stp_probe_hit(bed_probe(1), STP_CONTEXT_TASK, NULL);
	need(rounds == 200); /* end probes are not throttled */
	watch.cpu = 1;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100); /* nor is another CPU */
	watch.cpu = 0;
	watch.cycles = 1099999;
	rounds = 0;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(!rounds);
	watch.cycles = 1100000;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(rounds == 100 && stp_session.cpu[0].window == 1100000 && stp_session.cpu[0].used == 1000);
	bed_close();
}

/* What one hit uses, the one within it does not use again. */
static void nest_once(struct stp_ctx *ctx)
{
	watch.cycles += 100;
	if (ctx->level == STP_CONTEXT_TASK) {
		watch.level[0] = STP_CONTEXT_IRQ;
		stp_probe_hit(bed_probe(0), STP_CONTEXT_IRQ, NULL);
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL); /* X1: refused */
		watch.level[0] = STP_CONTEXT_TASK;
	}
}

static void case_nested(void)
{
	struct bed_options options = { .body = nest_once, .cpus = 1 };
	const struct stp_ledger_kind *hits;

	bed_open(&options);
	hits = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT];
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(hits->attempted == 3 && hits->delivered == 2 && hits->lost[STP_LOSS_NESTED] == 1);
	need(stp_session.cpu[0].used == 200);
	bed_close();
	watch_quiet("nested");
}

static u32 raises;

static void raise_always(struct stp_ctx *ctx)
{
	raises++;
	stp_raise(ctx, "no %d", raises);
	stp_raise(ctx, "the second is not kept");
}

static void raise_elsewhere(u32 level)
{
	stp_probe_hit(bed_probe(0), level, NULL);
}

/* Errors of two CPUs: however they overlap, each is counted once. */
static void case_errors_at_once(void)
{
	struct bed_options options = { .body = raise_always, .cpus = 2, .errors = STP_UNLIMITED };
	u64 at;

	for (at = 1;; at++) {
		bool came;

		bed_open(&options);
		watch_begin();
		watch.plan[0] = (struct watch_plan){ .at = at, .cpu = 1, .level = STP_CONTEXT_TASK, .call = raise_elsewhere };
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		came = watch.plan[0].done;
		need(stp_session.errors == 1u + came);
		bed_read(0);
		bed_read(1);
		bed_close();
		if (!came)
			break;
	}
	need(at > 20);
	watch_begin();
}

static void case_errors(void)
{
	struct bed_options options = { .body = raise_always, .cpus = 1, .errors = 3 };

	watch.stops = 0;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.errors == 2 && !watch.stops);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(stp_session.errors == 3 && watch.stops == 1);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need_printed("E(no 1)E(no 2)E(no 3)");
	need(stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT].lost[STP_LOSS_ERROR] == 3);
	bed_close();
	options.errors = STP_UNLIMITED;
	bed_open(&options);
	stp_session.errors = ~0u - 2;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(watch.stops == 1);
	bed_close();
}

/* Texts */

static void need_format(u32 size, const char *expected, u32 length, u32 cut, const char *format, const struct stp_args *args)
{
	char *out = stp_alloc(size); /* whoever writes behind it is found */
	struct stp_text text = { .out = out, .size = size };

	watch.preempt_off[0]++;
	watch_need(!stp_format(&text, format, args), format, __FILE__, __LINE__);
	watch.preempt_off[0]--;
	watch_need(text.length == length && text.cut == cut, format, __FILE__, __LINE__);
	watch_need(!strncmp(out, expected, length < size ? length : size), format, __FILE__, __LINE__);
	stp_free(out);
}

static void case_texts(void)
{
	struct bed_options session = { .body = nothing, .cpus = 1 };
	char longest[STP_STRING_SIZE_MAX + 1], memory[40];
	u32 length;
	s64 value;

	for (length = STP_STRING_SIZE_MAX - 3; length <= STP_STRING_SIZE_MAX; length++) {
		u32 kept = length < STP_STRING_SIZE_MAX ? length : STP_STRING_SIZE_MAX - 1;

		memset(longest, 's', length);
		longest[length] = 0;
		need_format(600, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(600, longest, kept, length != kept, "%1s", STP_ARGS(longest));
		need_format(kept, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(7, longest, kept, length != kept, "%s", STP_ARGS(longest));
		need_format(7, longest, kept, length != kept, "%1s", STP_ARGS(longest));
	}
	need_format(30, "-9223372036854775808", 20, 0, "%d", STP_ARGS(STP_INT64_MIN));
	need_format(20, "-9223372036854775808", 20, 0, "%d", STP_ARGS(STP_INT64_MIN));
	need_format(30, "9223372036854775807", 19, 0, "%d", STP_ARGS(STP_INT64_MAX));
	need_format(30, "1000000000000000000", 19, 0, "%d", STP_ARGS(1000000000000000000));
	need_format(30, "-1000000000000000000", 20, 0, "%d", STP_ARGS(-1000000000000000000));
	need_format(30, "999999999999999999 0", 20, 0, "%d %d", STP_ARGS(999999999999999999, 0));
	need_format(30, "-9 10 -10 99 0 1", 16, 0, "%d %d %d %d %d %d", STP_ARGS(-9, 10, -10, 99, 0, 1));
	need_format(40, "1777777777777777777777 ffffffffffffffff", 39, 0, "%o %x", STP_ARGS(-1, -1));
	need_format(30, "<NULL>|<NU|  <NULL>", 19, 0, "%s|%.3s|%8s", &(struct stp_args){ .value = (const u64[]){ 0, 0, 0 }, .shape = STP_SHAPE(3, 7) });
	/* Memory: from an address, which is a look of this CPU's context, and from a string, behind whose end are zeros. */
	bed_open(&session);
	for (length = 0; length < sizeof(memory); length++)
		memory[length] = 'A' + length;
	need_format(40, memory, 33, 0, "%.33m", STP_ARGS((const void *)memory));
	need_format(40, memory, 16, 0, "%.16m", STP_ARGS((const void *)memory));
	need_format(40, "414243", 6, 0, "%.3M", STP_ARGS((const void *)memory));
	need_format(40, "   A|", 5, 0, "%4m|", STP_ARGS((const void *)memory));
	need_format(60, "30313233343536373839616263646566676800000000", 44, 0, "%.22M", STP_ARGS("0123456789abcdefgh"));
	need_format(60, "3031323334353637383961626364656600000000", 40, 0, "%.20M", STP_ARGS("0123456789abcdef"));
	{
		struct stp_text none = { .out = NULL };

		watch.preempt_off[0]++;
		need(stp_format(&none, "%m", STP_ARGS(5)) == -STP_EFAULT && stp_format(&none, "%#m", STP_ARGS((const void *)memory)) == -STP_EFAULT);
		need(stp_format(&none, "%.*d", STP_ARGS("x", 1)) == -STP_EINVAL && stp_format(&none, "%*d", STP_ARGS(513, 1)) == -STP_EINVAL);
		need(stp_format(&none, "%*d", STP_ARGS(-513, 1)) == -STP_EINVAL && !stp_format(&none, "%*d%*d%512d", STP_ARGS(512, 1, -512, 1, 1)));
		watch.preempt_off[0]--;
	}
	bed_close();
#define NUMBER(text, base, expected, result) need(stp_string_number(text, base, &value) == (result) && value == (expected))
	NUMBER("z", 36, 35, 0);
	NUMBER("Za", 36, 35 * 36 + 10, 0);
	NUMBER("\t\n\v\f\r 9", 10, 9, 0);
	NUMBER("{", 36, 0, -STP_EINVAL);
	NUMBER("@", 36, 0, -STP_EINVAL);
	NUMBER("[", 36, 0, -STP_EINVAL);
	NUMBER("`", 36, 0, -STP_EINVAL);
	NUMBER("/", 36, 0, -STP_EINVAL);
	NUMBER(":", 36, 0, -STP_EINVAL);
	NUMBER("1", 37, 0, -STP_EINVAL);
	NUMBER("1", 1, 0, -STP_EINVAL);
	NUMBER("1", -1, 0, -STP_EINVAL);
	NUMBER("10", 2, 2, 0);
	NUMBER("0x1F", 0, 31, 0);
	NUMBER("0xf", 16, 15, 0);
	NUMBER("0XA", 16, 10, 0);
	NUMBER("0xg", 16, 0, -STP_EINVAL);
	NUMBER("017", 0, 15, 0);
	NUMBER("19", 0, 19, 0);
	NUMBER("-9223372036854775808", 0, STP_INT64_MIN, 0);
	NUMBER("-9223372036854775809", 0, STP_INT64_MIN, -STP_EINVAL);
	NUMBER("+9223372036854775807", 0, STP_INT64_MAX, 0);
	NUMBER("9223372036854775808", 0, STP_INT64_MAX, -STP_EINVAL);
	NUMBER("99999999999999999999999", 0, STP_INT64_MAX, -STP_EINVAL);
	NUMBER("", 0, 0, -STP_EINVAL);
	NUMBER("-", 10, 0, -STP_EINVAL);
}

static void need_quoted(const char *bytes, const char *expected)
{
	char out[64];
	struct stp_text text = { .out = out, .size = sizeof(out) };

	stp_text_quoted(&text, bytes, strlen(bytes));
	out[text.length] = 0;
	watch_need(!strcmp(out, expected), out, __FILE__, __LINE__);
}

/* B9: bytes that have a letter; UTF-8 from U+00A0 on as it is, what is not well-formed in octal. */
static void case_quotes(void)
{
	need_quoted("\a\b\t\n\v\f\r\"\\'", "\"\\a\\b\\t\\n\\v\\f\\r\\\"\\\\'\"");
	need_quoted("\x06\x0e\x1f ~\x7f", "\"\\006\\016\\037 ~\\177\"");
	need_quoted("\xc2\xa0\xc3\xbf\xdf\xbf", "\"\xc2\xa0\xc3\xbf\xdf\xbf\"");
	need_quoted("\xc2\x9f\xc1\xbf", "\"\\302\\237\\301\\277\"");
	need_quoted("\xc3\x80\xc3\x9f", "\"\xc3\x80\xc3\x9f\"");
	need_quoted("\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", "\"\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"");
	need_quoted("\xe0\x9f\xbf", "\"\\340\\237\\277\"");
	need_quoted("\xed\xa0\x80", "\"\\355\\240\\200\"");
	need_quoted("\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf\"");
	need_quoted("\xf0\x8f\xbf\xbf", "\"\\360\\217\\277\\277\"");
	need_quoted("\xf4\x90\x80\x80", "\"\\364\\220\\200\\200\"");
	need_quoted("\xf5\x80\x80\x80", "\"\\365\\200\\200\\200\"");
	need_quoted("\xe2\x82", "\"\\342\\202\"");
	need_quoted("\xe2\x82x", "\"\\342\\202x\"");
	need_quoted("\xf1\x80\x80x", "\"\\361\\200\\200x\"");
	need_quoted("\xc3", "\"\\303\"");
	need_quoted("\xc3x", "\"\\303x\"");
}

static u32 message_length;

static void raise_long(struct stp_ctx *ctx)
{
	char text[STP_STRING_SIZE_MAX];
	const char *message;
	s64 rest;

	memset(text, 'e', message_length);
	text[message_length] = 0;
	need(!stp_raise(ctx, "%s", text));
	need(stp_catch(ctx, &message) == 1 && strlen(message) == (message_length < STP_ERROR_SIZE_MAX ? message_length : STP_ERROR_SIZE_MAX - 1));
	need(stp_catch(ctx, &message) == 0 && !*message);
	need(!stp_divide_int64(ctx, 0, -1, &rest) && !rest && !stp_divide_int64(ctx, -7, 2, &rest) && rest == -3 && !stp_modulo_int64(ctx, -7, 2, &rest) && rest == -1);
	need(!stp_divide_int64(ctx, STP_INT64_MIN, -1, &rest) && rest == STP_INT64_MIN && !stp_modulo_int64(ctx, 7, -2, &rest) && rest == 1);
}

static void case_messages(void)
{
	struct bed_options options = { .body = raise_long, .cpus = 1 };

	for (message_length = STP_ERROR_SIZE_MAX - 3; message_length <= STP_ERROR_SIZE_MAX + 1; message_length++) {
		bed_open(&options);
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		need(stp_session.cpu[0].rows[0].cut == (message_length >= STP_ERROR_SIZE_MAX));
		bed_close();
	}
}

/* B4: what is behind the longest string is not looked at, nor is it there for what is searched. */
static void cut_strings(struct stp_ctx *ctx)
{
	char longer[STP_STRING_SIZE_MAX + 90];
	const char *out;

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	need(!stp_string_replace(ctx, &out, longer, "aa", "b"));
	need(strlen(out) == 256 && out[254] == 'b' && out[255] == 'a' && ctx->row->cut == 1);
	need(stp_string_length(longer) == STP_STRING_SIZE_MAX - 1);
	longer[STP_STRING_SIZE_MAX - 1] = 'b';
	need(stp_string_find(longer, "b") == -STP_ENOENT && stp_string_find(longer, "") == 0);
	longer[STP_STRING_SIZE_MAX - 2] = 'c';
	need(stp_string_find(longer, "ac") == STP_STRING_SIZE_MAX - 3 && stp_string_compare(longer, "aaac") < 0 && stp_string_compare("b", longer) > 0);
	need(!stp_string_token(ctx, &out, longer, "c", 0) && strlen(out) == STP_STRING_SIZE_MAX - 2);
	need(stp_string_token(ctx, &out, longer, "c", 1) == -STP_ENOENT);
}

static void case_strings(void)
{
	struct bed_options options = { .body = cut_strings, .cpus = 1 };

	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	bed_close();
}

/* The log and the manifest */

static void write_to(void *to, const char *text, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		need(text[i]);
	strncat(to, text, length);
}

static void case_manifest(void)
{
	static const char *const kinds[] = { "hit", "map", "string", "record", "read" };
	static const char *const causes[] = { "full", "busy", "nested", "budget", "fault", "transport", "error", "overwritten" };
	static char manifest[1 << 14], expected[1 << 14];
	struct bed_options options = { .body = nothing, .maps = all_maps, .maps_count = 2, .cpus = 2 };
	u32 cpu, probe, kind, cause, number = 1;
	char *at = expected;

	bed_open(&options);
	stp_map_add(&names, STP_KEY("one"), 1);
	bed_probe(1)->target = "say \"a\\b\"\t\x1f \x7f";
	bed_probe(0)->line = 12;
	bed_probe(1)->line = 30;
	watch.release = "6.1";
	watch.time_ns = 777;
	stp_session.addresses = 1;
	at += sprintf(at, "{\n\"protocol_version\":%d,\n\"source_hash\":\"unknown\",\n\"world\":\"watched\",\n\"release\":\"6.1\",\n\"cpus\":2,\n\"time_ns\":777,\n\"addresses\":1,\n", STP_PROTOCOL_VERSION);
	at += sprintf(at, "\"user_addresses\":0,\n\"mode\":\"discard\",\n\"transport\":\"relay\",\n\"ring_size\":%lu,\n\"state\":\"running\",\n", stp_session.cpu[0].ring.size);
	at += sprintf(at, "\"probes\":[\n{\"provider\":\"bed\",\"target\":\"f\",\"line\":12},\n{\"provider\":\"end\",\"target\":\"say \\\"a\\\\b\\\"?? \x7f\",\"line\":30}],\n");
	at += sprintf(at, "\"maps\":[\n{\"name\":\"numbers\",\"entries_max\":100,\"size\":0},\n{\"name\":\"names\",\"entries_max\":100,\"size\":1}],\n\"ledger\":[");
	for (cpu = 0; cpu < 2; cpu++) {
		for (probe = 0; probe <= BED_PROBES; probe++) {
			struct stp_ledger *row = &stp_session.cpu[cpu].rows[probe];

			row->cut = number++;
			row->evicted = number++;
			at += sprintf(at, "%s\n{\"cpu\":%u,\"probe\":%u,\"cut\":%llu,\"evicted\":%llu", cpu || probe ? "," : "", cpu, probe, row->cut, row->evicted);
			for (kind = 0; kind < 5; kind++) {
				row->kind[kind].attempted = number++;
				row->kind[kind].delivered = number++;
				at += sprintf(at, ",\"%s\":{\"attempted\":%llu,\"delivered\":%llu,\"lost\":{", kinds[kind], row->kind[kind].attempted, row->kind[kind].delivered);
				for (cause = 0; cause < 8; cause++) {
					row->kind[kind].lost[cause] = number++;
					at += sprintf(at, "%s\"%s\":%llu", cause ? "," : "", causes[cause], row->kind[kind].lost[cause]);
				}
				at += sprintf(at, "}}");
			}
			at += sprintf(at, "}");
		}
	}
	sprintf(at, "]\n}\n");
	manifest[0] = 0;
	stp_session_write_manifest(write_to, manifest);
	watch_need(!strcmp(manifest, expected), manifest, __FILE__, __LINE__);

	/* A piece that is longer than a line is cut, at 256 bytes. */
	watch.release = "................................................................................................................................................................................................................................................................";
	manifest[0] = 0;
	stp_session_write_manifest(write_to, manifest);
	watch.release = NULL;
	at = strstr(manifest, "\"world\"");
	need(at && strstr(at, "\"cpus\":2,") == at + 256);
	bed_close();
}

/* The last case: the log is full for ever. */
static void case_log(void)
{
	const size_t usable = STP_LOG_SIZE - sizeof("(log is full)\n");
	size_t used = strlen(stp_log_text());
	char line[101];

	memset(line, 'x', 100);
	line[100] = 0;
	stp_log("%d", "no number");
	need(strlen(stp_log_text()) == used);
	for (; usable - used > 100; used += 100) {
		stp_log("%s", line);
		need(strlen(stp_log_text()) == used + 100);
	}
	line[usable - used - 1] = 0;
	stp_log("%s", line);
	need(strlen(stp_log_text()) == usable - 1);
	stp_log("%s", "ab");
	need(strlen(stp_log_text()) == usable - 1 + 14 && !strcmp(stp_log_text() + usable - 1, "(log is full)\n"));
	stp_log("%s", "a");
	need(strlen(stp_log_text()) == usable - 1 + 14);
}

int main(void)
{
	watch.time_ns = 1;
	case_limits();
	case_defaults();
	case_formats();
	rings_cases();
	case_memory();
	case_map_definitions();
	case_life();
	case_tasks();
	looks_cases();
	case_time();
	case_nested();
	case_errors();
	case_errors_at_once();
	case_texts();
	case_quotes();
	case_messages();
	case_strings();
	case_manifest();
	maps_cases();
	explore_all();
	case_log();
	return 0;
}

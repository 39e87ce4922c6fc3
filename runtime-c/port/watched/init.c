// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Init: its limits and defaults, what it refuses and how it says so, whose its memory is, and any of that failing. */
#include <sys/wait.h>
#include <unistd.h>

#include <stp/stp.h>

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

static void case_limits(void)
{
	static struct stp_probe many[STP_PROBES_MAX + 1];
	static struct stp_probe *refs[STP_PROBES_MAX + 1];
	static struct stp_map maps[STP_MAPS_MAX + 1];
	static struct stp_map *map_refs[STP_MAPS_MAX + 1];
	struct stp_program program = { .probes = refs, .maps = map_refs };
	u32 i;

	for (i = 0; i <= STP_PROBES_MAX; i++) {
		many[i] = (struct stp_probe){ .provider = &stp_provider_end, .body = bed_nothing, .target = "" };
		refs[i] = &many[i];
	}
	for (i = 0; i <= STP_MAPS_MAX; i++) {
		maps[i] = (struct stp_map){ .name = "m", .key_shape = STP_SHAPE(1, 0), .value_type = STP_INT64, .entries_max = 1 };
		map_refs[i] = &maps[i];
	}
	need(bed_init(&program, (struct stp_config){ .cpus = 0 }) == -STP_EINVAL);
	need_log("a session serves 1 to 64 CPUs, not 0\n");
	need(bed_init(&program, (struct stp_config){ .cpus = STP_CPUS_MAX + 1 }) == -STP_EINVAL);
	need_log("a session serves 1 to 64 CPUs, not 65\n");
	need(!watch.live && !watch.allocations);
	need(!bed_init(&program, (struct stp_config){ .cpus = STP_CPUS_MAX, .strings = 1, .print_size = 8 }));
	need(!stp_session.cpu[63].rows[0].cut);
	stp_session_fini();
	watch.owned_count = 0;
	program.probes_count = STP_PROBES_MAX + 1;
	program.maps_count = 2;
	need(bed_init(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
	need_log("a program has at most 64 probes and 64 maps, not 65 and 2\n");
	program.probes_count = 3;
	program.maps_count = STP_MAPS_MAX + 1;
	need(bed_init(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
	need_log("a program has at most 64 probes and 64 maps, not 3 and 65\n");
	program.probes_count = STP_PROBES_MAX;
	program.maps_count = STP_MAPS_MAX;
	need(!bed_init(&program, (struct stp_config){ .cpus = 1 }));
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

	need(!bed_init(&program, (struct stp_config){ .cpus = 2 }));
	need(config->print_size == STP_PRINT_SIZE_DEFAULT && config->strings == STP_STRINGS_PER_CONTEXT && config->actions == STP_HIT_ACTIONS_MAX);
	need(config->actions_ends == STP_HIT_ACTIONS_ENDS_MAX && config->time_us == STP_HIT_TIME_MAX_US && config->errors == STP_ERRORS_MAX);
	need(config->overload_percent == STP_OVERLOAD_PERCENT && config->overload_interval_ms == STP_OVERLOAD_INTERVAL_MS);
	need(config->map_entries == STP_MAP_ENTRIES_DEFAULT);
	need(stp_session.hit_cycles_max == STP_HIT_TIME_MAX_US * 10ull);
	need(stp_session.overload_interval == STP_OVERLOAD_INTERVAL_MS * 10000ull);
	need(stp_session.overload_cycles_max == STP_OVERLOAD_INTERVAL_MS * 10000ull * STP_OVERLOAD_PERCENT / 100);
	need(stp_session.timed);
	stp_session_fini();
	need(!bed_init(&program, (struct stp_config){ .cpus = 1, .time_us = STP_UNLIMITED, .overload_percent = 3 }));
	need(stp_session.timed && !stp_session.hit_cycles_max && stp_session.overload_interval);
	stp_session_fini();
	need(!bed_init(&program, (struct stp_config){ .cpus = 1, .overload_percent = STP_UNLIMITED }));
	need(stp_session.timed && stp_session.hit_cycles_max && !stp_session.overload_interval);
	stp_session_fini();
	need(!bed_init(&program, (struct stp_config){ .cpus = 1, .time_us = STP_UNLIMITED, .overload_percent = STP_UNLIMITED }));
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
	need(bed_init(&program, (struct stp_config){ .cpus = 1 }) == -STP_EINVAL);
#define WRONG(place) place ": the format does not fit its arguments in number or types, or has an unknown directive: "
	need_log(WRONG("b.c:2") "%d\n" WRONG("d.c:4") "%q\n" WRONG("g.c:7") "%d\n" WRONG("h.c:8") "\n" WRONG("i.c:9") "%600d\n" WRONG("j.c:10") "%+b\n"
		 WRONG("k.c:11") "%*d\n" WRONG("l.c:12") "%m\n");
	need(!watch.live);
	program.formats_count = 1;
	need(!bed_init(&program, (struct stp_config){ .cpus = 1 }));
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
	struct bed_options options = { .body = bed_nothing, .maps = all_maps, .maps_count = ALL_MAPS, .cpus = 2 };
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
	error = bed_init(&program, (struct stp_config){ .cpus = 1, .map_entries = 5 });
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

void init_cases(void)
{
	case_limits();
	case_defaults();
	case_formats();
	case_memory();
	case_map_definitions();
}

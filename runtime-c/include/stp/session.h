/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The session: one program's life from load to unload, in every world. */
#ifndef STP_SESSION_H
#define STP_SESSION_H

#include <stp/map.h>
#include <stp/probe.h>

#define STP_UNLIMITED (~0u) /* for limits that may be switched off */

/**
 * struct stp_config - Limits that are set at load. 0 means the default, the limit of that name.
 * @cpus:       CPUs that may hit probes, 1 to STP_CPUS_MAX.
 * @print_size: Print buffer of a context level, bytes.
 * @strings:    Pool strings of a context level.
 * @actions:      Actions of a hit (X6); STP_HIT_ACTIONS_MAX.
 * @actions_ends: Those of a begin or end probe; STP_HIT_ACTIONS_ENDS_MAX.
 * @time_us:      Time of a hit, microseconds, or STP_UNLIMITED; STP_HIT_TIME_MAX_US.
 * @overload_percent:     Share of an interval that the hits of a CPU may take, or STP_UNLIMITED; STP_OVERLOAD_PERCENT.
 * @overload_interval_ms: That interval; STP_OVERLOAD_INTERVAL_MS.
 * @errors:       Uncaught errors after which the session stops, or STP_UNLIMITED; STP_ERRORS_MAX.
 * @map_entries:  Capacity of a map that names none; STP_MAP_ENTRIES_DEFAULT.
 * @transport:  STP_TRANSPORT_*: how records leave, for the manifest.
 * @overwrite:  Full rings drop their oldest records for new ones (T6).
 * @record:     Write an event record at each hit (the recorder).
 */
struct stp_config {
	u32 cpus;
	u32 print_size;
	u32 strings;
	u32 actions;
	u32 actions_ends;
	u32 time_us;
	u32 overload_percent;
	u32 overload_interval_ms;
	u32 errors;
	u32 map_entries;
	u32 transport;
	bool overwrite;
	bool record;
};

/**
 * struct stp_program - What the session runs: probes and maps, in the order of the source, and all its formats and names.
 */
struct stp_program {
	struct stp_probe *const *probes;
	u32 probes_count;
	struct stp_map *const *maps;
	u32 maps_count;
	const struct stp_format_use *const *formats;
	u32 formats_count;
	struct stp_name *const *names;
	u32 names_count;
};

/**
 * struct stp_session - A program's session, from init to fini.
 * @timed:   Hits look at the clock: some limit needs it.
 * @hit_cycles_max, @overload_interval, @overload_cycles_max: Limits in cycles; 0: none.
 * @errors:  Uncaught errors so far.
 * @recorder: lock_id of the CPU whose hit the recorder serves, 0 if none.
 * @order:   Hits that were recorded.
 * @addresses: 1 if a body asked for a backtrace: the recording wants symbols.
 * @user_addresses: The same of a user backtrace: it wants the mappings of processes.
 */
struct stp_session {
	struct stp_program program;
	struct stp_config config;
	u32 state;
	bool timed;
	u64 hit_cycles_max;
	u64 overload_interval;
	u64 overload_cycles_max;
	u32 errors;
	u32 recorder;
	u32 order;
	u32 addresses;
	u32 user_addresses;
	struct stp_cpu *cpu;
};

/* The one session of this program; a module is one session. */
extern struct stp_session stp_session;

/**
 * stp_session_init() - Take all memory. Rings get theirs by stp_session_set_ring().
 *
 * Context: Task, may sleep.
 * Return:  0; -STP_EINVAL (a limit, said in the log); -STP_ENOMEM; nothing is kept after a failure.
 */
int stp_session_init(const struct stp_program *program, const struct stp_config *config);

/* stp_session_check_ring() - Whether rings may have that size. Return: 0; -STP_EINVAL, said in the log. */
int stp_session_check_ring(unsigned long size);

/* stp_session_set_ring() - Give CPU @cpu its ring memory. Return: 0; -STP_EINVAL if @size is no power of two within its limits. */
int stp_session_set_ring(u32 cpu, void *data, unsigned long size);

/**
 * stp_session_start() - Run begin probes, attach the others.
 *
 * Return: 0; -STP_ESTATE unless the session is fresh; the provider's error: everything is detached again and the session
 *         has ended, end probes not run.
 */
int stp_session_start(void);

/* stp_session_stop() - Detach, run end probes; then the session has ended, whatever it was before. */
void stp_session_stop(void);

/*
 * stp_session_error() - A hit has ended with an uncaught error. When there are too many, the session is asked to stop as by stp_exit().
 */
void stp_session_error(void);

/**
 * stp_session_set() - Change a limit of a session that may be running: actions, actions_ends, errors, time_us or overload_percent.
 *
 * Context: Task, one caller at a time. Hits from now on have the new limit.
 * Return:  0; -STP_EINVAL if there is no such limit, @value is 0, or hits would have to begin or cease to look at the clock.
 */
int stp_session_set(const char *name, u32 value);

/* stp_session_refill() - Fill the reserves of all maps (see struct stp_scheme). Task context, may sleep. */
void stp_session_refill(void);

/* stp_session_fini() - Give everything back. Stops first. */
void stp_session_fini(void);

/* stp_session_write_manifest() - The manifest (JSON) of the recording, bit by bit to @write. */
typedef void (*stp_write_fn)(void *to, const char *text, u32 length);
void stp_session_write_manifest(stp_write_fn write, void *to);

/*
 * stp_log(format, arguments...) - A line for the user, from task context (init, attach, fini). Never from a probe.
 * stp_log_text() is the log so far, NUL-terminated; what exceeds STP_LOG_SIZE is cut, and says so.
 */
#define STP_LOG_SIZE 4096 /* bytes */
#define stp_log(format, ...) stp_log_args(format, STP_ARGS(__VA_ARGS__))
void stp_log_args(const char *format, const struct stp_args *args);
const char *stp_log_text(void);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A session in the sandbox: what a module and stpd are on a kernel. Called from outside by sim/sandbox.ts.
 * It writes the recording into the in-memory file system: /cpuN.data and /manifest.json.
 */
#include <stdio.h>
#include <stdlib.h>

#include <stp/look.h>
#include <stp/session.h>

#include "provider.h"
#include "world.h"

extern struct stp_probe *const __start_stp_probes[] __attribute__((weak));
extern struct stp_probe *const __stop_stp_probes[] __attribute__((weak));
extern struct stp_map *const __start_stp_maps[] __attribute__((weak));
extern struct stp_map *const __stop_stp_maps[] __attribute__((weak));
extern const struct stp_format_use *const __start_stp_formats[] __attribute__((weak));
extern const struct stp_format_use *const __stop_stp_formats[] __attribute__((weak));
extern struct stp_name *const __start_stp_names[] __attribute__((weak));
extern struct stp_name *const __stop_stp_names[] __attribute__((weak));

void *__tsan_memcpy(void *to, const void *from, size_t size);

static u8 *ring_memory[STP_CPUS_MAX];
static FILE *data[STP_CPUS_MAX];
static bool armed[STP_PROBES_MAX];
static u32 cpus_count;

u32 stp_sim_probes(void)
{
	return __stop_stp_probes - __start_stp_probes;
}

const char *stp_sim_probe_provider(u32 index)
{
	return __start_stp_probes[index]->provider->name;
}

const char *stp_sim_probe_target(u32 index)
{
	return __start_stp_probes[index]->target;
}

u32 stp_sim_probe_line(u32 index)
{
	return __start_stp_probes[index]->line;
}

u32 stp_sim_probe_optional(u32 index)
{
	return __start_stp_probes[index]->optional;
}

u32 stp_sim_maps(void)
{
	return __stop_stp_maps - __start_stp_maps;
}

/* The map, all its parts, as a call of @cpu that was interrupted holds it (M6). Its owner gives it back by a second call with @held 0. */
void stp_sim_hold(u32 map, u32 cpu, u32 held)
{
	u32 i;

	for (i = 0; i < __start_stp_maps[map]->parts_count; i++)
		STP_WRITE(__start_stp_maps[map]->parts[i].owner, held ? cpu + 1 : 0);
}

static void free_rings(void)
{
	u32 i;

	for (i = 0; i < cpus_count; i++) {
		stp_free(ring_memory[i]);
		ring_memory[i] = NULL;
	}
}

static struct stp_config limits;

/* Sets the limit of that place among STP_SESSION_LIMITS for the next session. */
void stp_sim_limit(u32 index, u32 value)
{
	u32 *const fields[] = {
#define STP_SESSION_LIMIT(field, text) &limits.field,
		STP_SESSION_LIMITS
#undef STP_SESSION_LIMIT
	};

	*fields[index] = value;
}

/* Whether rings of the next session overwrite (T6). */
void stp_sim_overwrite(u32 overwrite)
{
	limits.overwrite = overwrite;
}

/* Return: as stp_session_init(). */
int stp_sim_init(u32 cpus, u32 ring_size)
{
	struct stp_program program = {
		.probes = __start_stp_probes,
		.probes_count = stp_sim_probes(),
		.maps = __start_stp_maps,
		.maps_count = stp_sim_maps(),
		.formats = __start_stp_formats,
		.formats_count = __stop_stp_formats - __start_stp_formats,
		.names = __start_stp_names,
		.names_count = __stop_stp_names - __start_stp_names,
	};
	struct stp_config config = limits;
	int error;
	u32 i;

	config.cpus = cpus;
	error = stp_session_init(&program, &config);
	if (error)
		return error;
	cpus_count = cpus;
	for (i = 0; i < cpus && !error; i++) {
		ring_memory[i] = stp_alloc(ring_size);
		error = ring_memory[i] ? stp_session_set_ring(i, ring_memory[i], ring_size) : -STP_ENOMEM;
	}
	if (error) {
		stp_session_fini();
		free_rings();
	}
	return error;
}

int stp_sim_start(void)
{
	return stp_session_start();
}

/* As a probe point: nothing if it is not armed, and what detaches waits for it. Whether preemption is off is its own affair. */
void stp_sim_hit(u32 index)
{
	struct stp_probe *probe = stp_session.program.probes[index];

	if (!armed[index])
		return;
	stp_sim_busy_begin();
	stp_sim_probe_begin();
	stp_probe_hit(probe, stp_sim_level(), NULL);
	stp_sim_probe_end();
	stp_sim_busy_end();
}

void stp_sim_stop(void)
{
	stp_session_stop();
}

/* The reader of one CPU: appends what is readable to /cpuN.data. Return: bytes. */
u32 stp_sim_drain(u32 cpu)
{
	struct stp_ring *ring = &stp_session.cpu[cpu].ring;
	unsigned long size, total = 0;
	char path[32];

	if (!data[cpu]) {
		snprintf(path, sizeof(path), "/cpu%u.data", (unsigned int)cpu);
		data[cpu] = fopen(path, "wb");
	}
	for (;;) {
		const u8 *bytes = stp_ring_peek(ring, &size);

		if (!size || !data[cpu])
			return total;
		fwrite(bytes, 1, size, data[cpu]);
		stp_ring_consume(ring, size);
		total += size;
	}
}

/* A reader that keeps nothing. */
void stp_sim_discard(u32 cpu)
{
	struct stp_ring *ring = &stp_session.cpu[cpu].ring;

	stp_ring_consume(ring, stp_ring_readable(ring));
}

/* What a reader took that is one of the contexts; see stp_sim_read(). */
static struct {
	u8 *bytes;
	u32 size;
	u32 used;
} taken[STP_CPUS_MAX];

/* Makes room for what stp_sim_read() will take of @cpu. Return: 0; -STP_ENOMEM. */
int stp_sim_read_begin(u32 cpu)
{
	taken[cpu].used = 0;
	taken[cpu].size = 2 * stp_session.cpu[cpu].ring.size; /* what it took before the end, and what is left then */
	taken[cpu].bytes = stp_sim_calloc(taken[cpu].size);
	return taken[cpu].bytes ? 0 : -STP_ENOMEM;
}

/* A reader that can be interrupted, and whose reads are seen by the machine: takes what is readable now. */
void stp_sim_read(u32 cpu)
{
	struct stp_ring *ring = &stp_session.cpu[cpu].ring;
	unsigned long size;

	for (;;) {
		const u8 *bytes = stp_ring_peek(ring, &size);

		if (!size || taken[cpu].used + size > taken[cpu].size)
			return;
		__tsan_memcpy(taken[cpu].bytes + taken[cpu].used, bytes, size);
		taken[cpu].used += size;
		stp_ring_consume(ring, size);
	}
}

const u8 *stp_sim_taken(u32 cpu)
{
	return taken[cpu].bytes;
}

u32 stp_sim_taken_size(u32 cpu)
{
	return taken[cpu].used;
}

/* What unloading does. */
void stp_sim_fini(void)
{
	u32 i;

	stp_session_fini();
	free_rings();
	for (i = 0; i < cpus_count; i++) {
		stp_free(taken[i].bytes);
		taken[i].bytes = NULL;
	}
}

/* What a worker does on a kernel when a map's reserve is low. */
void stp_sim_refill(void)
{
	stp_session_refill();
}

u32 stp_sim_readable(u32 cpu)
{
	return stp_ring_readable(&stp_session.cpu[cpu].ring);
}

/* Oldest unread byte, and the ledger row, for a look from outside. */
const u8 *stp_sim_unread(u32 cpu)
{
	unsigned long size;

	return stp_ring_peek(&stp_session.cpu[cpu].ring, &size);
}

static u32 snapshot_size;

/* What a ring that overwrites holds now; stp_sim_snapshot_size() bytes. Return: NULL if there is no memory for it; the caller's stp_sim_drop_snapshot() gives it back. */
u8 *stp_sim_snapshot(u32 cpu)
{
	const struct stp_ring *ring = &stp_session.cpu[cpu].ring;
	u8 *bytes = malloc(ring->size);
	unsigned long from;

	snapshot_size = bytes ? stp_ring_snapshot(ring, bytes, &from) : 0;
	return bytes;
}

u32 stp_sim_snapshot_size(void)
{
	return snapshot_size;
}

void stp_sim_drop_snapshot(u8 *bytes)
{
	free(bytes);
}

const struct stp_ledger *stp_sim_row(u32 cpu, u32 probe)
{
	return &stp_session.cpu[cpu].rows[probe];
}

static void write_file(void *to, const char *text, u32 length)
{
	fwrite(text, 1, length, to);
}

/* Finishes the recording. Return: 0, or -1 if a file could not be written. */
int stp_sim_finish(void)
{
	FILE *manifest = fopen("/manifest.json", "wb");
	u32 i;

	if (!manifest)
		return -1;
	stp_session_write_manifest(write_file, manifest);
	fclose(manifest);
	for (i = 0; i < cpus_count; i++) {
		stp_sim_drain(i);
		if (data[i])
			fclose(data[i]);
		data[i] = NULL;
	}
	stp_sim_fini();
	return 0;
}

const char *stp_sim_log(void)
{
	return stp_log_text();
}

int stp_sim_attach(struct stp_probe *probe)
{
	armed[probe->index] = true;
	return 0;
}

void stp_sim_detach(struct stp_probe *probe)
{
	armed[probe->index] = false;
	stp_sim_synchronize();
}

/* Nobody reads it. */
static int answer(struct stp_ctx *ctx, const char *text, u32 length)
{
	(void)ctx;
	(void)text;
	(void)length;
	return 0;
}

STP_SIM_PROVIDER(kprobe);
STP_SIM_PROVIDER(kretprobe);
STP_SIM_PROVIDER(tracepoint);
STP_SIM_PROVIDER(timer);
STP_SIM_PROVIDER(profile);
STP_SIM_PROVIDER(uprobe);
STP_SIM_PROVIDER(perf);
STP_SIM_PROVIDER(control_read, .answer = answer);
STP_SIM_PROVIDER(control_write);

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The manifest of a recording (JSON): what ran, where, and the ledger; the same text from every world.
 * Must never: be asked for by a probe (it is long).
 */
#include <stp/format.h>
#include <stp/session.h>

#ifndef STP_SOURCE_HASH
#define STP_SOURCE_HASH "unknown"
#endif

#define LINE_SIZE 256 /* bytes: longest piece that one format makes; author's strings go in by themselves */

struct writer {
	stp_write_fn write;
	void *to;
};

static void emit_args(const struct writer *out, const char *format, const struct stp_args *args)
{
	char line[LINE_SIZE];
	struct stp_text text = { .out = line, .size = sizeof(line) };

	if (!stp_format(&text, format, args))
		out->write(out->to, line, text.length < text.size ? text.length : text.size);
}

#define emit(out, format, ...) emit_args(out, format, STP_ARGS(__VA_ARGS__))

/* A string as JSON has it; control characters become '?'. */
static void emit_string(const struct writer *out, const char *string)
{
	out->write(out->to, "\"", 1);
	for (; *string; string++) {
		char one = (u8)*string < 0x20 ? '?' : *string;

		if (one == '"' || one == '\\')
			out->write(out->to, "\\", 1);
		out->write(out->to, &one, 1);
	}
	out->write(out->to, "\"", 1);
}

static void emit_probe(const struct writer *out, const struct stp_probe *probe)
{
	emit(out, "{\"provider\":\"%s\",\"target\":", probe->provider->name);
	emit_string(out, probe->target);
	emit(out, ",\"line\":%d}", probe->line);
}

static void emit_map(const struct writer *out, const struct stp_map *map)
{
	emit(out, "{\"name\":\"%s\",\"entries_max\":%d,\"size\":%d}", map->name, map->entries_max, stp_map_entries(map));
}

static void emit_kind(const struct writer *out, const char *name, const struct stp_ledger_kind *kind)
{
	static const char *const causes[] = STP_LOSS_NAMES;
	u32 i;

	emit(out, ",\"%s\":{\"attempted\":%d,\"delivered\":%d,\"lost\":{", name, kind->attempted, kind->delivered);
	for (i = 0; i < STP_LOSS_CAUSES; i++)
		emit(out, "%s\"%s\":%d", i ? "," : "", causes[i], kind->lost[i]);
	emit(out, "}}");
}

static void emit_row(const struct writer *out, u32 cpu, u32 probe, const struct stp_ledger *row)
{
	static const char *const kinds[] = STP_LOSS_KIND_NAMES;
	u32 i;

	emit(out, "{\"cpu\":%d,\"probe\":%d,\"cut\":%d,\"evicted\":%d", cpu, probe, row->cut, row->evicted);
	for (i = 0; i < STP_LOSS_KINDS; i++)
		emit_kind(out, kinds[i], &row->kind[i]);
	emit(out, "}");
}

/* How the recording came to be. */
static void emit_session(const struct writer *out)
{
	static const char *const states[] = STP_STATE_NAMES, *const modes[] = STP_RING_NAMES, *const transports[] = STP_TRANSPORT_NAMES;
	const struct stp_config *config = &stp_session.config;
	unsigned long ring_size = 0;
	u32 cpu;

	/* A CPU that was not up has no ring. */
	for (cpu = 0; cpu < config->cpus && !ring_size; cpu++)
		ring_size = stp_session.cpu[cpu].ring.size;
	emit(out, "\"addresses\":%d,\n\"user_addresses\":%d,\n", STP_READ(stp_session.addresses), STP_READ(stp_session.user_addresses));
	emit(out, "\"mode\":\"%s\",\n\"transport\":\"%s\",\n", modes[config->overwrite ? STP_RING_OVERWRITE : STP_RING_DISCARD], transports[config->transport]);
	emit(out, "\"ring_size\":%d,\n\"state\":\"%s\",\n", ring_size, states[STP_READ(stp_session.state)]);
}

void stp_session_write_manifest(stp_write_fn write, void *to)
{
	const struct stp_program *program = &stp_session.program;
	const struct writer writer = { write, to }, *out = &writer;
	u32 cpu, i;

	emit(out, "{\n\"protocol_version\":%d,\n\"source_hash\":\"%s\",\n", STP_PROTOCOL_VERSION, STP_SOURCE_HASH);
	emit(out, "\"world\":\"%s\",\n\"release\":\"%s\",\n", stp_port_world(), stp_port_release());
	emit(out, "\"cpus\":%d,\n\"time_ns\":%d,\n", stp_session.config.cpus, stp_time_ns());
	emit_session(out);
	emit(out, "\"probes\":[");
	for (i = 0; i < program->probes_count; i++) {
		emit(out, "%s\n", i ? "," : "");
		emit_probe(out, program->probes[i]);
	}
	emit(out, "],\n\"maps\":[");
	for (i = 0; i < program->maps_count; i++) {
		emit(out, "%s\n", i ? "," : "");
		emit_map(out, program->maps[i]);
	}
	emit(out, "],\n\"ledger\":[");
	for (cpu = 0; cpu < stp_session.config.cpus; cpu++) {
		for (i = 0; i <= program->probes_count; i++) {
			emit(out, "%s\n", cpu || i ? "," : "");
			emit_row(out, cpu, i, &stp_session.cpu[cpu].rows[i]);
		}
	}
	emit(out, "]\n}\n");
}

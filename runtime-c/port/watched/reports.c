// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a session tells: its manifest, to the letter, and the log, which these cases fill. */
#include <stdio.h>

#include <stp/stp.h>

#include "bed.h"

STP_MAP(numbers, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 100);
STP_MAP(names, STP_KEYS(STP_STR), STP_INT64, .entries_max = 100);

static struct stp_map *const maps[] = { &numbers.map, &names.map };

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
	struct bed_options options = { .body = bed_nothing, .maps = maps, .maps_count = 2, .cpus = 2 };
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

/* The last case of all: the log is full for ever. */
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

void reports_cases(void)
{
	case_manifest();
	case_log();
}

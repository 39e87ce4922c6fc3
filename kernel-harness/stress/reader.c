// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The one reader of all rings: every record is looked at, byte by byte (T1, T3, T5).
 * Must never: stop a writer. Now and then it is slow, so that rings fill up.
 * Siblings: load.c, whose lines it knows; stress_main.c
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>

#include <stp/session.h>
#include <stp/wire.h>

#include "stress.h"

#define IDLE_US 300 /* microseconds between two looks */
#define SLOW_MS 30 /* milliseconds of doing nothing, once in SLOW_EVERY looks */
#define SLOW_EVERY 100

/* struct stream - What was seen of one CPU's records. @last_hit: of each actor, the newest hit; @damaged: no more is looked at. */
struct stream {
	u64 sequence, time_ns, backwards_ns_max;
	u64 records[STRESS_PROBES];
	u64 errors;
	u32 last_hit[STP_CONTEXTS];
	bool damaged;
};

/* struct line - What stands in front of each line of load.c. */
struct line {
	u32 cpu, actor, level, probe, hit, number;
};

static struct stream streams[STRESS_CPUS];
static struct task_struct *reader;
static u64 wakes;
static char record[sizeof(struct stp_record_header) + STRESS_PRINT_SIZE + 8];
static char example[200]; /* the first damaged payload, as evidence */

static void damaged(enum stress_wrong wrong, const char *text, u32 size)
{
	stress_is_wrong(wrong);
	if (!example[0])
		snprintf(example, sizeof(example), "%*pE", (int)min(size, 90u), text);
}

static bool take_number(const char **at, const char *end, char letter, u32 *number)
{
	if (*at == end || *(*at)++ != letter || *at == end || !isdigit(**at))
		return false;
	for (*number = 0; *at < end && isdigit(**at); (*at)++)
		*number = *number * 10 + (**at - '0');
	return true;
}

static bool take_space(const char **at, const char *end)
{
	return *at < end && *(*at)++ == ' ';
}

static bool take_line(const char **at, const char *end, struct line *line)
{
	if (!take_number(at, end, 'c', &line->cpu) || !take_space(at, end) || !take_number(at, end, 'a', &line->actor) || !take_space(at, end) ||
	    !take_number(at, end, 'l', &line->level) || !take_space(at, end) || !take_number(at, end, 'p', &line->probe) || !take_space(at, end) ||
	    !take_number(at, end, 'h', &line->hit) || !take_space(at, end) || !take_number(at, end, 'n', &line->number))
		return false;
	while (*at < end && **at == ' ')
		(*at)++;
	return end - *at >= 3 && *(*at)++ == 'x' && *(*at)++ == '|' && *(*at)++ == '\n';
}

static bool take_text(const char **at, const char *end, const char *text)
{
	u32 size = strlen(text);

	if (end - *at < size || memcmp(*at, text, size))
		return false;
	*at += size;
	return true;
}

/* A line of print_map or print_hist. */
static bool take_other(const char **at, const char *end)
{
	u32 n, same, value;

	if (take_text(at, end, "pairs"))
		return take_number(at, end, '[', &n) && take_text(at, end, ",\"") && take_number(at, end, 'p', &same) && take_text(at, end, "\"]") &&
		       take_number(at, end, '=', &value) && take_text(at, end, "\n") && n == same && value % 64 == n;
	while (*at < end && **at != '\n')
		if (!strchr(" |-~@<>0123456789valuecount", *(*at)++))
			return false;
	return take_text(at, end, "\n");
}

/* One record is of one hit, and of one level. */
static void look_at_print(struct stream *stream, const struct stp_record_header *header, const char *at)
{
	const char *begin = at, *end = at + header->payload_size;
	struct line first, line;

	if (!take_line(&at, end, &first)) {
		damaged(WRONG_record_mixed, begin, header->payload_size);
		return;
	}
	if (first.cpu != header->cpu || first.level != header->context || first.probe != header->probe || first.actor >= STP_CONTEXTS ||
	    first.hit < stream->last_hit[first.actor])
		damaged(WRONG_record_context, begin, header->payload_size);
	else
		stream->last_hit[first.actor] = first.hit;
	while (at < end) {
		if (*at == 'c' && end - at > 1 && isdigit(at[1])) {
			first.number++;
			if (take_line(&at, end, &line) && !memcmp(&line, &first, sizeof(line)))
				continue;
		} else if (header->probe == STRESS_PROBE_WALKS && take_other(&at, end)) {
			continue;
		}
		damaged(WRONG_record_mixed, begin, header->payload_size);
		return;
	}
}

static void look_at_error(struct stream *stream, const struct stp_record_header *header, const char *at)
{
	const char *begin = at, *end = at + header->payload_size;
	u32 cpu, actor, hit;

	stream->errors++;
	if (take_text(&at, end, "division by zero") && at == end)
		return;
	if (!take_text(&at, end, "error ") || !take_number(&at, end, 'c', &cpu) || !take_space(&at, end) || !take_number(&at, end, 'a', &actor) ||
	    !take_space(&at, end) || !take_number(&at, end, 'h', &hit) || at != end)
		damaged(WRONG_record_mixed, begin, header->payload_size);
	else if (cpu != header->cpu || actor < header->context)
		damaged(WRONG_record_context, begin, header->payload_size);
}

static bool is_zero(const char *at, u32 size)
{
	while (size)
		if (at[--size])
			return false;
	return true;
}

static u32 whole_size(const struct stp_record_header *header)
{
	return sizeof(*header) + round_up(header->payload_size, 8);
}

static void look_at(struct stream *stream, u32 cpu, const struct stp_record_header *header)
{
	const char *payload = (const char *)(header + 1);

	if (header->sequence != stream->sequence)
		stress_is_wrong(WRONG_record_gap);
	if (header->time_ns < stream->time_ns) {
		stress_is_wrong(WRONG_time_backwards);
		stream->backwards_ns_max = max(stream->backwards_ns_max, stream->time_ns - header->time_ns);
	}
	if (header->cpu != cpu || header->context >= STP_CONTEXTS || !is_zero(payload + header->payload_size, whole_size(header) - sizeof(*header) - header->payload_size))
		damaged(WRONG_record_damaged, payload, header->payload_size);
	stream->time_ns = header->time_ns;
	stream->sequence += whole_size(header);
	stream->records[header->probe]++;
	if (header->type == STP_RECORD_PRINT)
		look_at_print(stream, header, payload);
	else if (header->type == STP_RECORD_ERROR)
		look_at_error(stream, header, payload);
	else
		stress_is_wrong(WRONG_record_damaged);
}

static void to_own_order(struct stp_record_header *header)
{
	header->magic = stp_wire32(header->magic);
	header->payload_size = stp_wire32(header->payload_size);
	header->cpu = stp_wire16(header->cpu);
	header->probe = stp_wire32(header->probe);
	header->sequence = stp_wire64(header->sequence);
	header->time_ns = stp_wire64(header->time_ns);
}

/* Copies what is at the front of the ring, around its end if need be. */
static void copy_front(const struct stp_ring *ring, u32 size)
{
	unsigned long part;
	const u8 *from = stp_ring_peek(ring, &part);

	part = min_t(unsigned long, part, size);
	memcpy(record, from, part);
	memcpy(record + part, ring->data, size - part);
	to_own_order((struct stp_record_header *)record);
}

static bool read_one(struct stream *stream, struct stp_ring *ring)
{
	const struct stp_record_header *header = (const struct stp_record_header *)record;
	unsigned long readable = stp_ring_readable(ring);

	if (!readable || stream->damaged)
		return false;
	if (readable >= sizeof(*header))
		copy_front(ring, sizeof(*header));
	if (readable < sizeof(*header) || header->magic != STP_RECORD_MAGIC || header->payload_size > STRESS_PRINT_SIZE || whole_size(header) > readable ||
	    header->probe >= STRESS_PROBES) {
		stream->damaged = true; /* where the next one begins, nobody knows */
		stress_is_wrong(WRONG_record_damaged);
		return false;
	}
	copy_front(ring, whole_size(header));
	stp_ring_consume(ring, whole_size(header));
	look_at(stream, ring->cpu, header);
	return true;
}

static void read_all(void)
{
	u32 cpu;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++)
		while (read_one(&streams[cpu], &stp_session.cpu[cpu].ring))
			cond_resched();
}

static int read_rings(void *unused)
{
	u32 looks = 0;

	while (!kthread_should_stop()) {
		read_all();
		if (++looks % SLOW_EVERY)
			usleep_range(IDLE_US, 2 * IDLE_US);
		else
			msleep(SLOW_MS);
	}
	read_all(); /* what came before the end */
	return 0;
}

void stress_reader_wake(void)
{
	wakes++;
	wake_up_process(reader);
}

int stress_reader_init(void)
{
	reader = kthread_run(read_rings, NULL, "stp_stress_reader");
	return PTR_ERR_OR_ZERO(reader);
}

void stress_reader_fini(void)
{
	if (!IS_ERR_OR_NULL(reader))
		kthread_stop(reader);
	reader = NULL;
}

void stress_reader_show(struct seq_file *seq)
{
	u32 cpu, probe;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++) {
		const struct stp_ring *ring = &stp_session.cpu[cpu].ring;

		for (probe = 0; probe < STRESS_PROBES; probe++)
			seq_printf(seq, "read cpu=%u probe=%u records=%llu\n", cpu, probe, streams[cpu].records[probe]);
		seq_printf(seq, "ring cpu=%u bytes=%llu head=%lu committed=%lu tail=%lu nest=%lu errors=%llu backwards_ns_max=%llu\n", cpu, streams[cpu].sequence, ring->head,
			   ring->committed, ring->tail, ring->nest, streams[cpu].errors, streams[cpu].backwards_ns_max);
	}
	seq_printf(seq, "wakes n=%llu\n", wakes);
	if (example[0])
		seq_printf(seq, "example %s\n", example);
}

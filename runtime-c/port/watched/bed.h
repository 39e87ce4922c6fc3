/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A session of two probes, for a case: a "bed" one and an end one with the same body. */
#ifndef STP_WATCHED_BED_H
#define STP_WATCHED_BED_H

#include "watched.h"

#define BED_PROBES 2
#define BED_PRINT_SIZE 256
#define BED_RING_SIZE 4096

struct bed_options {
	void (*body)(struct stp_ctx *ctx);
	struct stp_map *const *maps;
	u32 maps_count;
	u32 cpus; /* up to 2 */
	u32 strings; /* 0: 4 */
	bool record, overwrite;
	u32 actions, actions_ends, time_us, overload_percent, overload_interval_ms, errors;
};

/* Init and start. bed_open() needs that it works; bed_try() gives the error of init. */
void bed_open(const struct bed_options *options);
int bed_try(const struct bed_options *options);
/* Stop, fini; needs that nothing is left. */
void bed_close(void);
struct stp_probe *bed_probe(u32 index);
/* A body that does nothing. */
void bed_nothing(struct stp_ctx *ctx);

/* Init of a program of its own, not of the bed's probes; stp_session_fini() ends it. */
int bed_init(const struct stp_program *program, struct stp_config config);

/* Takes all that is readable of a CPU and needs that it is well-formed. Gives the text: of prints as it is, errors as E(...). */
const char *bed_read(u32 cpu);
extern struct stp_record_header bed_last; /* the last record read */
extern struct stp_event bed_event; /* the last event read, and its looks */
extern u8 bed_looks[STP_LOOKS_SIZE_MAX];
extern u32 bed_records;

/* X4 of all rows. */
void bed_check_ledger(void);

/* What the log says more since the last call. */
const char *bed_logged(void);

/* A number below @limit, the next of one sequence. */
u32 bed_random(u32 limit);

/* That two texts are the same; else it shows the first. */
#define need_text(text, expected) do { \
	const char *found = (text); \
	watch_need(!strcmp(found, expected), found, __FILE__, __LINE__); \
} while (0)
#define need_log(expected) need_text(bed_logged(), expected)
#define need_printed(expected) need_text(bed_read(0), expected)

void init_cases(void);
void rings_cases(void);
void life_cases(void);
void hits_cases(void);
void looks_cases(void);
void texts_cases(void);
void statistics_cases(void);
void maps_cases(void);
void waiting_cases(void);
void explore_all(void);
void reports_cases(void);

#endif

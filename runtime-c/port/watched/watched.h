/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a test sets, and what it sees, of the watched world. */
#ifndef STP_WATCHED_H
#define STP_WATCHED_H

#include <stp/session.h>

#define WATCH_CPUS 4
#define WATCH_PLANS 3
#define WATCH_OWNED 1024

/* What comes in between: @at its point, on @cpu at @level. */
struct watch_plan {
	u64 at;
	u32 cpu;
	u32 level;
	void (*call)(u32 level);
	bool done;
};

extern struct watch {
	u32 cpu;
	u32 level[WATCH_CPUS];
	u32 irq_off[WATCH_CPUS];
	u32 preempt_off[WATCH_CPUS];
	/* Counted for ever; the plans of one run count from 0. */
	u64 points;
	struct watch_plan plan[WATCH_PLANS];
	u32 running; /* plans under way */
	/* Memory */
	u32 allocations, live;
	u32 fail_at; /* this allocation fails; 0: none */
	/* Time */
	u64 time_ns, cycles;
	u64 cycles_step; /* added at each look */
	/* World */
	struct stp_event task;
	s32 (*look)(u32 kind, u64 key, u32 detail, void *to, u32 size); /* NULL: kernel memory is this program's, nothing else is there */
	int resolve; /* what resolving names gives */
	const char *release;
	u32 wakes, refills, stops;
	u32 held; /* locks */
	void (*relax)(void);
	u32 relaxes;
	struct {
		const void *memory;
		size_t size;
		u32 cpu;
	} owned[WATCH_OWNED];
	u32 owned_count;
} watch;

/* Begin a run: nothing planned, points from 0, CPU 0 at task level. */
void watch_begin(void);

/* Fails unless all is given back: locks, interrupts, preemption. */
void watch_quiet(const char *what);

#define need(right) watch_need(right, #right, __FILE__, __LINE__)
void watch_need(bool right, const char *what, const char *file, int line);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Who waits for a map's lock, and how long (M6). */
#include <stp/stp.h>

#include "bed.h"

STP_MAP(by_number, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 100);
STP_MAP(merged, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 100, .per_cpu = true);
STP_LIST(refilled, STP_INT64, .entries_max = 10, .scheme = &stp_scheme_reserve, .reserve = 4);

static struct stp_map *const maps[] = { &by_number.map, &merged.map };
#define MAPS (sizeof(maps) / sizeof(*maps))

static u32 *wanted;
static u32 free_after;
static u32 breaths; /* turns with interrupts on */

static void free_it(void)
{
	breaths += !watch.irq_off[watch.cpu];
	if (watch.relaxes == free_after)
		*wanted = 0;
}

/* M6: who meets another CPU waits, but not for ever; who meets his own does not; in nmi it is shorter. */
static void case_waiting(void)
{
	struct bed_options options = { .maps = maps, .maps_count = MAPS, .cpus = 2, .actions = 100 };
	struct stp_ledger_kind *calls;
	s64 value;

	bed_open(&options);
	calls = &stp_session.cpu[0].none.row->kind[STP_LOSS_KIND_MAP];
	wanted = &by_number.map.parts->owner;
	*wanted = 2;
	need(stp_map_add(&by_number, STP_KEY(1), 1) == -STP_EBUSY);
	need(watch.relaxes == STP_LOCK_SPINS_MAX && calls->lost[STP_LOSS_BUSY] == 1 && calls->attempted == 1);
	watch.relaxes = 0;
	watch.relax = free_it;
	free_after = STP_LOCK_SPINS_MAX;
	need(!stp_map_add(&by_number, STP_KEY(1), 1));
	need(watch.relaxes == STP_LOCK_SPINS_MAX && !*wanted);
	*wanted = 2;
	watch.relaxes = 0;
	free_after = 3;
	need(!stp_map_read(&by_number.map, STP_ARGS(1), &value));
	need(value == 1 && watch.relaxes == 3 && !*wanted);
	*wanted = 1;
	watch.relaxes = 0;
	need(stp_map_add(&by_number, STP_KEY(1), 1) == -STP_EBUSY && !watch.relaxes && *wanted == 1);
	need(stp_map_contains(&by_number, STP_KEY(1)) == -STP_EBUSY && stp_map_clear(&by_number) == -STP_EBUSY && stp_map_del(&by_number, STP_KEY(1)) == -STP_EBUSY);
	*wanted = 0;
	watch.relax = NULL;

	/* All parts or none. */
	merged.map.parts[1].owner = 2;
	watch.relaxes = 0;
	need(stp_map_read(&merged.map, STP_ARGS(1), &value) == -STP_EBUSY && !merged.map.parts[0].owner && merged.map.parts[1].owner == 2);
	need(watch.relaxes == STP_LOCK_SPINS_MAX);
	need(!stp_map_add(&merged, STP_KEY(1), 1)); /* CPU 0's own is free */
	merged.map.parts[1].owner = 0;
	need(!stp_map_read(&merged.map, STP_ARGS(1), &value) && value == 1 && !merged.map.parts[0].owner && !merged.map.parts[1].owner);
	watch_quiet("waiting");
	bed_close();
}

static void read_held(struct stp_ctx *ctx)
{
	watch.relaxes = 0;
	need(!stp_map_get(&by_number, STP_KEY(1)));
	need(watch.relaxes == (ctx->level == STP_CONTEXT_NMI ? STP_LOCK_SPINS_NMI_MAX : STP_LOCK_SPINS_MAX));
}

static void case_waiting_nmi(void)
{
	struct bed_options options = { .body = read_held, .maps = maps, .maps_count = MAPS, .cpus = 2, .actions = 10 };
	u32 level;

	bed_open(&options);
	by_number.map.parts->owner = 2;
	for (level = 0; level < STP_CONTEXTS; level++)
		stp_probe_hit(bed_probe(0), level, NULL);
	by_number.map.parts->owner = 0;
	bed_close();
	watch_quiet("waiting in nmi");
}

/* A refill waits as long as it takes, with interrupts on between its tries. */
static void case_waiting_refill(void)
{
	static struct stp_map *const one[] = { &refilled.map };
	struct bed_options options = { .maps = one, .maps_count = 1, .cpus = 1, .actions = 100 };
	u32 i;

	bed_open(&options);
	for (i = 0; i < 4; i++)
		need(!stp_map_push(&refilled, 7));
	wanted = &refilled.map.parts->owner;
	*wanted = 2;
	free_after = 3 * STP_LOCK_SPINS_MAX + 1;
	watch.relax = free_it;
	breaths = 0;
	stp_session_refill();
	need(!*wanted && breaths == 2 && watch.relaxes >= free_after && refilled.map.parts->spare == 4);
	watch_quiet("waiting refill");
	bed_close();
}

void waiting_cases(void)
{
	case_waiting();
	case_waiting_nmi();
	case_waiting_refill();
}

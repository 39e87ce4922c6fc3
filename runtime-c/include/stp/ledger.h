/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The ledger: what was attempted, delivered and lost, by CPU, probe, kind and cause (X4). */
#ifndef STP_LEDGER_H
#define STP_LEDGER_H

#include <stp/port.h>
#include <stp/protocol.gen.h>

struct stp_ledger_kind {
	u64 attempted;
	u64 delivered;
	u64 lost[STP_LOSS_CAUSES];
};

/**
 * struct stp_ledger - One row: one CPU, one probe (or none).
 * @kind:    By STP_LOSS_KIND_*.
 * @cut:     Strings and texts that were shortened at a limit.
 * @evicted: Entries that wrap maps dropped for newer ones (M12).
 *
 * Written only by its CPU, from any context: every counter is bumped by stp_local_add().
 */
struct stp_ledger {
	struct stp_ledger_kind kind[STP_LOSS_KINDS];
	u64 cut;
	u64 evicted;
};

static inline void stp_ledger_attempt(struct stp_ledger *row, u32 kind)
{
	stp_local_add(&row->kind[kind].attempted, 1);
}

static inline void stp_ledger_deliver(struct stp_ledger *row, u32 kind)
{
	stp_local_add(&row->kind[kind].delivered, 1);
}

static inline void stp_ledger_lose(struct stp_ledger *row, u32 kind, u32 cause)
{
	stp_local_add(&row->kind[kind].lost[cause], 1);
}

/* What was delivered is lost after all. */
static inline void stp_ledger_take_back(struct stp_ledger *row, u32 kind, u32 cause)
{
	stp_local_add(&row->kind[kind].delivered, -1ull);
	stp_ledger_lose(row, kind, cause);
}

static inline void stp_ledger_cut(struct stp_ledger *row, u32 count)
{
	if (count)
		stp_local_add(&row->cut, count);
}

#endif

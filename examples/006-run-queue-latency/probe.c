// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* How long tasks that were woken wait until a CPU runs them: a histogram in microseconds, and who waited longest. */
#include <stp/stp.h>

STP_MAP(woken, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 4096, .wrap = true);
STP_MAP(waited, STP_KEYS(STP_STR), STP_STATS, .entries_max = 1024, .string_size = 16, .per_cpu = true);
STP_STAT(waits, .hist = STP_HIST_LOG);

STP_PROBE(tracepoint, "sched:sched_wakeup")
{
	stp_map_set(&woken, STP_KEY(stp_tracepoint_int(ctx, pid)), stp_now_ns(ctx));
}

STP_PROBE(tracepoint, "sched:sched_wakeup_new")
{
	stp_map_set(&woken, STP_KEY(stp_tracepoint_int(ctx, pid)), stp_now_ns(ctx));
}

STP_PROBE(tracepoint, "sched:sched_switch")
{
	s64 pid = stp_tracepoint_int(ctx, next_pid);
	s64 since = stp_map_get(&woken, STP_KEY(pid));
	s64 us;

	/* A task that was woken before it slept never left its CPU, and has waited for nothing. */
	stp_map_del(&woken, STP_KEY(stp_tracepoint_int(ctx, prev_pid)));
	if (!since)
		return;
	stp_map_del(&woken, STP_KEY(pid));
	us = (stp_now_ns(ctx) - since) / 1000;
	stp_stat_add(&waits, us);
	stp_map_stat_add(&waited, STP_KEY(stp_tracepoint_string(ctx, next_comm)), us);
}

STP_PROBE(end)
{
	stp_printf(ctx, "%d waits, %d us on average\n", stp_stat_count(&waits), stp_stat_avg(&waits));
	stp_print_hist(ctx, &waits, STP_KEY());
	stp_printf(ctx, "\n%-16s %8s %8s %8s\n", "TASK", "WAITS", "AVG US", "MAX US");
	stp_foreach(&waited, it, .sort = STP_BY_MAX_DESC, .limit = 10) {
		const struct stp_stats *stats = stp_it_stats(it);

		stp_printf(ctx, "%-16s %8d %8d %8d\n", stp_it_str(it, 0), stats->count, stp_stats_avg(stats), stp_stats_max(stats));
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Statistics: sums of 128 bits, buckets, and the histograms that are printed of them (S). */
#include <stp/print.h>
#include <stp/stp.h>

#include "bed.h"

STP_STAT(timed, .hist = STP_HIST_LOG);
STP_MAP(ranged, STP_KEYS(STP_INT64), STP_STATS, .entries_max = 2, .hist = STP_HIST_LINEAR(0, 125, 1), .per_cpu = true);

/* A histogram needs room as a walk does. */
static void no_room(struct stp_ctx *ctx)
{
	stp_stat_add(&timed, 1);
	stp_foreach(&timed, a) {
		need(!stp_print_hist(ctx, &timed, STP_KEY()));
		stp_foreach(&timed, b)
			need(a != b && stp_print_hist(ctx, &timed, STP_KEY()) == -STP_EBUSY);
	}
	need(ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUSY] == 1 && !timed.map.rooms[0].busy && !timed.map.rooms[1].busy);
	need(stp_print_hist(ctx, &ranged, STP_KEY(7)) == -STP_ENOENT && !ranged.map.rooms[0].busy);
}

/* Exactly as many buckets as there are. */
static void case_buckets(void)
{
	static struct stp_map *const all[] = { &timed.map, &ranged.map };
	struct bed_options options = { .maps = all, .maps_count = 2, .cpus = 2 };
	struct stp_stats stats;
	u64 buckets[STP_HIST_BUCKETS_MAX];
	s64 sample;
	u32 i;

	bed_open(&options);
	need(ranged.map.hist.buckets == STP_HIST_BUCKETS_MAX);
	for (sample = -3; sample <= 130; sample++) {
		watch.cpu = sample & 1;
		need(!stp_map_stat_add(&ranged, STP_KEY(1), sample) && !stp_stat_add(&timed, sample));
	}
	watch.cpu = 0;
	memset(buckets, 0xff, sizeof(buckets));
	need(!stp_map_read_stats(&ranged.map, STP_ARGS(1), &stats, buckets));
	for (i = 0; i < STP_HIST_BUCKETS_MAX; i++)
		need(buckets[i] == (i == 0 ? 3 : i == 127 ? 5 : 1));
	need(stats.count == 134 && stats.min == -3 && stats.max == 130 && stats.sum[0] == 8509 && !stats.sum[1]);
	need(!stp_map_read_stats(&timed.map, STP_ARGS(), &stats, buckets));
	need(buckets[62] == 2 && buckets[63] == 1 && buckets[64] == 1 && buckets[65] == 1 && buckets[66] == 2 && buckets[71] == 64 && buckets[72] == 3);
	need(!stp_map_read_stats(&ranged.map, STP_ARGS(2), &stats, buckets) && !stats.count && !buckets[1] && !buckets[127]);
	need(stp_stats_min(&stats) == 0 && stp_stats_max(&stats) == 0);
	bed_close();
	options.body = no_room;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	watch_quiet("no room");
	bed_close();
}

/* Counts near the end of what they may be: what is printed is still one line of 50 columns for each. */
static void print_hists(struct stp_ctx *ctx)
{
	static struct stp_hist hist = STP_HIST_LINEAR(0, 2, 1);
	u64 buckets[5] = { 0 };

	need(!stp_hist_init(&hist, "h") && hist.buckets == 5);
	stp_hist_print(ctx, &hist, buckets);
	need(!ctx->print_used);
	buckets[1] = ~0ull;
	buckets[3] = 1ull << 63;
	stp_hist_print(ctx, &hist, buckets);
}

static void case_hists(void)
{
	struct bed_options options = { .body = print_hists, .cpus = 1 };

	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
#define TEN "@@@@@@@@@@"
#define FIVE "     "
	watch_need(!strcmp(bed_read(0), "value |-------------------------------------------------- count\n"
		"    0 |" TEN TEN TEN TEN "@@@@@@@@@  18446744073709551615\n"
		"    1 |" FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE "0\n"
		"    2 |" TEN TEN "@@@@" FIVE FIVE FIVE FIVE FIVE "   9223372036854775808\n\n"), "histogram of the largest counts", __FILE__, __LINE__);
	bed_close();
}

/* S2, S3: exact, against integers of 128 bits. */
static void case_statistics(void)
{
	static const struct stp_hist none = { .kind = STP_HIST_KIND_NONE };
	struct stp_stats stats, part;
	u32 round, i;

	for (round = 0; round < 3000; round++) {
		u32 bits = 1 + bed_random(40), samples = 1 + bed_random(50);
		__int128 sum = 0, squares = 0, spread;

		stp_stats_clear(&stats, NULL, 0);
		stp_stats_clear(&part, NULL, 0);
		for (i = 0; i < samples; i++) {
			s64 sample = (((s64)bed_random(1u << 31) << 31 | bed_random(1u << 31)) & ((1ll << bits) - 1)) - (bed_random(2) ? 1ll << (bits - 1) : 0);

			stp_stats_add(i % 3 ? &stats : &part, &none, sample);
			sum += sample;
			squares += (__int128)sample * sample;
		}
		stp_stats_merge(&stats, NULL, &part, NULL, 0);
		spread = samples * squares - sum * sum;
		need(stp_stats_avg(&stats) == (s64)(sum / samples) && !stp_stats_overflow(&stats));
		if (samples < 2 || spread / (samples * (samples - 1)) <= STP_INT64_MAX)
			need(stp_stats_variance(&stats) == (samples < 2 ? 0 : (s64)(spread / (samples * (samples - 1)))));
		else
			need(stp_stats_variance(&stats) == STP_INT64_MAX);
	}
	/* Sums beyond int64. */
	for (round = 1; round < 40; round++) {
		__int128 sum = 0;

		stp_stats_clear(&stats, NULL, 0);
		for (i = 0; i < round; i++) {
			s64 sample = (round % 2 ? STP_INT64_MAX : STP_INT64_MIN) + (s64)bed_random(1000) * (round % 2 ? -1 : 1);

			stp_stats_add(&stats, &none, sample);
			sum += sample;
		}
		need(stp_stats_avg(&stats) == (s64)(sum / round) && stp_stats_overflow(&stats) == (round > 1));
	}
	stp_stats_clear(&stats, NULL, 0);
	need(!stp_stats_avg(&stats) && !stp_stats_variance(&stats));
	for (i = 0; i < 3; i++)
		stp_stats_add(&stats, &none, STP_INT64_MIN);
	need(stp_stats_avg(&stats) == STP_INT64_MIN && !stp_stats_variance(&stats));
	stp_stats_add(&stats, &none, STP_INT64_MAX);
	need(stp_stats_variance(&stats) == STP_INT64_MAX && stp_stats_avg(&stats) == -4611686018427387904ll);
	for (i = 0; i < 10; i++) /* the sum of squares is beyond 128 bits */
		stp_stats_add(&stats, &none, STP_INT64_MIN);
	need(stp_stats_variance(&stats) == STP_INT64_MAX && !~stats.sumsq[0] && !~stats.sumsq[1]);
	/* The same of samples for which the formula would give a small number from what is left of the sum. */
	stp_stats_clear(&stats, NULL, 0);
	for (i = 0; i < 4; i++)
		stp_stats_add(&stats, &none, STP_INT64_MIN);
	stp_stats_add(&stats, &none, -4354685564936845355ll);
	need(stp_stats_variance(&stats) == STP_INT64_MAX);
}

void statistics_cases(void)
{
	case_statistics();
	case_buckets();
	case_hists();
}

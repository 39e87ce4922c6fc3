/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Statistics: exact, mergeable, with a histogram if wanted (S1-S7). */
#ifndef STP_STATS_H
#define STP_STATS_H

#include <stp/format.h>

struct stp_ctx;

/**
 * struct stp_hist - A histogram's definition.
 * @kind:     STP_HIST_KIND_*.
 * @low:      Linear: smallest value of the first bucket.
 * @high:     Linear: a value of the last bucket.
 * @interval: Linear: width of a bucket.
 * @buckets:  How many there are; set by stp_hist_init().
 */
struct stp_hist {
	u32 kind;
	u32 buckets;
	s64 low, high, interval;
};

/* For .hist of STP_MAP() and STP_STAT(). */
#define STP_HIST_LOG { .kind = STP_HIST_KIND_LOG }
#define STP_HIST_LINEAR(low_, high_, interval_) \
	{ .kind = STP_HIST_KIND_LINEAR, .low = (low_), .high = (high_), .interval = (interval_) }

#define STP_HIST_LOG_ZERO 64 /* bucket of 0 (S4) */

/**
 * struct stp_stats - Statistics of some samples; a histogram's buckets may follow (S1).
 * @count:  Samples.
 * @sum:    Their sum: 128 bits, low word first, two's complement.
 * @sumsq:  Sum of their squares: 128 bits; all ones once it would exceed that.
 *
 * Without a sample, @min and @max are the ends of int64: see stp_stats_clear().
 */
struct stp_stats {
	u64 count;
	s64 min, max;
	u64 sum[2];
	u64 sumsq[2];
};

#define STP_INT64_MAX ((s64)(~0ull >> 1))
#define STP_INT64_MIN (-STP_INT64_MAX - 1)

/**
 * stp_hist_init() - Check a definition and count its buckets (S5).
 * @name: Whose it is, for the log.
 *
 * Return: 0; -STP_EINVAL, and what to change is in the log.
 */
int stp_hist_init(struct stp_hist *hist, const char *name);

/* stp_hist_bucket() - The bucket of a value in a linear histogram (S5). */
u32 stp_hist_bucket(const struct stp_hist *hist, s64 value);

/* stp_hist_print() - Append the histogram's lines (S6) to the print buffer. */
void stp_hist_print(struct stp_ctx *ctx, const struct stp_hist *hist, const u64 *buckets);

/* stp_stats_clear() - No sample. */
void stp_stats_clear(struct stp_stats *stats, u64 *buckets, u32 buckets_count);

/* stp_stats_merge() - Add the samples of @from (S7). */
void stp_stats_merge(struct stp_stats *to, u64 *to_buckets, const struct stp_stats *from, const u64 *from_buckets, u32 buckets_count);

/* stp_stats_avg() - Average, truncated toward zero; 0 without samples (S2). */
s64 stp_stats_avg(const struct stp_stats *stats);

/* stp_stats_variance() - Sample variance, exact; STP_INT64_MAX if it is larger (S3). */
s64 stp_stats_variance(const struct stp_stats *stats);

/* stp_stats_overflow() - Whether the sum is beyond int64, so that its low word alone is another number (S2). */
static inline bool stp_stats_overflow(const struct stp_stats *stats)
{
	return stats->sum[1] != (u64)((s64)stats->sum[0] >> 63);
}

static inline s64 stp_stats_min(const struct stp_stats *stats)
{
	return stats->count ? stats->min : 0;
}

static inline s64 stp_stats_max(const struct stp_stats *stats)
{
	return stats->count ? stats->max : 0;
}

/*
 * 128-bit sums in two words, the lower one first. Not all machines have a wider type; where the two words are one, they are
 * added as one. (The native world is built with STP_WORDS_ONLY, so that the other way is verified, too.)
 */
#if !defined(STP_WORDS_ONLY) && defined(__SIZEOF_INT128__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
typedef unsigned __int128 stp_wide __attribute__((may_alias, aligned(8)));

static STP_ALWAYS_INLINE void stp_wide_add(u64 to[2], u64 low, u64 high)
{
	*(stp_wide *)to += (unsigned __int128)high << 64 | low;
}

/* As stp_wide_add(), of unsigned numbers; all ones instead of more. */
static STP_ALWAYS_INLINE void stp_wide_add_saturating(u64 to[2], u64 low, u64 high)
{
	if (stp_unlikely(__builtin_add_overflow(*(stp_wide *)to, (unsigned __int128)high << 64 | low, (stp_wide *)to)))
		to[0] = to[1] = ~0ull;
}

/* Adds the square of a number, as stp_wide_add_saturating() does. */
static STP_ALWAYS_INLINE void stp_wide_add_square(u64 to[2], s64 value)
{
	unsigned __int128 square = (unsigned __int128)((__int128)value * value);

	stp_wide_add_saturating(to, square, square >> 64);
}
#else
static STP_ALWAYS_INLINE void stp_wide_add(u64 to[2], u64 low, u64 high)
{
	u64 sum = to[0] + low;

	to[1] += high + (sum < low);
	to[0] = sum;
}

static STP_ALWAYS_INLINE void stp_wide_add_saturating(u64 to[2], u64 low, u64 high)
{
	u64 sum = to[0] + low;
	u64 carry = sum < low;
	u64 top = to[1] + high;
	bool over = top < high;

	over |= top + carry < top;
	to[0] = over ? ~0ull : sum;
	to[1] = over ? ~0ull : top + carry;
}

static STP_ALWAYS_INLINE void stp_wide_add_square(u64 to[2], s64 value)
{
	u64 magnitude = value < 0 ? 0 - (u64)value : (u64)value;
	u64 low = (u64)(u32)magnitude * (u32)magnitude;
	u64 cross = (magnitude >> 32) * (u32)magnitude;
	u64 middle = cross + (low >> 32);
	u64 other = cross + (u32)middle;

	stp_wide_add_saturating(to, other << 32 | (u32)low, (magnitude >> 32) * (magnitude >> 32) + (middle >> 32) + (other >> 32));
}
#endif

/* Index of the highest bit that is set, plus 1; 0 for 0. */
static STP_ALWAYS_INLINE u32 stp_bits(u64 value)
{
	return value ? 64 - __builtin_clzll(value) : 0;
}

static STP_ALWAYS_INLINE u32 stp_hist_log_bucket(s64 value)
{
	return value < 0 ? STP_HIST_LOG_ZERO - stp_bits(0 - (u64)value) : STP_HIST_LOG_ZERO + stp_bits(value);
}

/* One sample more. */
static STP_ALWAYS_INLINE void stp_stats_add(struct stp_stats *stats, const struct stp_hist *hist, s64 value)
{
	u64 *buckets = (u64 *)(stats + 1);

	stats->count++;
	if (value < stats->min)
		stats->min = value;
	if (value > stats->max)
		stats->max = value;
	stp_wide_add(stats->sum, value, value >> 63);
	stp_wide_add_square(stats->sumsq, value);
	if (hist->kind == STP_HIST_KIND_NONE)
		return;
	buckets[hist->kind == STP_HIST_KIND_LOG ? stp_hist_log_bucket(value) : stp_hist_bucket(hist, value)]++;
}

#endif

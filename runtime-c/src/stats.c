// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Statistics: merging, average, variance (S1-S3, S7). 128 and 192 bits by hand: not all machines have wider types.
 * Must never: use floating point, round where it could be exact.
 * Sibling: runtime-as/assembly/stats.ts
 */
#include <stp/stats.h>

void stp_stats_clear(struct stp_stats *stats, u64 *buckets, u32 buckets_count)
{
	*stats = (struct stp_stats){ .min = STP_INT64_MAX, .max = STP_INT64_MIN };
	if (buckets)
		memset(buckets, 0, buckets_count * sizeof(*buckets));
}

void stp_stats_merge(struct stp_stats *to, u64 *to_buckets, const struct stp_stats *from, const u64 *from_buckets, u32 buckets_count)
{
	u32 i;

	to->count += from->count;
	if (from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	stp_wide_add(to->sum, from->sum[0], from->sum[1]);
	stp_wide_add_saturating(to->sumsq, from->sumsq[0], from->sumsq[1]);
	for (i = 0; i < buckets_count; i++)
		to_buckets[i] += from_buckets[i];
}

#define WORDS 6 /* of 32 bits: 192 bits, enough for n * sumsq and for the square of the sum, which is no larger */

/* to += a * b, or -=; the sum is known to fit. */
static void add_product(u32 to[WORDS], const u32 *a, u32 a_words, const u32 *b, u32 b_words, bool minus)
{
	u32 i, j;

	for (i = 0; i < a_words; i++) {
		u64 carry = 0; /* or what is to be borrowed */

		for (j = 0; i + j < WORDS; j++) {
			u64 product = (j < b_words ? (u64)a[i] * b[j] : 0) + carry;

			carry = (product >> 32) + (minus && to[i + j] < (u32)product);
			to[i + j] += minus ? 0 - (u32)product : (u32)product;
			carry += !minus && to[i + j] < (u32)product;
		}
	}
}

static void subtract(u32 *from, const u32 *what, u32 words)
{
	u64 borrow = 0;
	u32 i;

	for (i = 0; i < words; i++) {
		u64 difference = (u64)from[i] - what[i] - borrow;

		from[i] = difference;
		borrow = difference >> 63;
	}
}

static bool at_least(const u32 *a, const u32 *b, u32 words)
{
	u32 i;

	for (i = words; i-- > 0;)
		if (a[i] != b[i])
			return a[i] > b[i];
	return true;
}

static bool shift_in(u32 *number, u32 words, u32 bit)
{
	u32 i;

	for (i = 0; i < words; i++) {
		u32 out = number[i] >> 31;

		number[i] = number[i] << 1 | bit;
		bit = out;
	}
	return bit;
}

/* @number / @by, one bit at a time; the quotient, at most STP_INT64_MAX. @by is of 128 bits, one bit of room above it is kept. */
static STP_ALWAYS_INLINE s64 divide(const u32 number[WORDS], const u32 by[WORDS])
{
	u32 rest[WORDS] = { 0 };
	u64 quotient = 0;
	u32 i;

	for (i = WORDS * 32; i-- > 0;) {
		if (quotient >> 62)
			return STP_INT64_MAX;
		quotient <<= 1;
		shift_in(rest, WORDS, number[i / 32] >> i % 32 & 1);
		if (at_least(rest, by, WORDS)) {
			subtract(rest, by, WORDS);
			quotient |= 1;
		}
	}
	return quotient;
}

static void split(u32 *to, const u64 *from, u32 words)
{
	u32 i;

	for (i = 0; i < words; i++) {
		to[2 * i] = from[i];
		to[2 * i + 1] = from[i] >> 32;
	}
}

/* The sum without its sign. */
static bool magnitude(const struct stp_stats *stats, u64 to[2])
{
	bool negative = stats->sum[1] >> 63;

	to[0] = stats->sum[0];
	to[1] = stats->sum[1];
	if (negative) {
		to[0] = 0 - to[0];
		to[1] = ~to[1] + !to[0];
	}
	return negative;
}

s64 stp_stats_avg(const struct stp_stats *stats)
{
	u32 number[WORDS] = { 0 }, by[WORDS] = { 0 };
	u64 sum[2];
	bool negative;
	s64 avg;

	if (!stats->count)
		return 0;
	negative = magnitude(stats, sum);
	if (!sum[1] && !(sum[0] >> 63)) {
		avg = stp_divide_u64(sum[0], stats->count);
		return negative ? -avg : avg;
	}
	split(number, sum, 2);
	split(by, &stats->count, 1);
	avg = divide(number, by);
	/* Of samples that are all STP_INT64_MIN the average is that, too, and its magnitude is beyond the largest quotient. */
	if (negative && avg == STP_INT64_MAX && stats->max == STP_INT64_MIN)
		return STP_INT64_MIN;
	return negative ? -avg : avg;
}

s64 stp_stats_variance(const struct stp_stats *stats)
{
	u32 n[2], wide[4], number[WORDS] = { 0 }, by[WORDS] = { 0 };
	u64 less = stats->count - 1;
	u64 sum[2];

	if (stats->count < 2)
		return 0;
	if (!~stats->sumsq[0] && !~stats->sumsq[1])
		return STP_INT64_MAX;
	split(n, &stats->count, 1);
	split(wide, stats->sumsq, 2);
	add_product(number, n, 2, wide, 4, false);
	magnitude(stats, sum);
	split(wide, sum, 2);
	add_product(number, wide, 4, wide, 4, true);
	split(wide, &less, 1);
	add_product(by, n, 2, wide, 2, false);
	return divide(number, by);
}

/**
 * Statistics: count, 128-bit sum, extremes, sum of squares, and what is read from them (S1–S3, S7).
 *
 * Never keeps samples, never rounds before the end. Which bucket a sample falls into: histogram.ts.
 * Sibling: runtime-c/src/stats.c
 */
import { HIST_BUCKETS_MAX } from "./protocol.gen";
import { product_high, quotient, Wide } from "./wide";

/** Samples, summed up. Of a bucket without its bit in `used` nothing is said: it is 0. */
export class Stats {
  count: u64 = 0;
  sum_low: u64 = 0;
  /** The sum is signed: this is the upper word of its two's complement. */
  sum_high: u64 = 0;
  min: i64 = 0;
  max: i64 = 0;
  sumsq_low: u64 = 0;
  sumsq_high: u64 = 0;
  /** Buckets 0 to 63, then 64 to 127, that were counted in. */
  used_low: u64 = 0;
  used_high: u64 = 0;
  private readonly counts: StaticArray<u64>;

  constructor(readonly buckets: i32) {
    assert(buckets <= HIST_BUCKETS_MAX && HIST_BUCKETS_MAX <= 128, "two words of bits say which buckets are used");
    this.counts = new StaticArray<u64>(buckets);
  }

  clear(): void {
    this.count = 0;
    this.sum_low = 0;
    this.sum_high = 0;
    this.min = 0;
    this.max = 0;
    this.sumsq_low = 0;
    this.sumsq_high = 0;
    this.used_low = 0;
    this.used_high = 0;
  }

  /** What bucket `index` counts. */
  bucket(index: i32): u64 {
    const used = index < 64 ? this.used_low >> index : this.used_high >> (index - 64);
    return used & 1 ? this.counts[index] : 0;
  }

  private bucket_add(index: i32, count: u64): void {
    this.counts[index] = this.bucket(index) + count;
    if (index < 64) this.used_low |= (<u64>1) << index;
    else this.used_high |= (<u64>1) << (index - 64);
  }

  /** Enters one sample (S1), in bucket `index` if there are buckets. */
  add(sample: i64, index: i32): void {
    this.min = this.count == 0 ? sample : min(this.min, sample);
    this.max = this.count == 0 ? sample : max(this.max, sample);
    this.count++;
    this.sum_add(<u64>sample, sample < 0 ? u64.MAX_VALUE : 0);
    const magnitude = sample < 0 ? 0 - <u64>sample : <u64>sample;
    this.sumsq_add(magnitude * magnitude, product_high(magnitude, magnitude));
    if (this.buckets > 0) this.bucket_add(index, 1);
  }

  /** Adds all of others (S7). */
  merge(other: Stats): void {
    if (other.count == 0) return;
    this.min = this.count == 0 ? other.min : min(this.min, other.min);
    this.max = this.count == 0 ? other.max : max(this.max, other.max);
    this.count += other.count;
    this.sum_add(other.sum_low, other.sum_high);
    this.sumsq_add(other.sumsq_low, other.sumsq_high);
    for (let bits = other.used_low; bits != 0; bits &= bits - 1) this.bucket_add(<i32>ctz(bits), other.counts[<i32>ctz(bits)]);
    for (let bits = other.used_high; bits != 0; bits &= bits - 1) this.bucket_add(64 + <i32>ctz(bits), other.counts[64 + <i32>ctz(bits)]);
  }

  private sum_add(low: u64, high: u64): void {
    this.sum_low += low;
    this.sum_high += high + u64(this.sum_low < low);
  }

  /** Stays at 2^128 - 1 once it would exceed that (S1). */
  private sumsq_add(low: u64, high: u64): void {
    const sum_low = this.sumsq_low + low;
    const carry = u64(sum_low < low);
    const sum_high = this.sumsq_high + high;
    const overflows = sum_high < high || sum_high + carry < sum_high;
    this.sumsq_low = overflows ? u64.MAX_VALUE : sum_low;
    this.sumsq_high = overflows ? u64.MAX_VALUE : sum_high + carry;
  }
}

const dividend = new Wide();
const divisor = new Wide();
const square = new Wide();

/** The magnitude of the sum of the statistics at hand. */
let magnitude_low: u64 = 0;
let magnitude_high: u64 = 0;

function take_magnitude(stats: Stats): void {
  const negative = <i64>stats.sum_high < 0;
  magnitude_low = negative ? 0 - stats.sum_low : stats.sum_low;
  magnitude_high = negative ? ~stats.sum_high + u64(stats.sum_low == 0) : stats.sum_high;
}

/** The sum divided by the count, truncated toward zero; 0 without samples (S2). */
export function stats_avg(stats: Stats): i64 {
  if (stats.count == 0) return 0;
  take_magnitude(stats);
  dividend.set(magnitude_low, magnitude_high);
  divisor.set(stats.count, 0);
  const magnitude = magnitude_high == 0 ? magnitude_low / stats.count : quotient(dividend, divisor, 64);
  return <i64>(<i64>stats.sum_high < 0 ? 0 - magnitude : magnitude);
}

/** The sample variance, rounded down, INT64_MAX if it is greater or not known (S3). */
export function stats_variance(stats: Stats): i64 {
  if (stats.count < 2) return 0;
  if (stats.sumsq_low == u64.MAX_VALUE && stats.sumsq_high == u64.MAX_VALUE) return i64.MAX_VALUE;
  take_magnitude(stats);
  square.set_product(magnitude_low, magnitude_high, magnitude_low, magnitude_high);
  dividend.set_product(stats.sumsq_low, stats.sumsq_high, stats.count, 0);
  dividend.subtract(square); // n · sumsq is at least sum², for any samples
  divisor.set_product(stats.count, 0, stats.count - 1, 0);
  return <i64>quotient(dividend, divisor, 63);
}
